/** `ragged_contract`: the products of groups of rows with a matrix for each group, as of sparse experts. */
import { add, equal, evaluate, isAtLeast, ONE, print, subtract, ZERO, type Dim } from '../../dims/dim.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { multiplyAdd } from '../../kernel/build.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { forEachRow, rowMajor } from '../strided.ts';
import { labelled, sizesOfLabels, type Labels } from './contract.ts';
import { sumOfProducts, type Labelled } from './product.ts';

/** The labels of a contraction, and which of them are those of the rows and of the groups. */
type RaggedLabels = Labels & { readonly ragged: string; readonly group: string };

/** Why the labels are those of neither form. */
function formFault({ left, right, result, ragged, group }: RaggedLabels): string | undefined {
  const operands = (label: string): number => [left, right].filter((labels) => labels.includes(label)).length;
  if (result.includes(ragged)) {
    if (operands(ragged) === 1 && operands(group) === 1 && left.includes(ragged) === right.includes(group)) {
      return result.includes(group) ? `\`${group}\` is in the result with the rows` : undefined;
    }
    return `\`${ragged}\` has to be in one operand, and \`${group}\` in the other`;
  }
  if (operands(ragged) !== 2 || operands(group) !== 0) return `\`${ragged}\` has to be in both operands to be summed`;
  return result.includes(group) ? undefined : `\`${group}\` is not in the result`;
}

function inferRagged([a, b, offsets]: readonly TensorType[], labels: RaggedLabels): Inference {
  const { left, right, result, ragged, group } = labels;
  const called = 'ragged_contract';
  const error = dtypeFault(called, [a!, b!], ['f32']);
  if (error) return { error };
  if (offsets!.dtype !== 'i32' || offsets!.shape.length !== 1 || isAtLeast(ZERO, offsets!.shape[0]!))
    return fails(`\`${called}\` needs offsets i32[groups + 1], not ${printType(offsets!)}`, { operand: 2 });
  const fault = formFault(labels);
  if (fault !== undefined) return fails(`\`${called}\`: ${fault}`);
  const found = sizesOfLabels([a!, b!], [left, right], called);
  if ('error' in found) return found;
  const groups = subtract(offsets!.shape[0]!, ONE);
  const sizes = new Map<string, Dim>([[group, groups], ...found.sizes]);
  if (!equal(sizes.get(group)!, groups)) {
    const notes = [`\`${group}\`: ${print(sizes.get(group)!)} against ${print(groups)}`];
    return fails(`\`${called}\` of ${[a!, b!, offsets!].map(printType).join(', ')} does not fit`, {
      notes,
      operand: 2,
    });
  }
  const isSpecial = (label: string): boolean => label === ragged || label === group;
  const lost = [...sizes.keys()].find(
    (label) => !isSpecial(label) && !result.includes(label) && !(left.includes(label) && right.includes(label)),
  );
  if (lost !== undefined) return fails(`\`${called}\` sums \`${lost}\`, which only one operand has`);
  if (new Set(result).size !== result.length || result.some((label) => !sizes.has(label)))
    return fails(`\`${called}\` needs each label of the result once, and in an operand`);
  return gives({ dtype: 'f32', shape: result.map((label) => sizes.get(label)!) });
}

/** The elements from `start` on along one axis; if that is the axis of the groups, those of one group. */
function partOf(
  operand: Tensor,
  labels: readonly string[],
  { label, start, isOne }: { readonly label: string; readonly start: number; readonly isOne: boolean },
): Labelled {
  const { data, strides } = labelled(operand, labels);
  const kept = [...strides].filter(([name]) => !isOne || name !== label);
  return { data: data.subarray(start * strides.get(label)!), strides: new Map(kept) };
}

function evaluateRagged(
  [a, b, offsets]: readonly Tensor[],
  { left, right, result, ragged, group }: RaggedLabels,
  shape: readonly number[],
): Float64Array {
  const sizes = new Map<string, number>();
  left.forEach((label, axis) => sizes.set(label, a!.shape[axis]!));
  right.forEach((label, axis) => sizes.set(label, b!.shape[axis]!));
  const rows = sizes.get(ragged)!;
  sizes.delete(group);
  const target = new Float64Array(countOf(shape));
  const strides = rowMajor(shape);
  const strideOf = (label: string): number => strides[result.indexOf(label)]!;
  const limited = (offset: number): number => Math.min(Math.max(offset, 0), rows);
  for (let at = 0; at + 1 < offsets!.data.length; at++) {
    const start = limited(offsets!.data[at]!);
    const count = limited(offsets!.data[at + 1]!) - start;
    if (count <= 0) continue;
    sizes.set(ragged, count);
    const part = (operand: Tensor, labels: readonly string[]): Labelled => {
      const isOne = labels.includes(group);
      return partOf(operand, labels, isOne ? { label: group, start: at, isOne } : { label: ragged, start, isOne });
    };
    const own = result.filter((label) => label !== group);
    const sums = sumOfProducts([part(a!, left), part(b!, right)], sizes, own);
    const first = result.includes(group) ? at * strideOf(group) : start * strideOf(ragged);
    copyInto(
      target,
      first,
      own.map(strideOf),
      own.map((label) => sizes.get(label)!),
      sums,
    );
  }
  return target;
}

/** Puts row-major `elements` of `shape` at the strides of a larger tensor, from `first` on. */
function copyInto(
  target: Float64Array,
  first: number,
  strides: readonly number[],
  shape: readonly number[],
  elements: Float64Array,
): void {
  const [length, step] = [shape.at(-1)!, strides.at(-1)!];
  forEachRow(shape, rowMajor(shape), strides, (own, at) => {
    for (let i = 0; i < length; i++) target[first + at + i * step] = elements[own + i]!;
  });
}

