/** Whole modules: what they import and export, how steps run, and what is refused. */
import { describe, expect, it } from 'vitest';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { add, constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  combine,
  lane,
  literal,
  load,
  position,
  splat,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel, Statement, UnaryOp } from '../../src/compiler/kernel/ir.ts';
import { teamWords } from '../../src/program/team.ts';
import { buffer, constantly, kernel, loop, store } from './dsl.ts';
import { engine, instantiate, memoryOf } from './engine.ts';
import { execute, importJs } from './harness.ts';

const i = symbol('i');
const n = symbol('n');

const scale: Kernel = kernel({
  name: 'scale',
  buffers: [buffer('x'), buffer('out')],
  sizes: ['n'],
  grid: [['i', n]],
  body: [store('out', i, binary('mul', load('x', i, 'f32'), literal(10)))],
});

const sum: Kernel = kernel({
  name: 'sum',
  buffers: [buffer('a'), buffer('b')],
  sizes: ['n'],
  body: [loop('i', n, [store('b', i, binary('add', load('a', i, 'f32'), load('b', i, 'f32')))])],
});

describe('a wasm module', () => {
  it('runs its steps in order, with arguments from the table', () => {
    const tableAddress = 64;
    // Slots: 0 and 1 are buffers, 2 a size.
    const bytes = emitWasm({
      kernels: [scale, sum],
      steps: [
        { kernel: 0, arguments: [0, 1, 2] },
        { kernel: 1, arguments: [0, 1, 2] },
        { kernel: 1, arguments: [1, 1, 2] },
      ],
      tableAddress,
      team: teamWords(0),
      exported: [],
    });
    expect(engine.validate(bytes)).toBe(true);
    const memory = memoryOf(1);
    const { exports } = instantiate(bytes, memory);
    expect(Object.keys(exports)).toEqual(['run', 'round', 'work']);
    new Int32Array(memory.buffer).set([1024, 2048, 3], tableAddress / 4);
    const f32 = new Float32Array(memory.buffer);
    f32.set([1, 2, 3, 4], 256);
    exports['run']!(0, 3);
    expect(Array.from(f32.subarray(512, 516))).toEqual([22, 44, 66, 0]);
  });

  it('runs those of its steps that it is asked for', () => {
    const twice = { kernel: 0, arguments: [0, 0, 1] };
    const bytes = emitWasm({
      kernels: [scale],
      steps: [twice, twice, twice],
      tableAddress: 0,
      team: teamWords(0),
      exported: [],
    });
    const memory = memoryOf(1);
    const { exports } = instantiate(bytes, memory);
    new Int32Array(memory.buffer).set([1024, 1]);
    const f32 = new Float32Array(memory.buffer);
    const after = (first: number, last: number): number => {
      f32[256] = 1;
      exports['run']!(first, last);
      return f32[256];
    };
    expect([after(0, 0), after(0, 1), after(1, 3), after(2, 3), after(3, 3), after(0, 3)]).toEqual([
      1, 10, 100, 10, 1, 1000,
    ]);
  });

  it('exports the kernels asked for under their indices', () => {
    const bytes = emitWasm({
      kernels: [scale, sum, scale],
      steps: [],
      tableAddress: 0,
      team: teamWords(0),
      exported: [2, 1],
    });
    const memory = memoryOf(1);
    const { exports } = instantiate(bytes, memory);
    expect(Object.keys(exports).toSorted()).toEqual(['k1', 'k2', 'round', 'run', 'work']);
  });

  it('is valid without kernels', () => {
    expect(
      engine.validate(emitWasm({ kernels: [], steps: [], tableAddress: 0, team: teamWords(0), exported: [] })),
    ).toBe(true);
  });
});

