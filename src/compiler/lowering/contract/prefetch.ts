/**
 * Brings panels nearer before they are needed. A weight is read once a run, from far away, and the first tile over a
 * panel would wait for it; the tiles over the panel before, which has come near already, have time to touch it.
 */
import { add, constant, constantValue, maximum, minimum, multiply, subtract, ZERO, type Dim } from '../../dims/dim.ts';
import { position } from '../../kernel/build.ts';
import type { Statement } from '../../kernel/ir.ts';
import type { Tile } from '../../kernel/target.ts';
import type { KernelContext } from '../kernel-context.ts';
import type { Blocking } from './blocking.ts';

/** A panel is touched at as many places at once, a distance apart, so that what each waits for overlaps. */
const STREAMS = 4;
/** Fewer bytes of panels stay near anyway. */
const LEAST_BYTES = 1 << 17;
const ELEMENT_BYTES = 4;

export interface PanelPrefetch {
  readonly before: readonly Statement[];
  /** What an iteration over `unroll` summed positions touches. */
  touch(iteration: Dim): readonly Statement[];
}

export interface PrefetchOptions {
  readonly context: KernelContext;
  readonly tile: Tile;
  readonly blocking: Blocking;
  /** The buffer of the panels, how many there are, and how many summed positions. */
  readonly buffer: string;
  readonly panels: Dim;
  readonly depth: Dim;
}

/** Where a tile stands: its batch, block and panel, and its number in the block. */
export interface TilePlace {
  readonly batch: Dim;
  readonly block: Dim;
  readonly panel: Dim;
  readonly number: Dim;
}

/**
 * Touches the panel behind that of a tile: each tile of a block its share, those of the first block alone. Undefined
 * where sizes are not known, there is too little to gain, or an iteration is too short for another instruction.
 */
export function prefetchNextPanel(options: PrefetchOptions, place: TilePlace): PanelPrefetch | undefined {
  const { context, tile, blocking, buffer } = options;
  const [panels, depth] = [constantValue(options.panels), constantValue(options.depth)];
  if (panels === undefined || depth === undefined || tile.unroll === 1 || panels < 2) return undefined;
  const size = depth * tile.columns;
  const share = Math.floor((size * tile.rows) / (STREAMS * blocking.rows));
  const step = Math.floor(share / Math.floor(depth / tile.unroll));
  if (panels * size * ELEMENT_BYTES < LEAST_BYTES || !(step >= 1)) return undefined;
  const next = minimum(add(place.panel, constant(1)), constant(panels - 1));
  const start = add(
    multiply(add(multiply(place.batch, constant(panels)), next), constant(size)),
    multiply(place.number, constant(share)),
  );
  const before: Statement[] = [];
  const isFirst = maximum(ZERO, subtract(constant(1), place.block));
  const ownStep = context.integer(position(multiply(constant(step), isFirst)), before);
  return {
    before,
    touch: (iteration) =>
      Array.from({ length: STREAMS }, (_, stream): Statement => {
        const first = add(start, constant(Math.floor((stream * size) / STREAMS)));
        return { kind: 'prefetch', buffer, index: add(first, multiply(ownStep, iteration)) };
      }),
  };
}
