/** `einsum`: sums of products by pattern, written with `contract`, `reduce_sum`, `diagonal` and `transpose`. */
import { constant, constantValue, type Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Tensor } from '../../ir/op.ts';
import { isOne } from '../../ir/types.ts';
import { dtypeFault, gives, known } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { labelled } from './contract.ts';
import { planEinsum } from './einsum-pattern.ts';
import { sumOfProducts, type Labelled } from './product.ts';

type Einsum = { readonly pattern: string };

interface Operand {
  readonly value: Value;
  readonly labels: readonly string[];
}

function infer(inputs: readonly TensorType[], { pattern }: Einsum): Inference {
  const error = dtypeFault('einsum', inputs, ['f32']);
  if (error) return { error };
  const plan = planEinsum(pattern, inputs);
  if ('error' in plan) return plan;
  return gives({ dtype: 'f32', shape: plan.result.map((label) => plan.sizes.get(label)!) });
}

/** Reads repeated labels along their diagonal. */
function takeDiagonal(builder: Builder, { value, labels }: Operand): Operand {
  const distinct = [...new Set(labels)];
  if (distinct.length === labels.length) return { value, labels };
  const axes = labels.map((label) => distinct.indexOf(label));
  return { value: builder.one('diagonal', [value], { axes }), labels: distinct };
}

/** Drops axes of size 1 that another operand's larger axis repeats: `contract` does not broadcast. */
function dropRepeated(builder: Builder, { value, labels }: Operand, sizes: ReadonlyMap<string, Dim>): Operand {
  const { shape } = value.type;
  const keeps = labels.map((label, axis) => !isOne(shape[axis]!) || isOne(sizes.get(label)!));
  if (keeps.every(Boolean)) return { value, labels };
  return {
    value: builder.one('reshape', [value], { shape: shape.filter((_, axis) => keeps[axis]) }),
    labels: labels.filter((_, axis) => keeps[axis]),
  };
}

/** Sums the labels that nothing else needs, so that products run over fewer elements. */
function sumAlone(builder: Builder, { value, labels }: Operand, needed: ReadonlySet<string>): Operand {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (axes.length === 0) return { value, labels };
  const sum = builder.one('reduce_sum', [value], { axes });
  return {
    value: builder.one('reshape', [sum], { shape: sum.type.shape.filter((_, axis) => !axes.includes(axis)) }),
    labels: labels.filter((_, axis) => !axes.includes(axis)),
  };
}

/** Two operands into one with the labels that the result or a later operand needs. */
function contractPair(builder: Builder, a: Operand, b: Operand, result: readonly string[]): Operand {
  const attributes = { left: a.labels, right: b.labels, result };
  return { value: builder.one('contract', [a.value, b.value], attributes), labels: result };
}

function expand(builder: Builder, inputs: readonly Value[], { pattern }: Einsum): readonly Value[] {
  const plan = known(
    planEinsum(
      pattern,
      inputs.map((input) => input.type),
    ),
  );
  const whole = inputs
    .map((value, at) => takeDiagonal(builder, { value, labels: plan.operands[at]! }))
    .map((operand) => dropRepeated(builder, operand, plan.sizes));
  const pending = whole.map((operand, at) => {
    const others = whole.filter((_, other) => other !== at).flatMap((other) => other.labels);
    return sumAlone(builder, operand, new Set([...plan.result, ...others]));
  });
  let product = pending.shift()!;
  while (pending.length > 0) {
    const next = pending.shift()!;
    const needed = new Set([...plan.result, ...pending.flatMap((operand) => operand.labels)]);
    const kept = [...new Set([...product.labels, ...next.labels])].filter((label) => needed.has(label));
    product = contractPair(builder, product, next, pending.length === 0 ? plan.result : kept);
  }
  const permutation = plan.result.map((label) => product.labels.indexOf(label));
  if (permutation.every((axis, at) => axis === at)) return [product.value];
  return [builder.one('transpose', [product.value], { permutation })];
}

/** A concrete operand whose axes of size 1 are repeated to the size of their label. */
function repeated(x: Tensor, labels: readonly string[]): Labelled {
  const { data, strides } = labelled(x, labels);
  const isSingle = (label: string): boolean => x.shape[labels.indexOf(label)] === 1;
  return { data, strides: new Map([...strides].map(([label, stride]) => [label, isSingle(label) ? 0 : stride])) };
}

function evaluate(inputs: readonly Tensor[], { pattern }: Einsum): Float64Array {
  const types = inputs.map(({ dtype, shape }): TensorType => ({ dtype, shape: shape.map(constant) }));
  const plan = known(planEinsum(pattern, types));
  const sizes = new Map([...plan.sizes].map(([label, size]) => [label, constantValue(size)!] as const));
  const operands = inputs.map((input, at) => repeated(input, plan.operands[at]!));
  return sumOfProducts(operands, sizes, plan.result);
}

export const einsum: Op = defineOp<Einsum>({
  name: 'einsum',
  doc:
    'The sum of products of f32 tensors by pattern, as NumPy and PyTorch: axes of one name share an index, names that ' +
    'the result lacks are summed, `...` stands for axes that broadcast. Words separated by spaces name axes; in a ' +
    'pattern without such spaces each letter does. Without `->` the result has the names that occur once, sorted.',
  operands: [{ name: 'operands', variadic: true }],
  attributes: [{ name: 'pattern', kind: 'pattern', doc: 'The axes of each operand, and of the result.' }],
  infer,
  evaluate: (inputs, attributes) => [evaluate(inputs, attributes)],
  body: { kind: 'composite', expand },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(3, n), f32(n, 2)], attributes: { pattern: 'ij,jk->ik' } },
    { inputs: [f32(2, n, 3), f32(4, 3)], attributes: { pattern: '... i, o i -> ... o' } },
    { inputs: [f32(2, 3, n, 4), f32(2, 3, n, 4)], attributes: { pattern: 'b h i d, b h j d -> b h i j' } },
    { inputs: [f32(2, 3, n, n), f32(2, 3, n, 4)], attributes: { pattern: 'bhij,bhjd->bhid' } },
    { inputs: [f32(n, 3)], attributes: { pattern: 'ij->ji' } },
    { inputs: [f32(n, 3)], attributes: { pattern: 'ij->' } },
    { inputs: [f32(n, 3)], attributes: { pattern: 'ba' } },
    { inputs: [f32(n, n)], attributes: { pattern: 'ii->i' } },
    { inputs: [f32(n, 2, n)], attributes: { pattern: 'i j i -> j' } },
    { inputs: [f32(n), f32(3)], attributes: { pattern: 'i,j->ij' } },
    { inputs: [f32(2, n, 3), f32(2, n, 3)], attributes: { pattern: 'bnd,bnd->bn' } },
    { inputs: [f32(3, n), f32(n, 2), f32(2, 4)], attributes: { pattern: 'ab,bc,cd->ad' } },
    { inputs: [f32(n, 3, 4), f32(3, 5)], attributes: { pattern: 'row k unused, k column -> column row' } },
    { inputs: [f32(1, n), f32(3, n)], attributes: { pattern: '...i,...i->...' } },
    { inputs: [f32(2, 3, n), f32(n)], attributes: { pattern: '...i,i' } },
    { inputs: [f32(2, 1, n), f32(2, 5, n)], attributes: { pattern: 'bkn,bkn->bn' } },
    { inputs: [f32(), f32(n)], attributes: { pattern: ',i->i' } },
  ],
});
