/** Products on a target with workgroups. */
import { constant, multiply, type Bounds, type Dim } from '../../../dims/dim.ts';
import { elementCount } from '../../../dims/shape.ts';
import type { Target, Workgroups } from '../../../kernel/target.ts';
import type { GuardedKernel } from '../../../plan/lowered.ts';
import type { LoweredKernel, TileMap } from '../../lowered-kernel.ts';
import { sizesOf, type Contraction, type LabelledAxis } from '../axes.ts';
import { copyOperand, isDear, type CopiedOperand } from './copy.ts';
import { COUNTS, mapKernel, mapLength, mapOperands } from './map.ts';
import type { Side } from './operand.ts';
import { writeGroupProduct } from './product.ts';
import { groupedTiles, tilesAlong, tilesOf, type GroupTile } from './tiling.ts';

export interface GroupProductCall {
  readonly name: string;
  readonly bounds: Bounds;
  readonly target: Target & { readonly workgroups: Workgroups };
}

/** All kernels of a product, in order. */
export function lowerGroupProduct(contraction: Contraction, call: GroupProductCall): readonly LoweredKernel[] {
  const { name, bounds, target } = call;
  const tiles = tilesOf(contraction);
  const { rows, columns } = tiles.at(-1)!.tile;
  const copy = (side: Side, across: number): CopiedOperand | undefined =>
    isDear(contraction, side, across, target, bounds)
      ? copyOperand(contraction, side, `${name}_${side}`, bounds)
      : undefined;
  const [left, right] = [copy('left', columns), copy('right', rows)];
  const copies = { ...(left && { left: left.scratch }), ...(right && { right: right.scratch }) };
  // The tiles of groups differ in their height alone, which the map knows.
  const map = contraction.grouping && tileMap(contraction, tiles.at(-1)!.tile, call);
  const written = tiles.map(({ tile, ...guard }) => {
    const options = { tile, name, bounds, copies, ...(map?.share && { map: map.scratch }) };
    return { ...guard, ...writeGroupProduct(contraction, options) };
  });
  const product = { ...chosen(written), buffers: written[0]!.buffers, ...(map && { map }) };
  return [...(left ? [left.lowered] : []), ...(right ? [right.lowered] : []), product];
}

/** The last of some kernels, with the others as its alternatives. */
function chosen(kernels: readonly GuardedKernel[]): Pick<LoweredKernel, 'kernel' | 'alternatives'> {
  const guarded = kernels.map(({ kernel, atLeastZero }) => ({ kernel, ...(atLeastZero && { atLeastZero }) }));
  const alternatives = guarded.slice(0, -1);
  return { kernel: guarded.at(-1)!.kernel, ...(alternatives.length > 0 && { alternatives }) };
}

function tileMap(contraction: Contraction, tile: GroupTile, { bounds, target }: GroupProductCall): TileMap {
  const { axes } = contraction;
  const grouping = contraction.grouping!;
  const sizeOf = (group: readonly LabelledAxis[]): Dim => elementCount(sizesOf(group));
  const padded = (group: readonly LabelledAxis[], to: number): Dim =>
    multiply(tilesAlong(sizeOf(group), to), constant(to));
  const ragged = sizeOf(axes[grouping.of]);
  const heights = groupedTiles(ragged, grouping).map(({ tile: { rows }, ...guard }) => ({ height: rows, ...guard }));
  const least = Math.min(...heights.map(({ height }) => height));
  const { perDimension } = target.workgroups;
  const columns = padded(axes.columns, tile.columns);
  const batch = sizeOf(axes.batch);
  return {
    scratch: { type: 'i32', size: mapLength(ragged, grouping, least) },
    operands: mapOperands(contraction),
    write: (shares) =>
      chosen(
        heights.map(({ height, ...guard }) => {
          const options = { name: 'tile_map', bounds, height, shares, perDimension };
          return { ...guard, kernel: mapKernel(contraction, options) };
        }),
      ),
    ...(grouping.of === 'rows'
      ? {
          share: multiply(batch, tilesAlong(sizeOf(axes.columns), tile.columns)),
          executed: { at: COUNTS.tiles, times: multiply(batch, columns, padded(axes.summed, tile.depth)) },
        }
      : {
          executed: {
            at: COUNTS.multiples.get(tile.depth)!,
            times: multiply(batch, columns, padded(axes.rows, tile.rows)),
          },
        }),
  };
}
