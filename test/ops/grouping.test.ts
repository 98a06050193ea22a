/** Rows in groups: who belongs where, what is read of rows that are not there, and gradients without scattering. */
import { describe, expect, test } from 'vitest';
import type { Graph, Region } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { checkGradients, gradientGraph } from '../support/gradients.ts';
import { graphOfText, runnerOf, TARGETS } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { f32, inferred, type } from './dsl.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** A model of one call. */
function callOf(inputs: string, results: readonly string[], call: string): Graph {
  const outputs = results.map((name) => `  output out_${name} = ${name}\n`).join('');
  return graphOfText(`model M {\n  dims n\n${inputs}  ${results.join(', ')} = ${call}\n${outputs}}\n`);
}

const grouping = (call: string, k: number): Graph =>
  callOf(`  input index: i32[n, ${k}]\n`, ['order', 'place', 'group', 'offsets'], call);

interface GroupingCase {
  readonly what: string;
  readonly call: string;
  readonly index: readonly (readonly number[])[];
  readonly order: readonly number[];
  readonly place: readonly number[];
  readonly group: readonly number[];
  readonly offsets: readonly number[];
}

const groupings: readonly GroupingCase[] = [
  {
    what: 'keeps the order of assignments within a group',
    call: 'group_rows(index, 3)',
    index: [
      [2, 0],
      [0, 1],
      [2, 0],
    ],
    order: [1, 2, 5, 3, 0, 4],
    place: [4, 0, 1, 3, 5, 2],
    group: [0, 0, 0, 1, 2, 2],
    offsets: [0, 3, 4, 6],
  },
  {
    what: 'leaves out indices that are no group, negative ones too, and has empty groups',
    call: 'group_rows(index, 4)',
    index: [[3], [-1], [4], [1], [2147483647], [-2147483648], [3]],
    order: [3, 0, 6, -1, -1, -1, -1],
    place: [1, -1, -1, 0, -1, -1, 2],
    group: [1, 3, 3, -1, -1, -1, -1],
    offsets: [0, 0, 1, 1, 3],
  },
  {
    what: 'may have all rows in one group',
    call: 'group_rows(index, 3)',
    index: [[1], [1], [1]],
    order: [0, 1, 2],
    place: [0, 1, 2],
    group: [1, 1, 1],
    offsets: [0, 0, 3, 3],
  },
  {
    what: 'keeps the first rows up to the capacity',
    call: 'group_rows(index, 2, capacity: 2)',
    index: [[0], [1], [0], [0], [1]],
    order: [0, 2, 1, 4, -1],
    place: [0, 2, 1, -1, 3],
    group: [0, 0, 1, 1, -1],
    offsets: [0, 2, 4],
  },
  {
    what: 'has a capacity that may depend on the tokens',
    call: 'group_rows(index, 2, capacity: floordiv(n, 2))',
    index: [[0], [0], [0], [1], [0]],
    order: [0, 1, 3, -1, -1],
    place: [0, 1, -1, 2, -1],
    group: [0, 0, 1, -1, -1],
    offsets: [0, 2, 3],
  },
  {
    what: 'drops all with the capacity 0',
    call: 'group_rows(index, 2, capacity: 0)',
    index: [[0], [1]],
    order: [-1, -1],
    place: [-1, -1],
    group: [-1, -1],
    offsets: [0, 0, 0],
  },
  {
    what: 'groups nothing',
    call: 'group_rows(index, 2)',
    index: [],
    order: [],
    place: [],
    group: [],
    offsets: [0, 0, 0],
  },
];

