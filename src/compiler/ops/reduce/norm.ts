/** `norm`: p-norms. */
import { defineOp, type Op, type Sample } from '../../ir/op.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { countOf } from '../../ir/types.ts';
import { formula } from '../formula.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import {
  ALONG,
  alongCorners,
  broadcast,
  finish,
  reducedAxes,
  reducedType,
  scalar,
  type Along,
  unfinished,
} from './composite.ts';
import { forEachReduced } from './reductions.ts';

type Norm = Along & { readonly p: number };

/** What an element adds to the combination, and what is made of that. */
interface Steps {
  readonly start: number;
  readonly combine: (sum: number, x: number) => number;
  readonly end: (sum: number) => number;
}

function stepsOf(p: number): Steps {
  const same = (sum: number): number => sum;
  if (p === Infinity) return { start: 0, combine: (most, x) => Math.max(most, Math.abs(x)), end: same };
  if (p === -Infinity) return { start: Infinity, combine: (least, x) => Math.min(least, Math.abs(x)), end: same };
  if (p === 0) return { start: 0, combine: (count, x) => count + Number(x !== 0), end: same };
  return { start: 0, combine: (sum, x) => sum + Math.abs(x) ** p, end: (sum) => sum ** (1 / p) };
}

/** The norm with the axes kept. */
function normKept(builder: Builder, x: Value, axes: readonly number[], p: number): Value {
  const reduce = (primitive: string, of: Value): Value => builder.one(primitive, [of], { axes });
  const size = builder.one('abs', [x]);
  const all = (value: number): Value => broadcast(builder, scalar(builder, value), x.type.shape);
  // The magnitude is at least 0, so a line of nothing has the norm 0.
  if (p === Infinity) {
    const most = reduce('reduce_max', size);
    return builder.one('maximum', [most, broadcast(builder, scalar(builder, 0), most.type.shape)]);
  }
  if (p === -Infinity) return reduce('reduce_min', size);
  if (p === 0)
    return reduce('reduce_sum', builder.one('cast', [builder.one('not_equal', [x, all(0)])], { dtype: 'f32' }));
  if (p === 1) return reduce('reduce_sum', size);
  if (p === 2) return builder.one('sqrt', [reduce('reduce_sum', builder.one('square', [x]))]);
  const sum = reduce('reduce_sum', builder.one('pow', [size, all(p)]));
  return builder.one('pow', [sum, broadcast(builder, scalar(builder, 1 / p), sum.type.shape)]);
}

/** Where all elements are 0, or the smallest for p -inf, there is no slope; as in PyTorch the gradient is 0 there. */
function gradient(builder: Builder, { inputs: [x], results, attributes }: Node, cotangent: Value): Value | undefined {
  const f = formula(builder);
  const { p, ...along } = attributes as Norm;
  const [g, y] = [cotangent, results[0]!].map((value) => unfinished(builder, x!.type, value, along)) as [Value, Value];
  if (p === 0) return undefined;
  if (p === 1) return f('mul', g, f('sign', x!));
  if (p === 2) return f('mul', x!, f('where', f('equal', y, 0), 0, f('div', g, y)));
  const size = f('abs', x!);
  if (Math.abs(p) === Infinity) {
    const isExtreme = f('equal', size, y);
    const axes = reducedAxes(x!.type.shape, along.axis);
    const count = builder.one('reduce_sum', [builder.one('cast', [isExtreme], { dtype: 'f32' })], { axes });
    return f('where', isExtreme, f('mul', f('sign', x!), f('div', g, count)), 0);
  }
  const slope = f('where', f('equal', x!, 0), 0, f('mul', f('sign', x!), f('pow', size, p - 1)));
  return f('mul', slope, f('where', f('equal', y, 0), 0, f('mul', g, f('pow', y, 1 - p))));
}

export const norm: Op = defineOp<Norm>({
  name: 'norm',
  doc:
    'The p-norm along some axes, sum(|x|^p)^(1/p) (f32): of p inf and -inf the largest and the smallest magnitude, of p 0 ' +
    'the number of elements other than 0, as PyTorch. 0 of no elements; inf for p -inf.',
  operands: [{ name: 'x' }],
  attributes: [{ name: 'p', kind: 'float', default: 2, doc: 'The order of the norm.' }, ...ALONG],
  infer([x], along) {
    const error = dtypeFault('norm', [x!], ['f32']);
    if (error) return { error };
    if (Number.isNaN(along.p)) return fails('`norm` of the order NaN', { attribute: 'p' });
    const found = reducedType('norm', x!, along);
    return 'error' in found ? found : gives(found.type);
  },
  evaluate([x], { p, axis }, [output]) {
    const { start, combine, end } = stepsOf(p);
    const target = new Float64Array(countOf(output!.shape)).fill(start);
    forEachReduced(x!, axis, (at, element) => (target[at] = combine(target[at]!, element)));
    return [target.map(end)];
  },
  body: {
    kind: 'composite',
    expand: (builder, [x], along) => {
      const kept = normKept(builder, x!, reducedAxes(x!.type.shape, along.axis), along.p);
      return [finish(builder, x!.type, kept, along)];
    },
  },
  vjp: (builder, node, [cotangent]) => [gradient(builder, node, cotangent!)],
  tolerance: { absolute: 2e-5, relative: 2e-5 },
  samples: [2, 1, 3, 0.5, Infinity, -Infinity, 0].flatMap((p, at): Sample[] => {
    const corners = alongCorners({ p });
    const chosen = at < 2 ? corners : [corners[at % 4]!];
    return chosen.map((attributes) => ({ inputs: [f32(2, n, 3)], attributes }));
  }),
});
