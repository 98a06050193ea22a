/** `surprisal`: minus the logarithm of the softmax at one class of each example. */
import { ONE } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { formula } from '../formula.ts';
import { isChosen } from '../indexed/gradients.ts';
import { indexFault } from '../indexed/place.ts';
import { axisOf, dtypeFault, fails, gives } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { examplesOf, logProbabilities, ofClass } from './classes.ts';
import { LOSS_TOLERANCE } from './reduction.ts';

type Axis = { readonly axis: number };

interface Scores {
  readonly largest: Value;
  /** The scores less the largest of their example, so that no power overflows. */
  readonly shifted: Value;
  /** The logarithm of the sum of the powers. */
  readonly partition: Value;
}

function scoresOf(builder: Builder, z: Value, axis: number): Scores {
  const f = formula(builder);
  const largest = builder.one('reduce_max', [z], { axes: [axis] });
  const shifted = f('sub', z, largest);
  const sum = builder.one('reduce_sum', [f('exp', shifted)], { axes: [axis] });
  return { largest, shifted, partition: f('log', sum) };
}

/** The softmax, less 1 at the class, by examples. */
function gradient(builder: Builder, { inputs: [z, index], attributes }: Node, cotangent: Value): Value {
  const f = formula(builder);
  const axis = normalizeAxis((attributes as Axis).axis, z!.type.shape.length)!;
  const { shifted, partition } = scoresOf(builder, z!, axis);
  const isOwn = isChosen(builder, z!.type.shape, index!, axis);
  return f('mul', f('sub', f('exp', f('sub', shifted, partition)), f('where', isOwn, 1, 0)), cotangent);
}

/** It has a record of its own so that its gradient is one expression without the largest score and without scattering. */
export const surprisal: Op = defineOp<Axis>({
  name: 'surprisal',
  doc:
    '-log(softmax(logits)) along an axis (f32), of one class for each example: `index` is i32, of the shape of the logits ' +
    'but for that axis, where it has size 1. Where the index is no class the result is NaN.',
  internal: true,
  operands: [{ name: 'logits' }, { name: 'index' }],
  attributes: [{ name: 'axis', kind: 'axis', doc: 'The axis of classes.' }],
  infer([z, index], { axis }) {
    const found = axisOf('surprisal', axis, z!);
    if ('error' in found) return found;
    const error = dtypeFault('surprisal', [z!], ['f32']) ?? indexFault('surprisal', index!, 1);
    if (error) return { error };
    const shape = z!.shape.with(found.axis, ONE);
    if (sameShape(index!.shape, shape)) return gives({ dtype: 'f32', shape });
    return fails(`\`surprisal\` of ${printType(z!)} cannot take ${printType(index!)}`, { operand: 1 });
  },
  evaluate: ([z, index], axis) => [
    Float64Array.from(examplesOf(z!, axis), ({ scores }, at) => -ofClass(logProbabilities(scores), index!.data[at]!)),
  ],
  body: {
    kind: 'composite',
    // log(sum(exp(z - max))) - (z - max): only an example's numbers wait in memory.
    expand(builder, [z, index], attributes) {
      const f = formula(builder);
      const axis = normalizeAxis(attributes.axis, z!.type.shape.length)!;
      const { largest, partition } = scoresOf(builder, z!, axis);
      return [f('sub', partition, f('sub', builder.one('gather', [z!, index!], { axis }), largest))];
    },
  },
  vjp: (builder, node, [cotangent]) => [gradient(builder, node, cotangent!), undefined],
  tolerance: LOSS_TOLERANCE,
  samples: [
    { inputs: [f32(n, 3), tensor('i32', n, 1)], attributes: { axis: 1 } },
    { inputs: [f32(2, 4, n), tensor('i32', 2, 1, n)], attributes: { axis: -2 } },
    { inputs: [f32(3, n), tensor('i32', 3, 1)], attributes: { axis: -1 }, range: [-60, 60] },
  ],
});
