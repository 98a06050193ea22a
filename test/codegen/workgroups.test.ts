/**
 * Kernels whose points are workgroups: what they share, and how they combine values, on a device against the interpreter.
 * Every text of a kernel is run, that for devices with subgroups too.
 */
import { expect, it } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { add, constant as c, multiply, subtract, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  combine,
  compare,
  convert,
  lane,
  literal,
  load,
  position,
  select,
  splat,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { ReductionOp } from '../../src/compiler/kernel/arithmetic.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Expr, Kernel, Lanes, ScalarType, Statement, Workgroup } from '../../src/compiler/kernel/ir.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { describeGpu } from '../support/webgpu.ts';
import { viewOf, type Contents, type Sizes } from './buffers.ts';
import { assign, buffer, constantly, declare, kernel, loop, store, when } from './dsl.ts';
import { runWebgpu } from './webgpu.ts';

const [w, i, n, k] = [symbol('w'), symbol('i'), symbol('n'), symbol('k')];
const BARRIER: Statement = { kind: 'barrier' };

function group(size: number, ...memory: Workgroup['memory']): { workgroup: Workgroup } {
  return { workgroup: { invocation: 'i', size, memory } };
}

function shared(name: string, length: number, type: ScalarType = 'f32'): Workgroup['memory'][number] {
  return { name, type, length };
}

function reduce(name: string, op: ReductionOp, value: Expr): Statement {
  return { kind: 'reduce', name, op, value };
}

const plainZero = (x: number): number => (x === 0 ? 0 : x);

/** Runs the kernel as written and as prepared, on every text, and compares with the interpreter. */
async function check(tested: Kernel, contents: Contents, sizes: Sizes = {}): Promise<Record<string, number[]>> {
  const expected = Object.fromEntries(
    tested.buffers.map(({ name, type }) => {
      const view = viewOf(type, new ArrayBuffer(4 * contents[name]!.length));
      view.set(contents[name]!);
      return [name, view] as const;
    }),
  );
  verifyKernel(tested);
  interpretKernel(tested, expected, sizes);
  const prepared = prepareKernel(tested, webgpuTarget);
  verifyKernel(prepared);
  for (const written of [tested, prepared]) {
    for (const features of [[], ['subgroups']] as const) {
      const actual = await runWebgpu(written, contents, sizes, { features });
      for (const [name, data] of Object.entries(expected))
        expect(actual[name]!.map(plainZero), `${name} ${features.join()}`).toEqual(Array.from(data, plainZero));
    }
  }
  return Object.fromEntries(Object.entries(expected).map(([name, data]) => [name, Array.from(data)]));
}

/** out[w] = the combination of the values of each workgroup in x. */
function combined(size: number, op: ReductionOp, type: ScalarType, lanes: Lanes = 1): Kernel {
  const at = multiply(c(lanes), add(multiply(c(size), w), i));
  return {
    ...kernel({
      buffers: [buffer('x', type), buffer('out', type)],
      sizes: ['n'],
      grid: [['w', n]],
      body: [
        reduce('all', op, load('x', at, type, lanes)),
        // Every invocation has the result: the last but one stores it.
        when(compare('eq', position(i), literal(Math.max(0, size - 2), 'i32')), [
          store('out', multiply(c(lanes), w), variable('all', type, lanes)),
        ]),
      ],
    }),
    ...group(size),
  };
}

const VALUES: Readonly<Record<ScalarType, (at: number) => number>> = {
  f32: (at) => ((at * 7) % 31) - 15,
  i32: (at) => ((at * 1103515245 + 12345) | 0) >> 7,
  u32: (at) => (at * 2654435761 + 7) >>> 0,
  bool: (at) => (at % 5 === 0 ? 0 : 1),
};

function valuesOf(type: ScalarType, length: number): number[] {
  return Array.from({ length }, (_, at) => VALUES[type](at));
}

describeGpu('a reduction over a workgroup', () => {
  it.each([1, 2, 4, 8, 16, 32, 64, 128, 256])('of %i invocations adds all their values', async (size) => {
    const x = valuesOf('f32', 3 * size);
    const { out } = await check(combined(size, 'add', 'f32'), { x, out: [0, 0, 0] }, { n: 3 });
    const sum = (at: number): number => x.slice(at * size, (at + 1) * size).reduce((a, b) => a + b, 0);
    expect(out).toEqual([sum(0), sum(1), sum(2)]);
  });

  it.each([
    ['f32', ['add', 'min', 'max']],
    ['i32', ['add', 'mul', 'min', 'max', 'and', 'or']],
    ['u32', ['add', 'mul', 'min', 'max', 'and', 'or']],
    ['bool', ['and', 'or']],
  ] as const)('combines %s, in one lane and in four', async (type, ops) => {
    for (const op of ops)
      for (const lanes of [1, 4] as const) {
        const out = Array.from({ length: 2 * lanes }, () => 0);
        await check(combined(8, op, type, lanes), { x: valuesOf(type, 16 * lanes), out }, { n: 2 });
      }
  });

  it('multiplies f32', async () => {
    const x = Array.from({ length: 8 }, (_, at) => (at % 3 === 0 ? 2 : at % 7 === 0 ? -0.5 : 1));
    await check(combined(8, 'mul', 'f32'), { x, out: [0] }, { n: 1 });
  });

  it.each(['min', 'max'] as const)('gives NaN for the %s of values with a NaN', async (op) => {
    for (const lanes of [1, 4] as const)
      for (const place of [0, 5, 15]) {
        const x = valuesOf('f32', 16 * lanes);
        x[place * lanes] = NaN;
        const { out } = await check(
          combined(16, op, 'f32', lanes),
          { x, out: Array.from({ length: lanes }, () => 0) },
          { n: 1 },
        );
        expect(out![0]).toBeNaN();
        if (lanes === 4) expect(out![1]).not.toBeNaN();
      }
  });

  it('follows others of the same and of other types, also in a loop, without a barrier between', async () => {
    const x = valuesOf('f32', 3 * 16);
    const value = load('x', add(multiply(c(16), k), i), 'f32');
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('x'), buffer('out'), buffer('count', 'i32')],
        sizes: ['n'],
        body: [
          declare('total', literal(0)),
          loop('k', n, [
            reduce('largest', 'max', value),
            reduce('positive', 'add', convert(compare('gt', value, literal(0)), 'i32')),
            reduce('sum', 'add', binary('sub', value, variable('largest', 'f32'))),
            assign('total', binary('add', variable('total', 'f32'), variable('sum', 'f32'))),
            store('count', add(multiply(c(16), k), i), variable('positive', 'i32')),
          ]),
          store('out', i, variable('total', 'f32')),
        ],
      }),
      ...group(16),
    };
    await check(tested, { x, out: valuesOf('f32', 16), count: valuesOf('i32', 48) }, { n: 3 });
  });
});