describe('a JavaScript module', () => {
  it('answers with its kernels in order and shares nothing between instances', async () => {
    const { kernels } = await importJs(emitJs([scale, sum]));
    const views = () => {
      const f32 = Float32Array.of(1, 2, 0, 0);
      return [f32, new Int32Array(f32.buffer), new Uint32Array(f32.buffer)] as const;
    };
    const [first, second] = [views(), views()];
    const [run, plus] = kernels(...first);
    kernels(...second)[0]!(0, 2, 2);
    run!(0, 2, 1);
    plus!(0, 2, 2);
    expect(Array.from(first[0])).toEqual([1, 2, 11, 2]);
    expect(Array.from(second[0])).toEqual([1, 2, 10, 20]);
  });

  it('defines only the helpers it calls, and evaluates no text', () => {
    const text = emitJs([scale]);
    expect(text).not.toMatch(/roundEven|scratch|eval|Function\(|import|require/);
    const rounding = store('out', i, unary('round', load('x', i, 'f32')));
    expect(emitJs([{ ...scale, body: [rounding] }])).toContain('function roundEven');
  });
});

describe('loops that are to be written out', () => {
  const tested = kernel({
    buffers: [buffer('x', 'i32'), buffer('out', 'i32')],
    body: [
      loop('i', 2, [
        loop(
          'j',
          3,
          [
            constantly('v', load('x', symbol('j'), 'i32')),
            store(
              'out',
              add(multiply(i, constant(3)), symbol('j')),
              binary('add', variable('v', 'i32'), position(add(i, symbol('v')))),
            ),
          ],
          'unrolled',
        ),
      ]),
    ],
  });

  it.each(['wasm', 'js'] as const)('leave no loop but those around them on %s', async (backend) => {
    const { out } = await execute(backend, tested, { x: [10, 20, 30], out: [0, 0, 0, 0, 0, 0] });
    expect(out).toEqual([20, 40, 60, 21, 41, 61]);
    expect(emitJs([tested]).match(/for \(/g)).toHaveLength(1);
  });
});

describe('kernels that no backend should be given', () => {
  const only = (...body: readonly Statement[]): Kernel =>
    kernel({ name: 'odd', buffers: [buffer('x'), buffer('out')], body });
  const wasm = (tested: Kernel) => () =>
    emitWasm({ kernels: [tested], steps: [], tableAddress: 0, team: teamWords(0), exported: [0] });
  const js = (tested: Kernel) => () => emitJs([tested]);
  const x = load('x', constant(0), 'f32');

  it('refuses functions that are not instructions, naming function and kernel', () => {
    const ops: UnaryOp[] = ['exp', 'expm1', 'log', 'log1p', 'sin', 'cos', 'tanh', 'erf', 'normcdf'];
    for (const op of ops) {
      const tested = only(store('out', 0, unary(op, x)));
      expect(wasmTarget.nativeUnary.has(op)).toBe(false);
      expect(wasm(tested)).toThrow(new RegExp(`internal error: .*odd: ${op} `));
      if (jsTarget.nativeUnary.has(op)) expect(js(tested)).not.toThrow();
      else expect(js(tested)).toThrow(new RegExp(`internal error: .*odd: ${op} `));
    }
    expect(wasm(only(store('out', 0, binary('pow', x, x))))).toThrow(/odd: pow/);
  });

  it('emits every function that its target calls native', () => {
    for (const op of wasmTarget.nativeUnary) {
      if (op !== 'not') expect(wasm(only(store('out', 0, unary(op, x))))).not.toThrow();
    }
    for (const op of jsTarget.nativeUnary) {
      if (op !== 'not') expect(js(only(store('out', 0, unary(op, x))))).not.toThrow();
    }
  });

  it('refuses operations on types that have none', () => {
    const [integer, flag] = [literal(3, 'i32'), literal(1, 'bool')];
    const wrong: Expr[] = [
      unary('sqrt', integer),
      unary('not', x),
      unary('neg', flag),
      binary('and', x, x),
      binary('pow', integer, integer),
      binary('mod', integer, integer),
      binary('add', flag, flag),
      { kind: 'bitcast', type: 'i32', lanes: 1, operand: flag },
      variable('missing', 'f32'),
    ];
    for (const value of wrong) {
      expect(wasm(only(store('out', 0, value)))).toThrow(/internal error: wasm emitter, kernel odd/);
      expect(js(only(store('out', 0, value)))).toThrow(/internal error: js emitter, kernel odd/);
    }
  });

  it('refuses vectors where there are none', () => {
    const vector = load('x', constant(0), 'f32', 4);
    expect(js(only(store('out', 0, vector)))).toThrow(/4 lanes/);
    expect(js(only(store('out', 0, lane(vector, 0))))).toThrow(/lane of vectors/);
    expect(
      js(only(store('out', 0, { kind: 'reduceLanes', type: 'f32', lanes: 1, op: 'add', operand: vector }))),
    ).toThrow();
    expect(js(only(store('out', 0, splat(x, 4))))).toThrow(/4 lanes/);
    expect(wasm(only(store('out', 0, combine([x, x], 4))))).toThrow(/combine of 2 parts/);
  });

  it('refuses a name that is defined twice where it is visible', () => {
    const twice = only(constantly('a', x), constantly('a', x));
    expect(wasm(twice)).toThrow(/a is defined twice/);
    expect(js(twice)).toThrow(/a is defined twice/);
  });
});
