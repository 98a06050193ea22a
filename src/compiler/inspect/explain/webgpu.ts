/** `--explain webgpu`: what a run asks of a GPU, by kernel and in total, beside what the graph needs. */
import type { Dispatch, RoutineCosts } from '../gpu/costs.ts';
import { repeatedBlocks, type DispatchGroup, type RepeatedBlock } from '../gpu/repeated.ts';
import { formatBytes, formatCount } from '../quantities.ts';

export const WEBGPU_HEAD = [
  'kernel',
  'times',
  'workgroups',
  'multiply-adds',
  'asked',
  'read',
  'loaded',
  'written',
  'line',
  'at',
] as const;

/** A line of cells for each group of dispatches, under `WEBGPU_HEAD`; figures are those of one dispatch. */
export function dispatchCells(groups: readonly DispatchGroup[]): string[][] {
  return groups.map(({ path, dispatch, count }) => {
    const { kernel, workgroups, invocations, multiplyAdds, asked, read, loaded, written, place, phase } = dispatch;
    const where = path === '' ? '(entry)' : path;
    return [
      kernel,
      count === 1 ? '' : `${count} ×`,
      `${workgroups} × ${invocations}`,
      figure(multiplyAdds, formatCount),
      figure(asked, formatCount),
      formatBytes(read),
      figure(loaded, formatBytes),
      formatBytes(written),
      place,
      phase ? `${where}, ${phase}` : where,
    ];
  });
}

/** Nothing for zero, which most kernels have; what is not known depends on data. */
function figure(value: number | undefined, format: (value: number) => string): string {
  if (value === undefined) return 'by data';
  return value === 0 ? '' : format(value);
}

export interface RoutineTotals {
  readonly dispatches: number;
  readonly repeated: readonly RepeatedBlock[];
  readonly pipelines: number;
  readonly bindGroups: number;
  readonly submissions: number;
  readonly copies: number;
  /** Sums of what the dispatches tell; those that depend on data are left out of `executed` and `loadedBytes`, and counted. */
  readonly executed: number;
  readonly asked?: number;
  readonly boundBytes: number;
  readonly loadedBytes: number;
  readonly byData: number;
  readonly leastBytes: number;
}

export function totalsOf({ dispatches, pipelines, copies, asked, leastBytes }: RoutineCosts): RoutineTotals {
  const sum = (of: (dispatch: Dispatch) => number): number => dispatches.reduce((all, one) => all + of(one), 0);
  return {
    dispatches: dispatches.length,
    repeated: repeatedBlocks(dispatches),
    pipelines,
    // Bound once, when dimensions are.
    bindGroups: dispatches.length,
    submissions: 1,
    copies,
    executed: sum(({ multiplyAdds = 0 }) => multiplyAdds),
    ...(asked !== undefined && { asked }),
    boundBytes: sum(({ read, written }) => read + written),
    loadedBytes: sum(({ loaded = 0, stored = 0 }) => loaded + stored),
    byData: dispatches.filter(({ multiplyAdds }) => multiplyAdds === undefined).length,
    leastBytes,
  };
}

/** Lines of two cells. */
export function costCells(costs: RoutineCosts): string[][] {
  const totals = totalsOf(costs);
  const { dispatches, pipelines, executed, asked, boundBytes, loadedBytes, leastBytes, byData, copies } = totals;
  const more = byData > 0 ? `, and in ${byData} what the data ask for` : '';
  const { shared, kept, dims } = costs;
  return [
    ...(dims.size > 0 ? [['for', [...dims].map(([name, value]) => `${name} = ${value}`).join(', ')]] : []),
    ['dispatches', `${dispatches} of ${pipelines} pipelines, with ${dispatches} bind groups, in 1 submission`],
    ...totals.repeated.map((block) => ['in each', eachText(block)]),
    ...(copies > 0 ? [['copies', `${copies}, for kernels that take more buffers than every device binds`]] : []),
    ['multiply-adds', `${formatCount(executed)}${more}${askedText(executed, asked, byData)}`],
    ['tensors', `${formatBytes(boundBytes)} read and written, each once for a dispatch`],
    ['loads, stores', `${formatBytes(loadedBytes)}${more}`],
    [
      'at least',
      `${formatBytes(leastBytes)} of inputs, weights and outputs, each once${ratio(boundBytes, leastBytes)}`,
    ],
    [
      'buffers',
      `${kept.count} that stay, ${formatBytes(kept.bytes)}; ${shared.count} that all else shares, ${formatBytes(shared.bytes)}`,
    ],
  ];
}

function eachText({ path, phase, least, most }: RepeatedBlock): string {
  const count = least === most ? String(least) : `${least} to ${most}`;
  return `${path}${phase ? `, ${phase}` : ''}: ${count}`;
}

function askedText(executed: number, asked: number | undefined, byData: number): string {
  if (asked === undefined) return '';
  return `; the graph asks for ${formatCount(asked)}${byData === 0 ? ratio(executed, asked) : ''}`;
}

function ratio(value: number, of: number): string {
  return of === 0 ? '' : `; it is ${(value / of).toFixed(2)} times that`;
}

/** The costs as JSON, with the totals. */
export function webgpuJson(routines: readonly RoutineCosts[]): object {
  return {
    routines: routines.map((costs) => ({
      ...costs,
      dims: Object.fromEntries(costs.dims),
      totals: totalsOf(costs),
    })),
  };
}
