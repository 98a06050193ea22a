/** Kernels of which there is one for each register tile that a target may choose among when a program is loaded. */
import type { Target, Tile } from '../kernel/target.ts';
import type { LoweredKernel } from './lowered-kernel.ts';

/** The register tile whose products are called where nothing is chosen. */
export function defaultTile(target: Target): Tile {
  return target.tiles[0]!;
}

/**
 * The kernel for the default tile, with those for the others as its alternatives. `write` gives all of them the same
 * buffers in the same order.
 */
export function forTiles(target: Target, write: (tile: Tile) => LoweredKernel): LoweredKernel {
  const own = write(defaultTile(target));
  const others = target.tiles.slice(1).flatMap((tile, at) => {
    const { kernel, alternatives = [] } = write(tile);
    return [...alternatives.map((one) => ({ ...one, tile: at + 1 })), { kernel, tile: at + 1 }];
  });
  const alternatives = [...others, ...(own.alternatives ?? [])];
  return { ...own, ...(alternatives.length > 0 && { alternatives }) };
}
