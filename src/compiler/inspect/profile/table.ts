/** A profile as cells of text and as plain data. */
import { formatCount } from '../quantities.ts';
import {
  anyNumber,
  blockTimes,
  mergedRows,
  sumRows,
  type BlockTime,
  type ProfileReport,
  type ProfileRow,
  type TileCeiling,
} from './report.ts';

export const PROFILE_HEAD = ['time', 'share', 'kernel', 'GFLOP/s', 'GB/s', 'ceiling', 'at'] as const;

/** A line of cells for each of the `most` dearest rows, under `PROFILE_HEAD`, and one for the rest. */
export function profileCells(
  report: ProfileReport,
  { all, most }: { readonly all: boolean; readonly most: number },
): string[][] {
  const rows = all ? report.steps.toSorted((a, b) => b.time.least - a.time.least) : mergedRows(report.steps);
  const sum = sumOf(report.steps);
  const rest = rows.slice(most);
  const cells = rows.slice(0, most).map((row) => rowCells(row, sum));
  if (rest.length > 0) {
    const [time, share, , ...figures] = rowCells(sumRows(rest), sum);
    cells.push([time!, share!, `${rest.length} others`, ...figures.slice(0, 3), '']);
  }
  return cells;
}

function sumOf(steps: readonly ProfileRow[]): number {
  return steps.reduce((total, { time }) => total + time.least, 0);
}

function rowCells(row: ProfileRow, sum: number): string[] {
  const { steps, kernel, path, place, time, operations, bytes } = row;
  return [
    formatTime(time.least),
    percent(time.least / sum),
    steps.length > 1 ? `${kernel} ×${steps.length}` : kernel,
    operations === undefined ? '' : rate(operations / time.least),
    bytes === undefined ? '' : rate(bytes / time.least),
    ceilingText(row),
    [path === '' ? '(entry)' : path, shortPlace(place)].filter((part) => part !== '').join('  '),
  ];
}

/** The part of the ceiling that a row reaches, and which ceiling that is. */
export function ceilingText({ ideal, bound, time }: ProfileRow): string {
  return ideal === undefined || time.least === 0 ? '' : `${percent(ideal / time.least)} ${bound}`;
}

/** The name of the file says enough beside the path of the block. */
function shortPlace(place: string): string {
  return place.slice(place.lastIndexOf('/') + 1);
}

/** `–` where there is no whole to be a part of. */
export function percent(part: number): string {
  if (!Number.isFinite(part)) return '–';
  return `${(100 * part).toFixed(part >= 0.0995 ? 0 : 1)} %`;
}

/** In units of 10^9 a second. */
export function rate(value: number): string {
  const giga = value / 1e9;
  return Number.isFinite(giga) ? giga.toFixed(giga >= 99.5 ? 0 : giga >= 9.95 ? 1 : 2) : '';
}

/** `12.3 ms`, three digits that count. */
export function formatTime(seconds: number): string {
  const [value, unit] =
    seconds >= 1
      ? [seconds, 's']
      : seconds >= 1e-3
        ? [seconds * 1e3, 'ms']
        : seconds >= 1e-6
          ? [seconds * 1e6, 'µs']
          : [seconds * 1e9, 'ns'];
  return `${value.toFixed(value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2)} ${unit}`;
}

export const BLOCKS_HEAD = ['block', 'time', 'share', 'ceiling'] as const;

interface BlockSum {
  readonly depth: number;
  seconds: number;
  ideal: number | undefined;
  copies: number;
}

