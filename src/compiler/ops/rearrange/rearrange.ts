/** `rearrange`, `reduce` and `repeat` by pattern, written with reshapes, one transposition and one reduction. */
import { constant, constantValue, multiply, ONE, product, type Dim } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import { sizeOf } from '../../ir/attributes.ts';
import type { DType, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type AttributeSpec, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { MOVED } from '../movement/define.ts';
import { broadcast, scalarOf, SUM_TOLERANCE } from '../reduce/composite.ts';
import { foldOf, identityOf } from '../reduce/primitive.ts';
import { dtypeFault, gives, known, unknownWord } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { copyStrided, forEachRow, rowMajor } from '../strided.ts';
import { lostAxes, newAxes, planPattern, type Mode, type Plan, type Sizes } from './plan.ts';

type Rearrange = { readonly pattern: string; readonly sizes: Sizes };
type Reduce = Rearrange & { readonly reduction: string };

const PATTERN: AttributeSpec = {
  name: 'pattern',
  kind: 'pattern',
  doc: 'The axes before and after, `b (h w) -> b h w`.',
};
const SIZES: AttributeSpec = {
  name: 'sizes',
  kind: 'sizes',
  doc: 'Sizes of named axes that the tensor does not tell.',
};

function reshaped(builder: Builder, x: Value, shape: readonly Dim[]): Value {
  return sameShape(x.type.shape, shape) ? x : builder.one('reshape', [x], { shape });
}

function transposed(builder: Builder, x: Value, permutation: readonly number[]): Value {
  return permutation.every((axis, at) => axis === at) ? x : builder.one('transpose', [x], { permutation });
}

/** Splits, combines lost axes with `combine`, reorders, repeats along new axes, merges. */
function build(builder: Builder, x: Value, plan: Plan, combine: (x: Value, axes: readonly number[]) => Value): Value {
  const sizesOf = (names: readonly string[]): Dim[] => names.map((name) => plan.sizes.get(name)!);
  const lost = new Set(lostAxes(plan));
  const fresh = new Set(newAxes(plan));
  const order = plan.right.flat();
  const kept = plan.left.filter((name) => !lost.has(name));
  let value = reshaped(builder, x, sizesOf(plan.left));
  if (lost.size > 0) {
    const axes = plan.left.flatMap((name, axis) => (lost.has(name) ? [axis] : []));
    value = reshaped(builder, combine(value, axes), sizesOf(kept));
  }
  const old = order.filter((name) => !fresh.has(name));
  value = transposed(
    builder,
    value,
    old.map((name) => kept.indexOf(name)),
  );
  if (fresh.size > 0) {
    const single = order.map((name) => (fresh.has(name) ? ONE : plan.sizes.get(name)!));
    value = broadcast(builder, reshaped(builder, value, single), sizesOf(order));
  }
  return reshaped(builder, value, plan.shape);
}

function never(): never {
  throw new Error('internal: this pattern combines no axes');
}

/** The pattern fitted to a concrete tensor. */
function concretePlan(
  mode: Mode,
  x: Tensor,
  { pattern, sizes }: Rearrange,
  symbols: ReadonlyMap<string, number>,
): Plan {
  const type: TensorType = { dtype: x.dtype, shape: x.shape.map(constant) };
  const numbers = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, sizeOf(size, symbols)]));
  return known(planPattern(mode, pattern, numbers, type));
}

function concreteSizes(plan: Plan, names: readonly string[]): number[] {
  return names.map((name) => constantValue(plan.sizes.get(name)!)!);
}

/** The operand's stride for each of `names`, 0 for those it has not. */
function stridesIn(plan: Plan, names: readonly string[]): number[] {
  const strides = rowMajor(concreteSizes(plan, plan.left));
  return names.map((name) => strides[plan.left.indexOf(name)] ?? 0);
}

function move(mode: Mode, x: Tensor, attributes: Rearrange, symbols: ReadonlyMap<string, number>): Float64Array {
  const plan = concretePlan(mode, x, attributes, symbols);
  const order = plan.right.flat();
  return copyStrided(x.data, 0, concreteSizes(plan, order), stridesIn(plan, order));
}

