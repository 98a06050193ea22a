/**
 * Random expressions on every backend against an evaluator of a few lines. On wasm every f32 operation rounds; in
 * JavaScript f32 values are doubles, rounded where they are compared or become integers.
 */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, constant, floorDiv, maximum, minimum, modulo, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  bitcast,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  splat,
  unary,
} from '../../src/compiler/kernel/build.ts';
import type { BinaryOp, CompareOp, Expr, Lanes, ScalarType, UnaryOp } from '../../src/compiler/kernel/ir.ts';
import { buffer, kernel, loop, store } from './dsl.ts';
import { describeGpu } from '../support/webgpu.ts';
import { execute, type Backend } from './harness.ts';

const ELEMENTS = 8;
const i = symbol('i');

/** `ordinary` rounds always, and stops at f32 values where WGSL leaves results open. */
type Rounding = 'always' | 'when discrete' | 'ordinary';

class Extraordinary extends Error {}

/** Denormals may be taken for 0; divisions by, and comparisons of, the largest values need not be right. */
const isOrdinary = (x: number): boolean =>
  x === 0 || !Number.isFinite(x) || (Math.abs(x) >= 2 ** -100 && Math.abs(x) < 2 ** 100);

/** One element of an expression: how to build it, and its value at element `at`. Bools are 0 or 1. */
interface Sample {
  readonly type: ScalarType;
  readonly build: (lanes: Lanes) => Expr;
  readonly value: (at: number, rounding: Rounding) => number;
}

const DATA: Record<ScalarType, readonly number[]> = {
  f32: [0.5, -1.25, 3e5, -0, 7.75, -1e-20, 2147483648, 100].map(Math.fround),
  i32: [0, 1, -1, 77, -1000000, 2 ** 31 - 1, -(2 ** 31), 12],
  u32: [0, 1, 5, 4294967295, 2 ** 31, 77, 65535, 12],
  bool: [0, 1, 1, 0, 1, 0, 0, 1],
};

function narrow(type: ScalarType, value: number): number {
  switch (type) {
    case 'f32':
      return Math.fround(value);
    case 'i32':
      return value | 0;
    case 'u32':
      return value >>> 0;
    case 'bool':
      return value ? 1 : 0;
  }
}

/** A node is built once a width, so that using one sample twice shares its expression. */
function sample(type: ScalarType, make: (lanes: Lanes) => Expr, value: Sample['value']): Sample {
  const built = new Map<Lanes, Expr>();
  return {
    type,
    build: (lanes) => {
      const expr = built.get(lanes) ?? make(lanes);
      built.set(lanes, expr);
      return expr;
    },
    value: (at, rounding) => {
      const result = value(at, rounding);
      if (rounding === 'ordinary' && type === 'f32' && !isOrdinary(result)) throw new Extraordinary();
      return result;
    },
  };
}

const at = (lanes: Lanes, plus = 0) => add(multiply(constant(lanes), i), constant(plus));

function loaded(type: ScalarType): Sample {
  return sample(
    type,
    (lanes) => load(type, at(lanes), type, lanes),
    (element) => DATA[type][element]!,
  );
}

/** Elements of a second stretch of the same buffer, in other order. */
function loadedElsewhere(type: ScalarType): Sample {
  return sample(
    type,
    (lanes) => load(type, at(lanes, ELEMENTS), type, lanes),
    (element) => DATA[type][ELEMENTS - 1 - element]!,
  );
}

function constantOf(type: ScalarType, value: number): Sample {
  return sample(
    type,
    (lanes) => splat(literal(value, type), lanes),
    () => narrow(type, value),
  );
}

const FLOAT_UNARY: Partial<Record<UnaryOp, (x: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
};
const DISCRETE: readonly string[] = ['floor', 'ceil', 'trunc'];

const FLOAT: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: Math.min,
  max: Math.max,
};

const INTEGER: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : a / b),
  min: Math.min,
  max: Math.max,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
};

const COMPARISONS: Record<CompareOp, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
};

function convertValue(from: ScalarType, to: ScalarType, x: number): number {
  if (to === 'bool') return x === 0 ? 0 : 1;
  if (from !== 'f32' || to === 'f32') return narrow(to, x);
  const [least, most] = to === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  return Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, least), most));
}

function bitsValue(to: 'f32' | 'i32', x: number): number {
  return to === 'f32' ? new Float32Array(Int32Array.of(x).buffer)[0]! : new Int32Array(Float32Array.of(x).buffer)[0]!;
}

/** The f32 that a discrete decision is made on. */
const exact = (item: Sample, element: number, rounding: Rounding): number =>
  item.type === 'f32' ? Math.fround(item.value(element, rounding)) : item.value(element, rounding);

const keys = <K extends string>(table: Partial<Record<K, unknown>>): K[] => Object.keys(table) as K[];