describe.each(TARGETS)('on %s', (target) => {
  test.each(groupings)('group_rows $what', async ({ call, index, ...wanted }) => {
    const k = index[0]?.length ?? 1;
    const run = await runnerOf(grouping(call, k), target);
    const results = await run({ index: tensorOf('i32', [index.length, k], index.flat()) }, { n: index.length });
    for (const name of ['order', 'place', 'group', 'offsets'] as const)
      expect([...results.get(`out_${name}`)!.data], name).toEqual(wanted[name]);
  });

  test('group_rows counts across the parts that are sorted by themselves', async () => {
    const random = randomNumbers(5);
    const index = randomTensor('i32', [333, 2], random, [-1, 5]);
    const graph = grouping('group_rows(index, 5, capacity: 101)', 2);
    const given = { index };
    const wanted = interpret(graph, {
      inputs: new Map([['index', index]]),
      parameters: new Map(),
      symbols: new Map([['n', 333]]),
    });
    const results = await (await runnerOf(graph, target))(given, { n: 333 });
    for (const [name, { data }] of wanted) expect([...results.get(name)!.data], name).toEqual([...data]);
    const offsets = [...wanted.get('out_offsets')!.data];
    expect(offsets.slice(1).map((end, at) => end - offsets[at]!)).toContain(101);
  });

  test('rows that are not there are zeros, whatever is read in their place', async () => {
    const graph = callOf(
      '  input x: f32[n, 2]\n  input index: i32[5]\n  input inverse: i32[n, 1]\n',
      ['y'],
      'gather_rows(x, index, inverse)',
    );
    const results = await (
      await runnerOf(graph, target)
    )({
      x: tensorOf('f32', [2, 2], [nan, inf, -inf, 3]),
      index: tensorOf('i32', [5], [-1, 1, 2, -2, 0]),
      inverse: tensorOf('i32', [2, 1], [4, 1]),
    });
    expect([...results.get('out_y')!.data]).toEqual([0, 0, -inf, 3, 0, 0, 0, 0, nan, inf]);
  });

  test('sums are those of the rows of the groups alone', async () => {
    const graph = callOf('  input x: f32[n]\n  input offsets: i32[4]\n', ['y'], 'segment_sum(x, offsets)');
    const run = await runnerOf(graph, target);
    const x = tensorOf('f32', [6], [nan, 1, 2, 3, 4, nan]);
    const sums = async (...offsets: readonly number[]): Promise<number[]> => [
      ...(await run({ x, offsets: tensorOf('i32', [4], offsets) })).get('out_y')!.data,
    ];
    expect(await sums(1, 1, 4, 5)).toEqual([0, 6, 4]);
    expect(await sums(1, 5, 5, 5)).toEqual([10, 0, 0]);
    expect(await sums(3, 2, 9, -4)).toEqual([0, nan, 0]);
  });

  test('a row is that of its group, and zeros without one', async () => {
    const inputs = '  input x: f32[2, 2]\n  input group: i32[n]\n  input offsets: i32[3]\n';
    const graph = callOf(inputs, ['y'], 'segment_broadcast(x, group, offsets)');
    const results = await (
      await runnerOf(graph, target)
    )({
      x: tensorOf('f32', [2, 2], [1, 2, 3, 4]),
      group: tensorOf('i32', [4], [0, 1, 2, -1]),
      offsets: tensorOf('i32', [3], [0, 1, 2]),
    });
    expect([...results.get('out_y')!.data]).toEqual([1, 2, 3, 4, 0, 0, 0, 0]);
  });
});

/** Tokens go to rows by group, are scaled there by their group's vector, and come back weighed by their gates. */
const ROUTED = `
model Routed(k: int, groups: int, room: int? = none) {
  dims n
  input x: f32[n, 6]
  input gate: f32[n, k]
  input index: i32[n, k]
  input scale: f32[groups, 6]
  order, place, group, offsets = group_rows(index, groups, capacity: room)
  token = cast(floor(cast(order, f32) / k), i32)
  rows = gather_rows(x, token, place)
  scaled = tanh(rows) * segment_broadcast(scale, group, offsets)
  back = gather_rows(scaled, reshape(place, [n * k]), reshape(order, [n * k, 1]))
  output y = sum(reshape(back, [n, k, 6]) * gate[:, :, none], axis: 1)
}
`;

function routed(k: number, groups: number, room?: number): Graph {
  const values = { k, groups, ...(room !== undefined && { room }) };
  const settings = Object.entries(values).map(([name, value]) => ({ name, text: String(value) }));
  return graphOfText(ROUTED, { settings });
}

function routedInputs(n: number, k: number, groups: number, range: readonly [number, number]): Map<string, Tensor> {
  const random = randomNumbers(n);
  return new Map([
    ['x', randomTensor('f32', [n, 6], random)],
    ['gate', randomTensor('f32', [n, k], random)],
    ['index', randomTensor('i32', [n, k], random, range)],
    ['scale', randomTensor('f32', [groups, 6], random)],
  ]);
}

/** `ROUTED` token by token. */
function plainly(inputs: ReadonlyMap<string, Tensor>, groups: number, room: number): number[] {
  const [x, gate, index, scale] = ['x', 'gate', 'index', 'scale'].map((name) => inputs.get(name)!) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ];
  const k = index.shape[1]!;
  const taken = Array.from({ length: groups }, () => 0);
  const sums = Array.from({ length: x.data.length }, () => 0);
  index.data.forEach((group, at) => {
    if (taken[group] === undefined || taken[group]++ >= room) return;
    const token = Math.floor(at / k);
    for (let c = 0; c < 6; c++)
      sums[token * 6 + c]! += gate.data[at]! * Math.tanh(x.data[token * 6 + c]!) * scale.data[group * 6 + c]!;
  });
  return sums;
}

