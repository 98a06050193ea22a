/**
 * Tiles of products that a workgroup computes together, and which of them is taken where. A tile is large where there is
 * work for many workgroups, since an element is then read less often, and small where rows or columns are few; what is
 * summed is split over parts of a workgroup where tiles are too few to fill a device.
 */
import { add, constant, constantValue, floorDiv, multiply, subtract, type Dim } from '../../../dims/dim.ts';
import { elementCount } from '../../../dims/shape.ts';
import type { GuardedKernel } from '../../../plan/lowered.ts';
import { sizesOf, type Contraction, type Grouping } from '../axes.ts';

/** Every number is a power of two. */
export interface GroupTile {
  readonly rows: number;
  readonly columns: number;
  /** Rows of an invocation, 4 or 8; its columns are four. */
  readonly block: number;
  /** Of how many steps that follow each other every part of the invocations takes one. */
  readonly parts: number;
  /** Steps of the summed axes that are in workgroup memory at once. */
  readonly depth: number;
}

/** Neighbouring columns, which an invocation has in one vector. */
export const QUAD = 4;

export function invocationsOf({ rows, columns, block, parts }: GroupTile): number {
  return (rows / block) * (columns / QUAD) * parts;
}

const LARGE: GroupTile = { rows: 64, columns: 64, block: 8, parts: 1, depth: 16 };
const MEDIUM: GroupTile = { rows: 32, columns: 32, block: 4, parts: 1, depth: 32 };
/** For few tiles of long sums. */
const SPLIT: GroupTile = { rows: 32, columns: 32, block: 4, parts: 4, depth: 32 };
const SMALL: GroupTile = { rows: 16, columns: 16, block: 4, parts: 4, depth: 64 };
const FEW_ROWS: GroupTile = { rows: 4, columns: 16, block: 4, parts: 16, depth: 128 };
const FEW_COLUMNS: GroupTile = { rows: 16, columns: 4, block: 4, parts: 16, depth: 128 };

/** Those of products without groups. */
export const DENSE_TILES = [LARGE, MEDIUM, SPLIT, SMALL, FEW_ROWS, FEW_COLUMNS] as const;

/** Workgroups of large tiles that leave no part of a large device idle. */
const MANY = 128;
/** Workgroups below which even a small device has idle parts. */
const FEW = 48;
/** Summed steps worth splitting. */
const LONG = 256;

/** A tile, where the guard is at least 0. */
export interface GuardedTile extends Pick<GuardedKernel, 'atLeastZero'> {
  readonly tile: GroupTile;
}

/** The tiles that a product may take, the first whose guard holds; the last has none. */
export function tilesOf(contraction: Contraction): readonly GuardedTile[] {
  const { axes, grouping } = contraction;
  const [rows, columns, depth] = [axes.rows, axes.columns, axes.summed].map((group) => elementCount(sizesOf(group)));
  if (grouping?.of === 'summed') return [{ tile: summedTile(rows!, columns!, grouping) }];
  const choices = grouping
    ? groupedTiles(rows!, grouping)
    : denseTiles(rows!, columns!, depth!, elementCount(sizesOf(axes.resultBatch)));
  return choices.map(({ tile, ...guard }) => ({ ...guard, tile: fitted(tile, depth!) }));
}

function denseTiles(rows: Dim, columns: Dim, depth: Dim, batch: Dim): readonly GuardedTile[] {
  const isKnown = (size: Dim): boolean => constantValue(size) !== undefined;
  // Kernels take time to load, so there is none for what is seldom: a product of dimensions that is small.
  const isOftenFew = (size: Dim): boolean =>
    isKnown(size) || (constantValue(batch) === 1 && size.terms.every(({ factors }) => factors.length <= 1));
  const few = (size: Dim, most: number, tile: GroupTile): GuardedTile[] =>
    leastOf(size) <= most && isOftenFew(size) ? [{ tile, atLeastZero: subtract(constant(most), size) }] : [];
  const count = (tile: GroupTile): Dim =>
    multiply(tilesAlong(rows, tile.rows), tilesAlong(columns, tile.columns), batch);
  const medium = constantValue(count(MEDIUM));
  const isLong = (constantValue(depth) ?? LONG) >= LONG;
  return [
    ...few(rows, FEW_ROWS.rows, FEW_ROWS),
    ...few(columns, FEW_COLUMNS.columns, FEW_COLUMNS),
    ...[rows, columns].filter(isKnown).flatMap((size) => few(size, SMALL.rows, SMALL)),
    { tile: LARGE, atLeastZero: subtract(count(LARGE), constant(MANY)) },
    { tile: medium !== undefined && medium < FEW && isLong ? SPLIT : MEDIUM },
  ];
}

/** What the tiles of groups of rows have in common, whatever their height, so that padding is counted in rows. */
const GROUPED = { columns: 32, block: 4, depth: 64 } as const;

/** The fewer rows a group has on average, the lower its tiles: about half a tile of each group is padding. */
export function groupedTiles(rows: Dim, { groups, each }: Grouping): readonly GuardedTile[] {
  const guarded = (least: number): Dim => subtract(rows, multiply(constant(least), groups, each));
  return [
    { tile: { ...GROUPED, rows: 16, parts: 2 }, atLeastZero: guarded(64) },
    { tile: { ...GROUPED, rows: 8, parts: 4 }, atLeastZero: guarded(12) },
    { tile: { ...GROUPED, rows: 4, parts: 8 } },
  ];
}

/** One tile, whose depth is among the multiples that a map counts. */
function summedTile(rows: Dim, columns: Dim, { groups }: Grouping): GroupTile {
  const count = constantValue(multiply(tilesAlong(rows, LARGE.rows), tilesAlong(columns, LARGE.columns), groups));
  return count !== undefined && count >= MANY ? LARGE : MEDIUM;
}

/** The tile with no more depth than there is. */
function fitted(tile: GroupTile, depth: Dim): GroupTile {
  const known = constantValue(depth);
  if (known === undefined) return tile;
  let steps = Math.max(2 * QUAD, tile.parts);
  while (steps < known && steps < tile.depth) steps *= 2;
  return { ...tile, depth: steps };
}

export function tilesAlong(size: Dim, tile: number): Dim {
  return floorDiv(add(size, constant(tile - 1)), constant(tile));
}

/** The least that a size is unless it is 0, as far as that can be read off. */
function leastOf(size: Dim): number {
  return Math.min(...size.terms.map(({ coefficient }) => coefficient));
}