const samples = fc.letrec<Record<ScalarType | 'anyType', Sample>>((tie) => {
  const leaf = (type: ScalarType, literals: fc.Arbitrary<number>): fc.Arbitrary<Sample> =>
    fc.oneof(
      fc.constant(loaded(type)),
      fc.constant(loadedElsewhere(type)),
      literals.map((value) => constantOf(type, value)),
    );
  const choose = (type: ScalarType): fc.Arbitrary<Sample> =>
    fc.tuple(tie('bool'), tie(type), tie(type)).map(([condition, then, otherwise]) =>
      sample(
        type,
        (lanes) => select(condition.build(lanes), then.build(lanes), otherwise.build(lanes)),
        (element, rounding) => (condition.value(element, rounding) ? then : otherwise).value(element, rounding),
      ),
    );
  const converting = (type: ScalarType): fc.Arbitrary<Sample> =>
    tie('anyType')
      .filter((item) => item.type !== type)
      .map((item) =>
        sample(
          type,
          (lanes) => convert(item.build(lanes), type),
          (element, rounding) => convertValue(item.type, type, exact(item, element, rounding)),
        ),
      );
  const two = (type: ScalarType, table: Partial<Record<BinaryOp, (a: number, b: number) => number>>) =>
    fc.tuple(fc.constantFrom(...keys(table)), tie(type), tie(type), fc.boolean()).map(([op, left, right, same]) => {
      const other = same ? left : right;
      return sample(
        type,
        (lanes) => binary(op, left.build(lanes), other.build(lanes)),
        (element, rounding) => {
          const result = table[op]!(left.value(element, rounding), other.value(element, rounding));
          return type === 'f32' && rounding === 'when discrete' ? result : narrow(type, result);
        },
      );
    });
  const floatUnary = fc.tuple(fc.constantFrom(...keys(FLOAT_UNARY)), tie('f32')).map(([op, item]) =>
    sample(
      'f32',
      (lanes) => unary(op, item.build(lanes)),
      (element, rounding) => {
        if (DISCRETE.includes(op)) return FLOAT_UNARY[op]!(exact(item, element, rounding));
        const result = FLOAT_UNARY[op]!(item.value(element, rounding));
        return rounding === 'when discrete' ? result : Math.fround(result);
      },
    ),
  );
  const comparison = fc
    .tuple(fc.constantFrom(...keys(COMPARISONS)), tie('anyType'), fc.nat(7))
    .map(([op, left, pick]) => {
      const right = pick < 4 ? constantOf(left.type, DATA[left.type][pick]!) : loadedElsewhere(left.type);
      return sample(
        'bool',
        (lanes) => compare(op, left.build(lanes), right.build(lanes)),
        (element, rounding) => Number(COMPARISONS[op](exact(left, element, rounding), exact(right, element, rounding))),
      );
    });
  const bits = fc.constantFrom(loaded('f32'), loadedElsewhere('f32')).map((item) =>
    sample(
      'i32',
      (lanes) => bitcast(item.build(lanes), 'i32'),
      (element, rounding) => bitsValue('i32', item.value(element, rounding)),
    ),
  );
  // Without the lowest bit of the exponent no pattern is a NaN, whose bits engines may change.
  const finite = tie('i32').map((item) =>
    sample(
      'f32',
      (lanes) => bitcast(binary('and', item.build(lanes), splat(literal(~0x800000, 'i32'), lanes)), 'f32'),
      (element, rounding) => bitsValue('f32', item.value(element, rounding) & ~0x800000),
    ),
  );
  const integerUnary = (type: 'i32' | 'u32') =>
    fc.tuple(fc.constantFrom('neg' as const, 'abs' as const, 'not' as const), tie(type)).map(([op, item]) =>
      sample(
        type,
        (lanes) => unary(op, item.build(lanes)),
        (element, rounding) => {
          const x = item.value(element, rounding);
          return narrow(type, op === 'neg' ? -x : op === 'abs' ? Math.abs(x) : ~x);
        },
      ),
    );
  const negation = tie('bool').map((item) =>
    sample(
      'bool',
      (lanes) => unary('not', item.build(lanes)),
      (element, rounding) => 1 - item.value(element, rounding),
    ),
  );
  const depth = { maxDepth: 5, depthSize: 'small' as const };
  const integers = (type: 'i32' | 'u32', shr: (a: number, b: number) => number) => [
    two(type, { ...INTEGER, shr }),
    integerUnary(type),
    converting(type),
    choose(type),
  ];
  return {
    f32: fc.oneof(
      depth,
      leaf('f32', fc.float({ noNaN: true })),
      two('f32', FLOAT),
      two('f32', FLOAT),
      floatUnary,
      finite,
      converting('f32'),
      choose('f32'),
    ),
    i32: fc.oneof(depth, leaf('i32', fc.integer()), ...integers('i32', (a, b) => a >> b), bits),
    u32: fc.oneof(depth, leaf('u32', fc.integer({ min: 0, max: 2 ** 32 - 1 })), ...integers('u32', (a, b) => a >>> b)),
    bool: fc.oneof(
      depth,
      leaf('bool', fc.nat(1)),
      comparison,
      comparison,
      negation,
      converting('bool'),
      choose('bool'),
      two('bool', {
        and: (a, b) => a & b,
        or: (a, b) => a | b,
        xor: (a, b) => a ^ b,
      }),
    ),
    anyType: fc.oneof(tie('f32'), tie('i32'), tie('u32'), tie('bool')),
  };
});

