/** `one_hot`: a row for each index, 1 at its position. */
import { constant, isAtLeast, print, type Dim } from '../../dims/dim.ts';
import { toDim } from '../../ir/attributes.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { broadcast } from '../reduce/composite.ts';
import { fails, gives } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { indexFault } from './place.ts';

type OneHot = { readonly classes: Dim | number };

export const oneHot: Op = defineOp<OneHot>({
  name: 'one_hot',
  doc:
    'f32[..ids, classes] from i32[..ids]: 1 where the last index is the id, else 0. An id below 0 or from `classes` on ' +
    'has a row of zeros.',
  operands: [{ name: 'ids' }],
  attributes: [{ name: 'classes', kind: 'dim', doc: 'The length of a row.' }],
  infer([ids], { classes }) {
    const error = indexFault('one_hot', ids!, 0);
    if (error) return { error };
    const size = toDim(classes);
    if (isAtLeast(constant(-1), size)) return fails(`\`one_hot\` of ${print(size)} classes`, { attribute: 'classes' });
    return gives({ dtype: 'f32', shape: [...ids!.shape, size] });
  },
  evaluate([ids], _, [output]) {
    const classes = output!.shape.at(-1)!;
    const target = new Float64Array(ids!.data.length * classes);
    ids!.data.forEach((id, row) => {
      if (id >= 0 && id < classes) target[row * classes + id] = 1;
    });
    return [target];
  },
  body: {
    kind: 'composite',
    expand(builder, [ids], { classes }) {
      const shape = [...ids!.type.shape, toDim(classes)];
      const column = broadcast(builder, builder.one('unsqueeze', [ids!], { axis: -1 }), shape);
      const counting = broadcast(builder, builder.one('arange', [], { stop: toDim(classes) }), shape);
      return [builder.one('cast', [builder.one('equal', [column, counting])], { dtype: 'f32' })];
    },
  },
  tolerance: { absolute: 0, relative: 1e-9 },
  samples: [
    { inputs: [tensor('i32', n, 2)], attributes: { classes: 3 } },
    { inputs: [tensor('i32', 4)], attributes: { classes: n } },
    { inputs: [tensor('i32')], attributes: { classes: 2 } },
  ],
});