describeGpu('the memory of a workgroup', () => {
  it.each([1, 4] as const)('hands values to other invocations, %i at a time', async (lanes) => {
    // Each invocation stores its elements, and loads those of the one at the other end.
    const own = multiply(c(lanes), i);
    const other = multiply(c(lanes), subtract(c(7), i));
    for (const type of ['f32', 'i32', 'u32', 'bool'] as const) {
      const start = multiply(c(8 * lanes), w);
      const tested: Kernel = {
        ...kernel({
          buffers: [buffer('x', type), buffer('out', type)],
          sizes: ['n'],
          grid: [['w', n]],
          body: [
            store('tile', own, load('x', add(start, own), type, lanes)),
            BARRIER,
            store('out', add(start, own), load('tile', other, type, lanes)),
          ],
        }),
        ...group(8, shared('tile', 8 * lanes, type)),
      };
      const length = 24 * lanes;
      await check(tested, { x: valuesOf(type, length), out: valuesOf(type, length) }, { n: 3 });
    }
  });

  it('is used again after a barrier, in a loop whose extent is loaded from a buffer', async () => {
    const body: Statement[] = [
      constantly('rounds', load('limits', c(0), 'i32')),
      declare('sum', literal(0)),
      loop('k', symbol('rounds'), [
        store('tile', i, load('x', add(multiply(c(16), k), i), 'f32')),
        BARRIER,
        assign('sum', binary('add', variable('sum', 'f32'), load('tile', subtract(c(15), i), 'f32'))),
        BARRIER,
      ]),
      when(compare('gt', load('limits', c(1), 'i32'), literal(0, 'i32')), [
        store('tile', i, variable('sum', 'f32')),
        BARRIER,
        store('out', i, load('tile', subtract(c(15), i), 'f32')),
      ]),
    ];
    const limits = { name: 'limits', type: 'i32', access: 'read' } as const;
    const tested: Kernel = {
      ...kernel({ buffers: [buffer('x'), buffer('out'), limits], body }),
      ...group(16, shared('tile', 16)),
    };
    await check(tested, { x: valuesOf('f32', 48), out: valuesOf('f32', 16), limits: [3, 1] });
  });

  it('is read in whole vectors, in parts, and both', async () => {
    const tile = (at: Dim, lanes: Lanes): Expr => load('tile', at, 'f32', lanes);
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('x'), buffer('out')],
        body: [
          // `tile` is stored by vectors and read by elements, `pair` at places that are no multiples of four.
          store('tile', multiply(c(4), i), load('x', multiply(c(4), i), 'f32', 4)),
          store('pair', add(multiply(c(4), i), c(2)), load('x', multiply(c(4), i), 'f32', 4)),
          BARRIER,
          store(
            'out',
            multiply(c(4), i),
            binary(
              'add',
              combine(
                [0, 1, 2, 3].map((at) => tile(add(multiply(c(8), c(at)), i), 1)),
                4,
              ),
              splat(lane(load('pair', add(multiply(c(4), subtract(c(7), i)), c(2)), 'f32', 4), 1), 4),
            ),
          ),
        ],
      }),
      ...group(8, shared('tile', 32), shared('pair', 34)),
    };
    await check(tested, { x: valuesOf('f32', 32), out: valuesOf('f32', 32) });
  });
});

