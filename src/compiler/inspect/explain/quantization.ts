/** `--explain quantization`: which products `--quantize` computes in bytes, and why the others stay in f32. */
import { print, product, type Dim } from '../../dims/dim.ts';
import type { Node } from '../../ir/graph.ts';
import type { JudgedProduct } from '../../passes/quantize.ts';
import { pathText } from './kernels.ts';

export const QUANTIZATION_HEAD = ['M', 'N', 'K', 'computed in', 'at', 'because'] as const;

/** A line of cells for each product, under `QUANTIZATION_HEAD`: M rows and N channels of sums of K products. */
export function quantizationCells(products: readonly JudgedProduct[]): string[][] {
  return products.map(({ node, product: weighted, reason }) => {
    const found = reason === undefined ? weighted : undefined;
    const size = (labels: readonly string[]): string => print(product(labels.map((label) => found!.sizes.get(label)!)));
    const sizes = found ? [[...found.batch, ...found.rows], found.channels, found.summed].map(size) : sizesOf(node);
    return [...sizes, found ? 'int8' : 'f32', pathText(node.origin), reason ?? ''];
  });
}

/** Of a product that stays: rows of the left operand, columns of the right one; of attention nothing in particular. */
function sizesOf({ op, inputs, attributes }: Node): string[] {
  const { body } = op;
  if (body.kind !== 'contraction') return ['', '', ''];
  const { left, right, result } = body.labels(attributes);
  const sizes = new Map<string, Dim>();
  [left, right].forEach((labels, operand) =>
    labels.forEach((label, axis) => sizes.set(label, inputs[operand]!.type.shape[axis]!)),
  );
  const groups = [
    result.filter((label) => left.includes(label)),
    result.filter((label) => !left.includes(label)),
    left.filter((label) => !result.includes(label)),
  ];
  return groups.map((labels) => print(product(labels.map((label) => sizes.get(label)!))));
}
