/** Products over groups of rows: groups around the edges of tiles and blocks, for every tile that a target may choose. */
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { constant, ONE, scale, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import type { Target } from '../../src/compiler/kernel/target.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { kernelsOf, type BufferId, type LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { execute } from './execute.ts';

interface Case {
  /** Where groups begin, and where the last ends. */
  readonly offsets: readonly number[];
  readonly rows: number;
  readonly n: number;
  readonly k: number;
  /** Whether the rows of each group are summed. */
  readonly summed?: boolean;
  /** Whether x has one row for two of the product, so that where a row is takes a division to tell. */
  readonly twice?: boolean;
  /** What follows: nothing, what happens in registers, or what a loop does to parked sums. */
  readonly follower?: 'add' | 'gelu';
}

const labels = { ragged: 'r', group: 'e' };

/** Each row of x [half, k] twice. */
function repeated(builder: Builder, x: Value, half: Dim): Value {
  const width = x.type.shape[1]!;
  const apart = builder.one('reshape', [x], { shape: [half, ONE, width] });
  const both = builder.one('expand', [apart], { shape: [half, constant(2), width], axis: null, size: null });
  return builder.one('reshape', [both], { shape: [scale(half, 2), width] });
}

/** The product of x [r, k] with w [e, n, k], or of x [r, n] with w [r, k]; the rows may be the symbol `r`. */
function graphOf({ offsets, rows: count, n, k, summed, twice, follower }: Case, isKnown: boolean): Graph {
  const builder = new Builder(ops, new Map());
  const half = isKnown ? constant(Math.floor(count / 2)) : symbol('h');
  const rows = twice ? scale(half, 2) : isKnown ? constant(count) : symbol('r');
  const groups = constant(offsets.length - 1);
  const value = (...shape: readonly (number | Dim)[]): Value =>
    builder.value({ dtype: 'f32', shape: shape.map((size) => (typeof size === 'number' ? constant(size) : size)) });
  const [x, w] = summed ? [value(rows, n), value(rows, k)] : [value(twice ? half : rows, k), value(groups, n, k)];
  const bounds = builder.value({ dtype: 'i32', shape: [constant(offsets.length)] });
  const forms = summed
    ? { left: ['r', 'n'], right: ['r', 'k'], result: ['e', 'n', 'k'] }
    : { left: ['r', 'k'], right: ['e', 'n', 'k'], result: ['r', 'n'] };
  const left = twice ? repeated(builder, x, half) : x;
  const product = builder.one('ragged_contract', [left, w, bounds], { ...forms, ...labels });
  const other = builder.value(product.type);
  const added = follower ? builder.one('add', [product, other]) : product;
  const y = follower === 'gelu' ? builder.one('gelu', [added]) : added;
  const inputs = [
    { name: 'x', value: x },
    { name: 'w', value: w },
    { name: 'offsets', value: bounds },
    ...(follower ? [{ name: 'other', value: other }] : []),
  ];
  const dims = isKnown ? [] : [{ name: twice ? 'h' : 'r' }];
  return { name: 'P', dims, inputs, parameters: [], nodes: builder.nodes, outputs: [{ name: 'y', value: y }] };
}

const withTile = (target: Target, at: number): Target => ({ ...target, tiles: [target.tiles[at]!] });
const tiles = wasmTarget.tiles.map((_, at) => withTile(wasmTarget, at));
const targets: readonly Target[] = [...tiles, withTile(jsTarget, 0), webgpuTarget];

function lowered(graph: Graph, target: Target): LoweredProgram {
  const program = lowerGraph(runPasses(graph, passes, ops).graph, target);
  for (const kernel of program.calls.flatMap(kernelsOf)) expect(kernelFaults(kernel)).toEqual([]);
  return program;
}

const symbolsOf = (rows: number): Map<string, number> => new Map(Object.entries({ r: rows, h: rows / 2 }));

function drawn({ offsets, rows, n, k }: Case, graph: Graph): Map<string, Tensor> {
  const random = randomNumbers(rows + 31 * n + 977 * k);
  const symbols = symbolsOf(rows);
  return new Map(
    graph.inputs.map(({ name, value }) => {
      const shape = concreteShape(value.type.shape, symbols);
      return [name, name === 'offsets' ? tensorOf('i32', shape, offsets) : randomTensor('f32', shape, random)];
    }),
  );
}

function resultOf(graph: Graph, target: Target, rows: number, inputs: ReadonlyMap<string, Tensor>): number[] {
  const given = new Map([...inputs].map(([name, { data }]) => [name, data]));
  return [...execute(lowered(graph, target), symbolsOf(rows), given).get('y')!];
}

/** Runs it where every access is checked, with each tile, and rows that are known or not; tiles of one order give the same bits. */
function check(product: Case, knowledge: readonly boolean[] = [true, false]): void {
  for (const isKnown of knowledge) {
    const graph = graphOf(product, isKnown);
    const inputs = drawn(product, graph);
    const symbols = symbolsOf(product.rows);
    const truth = interpret(graph, { inputs, parameters: new Map(), symbols }).get('y')!;
    const results = targets.map((target) => {
      const y = resultOf(graph, target, product.rows, inputs);
      const what = `${target.name} ${target.tiles[0]?.rows ?? 'any number of'} rows a tile, ${JSON.stringify(product)}`;
      expectClose(y, truth.data, { absolute: 1e-4, relative: 1e-4 }, what);
      return y;
    });
    expect(results[1]).toEqual(results[0]);
  }
}

/** Groups that begin, end and meet anywhere in tiles and blocks. */
const GROUPS: readonly (readonly [string, readonly number[]])[] = [
  ['one group', [0, 50]],
  ['one group of no rows', [0, 0]],
  ['no group', [0]],
  ['sizes from 0 to 9', [0, 0, 1, 3, 6, 10, 15, 21, 28, 36, 45, 50]],
  ['sizes of tiles', [0, 4, 8, 14, 20, 26, 50]],
  ['all rows in one of several groups', [0, 0, 0, 50, 50]],
  ['rows before and behind all groups', [5, 9, 30, 41]],
  ['a group over several blocks', [0, 1, 49, 50]],
];

describe('each row by the matrix of its group', () => {
  test.each(GROUPS)('%s', (_, offsets) => {
    check({ offsets, rows: 50, n: 9, k: 5 });
    check({ offsets, rows: 50, n: 33, k: 3, follower: 'add' }, [true]);
    check({ offsets, rows: 50, n: 16, k: 4, follower: 'gelu' }, [false]);
  });

  test.each(GROUPS)('%s, where rows lie anywhere', (_, offsets) => {
    const product: Case = { offsets, rows: 50, n: 9, k: 5, twice: true };
    const kernels = lowered(graphOf(product, true), tiles[0]!).calls.map(({ kernel }) => kernel.name);
    expect(kernels).toEqual(['product_panels', 'product']);
    check(product);
    check({ offsets, rows: 50, n: 16, k: 4, twice: true, follower: 'gelu' }, [false]);
  });

  test('rows enough for tiles of any height', () => {
    for (const rows of [11, 24, 30, 130, 150]) check({ offsets: [0, 9, rows - 2], rows, n: 33, k: 3 }, [false]);
  });

  test.each([0, 1, 5, 7, 13, 25])('%i rows of two groups', (rows) => {
    check({ offsets: [0, Math.floor(rows / 3), rows], rows, n: 5, k: 9 });
    check({ offsets: [0, rows, rows], rows, n: 40, k: 2, follower: 'gelu' }, [false]);
  });
});

describe('the sums of each group', () => {
  test.each(GROUPS)('%s', (_, offsets) => {
    check({ offsets, rows: 50, n: 9, k: 5, summed: true });
    check({ offsets, rows: 50, n: 7, k: 97, summed: true, follower: 'add' }, [true]);
    check({ offsets, rows: 50, n: 26, k: 16, summed: true, follower: 'gelu' }, [false]);
  });
});

describe('the map of tiles on a device with workgroups', () => {
  /** Two products of the same rows, of 40 and of 70 columns, and the sums of their groups. */
  function layers(): Graph {
    const builder = new Builder(ops, new Map());
    const rows = symbol('r');
    const value = (...shape: Dim[]): Value => builder.value({ dtype: 'f32', shape });
    const [x, w, v] = [
      value(rows, constant(7)),
      value(constant(3), constant(40), constant(7)),
      value(constant(3), constant(70), constant(40)),
    ];
    const offsets = builder.value({ dtype: 'i32', shape: [constant(4)] });
    const form = { left: ['r', 'k'], right: ['e', 'n', 'k'], result: ['r', 'n'], ...labels };
    const y = builder.one('ragged_contract', [x, w, offsets], form);
    const z = builder.one('ragged_contract', [y, v, offsets], form);
    const sums = { left: ['r', 'n'], right: ['r', 'k'], result: ['e', 'n', 'k'], ...labels };
    const gradient = builder.one('ragged_contract', [z, y, offsets], sums);
    return {
      name: 'P',
      dims: [{ name: 'r' }],
      inputs: Object.entries({ x, w, v, offsets }).map(([name, input]) => ({ name, value: input })),
      parameters: [],
      nodes: builder.nodes,
      outputs: [
        { name: 'z', value: z },
        { name: 'gradient', value: gradient },
      ],
    };
  }

  /** What the buffers hold after a run with so many rows. */
  function memoryAfter(program: LoweredProgram, rows: number, offsets: readonly number[]): (at: BufferId) => number[] {
    const held = new Map<BufferId, BufferData>();
    const given = new Map<string, ArrayLike<number>>([
      ['x', new Float32Array(rows * 7)],
      ['w', new Float32Array(3 * 40 * 7)],
      ['v', new Float32Array(3 * 70 * 40)],
      ['offsets', offsets],
    ]);
    let at = 0;
    execute(program, new Map([['r', rows]]), given, (kernel, buffers, sizes) => {
      interpretKernel(kernel, buffers, sizes);
      const call = program.calls[at++]!;
      kernel.buffers.forEach(({ name }, place) => held.set(call.buffers[place]!, buffers[name]!));
    });
    return (buffer) => [...held.get(buffer)!];
  }

  const program = lowered(layers(), webgpuTarget);
  const products = program.calls.filter(({ kernel }) => kernel.name === 'product');

  test('is made once for all products of the same groups', () => {
    expect(program.calls.map(({ kernel }) => kernel.name)).toEqual(['tile_map', 'product', 'product', 'product']);
    const { kernel, alternatives = [] } = program.calls[0]!;
    for (const one of [kernel, ...alternatives.map((other) => other.kernel)]) expect(one.buffers.length).toBe(4);
  });

  test.each([
    [30, [0, 5, 5, 26], 4],
    [40, [0, 5, 5, 26], 8],
    [200, [3, 20, 20, 190], 16],
  ])('tells how many workgroups there are, of %i rows', (rows, offsets, height) => {
    const held = memoryAfter(program, rows, offsets);
    const sizes = [0, 1, 2].map((group) => offsets[group + 1]! - offsets[group]!);
    const upTo = (multiple: number): number =>
      sizes.reduce((sum, size) => sum + multiple * Math.ceil(size / multiple), 0);
    const outside = Math.ceil(offsets[0]! / height) + Math.ceil((rows - offsets[3]!) / height);
    const tiles = upTo(height) / height + outside;
    const [first, second, third] = products;
    expect(held(first!.indirect!)).toEqual([2 * tiles, 1, 1]);
    expect(held(second!.indirect!)).toEqual([3 * tiles, 1, 1]);
    expect(third!.indirect).toBeUndefined();
    const executed = program.routines[0]!.executed!.map(({ buffer, at, times }) => [held(buffer)[at], times.key]);
    expect(executed).toEqual([
      [upTo(height), String(64 * 8 + 96 * 64)],
      [upTo(32), String(96 * 64)],
    ]);
  });

  test('workgroups beyond what one dimension holds take a second one', () => {
    const narrow = { ...webgpuTarget, workgroups: { ...webgpuTarget.workgroups, perDimension: 7 } };
    const held = memoryAfter(lowered(layers(), narrow), 40, [0, 5, 5, 26]);
    const [along, lines, planes] = held(products[1]!.indirect!);
    // 6 tiles by 3 workgroups.
    expect([along! * lines!, lines, planes]).toEqual([18, 3, 1]);
  });
});

test('a row has the same bits wherever its group begins', () => {
  for (const target of tiles) {
    const rows = 20;
    const alone: Case = { offsets: [0, rows], rows, n: 11, k: 7 };
    const graph = graphOf(alone, true);
    const inputs = drawn(alone, graph);
    const wanted = resultOf(graph, target, rows, inputs);
    const x = [...inputs.get('x')!.data];
    const w = [...inputs.get('w')!.data];
    for (const before of [1, 5, 23]) {
      const whole: Case = { offsets: [0, before, before + rows], rows: before + rows + 2, n: 11, k: 7 };
      const other = graphOf(whole, true);
      const filled = new Map([
        ['x', tensorOf('f32', [whole.rows, 7], [...Array(before * 7).fill(NaN), ...x, ...Array(14).fill(NaN)])],
        ['w', tensorOf('f32', [2, 11, 7], [...w, ...w])],
        ['offsets', tensorOf('i32', [3], whole.offsets)],
      ]);
      const y = resultOf(other, target, whole.rows, filled);
      expect(y.slice(before * 11, (before + rows) * 11)).toEqual(wanted);
      // Whatever the rows of no group hold.
      expect(y.slice((before + rows) * 11)).toEqual(Array(22).fill(0));
    }
  }
});

test('matrices of groups without rows are not read', () => {
  const product: Case = { offsets: [0, 0, 2, 2, 2], rows: 2, n: 16, k: 8 };
  const graph = graphOf(product, true);
  const given = new Map([...drawn(product, graph)].map(([name, { data }]) => [name, data]));
  const run = (poisoned: boolean): number[] => {
    const result = execute(lowered(graph, tiles[0]!), new Map(), given, (kernel, buffers, sizes) => {
      interpretKernel(kernel, buffers, sizes);
      const panels = kernel.buffers.find(({ access }) => kernel.name === 'product_panels' && access === 'write');
      const matrix = product.n * product.k;
      if (panels && poisoned) buffers[panels.name]!.fill(NaN, 0, matrix).fill(NaN, 2 * matrix);
    });
    return [...result.get('y')!];
  };
  expect(run(true)).toEqual(run(false));
});
