/** Every operation on scalars and vectors, at the values where implementations differ. */
import { describe, expect, it } from 'vitest';
import { constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  bitcast,
  combine,
  compare,
  convert,
  lane,
  literal,
  load,
  multiplyAdd,
  select,
  splat,
  unary,
} from '../../src/compiler/kernel/build.ts';
import type { BinaryOp, CompareOp, Expr, Lanes, ScalarType, UnaryOp } from '../../src/compiler/kernel/ir.ts';
import { buffer, kernel, loop, store } from './dsl.ts';
import { describeGpu } from '../support/webgpu.ts';
import { execute, type Backend } from './harness.ts';

const ALL_F32 = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3.7,
  -3.7,
  1e10,
  -1e10,
  8388609,
  2147483520,
  2147483648,
  -2147483648,
  4294967040,
  4294967296,
  1e38,
  -3.4e38,
  1e-40,
  Infinity,
  -Infinity,
  NaN,
  0.1,
  16777217,
  7,
].map(Math.fround);
const I32 = [0, 1, -1, 2, -2, 7, -7, 31, 32, 33, 1000, -1000, 65536, 2 ** 31 - 1, -(2 ** 31), 123456789];
const U32 = [0, 1, 2, 7, 31, 32, 33, 1000, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 4000000000, 123456789, 3, 5];
const ALL_VALUES: Record<ScalarType, readonly number[]> = { f32: ALL_F32, i32: I32, u32: U32, bool: [0, 1, 1, 0] };

/** The backends that have vectors of `lanes`. */
const SHAPES: readonly (readonly [Backend, Lanes])[] = [
  ['js', 1],
  ['wasm', 1],
  ['wasm', 4],
];

const i = symbol('i');

function at(name: string, type: ScalarType, lanes: Lanes): Expr {
  return load(name, multiply(constant(lanes), i), type, lanes);
}

/** Applies `expr`, which reads `x` and `y`, to every pair of elements. */
async function map(
  [backend, lanes]: readonly [Backend, Lanes],
  [from, to]: readonly [ScalarType, ScalarType],
  inputs: { x: readonly number[]; y?: readonly number[] },
  expr: (x: Expr, y: Expr) => Expr,
): Promise<number[]> {
  const { x, y = x } = inputs;
  const tested = kernel({
    buffers: [buffer('x', from), buffer('y', from), buffer('out', to)],
    body: [
      loop('i', x.length / lanes, [
        store('out', multiply(constant(lanes), i), expr(at('x', from, lanes), at('y', from, lanes))),
      ]),
    ],
  });
  const { out } = await execute(backend, tested, { x, y, out: x.map(() => 0) });
  return out!;
}

/** All pairs of `values`, in two lists. */
function pairs(values: readonly number[]): { x: number[]; y: number[] } {
  return { x: values.flatMap((a) => values.map(() => a)), y: values.flatMap(() => values) };
}

function wrap(type: ScalarType, value: number): number {
  return type === 'f32' ? Math.fround(value) : type === 'u32' ? value >>> 0 : value | 0;
}

function nearestEven(x: number): number {
  if (!Number.isFinite(x) || Number.isInteger(x)) return x;
  const below = Math.floor(x);
  const nearest = x - below === 0.5 ? (below % 2 === 0 ? below : below + 1) : Math.round(x);
  return nearest === 0 && x < 0 ? -0 : nearest;
}

const wrapDivision = (a: number, b: number): number => (b === 0 ? 0 : Math.trunc(a / b));

const UNARY: readonly (readonly [UnaryOp, ScalarType, (x: number) => number])[] = [
  ['neg', 'f32', (x) => -x],
  ['abs', 'f32', Math.abs],
  ['sqrt', 'f32', Math.sqrt],
  ['floor', 'f32', Math.floor],
  ['ceil', 'f32', Math.ceil],
  ['round', 'f32', nearestEven],
  ['trunc', 'f32', Math.trunc],
  ['neg', 'i32', (x) => -x],
  ['neg', 'u32', (x) => -x],
  ['abs', 'i32', Math.abs],
  ['abs', 'u32', (x) => x],
  ['not', 'i32', (x) => ~x],
  ['not', 'u32', (x) => ~x],
  ['not', 'bool', (x) => 1 - x],
];

const INTEGER: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: wrapDivision,
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
};

const BINARY: Record<ScalarType, Partial<Record<BinaryOp, (a: number, b: number) => number>>> = {
  f32: {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    div: (a, b) => a / b,
    min: Math.min,
    max: Math.max,
  },
  i32: { ...INTEGER, shr: (a, b) => a >> b },
  u32: { ...INTEGER, shr: (a, b) => a >>> b },
  bool: {
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
    min: Math.min,
    max: Math.max,
  },
};

