/**
 * How workgroups share out an attention: each takes a block of queries and goes over the keys in blocks. Its invocations
 * are rows, of a quad of queries each (four neighbours), by columns, which share out the keys of a block for the scores,
 * and the quads of a value for the sums.
 */
import { add, constant, constantValue, floorDiv, maximum, ONE, type Bounds, type Dim } from '../../../dims/dim.ts';
import type { Workgroups } from '../../../kernel/target.ts';
import type { Attention } from '../analyse.ts';

/** Neighbours that a vector holds. */
export const QUAD = 4;

/** Rows of invocations where there are queries enough. */
const MOST_ROWS = 8;
const COLUMNS = { few: 8, many: 16 };
/** The fewest invocations that a GPU runs at the price of one. */
const LEAST_INVOCATIONS = 32;
/** The most keys of a block. */
const MOST_KEYS = 32;
/** The most quads of each query and key that are in workgroup memory at once. */
const MOST_CHUNK = 8;
/** The most quads of a value that one invocation sums for each of its queries, which is what registers hold. */
const MOST_SUMS = 4;
/** The same where the width of values is not known. */
const SOME_SUMS = 2;

export interface Blocking {
  /** Of invocations. */
  readonly rows: number;
  readonly columns: number;
  /** Keys of a block, and those of which an invocation computes the scores. */
  readonly keys: number;
  readonly keysEach: number;
  /** Queries and keys pass through workgroup memory in chunks of so many quads of their width. */
  readonly chunk: number;
  readonly chunks: Dim;
  /** Whether the one chunk of the queries stays there while the keys pass. */
  readonly isResident: boolean;
  /** Quads of a value that a workgroup sums, and those of an invocation; where there are more, further workgroups do. */
  readonly depth: number;
  readonly sums: number;
  readonly depthBlocks: Dim;
  /** Keys whose values are in workgroup memory at once. */
  readonly staged: number;
  readonly places: Places;
}

/** Where things lie in workgroup memory, in quads. */
export interface Places {
  /** From a row of queries or keys to the next: odd, so that neighbours lie in different banks. */
  readonly step: number;
  readonly keysAt: number;
  readonly valuesAt: number;
  /** Of queries, keys and values together: values lie where keys were, and queries that do not stay. */
  readonly rowsSize: number;
  /** From the exponentials of a row of invocations to those of the next; odd, too. */
  readonly powerStep: number;
}

/** Within `memory` bytes for each workgroup. */
export function blockingOf(attention: Attention, { memory }: Workgroups, bounds: Bounds): Blocking {
  const rows = rowsOf(attention.queries);
  const values = depthOf(attention, bounds);
  const columns = Math.max(values.depth > COLUMNS.few ? COLUMNS.many : COLUMNS.few, LEAST_INVOCATIONS / rows);
  const widths = chunksOf(attention.width, bounds);
  const keys = keysOf(attention.keys, columns);
  const step = odd(widths.chunk);
  const powerStep = odd(keys);
  const keysAt = rows * QUAD * step;
  const valuesAt = widths.isResident ? keysAt : 0;
  const used = keysAt + keys * step;
  const free = memory / (4 * QUAD) - rows * (powerStep + columns);
  const staged = largestPart(keys, (Math.max(used, free) - valuesAt) / Math.max(1, values.depth));
  const rowsSize = Math.max(used, valuesAt + staged * values.depth);
  return {
    rows,
    columns,
    keys,
    keysEach: keys / columns,
    ...widths,
    ...values,
    sums: Math.ceil(values.depth / columns),
    staged,
    places: { step, keysAt, valuesAt, rowsSize, powerStep },
  };
}

function rowsOf(queries: Dim): number {
  const count = constantValue(queries);
  if (count === undefined) return MOST_ROWS;
  const needed = Math.ceil(count / QUAD);
  // The least power of two that is enough.
  return powerAtMost(2 * needed - 1, MOST_ROWS);
}

/** All columns have as many. */
function keysOf(keys: Dim, columns: number): number {
  const count = constantValue(keys) ?? MOST_KEYS;
  return Math.min(MOST_KEYS, columns * Math.max(1, Math.ceil(count / columns)));
}

/** The largest divisor of `count` up to `most`. */
function largestPart(count: number, most: number): number {
  for (let part = Math.min(count, Math.floor(most)); part > 1; part--) if (count % part === 0) return part;
  return 1;
}

function chunksOf(width: Dim, bounds: Bounds): Pick<Blocking, 'chunk' | 'chunks' | 'isResident'> {
  const count = constantValue(width);
  if (count === undefined) {
    const size = QUAD * MOST_CHUNK;
    return { chunk: MOST_CHUNK, chunks: ceiling(width, size, bounds), isResident: false };
  }
  const quads = Math.ceil(count / QUAD);
  const chunks = Math.ceil(quads / MOST_CHUNK);
  // Chunks of about one size.
  const chunk = Math.max(1, Math.ceil(quads / Math.max(1, chunks)));
  return { chunk, chunks: constant(chunks), isResident: chunks === 1 };
}

function depthOf({ depth, final }: Attention, bounds: Bounds): Pick<Blocking, 'depth' | 'depthBlocks'> {
  if (!final) return { depth: 0, depthBlocks: ONE };
  const count = constantValue(depth);
  const quads = Math.ceil((count ?? Infinity) / QUAD);
  if (quads <= MOST_SUMS * COLUMNS.many) return { depth: quads, depthBlocks: ONE };
  const most = SOME_SUMS * COLUMNS.many;
  // One at least, which gives the logarithms of what has no values.
  return { depth: most, depthBlocks: maximum(ONE, ceiling(depth, QUAD * most, bounds), bounds) };
}

export function ceiling(count: Dim, of: number, bounds: Bounds): Dim {
  return floorDiv(add(count, constant(of - 1)), constant(of), bounds);
}

function odd(count: number): number {
  return count % 2 === 1 ? count : count + 1;
}

/** The largest power of two up to `count`, within 1 … `most`. */
function powerAtMost(count: number, most: number): number {
  return Math.min(most, 2 ** Math.floor(Math.log2(Math.max(1, count))));
}