/** `rearrange` and `repeat`. */
function mover(mode: 'rearrange' | 'repeat', doc: string, samples: readonly Sample[]): Op {
  return defineOp<Rearrange>({
    name: mode,
    doc,
    operands: [{ name: 'x' }],
    attributes: [PATTERN, SIZES],
    infer([x], { pattern, sizes }) {
      const plan = planPattern(mode, pattern, sizes, x!);
      return 'error' in plan ? plan : gives({ dtype: x!.dtype, shape: plan.shape });
    },
    evaluate: ([x], attributes, _outputs, symbols) => [move(mode, x!, attributes, symbols)],
    body: {
      kind: 'composite',
      expand: (builder, [x], { pattern, sizes }) => [
        build(builder, x!, known(planPattern(mode, pattern, sizes, x!.type)), never),
      ],
    },
    tolerance: MOVED,
    samples,
  });
}

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

/** What `reduce` may do with the elements of lost axes, on which dtypes, and the primitive that does it. */
const REDUCTIONS: {
  readonly [name: string]: {
    readonly dtypes: readonly DType[];
    readonly primitive: string;
    readonly combine: Parameters<typeof foldOf>[0];
  };
} = {
  sum: { dtypes: NUMBERS, primitive: 'reduce_sum', combine: 'add' },
  mean: { dtypes: ['f32'], primitive: 'reduce_sum', combine: 'add' },
  max: { dtypes: NUMBERS, primitive: 'reduce_max', combine: 'max' },
  min: { dtypes: NUMBERS, primitive: 'reduce_min', combine: 'min' },
  prod: { dtypes: ['f32'], primitive: 'reduce_prod', combine: 'mul' },
  any: { dtypes: ['bool'], primitive: 'reduce_any', combine: 'or' },
  all: { dtypes: ['bool'], primitive: 'reduce_all', combine: 'and' },
};

function combineLost(x: Tensor, attributes: Reduce, symbols: ReadonlyMap<string, number>): Float64Array {
  const plan = concretePlan('reduce', x, attributes, symbols);
  const { combine } = REDUCTIONS[attributes.reduction]!;
  const [order, lost] = [plan.right.flat(), lostAxes(plan)];
  const [outer, inner] = [concreteSizes(plan, order), concreteSizes(plan, lost)];
  const target = new Float64Array(countOf(outer)).fill(identityOf(combine, x.dtype));
  const fold = foldOf(combine);
  const strides = [...rowMajor(outer), ...inner.map(() => 0)];
  forEachRow([...outer, ...inner, 1], [...stridesIn(plan, [...order, ...lost]), 0], [...strides, 0], (from, to) => {
    target[to] = fold(target[to]!, x.data, from, 1, 1);
  });
  const count = countOf(inner);
  if (attributes.reduction === 'mean') return target.map((sum) => sum / count);
  return x.dtype === 'i32' ? target.map((sum) => sum | 0) : x.dtype === 'u32' ? target.map((sum) => sum >>> 0) : target;
}