const COMPARISONS: Record<CompareOp, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

const TYPES = Object.keys(ALL_VALUES) as ScalarType[];

function saturate(x: number, least: number, most: number): number {
  return Number.isNaN(x) ? 0 : Math.min(Math.max(Math.trunc(x), least), most) + 0;
}

function converted(from: ScalarType, to: ScalarType, x: number): number {
  if (to === 'bool') return x === 0 ? 0 : 1;
  if (from === 'f32' && to === 'i32') return saturate(x, -(2 ** 31), 2 ** 31 - 1);
  if (from === 'f32' && to === 'u32') return saturate(x, 0, 2 ** 32 - 1);
  return wrap(to, x);
}

function bits(from: ScalarType, to: ScalarType, x: number): number {
  const source = from === 'f32' ? Float32Array.of(x) : Int32Array.of(x);
  const { buffer: bytes } = source;
  return (to === 'f32' ? new Float32Array(bytes) : to === 'u32' ? new Uint32Array(bytes) : new Int32Array(bytes))[0]!;
}

/** WGSL says nothing of divisions by more, and a denormal may be taken for 0. */
const isOrdinary = (x: number): boolean =>
  x === 0 || !Number.isFinite(x) || (Math.abs(x) >= 2 ** -126 && Math.abs(x) < 2 ** 100);

function wholeVectors(values: readonly number[]): readonly number[] {
  return values.slice(0, values.length - (values.length % 4));
}

