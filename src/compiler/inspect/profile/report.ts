/** What a profile says: each step's time beside what it asks for, and how near that is to what the machine can do. */
import type { Routine, TargetProgram } from '../../../program/program.ts';
import type { StepFacts } from '../../../program/profile.ts';
import { evaluateSize, type Dims, type SizeExpr } from '../../../program/size.ts';
import type { Tile } from '../../kernel/target.ts';
import { ELEMENT_BYTES } from '../../plan/memory.ts';

/** Seconds of one run of something, of many runs. */
export interface Timing {
  readonly least: number;
  readonly median: number;
}

/** Operations a second of the fastest tile of accumulators, and that tile. */
export type TileCeiling = Tile & { readonly operations: number };

/** What the machine can do with the code of one target. */
export interface Ceilings {
  readonly tile: TileCeiling;
  /** The same for products of numbers of one byte. */
  readonly byteTile: TileCeiling;
  /** For several numbers of bytes touched, in ascending order, the most bytes a second that a copy or a sum reached. */
  readonly memory: readonly { readonly footprint: number; readonly bytes: number }[];
}

/** One step, or several of one kernel at one line and place of repeated blocks. */
export interface ProfileRow {
  /** Numbers of the steps. */
  readonly steps: readonly number[];
  readonly kernel: string;
  /** The path of the block in the spec, `layers.0.ff`; `layers.*.ff` of several. */
  readonly path: string;
  readonly place: string;
  readonly ops: readonly string[];
  /** In sum over the steps, as all that follows. */
  readonly time: Timing;
  readonly operations?: number;
  /** Those of them that multiply and add numbers of one byte. */
  readonly byteOperations?: number;
  readonly bytes?: number;
  /** Seconds that what bounds the steps, arithmetic or memory, takes at the ceiling, and which of the two it mostly is. */
  readonly ideal?: number;
  readonly bound?: 'tile' | 'memory';
}

export interface ProfileReport {
  readonly name: string;
  readonly target: string;
  /** Words on how it ran: `wasm, relaxed SIMD`. */
  readonly engine: string;
  readonly dims: Dims;
  readonly samples: number;
  /** All steps in one go. */
  readonly whole: Timing;
  /** Of the experts in one run: what was executed, and what it would be if every expert saw every token. */
  readonly multiplyAdds?: { readonly executed: number; readonly dense: number };
  readonly ceilings: Ceilings;
  /** One row a step. */
  readonly steps: readonly ProfileRow[];
}

/** What was measured, of what. */
export interface ProfileParts extends Omit<ProfileReport, 'steps'> {
  readonly program: TargetProgram;
  /** What was run. A program may have steps of other routines too. */
  readonly routine: Pick<Routine, 'first' | 'last'>;
  /** What the compiler tells of each step; without it, what the program says itself. */
  readonly facts: readonly StepFacts[] | undefined;
  /** Of each step of the routine. */
  readonly times: readonly Timing[];
}

export function makeReport({ program, routine, facts, times, ...rest }: ProfileParts): ProfileReport {
  const value = (size: SizeExpr | undefined): number | undefined =>
    size === undefined ? undefined : evaluateSize(size, rest.dims);
  const { first, last } = routine;
  const steps = program.steps.slice(first, last).map((step, index): ProfileRow => {
    const at = first + index;
    const told = facts?.[at];
    const buffers = [...new Set(step.buffers)].map((buffer) => program.buffers[buffer]!.size);
    const operations = value(told?.operations);
    const byteOperations = value(told?.byteOperations);
    const bytes = value(told ? told.bytes : ['*', ELEMENT_BYTES, ['+', ...buffers]]);
    return {
      steps: [at],
      kernel: program.kernels[step.kernel]!,
      path: step.origin,
      place: told?.place ?? '',
      ops: told?.ops ?? [],
      time: times[index]!,
      ...(operations !== undefined && { operations }),
      ...(byteOperations !== undefined && { byteOperations }),
      ...(bytes !== undefined && { bytes }),
      ...idealOf(operations, byteOperations, bytes, rest.ceilings),
    };
  });
  return { ...rest, steps };
}