describe('tokens by way of groups', () => {
  const cases: readonly [string, number, number, readonly [number, number], number?][] = [
    ['in all groups', 2, 4, [0, 3]],
    ['in one group', 2, 3, [1, 1]],
    ['in no group', 1, 2, [5, 9]],
    ['beyond the capacity', 2, 3, [-1, 3], 4],
    ['with no room', 2, 3, [0, 2], 0],
  ];
  test.each(cases)('%s are what they are by themselves, with their gradients', async (_, k, groups, range, room) => {
    const graph = routed(k, groups, room);
    const inputs = routedInputs(9, k, groups, range);
    const symbols = new Map([['n', 9]]);
    const wanted = plainly(inputs, groups, room ?? Infinity);
    checkGradients({ graph, inputs, symbols });
    for (const target of TARGETS) {
      const results = await (await runnerOf(graph, target))(Object.fromEntries(inputs));
      expectClose(results.get('y')!.data, wanted, { absolute: 1e-5, relative: 1e-5 }, target);
    }
  });

  test('have gradients that gather: nothing is scattered', () => {
    const whole = gradientGraph(routed(2, 4));
    const names = new Set(runPasses(whole, passes, ops).graph.nodes.flatMap(innerNames));
    expect([...names].filter((name) => name.startsWith('scatter') || name === 'index_add')).toEqual([]);
    expect(names).toContain('take_rows');
  });

  test('come back in one kernel, whose gradients are one each', () => {
    const forward = runPasses(routed(2, 4), passes, ops).graph.nodes.map(innerNames);
    expect(forward.length).toBe(2);
    expect(forward[0]).toEqual(['group_rows']);
    const backward = runPasses(gradientGraph(routed(2, 4)), passes, ops).graph.nodes.map(innerNames);
    const reductions = backward.filter((names) => names.includes('take_rows') && names.includes('reduce_sum'));
    // The result, the gradient of the gates, that of the tokens.
    expect(reductions.length).toBe(3);
  });
});

/** The ops that a fused node computes. */
function innerNames(node: Graph['nodes'][number]): string[] {
  const { body } = node.attributes as { readonly body?: Region };
  return body ? body.nodes.map(({ op }) => op.name) : [node.op.name];
}

describe('operands that do not fit', () => {
  test.each([
    ['group_rows', [f32(4, 2)], { count: 2 }, '`group_rows` takes i32 indices, not f32[4, 2]'],
    ['group_rows', [type('i32', 4)], { count: 2 }, 'takes the groups of each token, i32[n, k], not i32[4]'],
    ['group_rows', [type('i32', 4, 1)], { count: -1 }, '`group_rows` of -1 groups'],
    ['group_rows', [type('i32', 4, 1)], { count: 1, capacity: -2 }, '`group_rows` with room for -2 rows a group'],
    [
      'gather_rows',
      [f32('n', 3), type('i32', 4), type('i32', 'm', 2)],
      {},
      '`gather_rows` of f32[n, 3] needs the inverse i32[n, q], not i32[m, 2]',
    ],
    ['gather_rows', [f32(), type('i32', 4), type('i32', 1, 1)], {}, '`gather_rows` needs rows, not a scalar'],
    ['gather_rows', [f32(3), type('i32', 4, 1), type('i32', 3, 1)], {}, 'takes a list of positions, not i32[4, 1]'],
    ['segment_sum', [f32('n', 3), type('i32', 0)], {}, 'takes the offsets of groups, i32[E + 1], not i32[0]'],
    ['segment_sum', [f32('n', 3), f32(4)], {}, '`segment_sum` takes i32 indices, not f32[4]'],
    ['segment_sum', [f32(), type('i32', 4)], {}, '`segment_sum` needs rows, not a scalar'],
    [
      'segment_broadcast',
      [f32(3, 2), type('i32', 'n'), type('i32', 3)],
      {},
      '`segment_broadcast` of f32[3, 2] needs the offsets of as many groups, not of 2',
    ],
  ] as const)('%s', (name, inputs, attributes, wanted) => {
    expect(inferred(name, inputs, attributes)).toContain(wanted);
  });
});