/** Signs of zeros are not compared on webgpu, which need not keep them. */
function operationTests(backend: Backend, lanes: Lanes): void {
  const shape = [backend, lanes] as const;
  const F32 = backend === 'webgpu' ? wholeVectors(ALL_F32.filter(isOrdinary)) : ALL_F32;
  const VALUES: Record<ScalarType, readonly number[]> = { ...ALL_VALUES, f32: F32 };
  const plain = (x: number): number => (backend === 'webgpu' && x === 0 ? 0 : x);
  const expectValues = (actual: readonly number[], expected: readonly number[]): void =>
    expect(actual.map(plain)).toEqual(expected.map(plain));

  it.each(UNARY)('computes %s of %s', async (op, type, expected) => {
    const x = VALUES[type];
    expectValues(
      await map(shape, [type, type], { x }, (a) => unary(op, a)),
      x.map((a) => wrap(type, expected(a))),
    );
  });

  it('multiplies and adds', async () => {
    // Products that need no rounding, so that it does not matter whether they are rounded.
    const { x, y } = pairs([0, 1, -1, 0.5, -2.5, 7, 4095, -1025, Infinity, NaN]);
    expectValues(
      await map(shape, ['f32', 'f32'], { x, y }, (a, b) => multiplyAdd(a, b, binary('sub', b, a))),
      x.map((a, at) => Math.fround(a * y[at]! + (y[at]! - a))),
    );
  });

  for (const type of TYPES) {
    it.each(Object.entries(BINARY[type]) as [BinaryOp, (a: number, b: number) => number][])(
      `computes %s of ${type}`,
      async (op, expected) => {
        const { x, y } = pairs(VALUES[type]);
        const actual = await map(shape, [type, type], { x, y }, (a, b) => binary(op, a, b));
        expectValues(
          actual,
          x.map((a, at) => wrap(type, expected(a, y[at]!))),
        );
      },
    );

    it.each(Object.entries(COMPARISONS) as [CompareOp, (a: number, b: number) => boolean][])(
      `compares ${type} by %s`,
      async (op, expected) => {
        const { x, y } = pairs(VALUES[type]);
        const actual = await map(shape, [type, 'bool'], { x, y }, (a, b) => compare(op, a, b));
        expectValues(
          actual,
          x.map((a, at) => (expected(a, y[at]!) ? 1 : 0)),
        );
      },
    );

    it.each(TYPES)(`converts ${type} to %s`, async (to) => {
      const x = VALUES[type];
      const actual = await map(shape, [type, to], { x }, (a) => convert(a, to));
      expectValues(
        actual,
        x.map((a) => converted(type, to, a)),
      );
    });

    it(`selects between ${type}`, async () => {
      const { x, y } = pairs(VALUES[type]);
      const actual = await map(shape, [type, type], { x, y }, (a, b) => select(compare('lt', a, b), b, a));
      expectValues(
        actual,
        x.map((a, at) => (a < y[at]! ? y[at]! : a)),
      );
    });

    it.each(VALUES[type])(`keeps the ${type} literal %d`, async (value) => {
      const actual = await map(shape, [type, type], { x: [0, 0, 0, 0] }, () => splat(literal(value, type), lanes));
      expectValues(actual, [value, value, value, value]);
    });
  }

  it.each([
    ['f32', 'i32'],
    ['f32', 'u32'],
    ['i32', 'f32'],
    ['u32', 'f32'],
    ['i32', 'u32'],
    ['u32', 'i32'],
  ] as const)('reinterprets %s as %s', async (from, to) => {
    const plain =
      from === 'f32' ? F32.filter((x) => !Number.isNaN(x)) : [0, 1, 0x3f800000, 0x7f800000, 0x00000001, 5, 6, 7];
    const x = wholeVectors(plain);
    expectValues(
      await map(shape, [from, to], { x }, (a) => bitcast(a, to)),
      x.map((a) => bits(from, to, a)),
    );
  });

  it.each([
    ['min', 88.5],
    ['max', 88.5],
    ['min', -1],
    ['max', -1],
    ['min', 0],
    ['max', 0],
    ['min', -0],
    ['max', -0],
    ['min', NaN],
    ['max', Infinity],
  ] as const)('computes %s with the constant %d on either side', async (op, limit) => {
    const bound = splat(literal(limit), lanes);
    const expected = F32.map((a) => Math.fround(Math[op](a, limit)));
    expectValues(await map(shape, ['f32', 'f32'], { x: F32 }, (a) => binary(op, a, bound)), expected);
    expectValues(await map(shape, ['f32', 'f32'], { x: F32 }, (a) => binary(op, bound, a)), expected);
  });

  it('chooses the lesser or the greater by a comparison', async () => {
    const { x, y } = pairs(F32);
    const choices: readonly (readonly [CompareOp, boolean])[] = [
      ['lt', true],
      ['lt', false],
      ['gt', true],
      ['gt', false],
      ['le', true],
    ];
    for (const [op, keepsOrder] of choices) {
      const actual = await map(shape, ['f32', 'f32'], { x, y }, (a, b) =>
        keepsOrder ? select(compare(op, a, b), a, b) : select(compare(op, a, b), b, a),
      );
      const expected = x.map((a, at) => (COMPARISONS[op](a, y[at]!) === keepsOrder ? a : y[at]!));
      expectValues(actual, expected);
    }
    const limited = await map(shape, ['f32', 'f32'], { x: F32 }, (a) => {
      const zero = splat(literal(0), lanes);
      return select(compare('gt', a, splat(literal(0), lanes)), a, zero);
    });
    expectValues(
      limited,
      F32.map((a) => (a > 0 ? a : 0)),
    );
  });

  it.each(['i32', 'u32'] as const)('divides %s by constants and shifts by uniform counts', async (type) => {
    const x = VALUES[type];
    for (const divisor of [1, 2, 7, -1, -3, 0].map((value) => wrap(type, value))) {
      const actual = await map(shape, [type, type], { x }, (a) => binary('div', a, literal(divisor, type)));
      expectValues(
        actual,
        x.map((a) => wrap(type, wrapDivision(a, divisor))),
      );
    }
    for (const count of [0, 1, 13, 31]) {
      const left = await map(shape, [type, type], { x }, (a) => binary('shl', a, literal(count, type)));
      expectValues(
        left,
        x.map((a) => wrap(type, a << count)),
      );
      const right = await map(shape, [type, type], { x }, (a) => binary('shr', a, literal(count, type)));
      expectValues(
        right,
        x.map((a) => (type === 'i32' ? a >> count : a >>> count)),
      );
    }
  });
}

describe.each(SHAPES)('%s with %i lanes', operationTests);
describeGpu('webgpu', () => {
  describe.each([1, 4] as const)('with %i lanes', (lanes) => operationTests('webgpu', lanes));
  laneTests('webgpu');
});

describe('functions that only JavaScript has', () => {
  it.each([
    ['exp', Math.exp],
    ['expm1', Math.expm1],
    ['log', Math.log],
    ['log1p', Math.log1p],
    ['sin', Math.sin],
    ['cos', Math.cos],
    ['tanh', Math.tanh],
  ] as const)('computes %s', async (op, expected) => {
    const actual = await map(['js', 1], ['f32', 'f32'], { x: ALL_F32 }, (a) => unary(op, a));
    expect(actual).toEqual(ALL_F32.map((x) => Math.fround(expected(x))));
  });

  it("computes pow with C's meaning", async () => {
    const { x, y } = pairs(ALL_F32);
    const actual = await map(['js', 1], ['f32', 'f32'], { x, y }, (a, b) => binary('pow', a, b));
    const expected = x.map((a, at) => {
      const b = y[at]!;
      if (a === 1 || b === 0) return 1;
      return a === -1 && Math.abs(b) === Infinity ? 1 : Math.fround(a ** b);
    });
    expect(actual).toEqual(expected);
  });
});

