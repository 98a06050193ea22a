/**
 * Kernels that measure what a target can reach on the machine and engine that runs them: how fast a tile of accumulators
 * can be fed while its operands stay in the nearest cache, and how fast memory of several sizes can be copied and read.
 */
import { add, constant, multiply, symbol, type Dim } from '../../dims/dim.ts';
import { binary, literal, load, splat, variable } from '../../kernel/build.ts';
import type { Expr, Kernel, Lanes, Statement } from '../../kernel/ir.ts';
import { prepareKernel } from '../../kernel/prepare.ts';
import type { Target, Tile } from '../../kernel/target.ts';
import { BYTES, tileKernel } from '../../lowering/tile-kernel.ts';
import type { DType } from '../../ir/graph.ts';
import {
  onlyRoutine,
  type KernelCall,
  type LoweredBuffer,
  type LoweredProgram,
  type NamedTensor,
} from '../../plan/lowered.ts';
import { ELEMENT_BYTES } from '../../plan/memory.ts';

/** What one step of the measuring program tells. */
export type Measurement =
  /** Floating-point operations of one run of the step, two for each multiply-add. */
  | { readonly kind: 'tile' | 'byteTile'; readonly tile: Tile; readonly operations: number }
  /** Bytes that one run of the step reads and writes, all of them different. */
  | { readonly kind: 'memory'; readonly bytes: number };

export interface CeilingProgram {
  readonly lowered: LoweredProgram;
  /** In the order of the steps of a run; what they read is filled by steps of the load. */
  readonly measurements: readonly Measurement[];
}

/** Besides those that the target itself tries: the best tiles known, with and without a fused multiply-add. */
const VECTOR_TILES: readonly Tile[] = [
  { rows: 4, columns: 8, unroll: 1 },
  { rows: 6, columns: 8, unroll: 1 },
  { rows: 6, columns: 8, unroll: 4 },
];
const GPU_TILES: readonly Tile[] = [
  { rows: 4, columns: 4, unroll: 1 },
  { rows: 8, columns: 8, unroll: 1 },
];
/** How much a target is given to do. */
interface Scale {
  readonly lanes: Lanes;
  /** Steps of the summed axis. */
  readonly depth: number;
  /** Tiles that one run computes. */
  readonly count: number;
  /** Bytes that a run touches. */
  readonly footprints: readonly number[];
}
/** 8 KiB of panel and 1 KiB a row; well inside of first-level, second-level and last-level caches, and beyond them. */
const ONE_CORE = { depth: 256, count: 512, footprints: [2 ** 14, 2 ** 18, 2 ** 22, 2 ** 26] } as const;
/** Enough for every unit; the most bytes that any device binds. */
const WHOLE_GPU: Scale = { lanes: 4, depth: 64, count: 2 ** 16, footprints: [2 ** 20, 2 ** 24, 2 ** 27] };
/** Elements that one point of the grid copies or reads. */
const CHUNK = 1024;
/** Accesses that are under way at once. */
const STREAMS = 4;

export function ceilingProgram(target: Target): CeilingProgram {
  const isGpu = target.workgroups !== undefined;
  const { lanes, depth, count, footprints }: Scale = isGpu ? WHOLE_GPU : { ...ONE_CORE, lanes: target.lanes };
  const largest = footprints.at(-1)! / ELEMENT_BYTES;
  const [operands, tiles, words, sums, from, to] = [0, 1, 2, 3, 4, 5] as const;
  const buffer = (type: DType, size: number): LoweredBuffer => ({ type, size: constant(size) });
  const buffers = [
    buffer('f32', depth * 64),
    buffer('f32', count * 64),
    buffer('i32', depth * 64),
    buffer('i32', count * 64),
    buffer('f32', largest),
    buffer('f32', largest / 2),
  ];
  const call = (kernel: Kernel, ...used: number[]): KernelCall => ({
    kernel: prepareKernel(kernel, target),
    buffers: used,
    sizes: [],
    origin: { path: '' },
  });
  // Nothing they depend on changes, so that planning has them done once.
  const calls = [
    call(fillKernel(depth * 64, literal(0.5)), operands),
    call(fillKernel(depth * 64, literal(0x01010101, 'i32')), words),
    call(fillKernel(largest, literal(0.5)), from),
  ];
  const measurements: Measurement[] = [];
  for (const tile of tilesOf(target)) {
    const size = { depth, count };
    const operations = 2 * count * depth * tile.rows * tile.columns;
    calls.push(call(tileKernel(tile, lanes, size), operands, tiles));
    calls.push(call(tileKernel(tile, lanes, size, BYTES), words, sums));
    measurements.push({ kind: 'tile', tile, operations }, { kind: 'byteTile', tile, operations: 4 * operations });
  }
  for (const bytes of footprints) {
    const elements = bytes / ELEMENT_BYTES;
    const [copy, read] = isGpu
      ? [copyAtOnce(elements / 2, lanes), readAtOnce(elements, lanes)]
      : [copyKernel(elements / 2, lanes), readKernel(elements, lanes)];
    calls.push(call(copy, from, to), call(read, from, to));
    measurements.push({ kind: 'memory', bytes }, { kind: 'memory', bytes });
  }
  const output = (name: string, at: number): NamedTensor => ({
    name,
    type: buffers[at]!.type,
    shape: [buffers[at]!.size],
    buffer: at,
  });
  const outputs = [output('tiles', tiles), output('sums', sums), output('copied', to)];
  const routines = [onlyRoutine({ inputs: [], outputs }, calls.length)];
  return { lowered: { name: 'Ceilings', dims: [], buffers, routines, weights: [], calls }, measurements };
}