/** A line of cells for each block down to `depth`, those that differ in numbers alone in one. */
export function blockCells(report: ProfileReport, depth: number): string[][] {
  const sums = new Map<string, BlockSum>();
  const visit = ({ path, seconds, ideal, blocks, steps }: BlockTime, level: number): void => {
    // What holds nothing but numbered blocks is the name of a loop.
    const isLoop = path !== '' && steps.length === 0 && blocks.every(({ name }) => /^\d+$/.test(name));
    if (path !== '' && !isLoop) {
      const key = anyNumber(path);
      const sum = sums.get(key) ?? { depth: level, seconds: 0, ideal: 0, copies: 0 };
      sum.seconds += seconds;
      sum.ideal = sum.ideal === undefined || ideal === undefined ? undefined : sum.ideal + ideal;
      sum.copies++;
      sums.set(key, sum);
    }
    const below = level + (isLoop || path === '' ? 0 : 1);
    if (below < depth) for (const block of blocks) visit(block, below);
  };
  const root = blockTimes(report);
  visit(root, 0);
  return [...sums].map(([path, { seconds, ideal, copies, depth: level }]) => [
    `${'  '.repeat(level)}${path}${copies > 1 ? ` ×${copies}` : ''}`,
    formatTime(seconds),
    percent(seconds / root.seconds),
    ideal === undefined || seconds === 0 ? '' : percent(ideal / seconds),
  ]);
}

/** What holds for the whole, as names and values. */
export function summaryCells(report: ProfileReport): string[][] {
  const { engine, dims, samples, whole, multiplyAdds, ceilings, steps } = report;
  const { tile, byteTile, memory } = ceilings;
  const isQuantized = steps.some(({ byteOperations }) => byteOperations !== undefined);
  const sum = sumOf(steps);
  const operations = steps.reduce((total, step) => total + (step.operations ?? 0), 0);
  const speed = operations === 0 ? '' : `, ${rate(operations / whole.least)} GFLOP/s`;
  const sizes = [...dims].map(([name, value]) => `${name} = ${value}`).join(', ');
  return [
    ['engine', sizes === '' ? engine : `${engine}; ${sizes}`],
    ['whole run', `${formatTime(whole.least)}, median ${formatTime(whole.median)} of ${samples}${speed}`],
    ['sum of steps', `${formatTime(sum)}, ${percent(sum / whole.least)} of the whole run`],
    ...(multiplyAdds ? [['experts', expertsText(multiplyAdds)]] : []),
    ['tile ceiling', tileText(tile)],
    ...(isQuantized ? [['tile of bytes', tileText(byteTile)]] : []),
    [
      'memory ceiling',
      `${memory.map(({ footprint, bytes }) => `${rate(bytes)} GB/s in ${binaryBytes(footprint)}`).join(', ')}`,
    ],
  ];
}

function expertsText({ executed, dense }: NonNullable<ProfileReport['multiplyAdds']>): string {
  const part = percent(executed / dense);
  return `${formatCount(executed)} multiply-adds executed, ${part} of the ${formatCount(dense)} if every expert saw every token`;
}

function tileText({ operations, rows, columns }: TileCeiling): string {
  return `${rate(operations)} GFLOP/s with ${rows} × ${columns} accumulators`;
}

function binaryBytes(bytes: number): string {
  return bytes >= 2 ** 20 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`;
}

function tileJson({ operations, rows, columns }: TileCeiling): object {
  return { rows, columns, operationsPerSecond: operations };
}

/** Everything as plain data: times in seconds, rates a second. */
export function profileJson(report: ProfileReport): unknown {
  const { name, target, engine, dims, samples, whole, multiplyAdds, ceilings, steps } = report;
  const row = ({ time, ...rest }: ProfileRow): object => ({ ...rest, ...time });
  const block = ({ blocks, steps: own, ...rest }: BlockTime): object => ({
    ...rest,
    steps: own.flatMap(({ steps: numbers }) => numbers),
    blocks: blocks.map(block),
  });
  return {
    name,
    target,
    engine,
    dims: Object.fromEntries(dims),
    samples,
    whole,
    sum: sumOf(steps),
    ...(multiplyAdds && { multiplyAdds }),
    ceilings: {
      tile: tileJson(ceilings.tile),
      byteTile: tileJson(ceilings.byteTile),
      memory: ceilings.memory.map(({ footprint, bytes }) => ({ footprint, bytesPerSecond: bytes })),
    },
    steps: steps.map((step, at) => ({ step: at, ...row(step), steps: undefined })),
    rows: mergedRows(steps).map(row),
    blocks: block(blockTimes(report)),
  };
}
