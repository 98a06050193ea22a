/** The table of an entry by block, as rows of data and as cells of text. */
import { print, type Dim } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import type { Graph, KeptTensor, TensorType, Value } from '../ir/graph.ts';
import { groupedWork, type GroupedWork } from '../ir/grouped-work.ts';
import { parameterTensors } from '../ir/parameter-tensors.ts';
import { printType } from '../ir/types.ts';
import { parameterElements, partsOf, type Block } from './blocks.ts';
import { ELEMENT_BYTES } from '../plan/memory.ts';
import { bytesOf, sumSizes, type Costs } from './costs.ts';
import type { MemoryReport } from './memory.ts';
import {
  BEYOND,
  formatBytes,
  formatCount,
  formatExact,
  formatShape,
  formatSize,
  valueOf,
  type DimValues,
} from './quantities.ts';

/** One block, or several folded into one; costs are those of all copies, parts included. */
export interface TableRow {
  readonly depth: number;
  readonly path: string;
  /** The path below the block around it. */
  readonly name: string;
  readonly block: string;
  readonly copies: number;
  readonly outputs: readonly TensorType[];
  readonly costs: Costs;
}

export interface Summary {
  readonly entry: string;
  readonly rows: readonly TableRow[];
  /** Without dead parameters left out: all that the weights must hold. */
  readonly parameters: number;
  readonly tensors: number;
  readonly costs: Costs;
  /** Of the experts; absent where there are none. */
  readonly grouped?: GroupedWork;
  readonly memory: MemoryReport;
  /** Bytes that stay between tokens; absent for an entry that does not generate. */
  readonly cache?: Dim;
}

/** `depth` levels of blocks below the entry, by default all; `kept` is what generating keeps from token to token. */
export function summarize(
  graph: Graph,
  root: Block,
  memory: MemoryReport,
  depth = Infinity,
  kept: readonly KeptTensor[] = [],
): Summary {
  const grouped = groupedWork(graph);
  const cache =
    kept.length > 0 ? sumSizes(kept.map(({ value }) => bytesOf(elementCount(value.type.shape)))) : undefined;
  return {
    entry: graph.name,
    rows: partsOf(root).flatMap((part) => rowsOf(part, '', 0, depth)),
    parameters: graph.parameters.reduce((sum, parameter) => sum + parameterElements(parameter), 0),
    tensors: parameterTensors(graph.parameters).length,
    costs: root.costs,
    ...(grouped && { grouped }),
    memory,
    ...(cache && { cache }),
  };
}

function rowsOf(block: Block, above: string, depth: number, limit: number): TableRow[] {
  if (depth >= limit) return [];
  const { path, copies, costs } = block;
  const row: TableRow = {
    depth,
    path,
    name: above !== '' && path.startsWith(`${above}.`) ? path.slice(above.length + 1) : path,
    block: block.kind === 'round' ? '' : block.name,
    copies,
    outputs: block.outputs.map(({ type }: Value) => type),
    costs,
  };
  return [row, ...partsOf(block).flatMap((part) => rowsOf(part, path, depth + 1, limit))];
}

export const TABLE_HEAD = ['path', 'block', 'output', 'parameters', 'multiply-adds', 'activations'] as const;

/** A line of cells for each row, under `TABLE_HEAD`. */
export function tableCells({ rows }: Summary, dims: DimValues): string[][] {
  return rows.map(({ depth, name, block, copies, outputs, costs }) => [
    `${'  '.repeat(depth)}${name === '' ? block : name}${copies > 1 ? ` ×${copies}` : ''}`,
    block,
    outputsText(outputs, copies, dims),
    costs.parameters === 0 ? '' : formatExact(costs.parameters),
    blankZero(formatSize(costs.multiplyAdds, formatCount, dims), '0'),
    blankZero(formatSize(costs.activations, formatBytes, dims), '0 B'),
  ]);
}

function blankZero(text: string, zero: string): string {
  return text === zero ? '' : text;
}

/** Copies side by side leave one value each, which are equal in type. */
function outputsText(outputs: readonly TensorType[], copies: number, dims: DimValues): string {
  const texts = outputs.map(({ dtype, shape }) => dtype + formatShape(shape, dims));
  const kinds = [...new Set(texts)];
  if (copies > 1 && kinds.length === 1 && texts.length > 1) return `${texts.length} × ${kinds[0]}`;
  return texts.length > 3 ? `${texts.slice(0, 2).join(', ')} … ${texts.length} values` : texts.join(', ');
}

/** What the whole entry takes, as names and values. */
export function totalCells(
  { parameters, tensors, costs, grouped, memory, cache }: Summary,
  dims: DimValues,
): string[][] {
  const peaks = memory.peaks?.map(({ bytes }) => formatSize(bytes, formatBytes, dims)) ?? [BEYOND];
  const peak = peaks.length > 1 ? `max(${peaks.join(', ')})` : (peaks[0] ?? formatBytes(0));
  const example = [...memory.dims].map(([name, value]) => `${name} = ${value}`).join(', ');
  const laidOut = `${formatBytes(memory.layout.bytes)} as laid out${example === '' ? '' : ` for ${example}`}`;
  return [
    ['parameters', `${formatExact(parameters)} in ${tensors} ${tensors === 1 ? 'tensor' : 'tensors'}`],
    ['multiply-adds', formatSize(costs.multiplyAdds, formatCount, dims)],
    ...(grouped ? [['of experts', groupedText(grouped, dims)]] : []),
    ['weights', `${formatBytes(parameters * ELEMENT_BYTES)} stored, ${formatBytes(memory.persistent)} loaded`],
    ['peak arena', `${peak}; ${laidOut}`],
    ...(cache ? [['cache', `${formatSize(cache, formatBytes, dims)} kept between tokens that are generated`]] : []),
  ];
}

/** What every token takes of its own experts, and of all. A run adds what fills up tiles, and leaves out dropped tokens. */
function groupedText({ sparse, dense }: GroupedWork, dims: DimValues): string {
  const [own, all] = [sparse, dense].map((work) => formatSize(work, formatCount, dims));
  return `${own}, against ${all} if every expert saw every token`;
}

/**
 * The same as plain data: sizes are numbers where `dims` make them so, else texts such as `4096*batch`, and null beyond
 * 2^53.
 */
export function summaryJson(
  { entry, rows, parameters, tensors, costs, grouped, memory, cache }: Summary,
  dims: DimValues,
): unknown {
  const size = (value: Dim | undefined): number | string | null =>
    value === undefined ? null : (valueOf(value, dims) ?? print(value));
  const costsJson = (each: Costs): object => ({
    parameters: each.parameters,
    multiplyAdds: size(each.multiplyAdds),
    activationBytes: size(each.activations),
  });
  return {
    entry,
    blocks: rows.map(({ depth, path, block, copies, outputs, costs: own }) => ({
      path,
      block,
      depth,
      copies,
      outputs: outputs.map(printType),
      ...costsJson(own),
    })),
    total: {
      ...costsJson(costs),
      parameters,
      parameterTensors: tensors,
      ...(grouped && { experts: { sparse: size(grouped.sparse), dense: size(grouped.dense) } }),
      weightBytes: parameters * ELEMENT_BYTES,
      loadedBytes: memory.persistent,
      peakArenaBytes: memory.peaks?.map(({ bytes }) => size(bytes)) ?? null,
      ...(cache && { cacheBytes: size(cache) }),
      laidOut: { dims: Object.fromEntries(memory.dims), bytes: memory.layout.bytes, lowerBound: memory.lowerBound },
    },
  };
}
