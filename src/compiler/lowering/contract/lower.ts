/**
 * Contractions as register-tiled products. The right operand is packed into panels of a tile's width by a kernel of
 * its own (run at load where it is constant); the left one is read in place by rows, or copied first: into rows where its
 * elements are not a fixed step apart, into tiles where it is transposed. What follows the product happens while a tile is
 * still in registers.
 */
import type { Bounds } from '../../dims/dim.ts';
import type { Region } from '../../ir/graph.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import type { LoweredKernel } from '../lowered-kernel.ts';
import { defaultTile, forTiles } from '../tiles.ts';
import { analyseContraction } from './axes.ts';
import { isTransposed, readInPlace } from './left.ts';
import { packPanels, packRows } from './pack.ts';
import { packTiles, tilesScratch } from './pack-tiles.ts';
import { writeProduct, type LeftCopy } from './product.ts';
import { lowerGroupProduct } from './workgroups/lower.ts';

/** All kernels of a contraction region, in order. */
export function lowerContraction(
  region: Region,
  name: string,
  target: Target,
  bounds: Bounds,
): readonly LoweredKernel[] {
  const given = analyseContraction(region);
  const { workgroups } = target;
  if (workgroups) return lowerGroupProduct(given, { name, bounds, target: { ...target, workgroups } });
  // Tiles of groups of rows begin anywhere.
  const isByTiles = given.grouping?.of !== 'rows' && isTransposed(given, bounds);
  const inPlace = isByTiles ? undefined : readInPlace(given, bounds);
  const contraction = inPlace ?? given;
  // All tiles are as wide as the panels.
  const panels = packPanels(contraction, defaultTile(target), `${name}_panels`, bounds);
  const write = (tile: Tile, copy?: LeftCopy): LoweredKernel =>
    writeProduct(contraction, { tile, target, name, bounds, panels: panels.scratch, ...(copy && { copy }) });
  if (inPlace) return [panels.lowered, forTiles(target, (tile) => write(tile))];
  const called = { name: `${name}_rows`, bounds };
  if (isByTiles) {
    const scratch = tilesScratch(contraction, target.tiles);
    const tiles = forTiles(target, (tile) => packTiles(contraction, tile, scratch, called));
    return [tiles, panels.lowered, forTiles(target, (tile) => write(tile, { scratch, order: 'tiles' }))];
  }
  const rows = packRows(contraction, called.name, bounds);
  const { scratch } = rows;
  return [rows.lowered, panels.lowered, forTiles(target, (tile) => write(tile, { scratch, order: 'rows' }))];
}
