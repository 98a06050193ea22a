/** What `--explain webgpu` counts: in kernels, in layers, and in whole models. */
import { describe, expect, test } from 'vitest';
import { add, constant, floorDiv, minimum, scale, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import { totalsOf } from '../../src/compiler/inspect/explain/webgpu.ts';
import type { Dispatch } from '../../src/compiler/inspect/gpu/costs.ts';
import { workOf } from '../../src/compiler/inspect/gpu/kernel-work.ts';
import { groupDispatches, repeatedBlocks } from '../../src/compiler/inspect/gpu/repeated.ts';
import {
  binary,
  compare,
  literal,
  load,
  multiplyAdd,
  position,
  select,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/kernel/ir.ts';
import { assign, declare, store } from '../codegen/dsl.ts';
import { input, kernel, loop, output } from '../kernel/support.ts';
import { specFile } from '../support/specs.ts';
import { costsOf } from './gpu-support.ts';

const [i, j, n] = [symbol('i'), symbol('j'), symbol('n')];
const sum = variable('sum', 'f32');

function counted(body: readonly Statement[], rest: Partial<Kernel> = {}): ReturnType<typeof workOf> {
  return workOf({ ...kernel([input('x'), output('y')], ['n'], [], body), ...rest }, new Map([['n', 10]]));
}

function x(index = i): Expr {
  return load('x', index, 'f32');
}

describe('the work of a kernel', () => {
  test('is that of every round of every loop and every point of the grid', () => {
    const body = [loop('j', n, 'serial', [store('y', j, binary('add', x(), x(j)))])];
    expect(counted(body, { grid: [{ variable: 'i', extent: constant(3) }] })).toEqual({
      loads: 60,
      stores: 30,
      multiplyAdds: 0,
    });
  });

  test('counts what is added to a sum as a product, and no other arithmetic', () => {
    const horner = multiplyAdd(x(), literal(2), literal(3));
    const twice = multiplyAdd(x(), x(), multiplyAdd(x(), x(), sum));
    const body = [
      declare('sum', horner),
      loop('i', n, 'serial', [assign('sum', twice), assign('sum', binary('add', sum, binary('mul', x(), x())))]),
      store('y', constant(0), sum),
    ];
    expect(counted(body)?.multiplyAdds).toBe(30);
  });

  test('counts each lane', () => {
    const four = load('x', i, 'f32', 4);
    const body = [declare('sum', four), assign('sum', multiplyAdd(four, four, variable('sum', 'f32', 4)))];
    expect(counted(body, { grid: [{ variable: 'i', extent: constant(2) }] })).toEqual({
      loads: 24,
      stores: 0,
      multiplyAdds: 8,
    });
  });

  test('follows the extent of a loop that depends on the point', () => {
    // Ten elements in chunks of four.
    const chunks = floorDiv(add(n, constant(3)), constant(4));
    const extent = minimum(constant(4), subtract(n, scale(symbol('c'), 4)));
    const body = [loop('i', extent, 'serial', [store('y', i, x())])];
    expect(counted(body, { grid: [{ variable: 'c', extent: chunks }] })?.stores).toBe(10);
  });

  test('is that of all invocations, but for what some of them are kept from', () => {
    const isFirst = compare('eq', position(symbol('lane')), literal(0, 'i32'));
    const body: Statement[] = [
      store('y', symbol('lane'), load('shared', symbol('lane'), 'f32')),
      { kind: 'if', condition: isFirst, then: [store('y', constant(0), x(constant(0)))], else: [] },
    ];
    const memory = [{ name: 'shared', type: 'f32' as const, length: 8 }];
    expect(counted(body, { workgroup: { invocation: 'lane', size: 8, memory } })).toEqual({
      loads: 1,
      stores: 9,
      multiplyAdds: 0,
    });
  });

  test('counts a guard on positions as passed, and of a choice the arm that loads more', () => {
    const guard = compare('lt', position(i), position(n));
    const body: Statement[] = [
      { kind: 'if', condition: guard, then: [store('y', i, select(guard, x(), literal(0)))], else: [] },
    ];
    expect(counted(body, { grid: [{ variable: 'i', extent: constant(16) }] })).toEqual({
      loads: 16,
      stores: 16,
      multiplyAdds: 0,
    });
  });

  test('is unknown where data decide how often a loop runs', () => {
    const body: Statement[] = [
      { kind: 'let', name: 'rows', value: load('x', constant(0), 'i32') },
      loop('i', symbol('rows'), 'serial', [store('y', i, literal(1))]),
    ];
    expect(counted(body)).toBeUndefined();
  });
});

describe('equal layers', () => {
  const at = (path: string, rest: Partial<Dispatch> = {}): Dispatch => ({
    path,
    place: 'a.model:1',
    kernel: 'rows',
    pipeline: 0,
    workgroups: 1,
    invocations: 64,
    read: 8,
    written: 4,
    ...rest,
  });

  test('are one row with their number, where nothing about them differs', () => {
    const dispatches = [
      at('h.0.ln'),
      at('h.0.mlp'),
      at('h.1.ln'),
      at('h.1.mlp', { read: 12 }),
      at('h.2.ln'),
      at('head'),
    ];
    const groups = groupDispatches(dispatches).map(({ path, count }) => `${count} ${path}`);
    expect(groups).toEqual(['3 h.{0..2}.ln', '1 h.0.mlp', '1 h.1.mlp', '1 head']);
  });

  test('tell how many dispatches each has, by phase', () => {
    const backward = { phase: 'backward' } as const;
    const dispatches = [
      at('h.0.a'),
      at('h.0.b.3'),
      at('h.1.a'),
      at('h.0.a', backward),
      at('h.1.a', backward),
      at('head.7'),
    ];
    expect(repeatedBlocks(dispatches)).toEqual([
      { path: 'h.{0..1}', copies: 2, least: 1, most: 2 },
      { path: 'h.{0..1}', phase: 'backward', copies: 2, least: 1, most: 1 },
    ]);
  });
});

describe('models', () => {
  test.each([
    ['deit.model', 'DeiT', 'blocks.{0..11}', 12],
    ['vit.model', 'ViT', 'layers.{0..5}', 6],
  ])('%s has eight dispatches a layer at most, one of which is its attention', (file, entry, path, layers) => {
    const costs = costsOf(specFile(file), { entry });
    const { repeated, dispatches, asked, executed } = totalsOf(costs);
    expect(repeated.map((block) => block.path)).toEqual([path]);
    expect(repeated[0]!.most).toBeLessThanOrEqual(8);
    expect(costs.dispatches.filter(({ kernel }) => kernel.startsWith('attention'))).toHaveLength(layers);
    expect(dispatches).toBeLessThanOrEqual(8 * layers + 8);
    expect(executed).toBeGreaterThanOrEqual(asked!);
  });

  test('without products are asked for none, and bind what they are given', () => {
    const text = `model M() { dims n
      input x: f32[n, 4]
      output y = tanh(x) }`;
    const costs = costsOf('test.model', {}, { n: 3 }, { 'test.model': text });
    expect(totalsOf(costs)).toEqual({
      dispatches: 1,
      repeated: [],
      pipelines: 1,
      bindGroups: 1,
      submissions: 1,
      copies: 0,
      executed: 0,
      asked: 0,
      boundBytes: 96,
      loadedBytes: expect.any(Number) as number,
      byData: 0,
      leastBytes: 96,
    });
  });
});