it('computes the remainder of f32 with the sign of the divisor on js', async () => {
  const x = [10, 1e9, 1e10, -7, 7, 5, -5, -1e-10, 1].map(Math.fround);
  const y = [0.1, 3, 3, 3, -3, Infinity, Infinity, 1, 0].map(Math.fround);
  const actual = await map(['js', 1], ['f32', 'f32'], { x, y }, (a, b) => binary('mod', a, b));
  const tenth = Math.fround(10 % Math.fround(0.1));
  expect(actual).toEqual([tenth, 1, 1, 2, -2, 5, Infinity, 1 - 2 ** -24, NaN]);
});

function laneTests(backend: Backend): void {
  const first = (type: ScalarType): Expr => load('x', constant(0), type, 4);

  it.each([
    ['add', 'f32', 10],
    ['mul', 'f32', 24],
    ['min', 'f32', 1],
    ['max', 'f32', 4],
    ['add', 'i32', 10],
    ['mul', 'u32', 24],
    ['min', 'i32', 1],
    ['max', 'u32', 4],
    ['and', 'i32', 0],
    ['or', 'u32', 7],
  ] as const)('combines them by %s of %s', async (op, type, expected) => {
    const tested = kernel({
      buffers: [buffer('x', type), buffer('out', type)],
      body: [store('out', 0, { kind: 'reduceLanes', type, lanes: 1, op, operand: first(type) })],
    });
    const { out } = await execute(backend, tested, { x: [1, 2, 3, 4], out: [0] });
    expect(out).toEqual([expected]);
  });

  it('adds lanes 0 and 2, then 1 and 3, then both sums', async () => {
    const x = [1e8, 1, -1e8, 1e-3].map(Math.fround);
    const tested = kernel({
      buffers: [buffer('x'), buffer('out')],
      body: [store('out', 0, { kind: 'reduceLanes', type: 'f32', lanes: 1, op: 'add', operand: first('f32') })],
    });
    const { out } = await execute(backend, tested, { x, out: [0] });
    expect(out).toEqual([Math.fround(Math.fround(x[0]! + x[2]!) + Math.fround(x[1]! + x[3]!))]);
  });

  it.each([
    [[0, 0, 0, 0], 0, 0],
    [[0, 1, 0, 0], 0, 1],
    [[1, 1, 1, 1], 1, 1],
  ])('combines bools %j', async (x, all, any) => {
    for (const [op, expected] of [
      ['and', all],
      ['or', any],
    ] as const) {
      const tested = kernel({
        buffers: [buffer('x', 'bool'), buffer('out', 'bool')],
        body: [store('out', 0, { kind: 'reduceLanes', type: 'bool', lanes: 1, op, operand: first('bool') })],
      });
      expect((await execute(backend, tested, { x, out: [0] }))['out']).toEqual([expected]);
    }
  });

  it.each(TYPES)('takes lanes of %s out and puts them together in another order', async (type) => {
    const x = ALL_VALUES[type].slice(-4);
    const reversed = combine(
      [3, 2, 1, 0].map((from) => lane(first(type), from)),
      4,
    );
    const tested = kernel({ buffers: [buffer('x', type), buffer('out', type)], body: [store('out', 0, reversed)] });
    expect((await execute(backend, tested, { x, out: [0, 0, 0, 0] }))['out']).toEqual(x.toReversed());
  });

  it.each(TYPES)('puts scattered loads of %s together, and repeats one', async (type) => {
    const x = ALL_VALUES[type].slice(-4);
    const element = (at: number): Expr => load('x', constant(at), type);
    const scattered = combine([2, 0, 3, 1].map(element), 4);
    const tested = kernel({
      buffers: [buffer('x', type), buffer('out', type)],
      body: [
        store('out', 0, scattered),
        store('out', 4, splat(element(1), 4)),
        store('out', 8, select(convert(element(0), 'bool'), splat(element(2), 4), scattered)),
      ],
    });
    const expected = [...[2, 0, 3, 1].map((at) => x[at]!), x[1]!, x[1]!, x[1]!, x[1]!];
    const { out } = await execute(backend, tested, { x, out: Array.from({ length: 12 }, () => 0) });
    expect(out!.slice(0, 8)).toEqual(expected);
  });
}

describe('lanes in wasm', () => laneTests('wasm'));