describeGpu('a barrier', () => {
  it('shows the others what was written to a buffer', async () => {
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('x')],
        body: [
          constantly('before', load('x', subtract(c(31), i), 'f32')),
          BARRIER,
          store('x', i, binary('add', variable('before', 'f32'), literal(100))),
          BARRIER,
          constantly('after', load('x', subtract(c(31), i), 'f32')),
          BARRIER,
          store('x', i, binary('sub', variable('after', 'f32'), variable('before', 'f32'))),
        ],
      }),
      ...group(32),
    };
    await check(tested, { x: valuesOf('f32', 32) });
  });

  it('may be under a condition on the point, which all invocations share', async () => {
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('out')],
        grid: [['w', c(3)]],
        body: [
          store('tile', i, convert(position(add(i, multiply(c(10), w))), 'f32')),
          when(compare('gt', position(w), literal(0, 'i32')), [
            BARRIER,
            store('out', add(multiply(c(8), w), i), load('tile', subtract(c(7), i), 'f32')),
          ]),
        ],
      }),
      ...group(8, shared('tile', 8)),
    };
    await check(tested, { out: valuesOf('f32', 24) });
  });
});

describeGpu('a kernel of workgroups', () => {
  it('has more points than a dispatch has workgroups along a dimension', async () => {
    const points = 65535 + 70;
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('out', 'i32')],
        grid: [['w', c(points)]],
        body: [
          store('tile', i, position(add(w, i))),
          BARRIER,
          when(compare('eq', position(i), literal(0, 'i32')), [store('out', w, load('tile', c(1), 'i32'))]),
        ],
      }),
      ...group(2, shared('tile', 2, 'i32')),
    };
    const { out } = await runWebgpu(tested, { out: Array.from({ length: points }, () => 0) }, {});
    expect(out!.every((value, at) => value === at + 1)).toBe(true);
  });

  it('loads in the arm of a select that is taken alone', async () => {
    const guarded = select(compare('lt', position(i), position(n)), load('x', i, 'f32'), literal(-1));
    const tested: Kernel = {
      ...kernel({
        buffers: [buffer('x'), buffer('out')],
        sizes: ['n'],
        body: [store('tile', i, guarded), BARRIER, store('out', i, load('tile', subtract(c(7), i), 'f32'))],
      }),
      ...group(8, shared('tile', 8)),
    };
    await check(tested, { x: valuesOf('f32', 5), out: valuesOf('f32', 8) }, { n: 5 });
  });
});