interface Labelling {
  readonly value: Value;
  readonly labels: readonly string[];
}

const ROWS = { left: ['r', 'k'], result: ['r', 'j'], ragged: 'r', group: 'e' };
const SUMS = { left: ['r', 'i'], right: ['r', 'j'], ragged: 'r', group: 'e' };
/** More rows than a block of tiles has. */
const thrice = add(n, n, n);

/** Offsets at these shares of `rows`. */
function split(rows: Dim, shares: readonly number[]): NonNullable<Sample['values']> {
  return (size) => {
    const count = evaluate(rows, new Map([['n', size]]));
    return [undefined, undefined, shares.map((share) => Math.floor(share * count))];
  };
}

export const raggedContract: Op = defineOp<RaggedLabels>({
  name: 'ragged_contract',
  doc:
    'Sums of products of f32 tensors over groups of rows, which need not be of one size. `left`, `right` and `result` ' +
    'are labels as of `contract`. The rows are the axis `ragged`; those of group g are offsets[g] to ' +
    'offsets[g + 1] - 1, where offsets, i32[groups + 1], ascends from 0 or more to at most the number of rows. Either one ' +
    'operand and the result have the axis `ragged` and the other operand the axis `group`: each row is multiplied by ' +
    'what its group has, and rows of no group are 0. Or both operands have the axis `ragged` and the result has the axis ' +
    '`group`: the rows of each group are summed.',
  internal: true,
  operands: [{ name: 'left' }, { name: 'right' }, { name: 'offsets' }],
  attributes: [],
  infer: inferRagged,
  evaluate: (inputs, labels, [output]) => [evaluateRagged(inputs, labels, output!.shape)],
  body: {
    kind: 'contraction',
    labels: ({ left, right, result }) => ({ left, right, result }),
    arithmetic: { operand: 'f32', numbers: 1, sum: 'f32', step: multiplyAdd },
    ragged: ({ ragged, group }) => ({ rows: ragged, group, offsets: 2 }),
  },
  // Whichever of the operands and the result has no rows has the groups, so that each gradient is of one of the forms.
  vjp(builder, { inputs, attributes }, [cotangent]) {
    const labels = attributes as RaggedLabels;
    const { ragged, group } = labels;
    const offsets = inputs[2]!;
    const left = { value: inputs[0]!, labels: labels.left };
    const right = { value: inputs[1]!, labels: labels.right };
    const result = { value: cotangent!, labels: labels.result };
    const product = (a: Labelling, b: Labelling, wanted: readonly string[]): Value =>
      builder.one('ragged_contract', [a.value, b.value, offsets], {
        left: a.labels,
        right: b.labels,
        result: wanted,
        ragged,
        group,
      });
    return [product(result, right, left.labels), product(result, left, right.labels), undefined];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    {
      inputs: [f32(thrice, 5), f32(3, 9, 5), tensor('i32', 4)],
      attributes: { ...ROWS, right: ['e', 'j', 'k'] },
      values: split(thrice, [0, 0.3, 0.3, 0.8]),
    },
    {
      inputs: [f32(n, 3), f32(2, 3, 70), tensor('i32', 3)],
      attributes: { ...ROWS, right: ['e', 'k', 'j'] },
      values: split(n, [0, 0, 1]),
    },
    {
      inputs: [f32(thrice, n), f32(1, 8, n), tensor('i32', 2)],
      attributes: { ...ROWS, right: ['e', 'j', 'k'] },
      values: split(thrice, [0, 1]),
    },
    {
      inputs: [f32(5, 4, 9), f32(thrice, 9), tensor('i32', 6)],
      attributes: { left: ['e', 'j', 'k'], right: ['r', 'k'], result: ['j', 'r'], ragged: 'r', group: 'e' },
      values: split(thrice, [0.1, 0.2, 0.55, 0.7, 0.7, 0.9]),
    },
    {
      inputs: [f32(n, 2, 3), f32(2, 3, 2, 5), tensor('i32', 3)],
      attributes: {
        left: ['r', 'h', 'k'],
        right: ['e', 'k', 'h', 'j'],
        result: ['r', 'h', 'j'],
        ragged: 'r',
        group: 'e',
      },
      values: split(n, [0, 0.4, 1]),
    },
    {
      inputs: [f32(n, 4), f32(0, 5, 4), tensor('i32', 1)],
      attributes: { ...ROWS, right: ['e', 'j', 'k'] },
      values: split(n, [0]),
    },
    {
      inputs: [f32(thrice, 9), f32(thrice, 12), tensor('i32', 5)],
      attributes: { ...SUMS, result: ['e', 'i', 'j'] },
      values: split(thrice, [0, 0.3, 0.3, 0.6, 0.9]),
    },
    {
      inputs: [f32(n, 7), f32(n, 100), tensor('i32', 2)],
      attributes: { ...SUMS, result: ['i', 'e', 'j'] },
      values: split(n, [0, 1]),
    },
    {
      inputs: [f32(n, 2, 3), f32(2, n, 5), tensor('i32', 4)],
      attributes: { left: ['r', 'a', 'i'], right: ['a', 'r', 'j'], result: ['e', 'j', 'i'], ragged: 'r', group: 'e' },
      values: split(n, [0.2, 0.5, 0.5, 1]),
    },
    {
      inputs: [f32(n, 2, 3), f32(3, 4, 3), tensor('i32', 4)],
      attributes: { left: ['r', 'a', 'k'], right: ['e', 'j', 'k'], result: ['a', 'r', 'j'], ragged: 'r', group: 'e' },
      values: split(n, [0, 0.5, 0.6, 1]),
    },
  ],
});