const reduce: Op = defineOp<Reduce>({
  name: 'reduce',
  doc:
    'The tensor rearranged by a pattern, combining the elements along axes that the right side lacks: `sum`, `mean` ' +
    '(f32), `max`, `min`, `prod` (f32), `any`, `all` (bool).',
  operands: [{ name: 'x' }],
  attributes: [PATTERN, { name: 'reduction', kind: 'string', doc: 'How elements are combined.' }, SIZES],
  infer([x], { pattern, sizes, reduction }) {
    const rule = Object.hasOwn(REDUCTIONS, reduction) ? REDUCTIONS[reduction] : undefined;
    if (!rule) return { error: unknownWord('reduce', 'reductions', 'reduction', reduction, Object.keys(REDUCTIONS)) };
    const error = dtypeFault(`reduce with "${reduction}"`, [x!], rule.dtypes);
    if (error) return { error };
    const plan = planPattern('reduce', pattern, sizes, x!);
    return 'error' in plan ? plan : gives({ dtype: x!.dtype, shape: plan.shape });
  },
  evaluate: ([x], attributes, _outputs, symbols) => [combineLost(x!, attributes, symbols)],
  body: {
    kind: 'composite',
    expand(builder, [x], { pattern, sizes, reduction }) {
      const plan = known(planPattern('reduce', pattern, sizes, x!.type));
      const combine = (value: Value, axes: readonly number[]): Value => {
        const combined = builder.one(REDUCTIONS[reduction]!.primitive, [value], { axes });
        if (reduction !== 'mean') return combined;
        const count = scalarOf(builder, product(axes.map((axis) => value.type.shape[axis]!)));
        return builder.one('div', [combined, broadcast(builder, count, combined.type.shape)]);
      };
      return [build(builder, x!, plan, combine)];
    },
  },
  tolerance: SUM_TOLERANCE,
  samples: [
    { inputs: [f32(2, 3, n, 4)], attributes: { pattern: 'b c h w -> b c', reduction: 'mean', sizes: {} } },
    {
      inputs: [f32(n, 6, 4)],
      attributes: { pattern: 'b (h p) w -> w b h', reduction: 'max', sizes: { p: constant(2) } },
    },
    {
      inputs: [f32(multiply(constant(2), n), 4)],
      attributes: { pattern: '(n 2) (m 2) -> n m', reduction: 'sum', sizes: {} },
    },
    { inputs: [f32(2, n, 3)], attributes: { pattern: 'b ... -> b 1', reduction: 'prod', sizes: {} } },
    { inputs: [tensor('i32', n, 3)], attributes: { pattern: 'a b -> b', reduction: 'sum', sizes: {} } },
    { inputs: [tensor('bool', 3, n)], attributes: { pattern: 'a b -> a', reduction: 'any', sizes: {} } },
    { inputs: [f32(3, n)], attributes: { pattern: 'a b -> b a', reduction: 'min', sizes: {} } },
  ],
});

const rearrange = mover(
  'rearrange',
  'The axes of a tensor (any dtype) split, reordered and merged by a pattern of einops: `b (h d) -> b h d`. Axes in ' +
    'parentheses make up one axis, the first of them slowest; every axis stands on both sides.',
  [
    {
      inputs: [f32(n, 3, 4, 6)],
      attributes: { pattern: 'b c (h p) (w q) -> b (h w) (p q c)', sizes: { p: constant(2), q: constant(3) } },
    },
    {
      inputs: [f32(2, n, 6)],
      attributes: { pattern: 'b n (s h e) -> s b h n e', sizes: { s: constant(3), h: constant(2) } },
    },
    { inputs: [f32(2, 3, n, 4)], attributes: { pattern: 'b h n e -> b n (h e)', sizes: {} } },
    { inputs: [f32(2, n, 1, 3)], attributes: { pattern: 'a ... b -> b (... a)', sizes: {} } },
    { inputs: [f32(multiply(constant(2), n), 3)], attributes: { pattern: '(b t) c -> t b c', sizes: { t: n } } },
    { inputs: [tensor('i32', n, 1)], attributes: { pattern: 'a 1 -> 1 a ()', sizes: {} } },
    { inputs: [f32(2, n, 3)], attributes: { pattern: '... c -> c ...', sizes: {} } },
  ],
);

const repeat = mover(
  'repeat',
  'The tensor (any dtype) rearranged by a pattern and repeated along the axes that only the right side has, whose ' +
    'sizes are given: `h w -> h (w r)`.',
  [
    { inputs: [f32(n, 3)], attributes: { pattern: 'h w -> h (w r)', sizes: { r: constant(2) } } },
    { inputs: [f32(2, 3)], attributes: { pattern: 'h w -> b w h', sizes: { b: n } } },
    { inputs: [tensor('i32', n)], attributes: { pattern: 'a -> 2 a 3', sizes: {} } },
    { inputs: [f32(4, n)], attributes: { pattern: '(h p) w -> p (h r) w', sizes: { p: constant(2), r: constant(3) } } },
  ],
);

export const patterns: readonly Op[] = [rearrange, reduce, repeat];