/**
 * The roofline model (Williams, Waterman and Patterson, 2009): what a step computes and what it moves go on at the same
 * time, so that the slower of the two bounds it. Undefined where the operations are not known.
 */
function idealOf(
  operations = 0,
  byteOperations = 0,
  bytes: number | undefined,
  { tile, byteTile, memory }: Ceilings,
): Pick<ProfileRow, 'ideal' | 'bound'> {
  if (bytes === undefined) return {};
  const fits = memory.find(({ footprint }) => footprint >= bytes) ?? memory.at(-1)!;
  const computing = (operations - byteOperations) / tile.operations + byteOperations / byteTile.operations;
  const moving = bytes / fits.bytes;
  return computing >= moving ? { ideal: computing, bound: 'tile' } : { ideal: moving, bound: 'memory' };
}

/** Rows of equal kernels at one line, in blocks that differ in numbers alone, as one; the dearest first. */
export function mergedRows(steps: readonly ProfileRow[]): ProfileRow[] {
  const groups = new Map<string, ProfileRow[]>();
  for (const step of steps) {
    const key = [step.kernel, step.place, anyNumber(step.path)].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()].map(sumRows).toSorted((a, b) => b.time.least - a.time.least);
}

/** `layers.*.ff` for `layers.3.ff` */
export function anyNumber(path: string): string {
  return path
    .split('.')
    .map((segment) => (/^\d+$/.test(segment) ? '*' : segment))
    .join('.');
}

export function sumRows(rows: readonly ProfileRow[]): ProfileRow {
  const [first] = rows;
  if (rows.length === 1) return first!;
  const sum = (part: (row: ProfileRow) => number | undefined): number | undefined =>
    rows.reduce<number | undefined>((total, row) => {
      const value = part(row);
      return total === undefined || value === undefined ? undefined : total + value;
    }, 0);
  const [operations, bytes, ideal] = [sum((row) => row.operations), sum((row) => row.bytes), sum((row) => row.ideal)];
  const bounds = new Set(rows.map(({ bound }) => bound));
  return {
    ...first!,
    steps: rows.flatMap(({ steps }) => steps),
    path: rows.every(({ path }) => path === first!.path) ? first!.path : anyNumber(first!.path),
    time: { least: sum(({ time }) => time.least)!, median: sum(({ time }) => time.median)! },
    ...(operations !== undefined && { operations }),
    ...(bytes !== undefined && { bytes }),
    ...(ideal !== undefined && { ideal }),
    ...(bounds.size > 1 && { bound: first!.bound! }),
  };
}

/** A block of the spec, with the time of all steps in it. */
export interface BlockTime {
  /** The last segment of its path; of the entry, the model's name. */
  readonly name: string;
  readonly path: string;
  readonly seconds: number;
  /** Seconds at the ceilings; undefined where they are not known of each step. */
  readonly ideal: number | undefined;
  readonly blocks: readonly BlockTime[];
  /** Steps of its own, as rows of one step each. */
  readonly steps: readonly ProfileRow[];
}

/** The blocks as a tree, by the segments of their paths, in the order of their first steps. */
export function blockTimes({ name, steps }: Pick<ProfileReport, 'name' | 'steps'>): BlockTime {
  return blockAt(name, '', steps);
}

function blockAt(name: string, path: string, rows: readonly ProfileRow[]): BlockTime {
  const inside = path === '' ? 0 : path.length + 1;
  const groups = new Map<string, ProfileRow[]>();
  for (const row of rows) {
    const [segment = ''] = row.path.slice(inside).split('.');
    groups.set(segment, [...(groups.get(segment) ?? []), row]);
  }
  const own = groups.get('') ?? [];
  groups.delete('');
  const blocks = [...groups].map(([segment, inner]) =>
    blockAt(segment, path === '' ? segment : `${path}.${segment}`, inner),
  );
  const known = rows.every(({ ideal }) => ideal !== undefined);
  return {
    name,
    path,
    seconds: rows.reduce((sum, { time }) => sum + time.least, 0),
    ideal: known ? rows.reduce((sum, { ideal }) => sum + ideal!, 0) : undefined,
    blocks,
    steps: own,
  };
}
