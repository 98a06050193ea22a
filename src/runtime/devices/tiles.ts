/**
 * Chooses the register tile of a program's products: engines and processors differ in how many sums they keep in registers,
 * and results do not depend on it. So the candidates are tried for a few milliseconds when a program is loaded.
 */
import type { ProgramTile, ProgramTiles, SimdVariant, TargetProgram } from '../../program/program.ts';
import { HeddleError } from '../errors.ts';
import type { Device } from './device.ts';

export interface TileChoice {
  /** An index into the candidates. */
  readonly tile: number;
  /** The tiles that were tried, with their multiply-adds in a second. */
  readonly tried: readonly { readonly tile: number; readonly rate: number }[];
}

/** `6x8`: rows by columns. */
export function tileName({ rows, columns }: ProgramTile): string {
  return `${rows}x${columns}`;
}

/** The tile of that name. Throws HeddleError 'option' when the module has no such tile. */
export function tileNamed(name: string, { tiles }: TargetProgram, simd: SimdVariant | undefined): number {
  const order = (simd && tiles?.order[simd]) ?? [];
  const found = order.find((tile) => tileName(tiles!.candidates[tile]!) === name);
  if (found !== undefined) return found;
  const names = order.map((tile) => tileName(tiles!.candidates[tile]!));
  throw new HeddleError(
    'option',
    names.length === 0
      ? `the option tile is ${String(name)}, but this program has no tiles to choose from`
      : `the option tile is ${String(name)}; it can be ${names.join(' or ')}`,
  );
}

/** The fastest tile; `found` remembers that of each module. */
export function chooseTile(
  device: Device,
  { tiles }: TargetProgram,
  simd: SimdVariant,
  found: Map<SimdVariant, number> = new Map(),
): number {
  if (!tiles) return 0;
  const tile = found.get(simd) ?? tryTiles(device, tiles, simd).tile;
  found.set(simd, tile);
  return tile;
}

/** Milliseconds without progress that end a trial: engines begin with slow code and replace it after one or two. */
const PATIENCE = 3;
/** Milliseconds that a trial takes at most. */
const MOST = 15;
/** What is faster by this is progress. */
const PROGRESS = 1.2;
/** What a tile must be faster than one that is likelier the best, to be taken for faster. */
const MARGIN = 1.04;

/**
 * Tries the tiles of a module, in turns, until all have been as fast as they were for a while. Uses the memory from the
 * device's base on.
 */
export function tryTiles(device: Device, tiles: ProgramTiles, simd: SimdVariant): TileChoice {
  const order = tiles.order[simd];
  if (order.length === 1) return { tile: order[0]!, tried: [] };
  const [operands, results] = tiles.buffers;
  const addresses = [device.base, device.base + 4 * operands];
  device.reserve(device.base + 4 * (operands + results));
  const least = order.map(() => Infinity);
  const start = performance.now();
  let settled = start;
  for (let now = start; now < Math.min(start + MOST, settled + PATIENCE);) {
    for (const [at, tile] of order.entries()) {
      const before = performance.now();
      device.call(tiles.candidates[tile]!.kernel, addresses, []);
      now = performance.now();
      if (PROGRESS * (now - before) < least[at]!) settled = now;
      least[at] = Math.min(least[at]!, now - before);
    }
  }
  const tried = order.map((tile, at) => ({ tile, rate: (1000 * tiles.candidates[tile]!.multiplyAdds) / least[at]! }));
  return { tile: fastest(tried), tried };
}

/** The first, unless a later one is faster than it by more than chance. A clock too coarse to tell tells nothing. */
function fastest(tried: TileChoice['tried']): number {
  let [best] = tried;
  for (const one of tried) if (Number.isFinite(one.rate) && one.rate > MARGIN * best!.rate) best = one;
  return best!.tile;
}
