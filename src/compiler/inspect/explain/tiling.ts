/** `--explain tiling`: every product as a nest of tiles. */
import { multiply, print, product } from '../../dims/dim.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import {
  analyseContraction,
  panelCount,
  sizesOf,
  type Contraction,
  type LabelledAxis,
} from '../../lowering/contract/axes.ts';
import { tilesOf } from '../../lowering/contract/workgroups/tiling.ts';
import { defaultTile } from '../../lowering/tiles.ts';
import { kernelsOf, pathText } from './kernels.ts';

export const TILING_HEAD = ['kernel', 'batch', 'M', 'N', 'K', 'tile', 'panels', 'at'] as const;

/**
 * A line of cells for each product, under `TILING_HEAD`: M rows of the left operand, N columns of the right one. Of groups of
 * rows, M or K is that of all groups together. Where a workgroup computes a tile, nothing is packed into panels, and the tiles
 * are those that sizes choose among, in the order in which they are tried.
 */
export function tilingCells(fused: Graph, target: Target): string[][] {
  const size = (axes: readonly LabelledAxis[]): string => print(product(sizesOf(axes)));
  return kernelsOf(fused).flatMap(({ number, kind, region, node }) => {
    if (kind !== 'contract') return [];
    const contraction = analyseContraction(region);
    const { batch, rows, columns, summed } = contraction.axes;
    const { grouping } = contraction;
    const count = grouping ? `${print(multiply(grouping.groups, product(sizesOf(batch))))} groups` : size(batch);
    const sizes = [count, ...[rows, columns, summed].map(size)];
    return [[String(number), ...sizes, ...tileCells(contraction, target), pathText(node.origin)]];
  });
}

/** The tiles, and how many panels of their width there are. */
function tileCells(contraction: Contraction, target: Target): readonly [tiles: string, panels: string] {
  const shape = (rows: number, columns: number): string => `${rows} × ${columns}`;
  if (target.workgroups) {
    const tiles = tilesOf(contraction).map(({ tile: { rows, columns, parts } }) =>
      parts === 1 ? shape(rows, columns) : `${shape(rows, columns)} in ${parts} parts`,
    );
    return [tiles.join(', '), '-'];
  }
  const tiles = target.tiles.map(({ rows, columns }) => shape(rows, columns));
  return [tiles.join(', '), print(panelCount(contraction, defaultTile(target)))];
}