const SHAPES: readonly (readonly [Backend, Lanes, Rounding])[] = [
  ['wasm', 1, 'always'],
  ['wasm', 4, 'always'],
  ['js', 1, 'when discrete'],
];

const CONTENTS = Object.fromEntries(
  (Object.keys(DATA) as ScalarType[]).map((type) => [type, [...DATA[type], ...DATA[type].toReversed()]]),
);

function expressionTests(backend: Backend, lanes: Lanes, rounding: Rounding, numRuns: number): void {
  it.each(['f32', 'i32', 'u32', 'bool'] as const)('compute the same %s as their evaluation', async (type) => {
    await fc.assert(
      fc.asyncProperty(samples[type], async (item) => {
        const expected = expectedValues(item, rounding);
        fc.pre(expected !== undefined);
        const tested = kernel({
          buffers: [...(Object.keys(DATA) as ScalarType[]).map((each) => buffer(each, each)), buffer('out', type)],
          body: [loop('i', ELEMENTS / lanes, [store('out', at(lanes), item.build(lanes))])],
        });
        const out = Array.from({ length: ELEMENTS }, () => 0);
        const result = await execute(backend, tested, { ...CONTENTS, out });
        expect(result['out']!.map(plainZero)).toEqual(expected!.map(plainZero));
      }),
      { numRuns },
    );
  });
}

/** Undefined where some part of the expression has no certain value. */
function expectedValues(item: Sample, rounding: Rounding): number[] | undefined {
  try {
    return Array.from({ length: ELEMENTS }, (_, element) => narrow(item.type, item.value(element, rounding)));
  } catch (error) {
    if (error instanceof Extraordinary) return undefined;
    throw error;
  }
}

describe.each(SHAPES)('random expressions on %s with %i lanes', (backend, lanes, rounding) =>
  expressionTests(backend, lanes, rounding, 150),
);

/** Signs of zeros are compared where operations are tested singly. */
const plainZero = (x: number): number => (x === 0 ? 0 : x);

/** Random positions: sums, products, quotients, remainders, minima, maxima of a loop variable, a size and constants. */
interface Position {
  readonly build: () => ReturnType<typeof symbol>;
  readonly value: (i: number, n: number) => number;
}

const positions = fc.letrec<{ position: Position }>((tie) => ({
  position: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Position>({ build: () => i, value: (at) => at }, { build: () => symbol('n'), value: (_, n) => n }),
    fc.integer({ min: -9, max: 9 }).map((value): Position => ({ build: () => constant(value), value: () => value })),
    fc.tuple(tie('position'), tie('position')).map(([a, b]): Position => ({
      build: () => add(a.build(), b.build()),
      value: (at, n) => a.value(at, n) + b.value(at, n),
    })),
    fc.tuple(tie('position'), fc.integer({ min: -3, max: 3 })).map(([a, by]): Position => ({
      build: () => multiply(a.build(), constant(by)),
      value: (at, n) => a.value(at, n) * by,
    })),
    tie('position').map((a): Position => ({
      build: () => multiply(a.build(), symbol('n')),
      value: (at, n) => a.value(at, n) * n,
    })),
    fc.tuple(tie('position'), fc.integer({ min: 1, max: 9 })).map(([a, by]): Position => ({
      build: () => floorDiv(a.build(), constant(by)),
      value: (at, n) => Math.floor(a.value(at, n) / by),
    })),
    tie('position').map((a): Position => ({
      build: () => modulo(a.build(), symbol('n')),
      value: (at, n) => a.value(at, n) - n * Math.floor(a.value(at, n) / n),
    })),
    fc.tuple(tie('position'), tie('position'), fc.boolean()).map(([a, b, least]): Position => ({
      build: () => (least ? minimum : maximum)(a.build(), b.build()),
      value: (at, n) => Math[least ? 'min' : 'max'](a.value(at, n), b.value(at, n)),
    })),
  ),
}));

function positionTests(backend: Backend, numRuns: number): void {
  it('have the values of their polynomials', async () => {
    await fc.assert(
      fc.asyncProperty(positions['position'], fc.integer({ min: 1, max: 7 }), async (item, n) => {
        const tested = kernel({
          buffers: [buffer('out', 'i32')],
          sizes: ['n'],
          body: [loop('i', 4, [store('out', i, position(item.build()))])],
        });
        const { out } = await execute(backend, tested, { out: [0, 0, 0, 0] }, { n });
        expect(out).toEqual([0, 1, 2, 3].map((at) => item.value(at, n) | 0));
      }),
      { numRuns },
    );
  });
}

describe.each(['wasm', 'js'] as const)('random positions on %s', (backend) => positionTests(backend, 150));
describeGpu('webgpu', () => {
  describe.each([1, 4] as const)('random expressions with %i lanes', (lanes) =>
    expressionTests('webgpu', lanes, 'ordinary', 40),
  );
  describe('random positions', () => positionTests('webgpu', 40));
});
