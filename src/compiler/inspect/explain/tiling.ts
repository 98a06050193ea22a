/** `--explain tiling`: every product as a nest of tiles. */
import { multiply, print, product } from '../../dims/dim.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import { analyseContraction, panelCount, sizesOf, type LabelledAxis } from '../../lowering/contract/axes.ts';
import { defaultTile } from '../../lowering/tiles.ts';
import { kernelsOf, pathText } from './kernels.ts';

export const TILING_HEAD = ['kernel', 'batch', 'M', 'N', 'K', 'tile', 'panels', 'at'] as const;

/**
 * A line of cells for each product, under `TILING_HEAD`: M rows of the left operand, N columns of the right one. Of groups of
 * rows, M or K is that of all groups together.
 */
export function tilingCells(fused: Graph, target: Target): string[][] {
  const tile = defaultTile(target);
  const size = (axes: readonly LabelledAxis[]): string => print(product(sizesOf(axes)));
  return kernelsOf(fused).flatMap(({ number, kind, region, node }) => {
    if (kind !== 'contract') return [];
    const contraction = analyseContraction(region);
    const { batch, rows, columns, summed } = contraction.axes;
    const { grouping } = contraction;
    const count = grouping ? `${print(multiply(grouping.groups, product(sizesOf(batch))))} groups` : size(batch);
    const sizes = [count, ...[rows, columns, summed].map(size)];
    const shape = target.tiles.map(({ rows: height, columns: width }) => `${height} × ${width}`).join(', ');
    return [[String(number), ...sizes, shape, print(panelCount(contraction, tile)), pathText(node.origin)]];
  });
}
