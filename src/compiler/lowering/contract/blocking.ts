/**
 * How a product is cut into grid points: a block of rows by a group of neighbouring panels. Both are small enough that
 * a point's operands stay in the second-level cache, and that there are points to share out.
 */
import { add, constant, constantValue, floorDiv, type Dim } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import type { Tile } from '../../kernel/target.ts';
import { panelCount, sizesOf, type Contraction } from './axes.ts';

export interface Blocking {
  /** Rows of a grid point, a multiple of the tile's. */
  readonly rows: number;
  /** Panels of a grid point. */
  readonly panels: number;
  /** Blocks of rows, and groups of panels. */
  readonly blocks: Dim;
  readonly groups: Dim;
  /** Which of them is the outer loop. */
  readonly outer: 'blocks' | 'groups';
}

/** Rows that a block has about. */
const ROWS = 24;
/** Panels of a group, best first: with fewer, a single row has too few sums that do not wait for each other. */
const PANELS = [4, 5, 6, 3] as const;
export function blockingOf(contraction: Contraction, tile: Tile): Blocking {
  const total = panelCount(contraction, tile);
  const rows = tile.rows * Math.max(1, Math.round(ROWS / tile.rows));
  const panels = groupSize(constantValue(total));
  return {
    rows,
    panels,
    blocks: ceiling(elementCount(sizesOf(contraction.axes.rows)), rows),
    groups: ceiling(total, panels),
    outer: outerOf(contraction),
  };
}

/** Rows whose results lie on more pages than are at hand at once. */
const MANY_ROWS = 1024;
/** Bytes of panels that stay in the second-level cache beside the rest. */
const NEAR_PANELS = 1 << 19;
const ELEMENT_BYTES = 4;

/** Groups, so that a weight is read once, unless the panels stay near anyway and the result's rows would not. */
function outerOf({ axes, grouping }: Contraction): Blocking['outer'] {
  // Rows of no group come last and cost nothing, so that pieces of the rows would be of unequal cost.
  if (grouping) return 'groups';
  const [rows, columns, depth] = [axes.rows, axes.columns, axes.summed].map((group) =>
    constantValue(elementCount(sizesOf(group))),
  );
  if (rows === undefined || columns === undefined || depth === undefined) return 'groups';
  return rows >= MANY_ROWS && columns * depth * ELEMENT_BYTES <= NEAR_PANELS ? 'blocks' : 'groups';
}

function groupSize(panels: number | undefined): number {
  if (panels === undefined) return PANELS[0];
  if (panels <= Math.max(...PANELS)) return Math.max(1, panels);
  return PANELS.find((size) => panels % size === 0) ?? PANELS[0];
}

function ceiling(count: Dim, size: number): Dim {
  return floorDiv(add(count, constant(size - 1)), constant(size));
}

/**
 * How many panels the tiles of `height` rows take side by side, so that they are `panels` together. One or two rows
 * take as many as give the tile's number of sums; with more rows, registers would be short for the operands.
 */
export function tileWidths(panels: number, height: number, tile: Tile): readonly number[] {
  const most = height > 2 ? 1 : Math.max(1, Math.floor(tile.rows / height));
  const tiles = Math.ceil(panels / most);
  return Array.from({ length: tiles }, (_, at) => Math.floor((panels + tiles - 1 - at) / tiles));
}
