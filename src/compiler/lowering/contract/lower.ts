/**
 * Contractions as register-tiled products. The right operand is packed into panels of a tile's width by a kernel of
 * its own (run at load where it is constant); the left one is read in place by rows, or copied into rows first where
 * its elements are not a fixed step apart or it is transposed. What follows the product happens while a tile is still in registers.
 */
import type { Bounds } from '../../dims/dim.ts';
import type { Region } from '../../ir/graph.ts';
import type { Target } from '../../kernel/target.ts';
import type { LoweredKernel } from '../lowered-kernel.ts';
import { defaultTile, forTiles } from '../tiles.ts';
import { analyseContraction } from './axes.ts';
import { isTransposed, readInPlace } from './left.ts';
import { packPanels, packRows } from './pack.ts';
import { writeProduct } from './product.ts';

/** All kernels of a contraction region, in order. */
export function lowerContraction(
  region: Region,
  name: string,
  target: Target,
  bounds: Bounds,
): readonly LoweredKernel[] {
  const given = analyseContraction(region);
  const byRows = !target.workgroups && isTransposed(given, bounds);
  const inPlace = byRows ? undefined : readInPlace(given, bounds);
  const contraction = inPlace ?? given;
  // All tiles are as wide as the panels.
  const panels = packPanels(contraction, defaultTile(target), `${name}_panels`, bounds);
  const rows = inPlace ? undefined : packRows(contraction, `${name}_rows`, bounds, byRows);
  const product = forTiles(target, (tile) =>
    writeProduct(contraction, {
      tile,
      target,
      name,
      bounds,
      panels: panels.scratch,
      ...(rows && { rows: rows.scratch }),
    }),
  );
  return [...(rows ? [rows.lowered] : []), panels.lowered, product];
}
