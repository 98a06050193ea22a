/**
 * Sums of products over labelled axes of concrete tensors in f64. Two operands without axes that only one of them
 * sums become a batch of matrix products in a register tile; everything else runs in the plain form, which is the
 * definition that the tests compare the fast one with.
 */
import { countOf } from '../../ir/types.ts';
import { copyStrided, rowMajor } from '../strided.ts';

/** An operand as a walk: a stride for each label it has. A repeated axis adds its strides, a broadcast one has 0. */
export interface Labelled {
  readonly data: Float64Array;
  readonly strides: ReadonlyMap<string, number>;
}

export type Sizes = ReadonlyMap<string, number>;

function sizesOf(labels: readonly string[], sizes: Sizes): number[] {
  return labels.map((label) => sizes.get(label)!);
}

function stridesOf(operand: Labelled, labels: readonly string[]): number[] {
  return labels.map((label) => operand.strides.get(label) ?? 0);
}

/** `result[labels] = sum of products`, over every label in `sizes` that the result lacks. */
export function sumOfProducts(operands: readonly Labelled[], sizes: Sizes, result: readonly string[]): Float64Array {
  const summed = [...sizes.keys()].filter((label) => !result.includes(label));
  const [left, right] = operands;
  const isProduct =
    operands.length === 2 && summed.every((label) => left!.strides.has(label) && right!.strides.has(label));
  return isProduct ? matrixProducts(left!, right!, sizes, result) : plainSum(operands, sizes, result);
}

/** The definition: for every index of the result, every index of the summed labels, the product of all operands. */
export function plainSum(operands: readonly Labelled[], sizes: Sizes, result: readonly string[]): Float64Array {
  const labels = [...result, ...[...sizes.keys()].filter((label) => !result.includes(label))];
  const shape = sizesOf(labels, sizes);
  const target = new Float64Array(countOf(sizesOf(result, sizes)));
  if (shape.includes(0)) return target;
  const targetStrides = [...rowMajor(sizesOf(result, sizes)), ...labels.slice(result.length).map(() => 0)];
  const walks = operands.map((operand) => ({ data: operand.data, strides: stridesOf(operand, labels), at: 0 }));
  const index = labels.map(() => 0);
  let to = 0;
  for (;;) {
    let product = 1;
    for (const { data, at } of walks) product *= data[at]!;
    target[to]! += product;
    let axis = labels.length - 1;
    for (; axis >= 0; axis--) {
      const wraps = ++index[axis]! === shape[axis]!;
      const move = wraps ? 1 - shape[axis]! : 1;
      if (wraps) index[axis] = 0;
      to += move * targetStrides[axis]!;
      for (const walk of walks) walk.at += move * walk.strides[axis]!;
      if (!wraps) break;
    }
    if (axis < 0) return target;
  }
}

/** Both operands are laid out with the summed labels innermost, so that the tile reads both in sequence. */
function matrixProducts(left: Labelled, right: Labelled, sizes: Sizes, result: readonly string[]): Float64Array {
  const has = (operand: Labelled, label: string): boolean => operand.strides.has(label);
  const batch = result.filter((label) => has(left, label) === has(right, label));
  const rows = result.filter((label) => has(left, label) && !has(right, label));
  const columns = result.filter((label) => !has(left, label) && has(right, label));
  const summed = [...sizes.keys()].filter((label) => !result.includes(label));
  const [b, m, n, k] = [batch, rows, columns, summed].map((labels) => countOf(sizesOf(labels, sizes)));
  const packedLeft = pack(left, [...batch, ...rows, ...summed], sizes);
  const packedRight = pack(right, [...batch, ...columns, ...summed], sizes);
  const product = new Float64Array(b! * m! * n!);
  for (let at = 0; at < b!; at++) {
    multiplyRows(
      packedLeft.subarray(at * m! * k!, (at + 1) * m! * k!),
      packedRight.subarray(at * n! * k!, (at + 1) * n! * k!),
      product.subarray(at * m! * n!, (at + 1) * m! * n!),
      k!,
    );
  }
  const order = [...batch, ...rows, ...columns];
  const strides = rowMajor(sizesOf(order, sizes));
  const made: Labelled = { data: product, strides: new Map(order.map((label, at) => [label, strides[at]!])) };
  return pack(made, result, sizes);
}

/** The operand row-major in the order of `labels`; itself where it is so already. */
function pack(operand: Labelled, labels: readonly string[], sizes: Sizes): Float64Array {
  const shape = sizesOf(labels, sizes);
  const strides = stridesOf(operand, labels);
  const wanted = rowMajor(shape);
  const inPlace =
    operand.data.length === countOf(shape) && shape.every((size, at) => size === 1 || strides[at] === wanted[at]);
  return inPlace ? operand.data : copyStrided(operand.data, 0, shape, strides);
}

/** Rows of `b` that stay in the cache while all rows of `a` pass. */
const BLOCK = 64;

/** `c[i, j] = sum over p of a[i, p] * b[j, p]`, in tiles of two rows by four columns of accumulators. */
function multiplyRows(a: Float64Array, b: Float64Array, c: Float64Array, k: number): void {
  if (k === 0 || c.length === 0) return;
  const [rows, columns] = [a.length / k, b.length / k];
  for (let first = 0; first < columns; first += BLOCK) {
    const last = Math.min(first + BLOCK, columns);
    for (let i = 0; i < rows; i += 2) {
      const pair = i + 1 < rows;
      let j = first;
      if (pair) for (; j + 4 <= last; j += 4) tile(a, b, c, k, i, j, columns);
      for (; j < last; j++) {
        c[i * columns + j] = dot(a, i * k, b, j * k, k);
        if (pair) c[(i + 1) * columns + j] = dot(a, (i + 1) * k, b, j * k, k);
      }
    }
  }
}

function tile(
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  k: number,
  i: number,
  j: number,
  columns: number,
): void {
  let [c00, c01, c02, c03, c10, c11, c12, c13] = [0, 0, 0, 0, 0, 0, 0, 0];
  const [a0, a1, b0, b1, b2, b3] = [i * k, (i + 1) * k, j * k, (j + 1) * k, (j + 2) * k, (j + 3) * k];
  for (let p = 0; p < k; p++) {
    const x0 = a[a0 + p]!;
    const x1 = a[a1 + p]!;
    const y0 = b[b0 + p]!;
    const y1 = b[b1 + p]!;
    const y2 = b[b2 + p]!;
    const y3 = b[b3 + p]!;
    c00 += x0 * y0;
    c01 += x0 * y1;
    c02 += x0 * y2;
    c03 += x0 * y3;
    c10 += x1 * y0;
    c11 += x1 * y1;
    c12 += x1 * y2;
    c13 += x1 * y3;
  }
  c.set([c00, c01, c02, c03], i * columns + j);
  c.set([c10, c11, c12, c13], (i + 1) * columns + j);
}

function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, k: number): number {
  let sum = 0;
  for (let p = 0; p < k; p++) sum += a[fromA + p]! * b[fromB + p]!;
  return sum;
}
