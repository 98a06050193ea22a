/** `contract_words`: the product of quantised operands, in integers. */
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import { dot4 } from '../../kernel/build.ts';
import { inferContraction, labelled, type Labels } from '../contract/contract.ts';
import { sumOfProducts } from '../contract/product.ts';
import { fails } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { bytesOf } from './bytes.ts';

/** The label of the bytes of a word; no axis of a tensor has it. */
const BYTES = '$byte';

/** A tensor of words with a further axis for their bytes. */
function unpacked({ shape, data }: Tensor): Tensor {
  return { dtype: 'i32', shape: [...shape, 4], data: Float64Array.from([...data].flatMap(bytesOf)) };
}

export const contractWords: Op = defineOp<Labels>({
  name: 'contract_words',
  doc:
    'The sum of products of two tensors of words, i32 that hold four bytes each: byte by byte, summed over the bytes ' +
    'and over the labels that the result lacks, as `contract` does. The bytes of `left` are 0 to 127, those of `right` ' +
    'signed, and the last axis of the result is one of `right` alone. The result is i32, exact up to its range.',
  internal: true,
  operands: [{ name: 'left' }, { name: 'right' }],
  attributes: [],
  infer(inputs, labels) {
    const last = labels.result.at(-1);
    // Lowering takes the operand of the last axis for the columns, and the two are no equals.
    if (last === undefined || !labels.right.includes(last) || labels.left.includes(last))
      return fails('`contract_words` needs a last axis that only its right operand has');
    return inferContraction(inputs, labels, { operand: 'i32', sum: 'i32' });
  },
  evaluate([a, b], { left, right, result }) {
    const sizes = new Map<string, number>([[BYTES, 4]]);
    left.forEach((label, axis) => sizes.set(label, a!.shape[axis]!));
    right.forEach((label, axis) => sizes.set(label, b!.shape[axis]!));
    const operands = [labelled(unpacked(a!), [...left, BYTES]), labelled(unpacked(b!), [...right, BYTES])];
    return [sumOfProducts(operands, sizes, result).map((sum) => sum | 0)];
  },
  body: {
    kind: 'contraction',
    labels: ({ left, right, result }) => ({ left, right, result }),
    arithmetic: { operand: 'i32', numbers: 4, sum: 'i32', step: (left, right, sum) => dot4(right, left, sum) },
  },
  // Sums are small integers: they must be the same.
  tolerance: { absolute: 0, relative: 1e-9 },
  // Drawn words are small numbers: their other bytes are 0.
  samples: [
    {
      inputs: [tensor('i32', 3, n), tensor('i32', 5, n)],
      attributes: { left: ['i', 'k'], right: ['j', 'k'], result: ['i', 'j'] },
      range: [0, 127],
    },
    {
      inputs: [tensor('i32', n, 3), tensor('i32', 3, 8)],
      attributes: { left: ['i', 'k'], right: ['k', 'j'], result: ['i', 'j'] },
      range: [0, 127],
    },
    {
      inputs: [tensor('i32', 2, n, 3), tensor('i32', 2, 9, 3)],
      attributes: { left: ['e', 'i', 'k'], right: ['e', 'j', 'k'], result: ['e', 'i', 'j'] },
      range: [0, 127],
    },
  ],
});
