/** `contract`, the product that backends know; `einsum` and `matmul` are written with it. */
import { equal, print, type Dim } from '../../dims/dim.ts';
import { defineOp, type Inference, type Op, type Tensor } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import type { Builder } from '../../ir/builder.ts';
import type { DType, TensorType, Value } from '../../ir/graph.ts';
import { multiplyAdd } from '../../kernel/build.ts';
import { dtypeFault, fails, gives, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { sumOfProducts, type Labelled } from './product.ts';

export type Labels = {
  readonly left: readonly string[];
  readonly right: readonly string[];
  readonly result: readonly string[];
};

/** The size of each label: every axis has one, none twice in one operand, and a label has one size. */
export function sizesOfLabels(
  inputs: readonly TensorType[],
  labels: readonly (readonly string[])[],
  called = 'contract',
): { readonly sizes: ReadonlyMap<string, Dim> } | { readonly error: Mismatch } {
  const sizes = new Map<string, Dim>();
  for (const [operand, type] of inputs.entries()) {
    const names = labels[operand]!;
    if (names.length !== type.shape.length || new Set(names).size !== names.length)
      return fails(`\`${called}\` needs one label of its own for each axis of ${printType(type)}`, { operand });
    for (const [axis, label] of names.entries()) {
      const size = type.shape[axis]!;
      const known = sizes.get(label) ?? size;
      if (!equal(known, size)) {
        const notes = [`\`${label}\`: ${print(known)} against ${print(size)}`];
        return fails(`\`${called}\` of ${inputs.map(printType).join(' and ')} does not fit`, { notes, operand });
      }
      sizes.set(label, size);
    }
  }
  return { sizes };
}

/** The shape rule of sums of products of `operand` elements, which are `sum`. */
export function inferContraction(
  inputs: readonly TensorType[],
  { left, right, result }: Labels,
  { operand, sum }: { readonly operand: DType; readonly sum: DType },
): Inference {
  const error = dtypeFault('contract', inputs, [operand]);
  if (error) return { error };
  const found = sizesOfLabels(inputs, [left, right]);
  if ('error' in found) return found;
  const lost = [...found.sizes.keys()].find(
    (label) => !result.includes(label) && !(left.includes(label) && right.includes(label)),
  );
  if (lost !== undefined) return fails(`\`contract\` sums \`${lost}\`, which only one operand has`);
  if (new Set(result).size !== result.length || result.some((label) => !found.sizes.has(label)))
    return fails('`contract` needs each label of the result once, and in an operand');
  return gives({ dtype: sum, shape: result.map((label) => found.sizes.get(label)!) });
}

/** A concrete tensor with a label for each axis. */
export function labelled(x: Tensor, labels: readonly string[]): Labelled {
  const strides = new Map<string, number>();
  rowMajor(x.shape).forEach((stride, axis) => {
    const label = labels[axis]!;
    strides.set(label, (strides.get(label) ?? 0) + stride);
  });
  return { data: x.data, strides };
}

interface Labelling {
  readonly value: Value;
  readonly labels: readonly string[];
}

/**
 * The contraction of two tensors with the axes of `result`. The one with the result's last axis is the right one, whose
 * axes are the columns of tiles, so that neighbouring results are written together.
 */
function contracted(builder: Builder, a: Labelling, b: Labelling, result: readonly string[]): Value {
  const last = result.at(-1);
  const swaps = last !== undefined && a.labels.includes(last) && !b.labels.includes(last);
  const [left, right] = swaps ? [b, a] : [a, b];
  return builder.one('contract', [left.value, right.value], { left: left.labels, right: right.labels, result });
}

export const contract: Op = defineOp<Labels>({
  name: 'contract',
  doc:
    'The sum of products of two f32 tensors. Every axis has a label; labels of both operands that the result lacks ' +
    'are summed, all others are axes of the result. No label repeats within an operand or within the result.',
  internal: true,
  operands: [{ name: 'left' }, { name: 'right' }],
  attributes: [],
  infer: (inputs, labels) => inferContraction(inputs, labels, { operand: 'f32', sum: 'f32' }),
  evaluate([a, b], { left, right, result }) {
    const sizes = new Map<string, number>();
    left.forEach((label, axis) => sizes.set(label, a!.shape[axis]!));
    right.forEach((label, axis) => sizes.set(label, b!.shape[axis]!));
    return [sumOfProducts([labelled(a!, left), labelled(b!, right)], sizes, result)];
  },
  body: {
    kind: 'contraction',
    labels: ({ left, right, result }) => ({ left, right, result }),
    arithmetic: { operand: 'f32', numbers: 1, sum: 'f32', step: multiplyAdd },
  },
  // An operand's label is in the result or in the other operand, so that its gradient is one product of these two.
  vjp(builder, { inputs, attributes }, [cotangent]) {
    const labels = attributes as Labels;
    const left = { value: inputs[0]!, labels: labels.left };
    const right = { value: inputs[1]!, labels: labels.right };
    const result = { value: cotangent!, labels: labels.result };
    return [contracted(builder, result, right, left.labels), contracted(builder, result, left, right.labels)];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(3, n), f32(5, n)], attributes: { left: ['i', 'k'], right: ['j', 'k'], result: ['i', 'j'] } },
    { inputs: [f32(n, 3), f32(3, 4)], attributes: { left: ['i', 'k'], right: ['k', 'j'], result: ['i', 'j'] } },
    { inputs: [f32(3, 4), f32(4, n)], attributes: { left: ['i', 'k'], right: ['k', 'j'], result: ['j', 'i'] } },
    {
      inputs: [f32(2, 3, n, 4), f32(2, 3, n, 4)],
      attributes: { left: ['b', 'h', 'i', 'd'], right: ['b', 'h', 'j', 'd'], result: ['b', 'h', 'i', 'j'] },
    },
    {
      inputs: [f32(2, 3, 5, n), f32(2, 3, n, 4)],
      attributes: { left: ['b', 'h', 'i', 'j'], right: ['b', 'h', 'j', 'd'], result: ['b', 'i', 'h', 'd'] },
    },
    {
      inputs: [f32(2, n, 3), f32(4, 3, n)],
      attributes: { left: ['i', 'p', 'q'], right: ['j', 'q', 'p'], result: ['j', 'i'] },
    },
    { inputs: [f32(n), f32(n)], attributes: { left: ['k'], right: ['k'], result: [] } },
    { inputs: [f32(n), f32(3)], attributes: { left: ['i'], right: ['j'], result: ['i', 'j'] } },
    { inputs: [f32(n, 2), f32(n, 2)], attributes: { left: ['b', 'k'], right: ['b', 'k'], result: ['b'] } },
  ],
});
