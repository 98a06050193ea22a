/** Dispatches of equal layers together, and how many each layer has. */
import type { Dispatch } from './costs.ts';

/** A row that stands for equal dispatches of several layers. */
export interface DispatchGroup {
  /** `blocks.{0..11}.attn` */
  readonly path: string;
  /** The first of them; all have its figures. */
  readonly dispatch: Dispatch;
  readonly count: number;
}

/** In the order of their first ones. */
export function groupDispatches(dispatches: readonly Dispatch[]): DispatchGroup[] {
  const groups = new Map<string, { dispatch: Dispatch; paths: string[] }>();
  for (const dispatch of dispatches) {
    const { path, ...figures } = dispatch;
    const key = JSON.stringify({ ...figures, path: patternOf(path) });
    const group = groups.get(key) ?? { dispatch, paths: [] };
    group.paths.push(path);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ dispatch, paths }) => ({
    path: mergedPath(paths),
    dispatch,
    count: paths.length,
  }));
}

export function singleDispatches(dispatches: readonly Dispatch[]): DispatchGroup[] {
  return dispatches.map((dispatch) => ({ path: dispatch.path, dispatch, count: 1 }));
}

/** What the numbered instances at a path dispatch. */
export interface RepeatedBlock {
  /** `blocks.{0..11}` */
  readonly path: string;
  readonly phase?: string;
  readonly copies: number;
  /** Of the instance with fewest, and of the one with most. */
  readonly least: number;
  readonly most: number;
}

/** Of the outermost numbered instances; a block that stands alone is not repeated. */
export function repeatedBlocks(dispatches: readonly Dispatch[]): RepeatedBlock[] {
  const blocks = new Map<string, { phase: string | undefined; counts: Map<string, number> }>();
  for (const { path, phase } of dispatches) {
    const segments = path.split('.');
    const at = segments.findIndex(isNumber);
    if (at < 0) continue;
    const own = segments.slice(0, at + 1).join('.');
    const key = `${segments.slice(0, at).join('.')} ${phase ?? ''}`;
    const block = blocks.get(key) ?? { phase, counts: new Map<string, number>() };
    block.counts.set(own, (block.counts.get(own) ?? 0) + 1);
    blocks.set(key, block);
  }
  return [...blocks.values()]
    .filter(({ counts }) => counts.size > 1)
    .map(({ phase, counts }) => ({
      path: mergedPath([...counts.keys()]),
      ...(phase !== undefined && { phase }),
      copies: counts.size,
      least: Math.min(...counts.values()),
      most: Math.max(...counts.values()),
    }));
}

function isNumber(segment: string): boolean {
  return /^\d+$/.test(segment);
}

function patternOf(path: string): string {
  return path
    .split('.')
    .map((segment) => (isNumber(segment) ? '#' : segment))
    .join('.');
}

/** Paths that differ in numbers only, as one. */
function mergedPath(paths: readonly string[]): string {
  const all = paths.map((path) => path.split('.'));
  return all[0]!
    .map((segment, at) => {
      if (!isNumber(segment)) return segment;
      const numbers = all.map((segments) => Number(segments[at]));
      const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
      return least === most ? segment : `{${least}..${most}}`;
    })
    .join('.');
}