function tilesOf({ tiles, lanes, workgroups }: Target): Tile[] {
  const known = workgroups ? GPU_TILES : lanes === 1 ? [] : VECTOR_TILES;
  // What is summed in lanes of four is as wide.
  const all = [...known, ...tiles.filter(({ columns }) => !workgroups || columns % WHOLE_GPU.lanes === 0)];
  const keys = all.map(({ rows, columns, unroll }) => `${rows} ${columns} ${unroll}`);
  return all.filter((_, at) => keys.indexOf(keys[at]!) === at);
}

const range = (length: number): number[] => Array.from({ length }, (_, at) => at);

function fillKernel(elements: number, value: Expr): Kernel {
  const [chunk, i] = [symbol('chunk'), symbol('i')];
  const store: Statement = {
    kind: 'store',
    buffer: 'to',
    index: add(multiply(chunk, constant(CHUNK)), i),
    value,
  };
  return {
    name: 'fill',
    buffers: [{ name: 'to', type: value.type, access: 'write' }],
    sizes: [],
    grid: [{ variable: 'chunk', extent: constant(elements / CHUNK) }],
    body: [{ kind: 'loop', variable: 'i', extent: constant(CHUNK), mode: 'vector', body: [store] }],
  };
}

/** The loop over a chunk that every point of the grid runs, with several accesses a round. */
function chunkLoop(lanes: Lanes, body: (at: Dim, stream: number) => Statement): Statement {
  const round = STREAMS * lanes;
  const start = add(multiply(symbol('chunk'), constant(CHUNK)), multiply(symbol('i'), constant(round)));
  return {
    kind: 'loop',
    variable: 'i',
    extent: constant(CHUNK / round),
    mode: 'serial',
    body: range(STREAMS).map((stream) => body(add(start, constant(stream * lanes)), stream)),
  };
}

function overChunks(name: string, elements: number, body: readonly Statement[], chunk = CHUNK): Kernel {
  return {
    name,
    buffers: [
      { name: 'from', type: 'f32', access: 'read' },
      { name: 'to', type: 'f32', access: 'write' },
    ],
    sizes: [],
    grid: [{ variable: 'chunk', extent: constant(elements / chunk) }],
    body,
  };
}

function copyKernel(elements: number, lanes: Lanes): Kernel {
  const copy = (index: Dim): Statement => ({
    kind: 'store',
    buffer: 'to',
    index,
    value: load('from', index, 'f32', lanes),
  });
  return overChunks('copy', elements, [chunkLoop(lanes, copy)]);
}

/** Sums up each chunk. */
function readKernel(elements: number, lanes: Lanes): Kernel {
  const sums = range(STREAMS).map((stream): Expr => variable(`s${stream}`, 'f32', lanes));
  const total = sums.reduce((left, right) => binary('add', left, right));
  const declared = range(STREAMS).map((stream): Statement => ({
    kind: 'declare',
    name: `s${stream}`,
    value: splat(literal(0), lanes),
  }));
  const accumulate = (index: Dim, stream: number): Statement => ({
    kind: 'assign',
    name: `s${stream}`,
    value: binary('add', sums[stream]!, load('from', index, 'f32', lanes)),
  });
  return overChunks('read', elements, [
    ...declared,
    chunkLoop(lanes, accumulate),
    { kind: 'store', buffer: 'to', index: multiply(symbol('chunk'), constant(lanes)), value: total },
  ]);
}

/** For a GPU, whose invocations run side by side: neighbours touch neighbouring elements. */
function copyAtOnce(elements: number, lanes: Lanes): Kernel {
  const index = multiply(symbol('chunk'), constant(lanes));
  const copy: Statement = { kind: 'store', buffer: 'to', index, value: load('from', index, 'f32', lanes) };
  return overChunks('copy', elements, [copy], lanes);
}

function readAtOnce(elements: number, lanes: Lanes): Kernel {
  const index = multiply(symbol('chunk'), constant(lanes));
  const far = range(STREAMS).map((stream) => add(index, constant((stream * elements) / STREAMS)));
  const value = far.map((at) => load('from', at, 'f32', lanes)).reduce((left, right) => binary('add', left, right));
  return overChunks('read', elements, [{ kind: 'store', buffer: 'to', index, value }], lanes * STREAMS);
}
