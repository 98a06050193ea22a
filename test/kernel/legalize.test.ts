import { describe, expect, test } from 'vitest';
import { symbol } from '../../src/compiler/dims/dim.ts';
import { erf, floorModulo, pow, roundTiesToEven } from '../../src/compiler/kernel/arithmetic.ts';
import { erfc } from '../../src/compiler/ops/pointwise/special.ts';
import { binary, compare, literal, load, position, select, unary } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { BinaryOp, Expr, UnaryOp } from '../../src/compiler/kernel/ir.ts';
import { legalize } from '../../src/compiler/kernel/legalize/legalize.ts';
import { forEachExpr, forEachStatement, valueOf } from '../../src/compiler/kernel/rewrite.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { vectorize } from '../../src/compiler/kernel/vectorize.ts';
import { runWebgpu } from '../codegen/webgpu.ts';
import { describeGpu } from '../support/webgpu.ts';
import { GRID, input, kernel, loop, mapKernel, output, POOR, runMap, SCALAR, store, zero } from './support.ts';

const COUNT = 5000;
const LARGEST = 2 ** 128 - 2 ** 104;

function evenly(low: number, high: number, count = COUNT): number[] {
  return Array.from({ length: count }, (_, at) => low + ((high - low) * at) / (count - 1));
}

/** Evenly by magnitude. */
function spread(low: number, high: number): number[] {
  return evenly(Math.log(low), Math.log(high)).map(Math.exp);
}

function bothSigns(values: readonly number[]): number[] {
  return values.flatMap((x) => [x, -x]);
}

/** The distance between neighbouring singles around `x`; below the smallest normal, that one. */
function ulp(x: number): number {
  if (Math.abs(x) < 2 ** -126) return 2 ** -126;
  return 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23);
}

interface Errors {
  ulps: number;
  absolute: number;
}

function errorsOf(actual: ArrayLike<number>, truth: (at: number) => number): Errors {
  const worst: Errors = { ulps: 0, absolute: 0 };
  for (let at = 0; at < actual.length; at++) {
    const expected = truth(at);
    if (Math.abs(expected) > LARGEST) continue;
    const error = Math.abs(actual[at]! - expected);
    worst.absolute = Math.max(worst.absolute, error);
    worst.ulps = Math.max(worst.ulps, error / ulp(expected));
  }
  return worst;
}

const multiples = Array.from({ length: 8149 }, (_, n) => (n * Math.PI) / 2);
const farMultiples = Array.from({ length: 9000 }, (_, n) => (n * 141 * Math.PI) / 2);

/** Of the standard normal. */
function normcdf(x: number): number {
  return erfc(-x * Math.SQRT1_2) / 2;
}

/** Functions with points to try, and the bound on their errors in ulps. */
const FUNCTIONS: [UnaryOp, (x: number) => number, number[], number][] = [
  ['exp', Math.exp, [...evenly(-86.6, 89), ...evenly(-1, 1)], 1],
  ['expm1', Math.expm1, [...evenly(-20, 89), ...bothSigns(spread(1e-30, 1))], 1.5],
  ['log', Math.log, [...spread(1e-45, 3e38), ...evenly(0.5, 2)], 1],
  ['log1p', Math.log1p, [...spread(1e-30, 3e38), ...evenly(-0.9999, 2), ...spread(1e-30, 0.99).map((x) => -x)], 1.6],
  ['sin', Math.sin, [...bothSigns(multiples), ...evenly(-12800, 12800), ...evenly(-7, 7)], 2.5],
  ['cos', Math.cos, [...bothSigns(multiples), ...evenly(-12800, 12800), ...evenly(-7, 7)], 2.5],
  ['tanh', Math.tanh, [...evenly(-10, 10), ...bothSigns(spread(1e-30, 1))], 2.6],
  ['normcdf', normcdf, evenly(-3, 9), 18],
  ['erf', erf, [...evenly(-4.5, 4.5), ...bothSigns(spread(1e-30, 1))], 2.3],
];

describe('functions computed by arithmetic are accurate', () => {
  test.each(FUNCTIONS)('%s', (op, truth, points, ulps) => {
    for (const target of [SCALAR, GRID]) {
      const legal = legalize(
        mapKernel((x) => unary(op, x)),
        target,
      );
      verifyKernel(legal);
      const x = Float32Array.from(points);
      const errors = errorsOf(runMap(legal, x), (at) => truth(x[at]!));
      expect(errors.ulps).toBeLessThanOrEqual(target.strictArithmetic ? ulps : ulps + 0.7);
      if (op === 'erf') expect(errors.absolute).toBeLessThan(1.4e-7);
      if (op === 'normcdf') expect(errors.absolute).toBeLessThan(3.3e-7);
    }
  });

  test.each<['sin' | 'cos']>([['sin'], ['cos']])('%s of large angles', (op) => {
    const legal = legalize(
      mapKernel((x) => unary(op, x)),
      SCALAR,
    );
    const x = Float32Array.from([...bothSigns(farMultiples), ...evenly(-2e6, 2e6)]);
    expect(errorsOf(runMap(legal, x), (at) => Math[op](x[at]!)).absolute).toBeLessThan(1.3e-7);
  });

  test('mod is exact for quotients below 2 ** 47, and exact or 0 beyond', () => {
    const divisors = spread(1e-20, 1e20).map((y, at) => Math.fround(at % 2 === 0 ? y : -y));
    const near = divisors.map((y, at) => Math.fround(y * Math.sin(at) * 2 ** ((at % 48) - 2)));
    const multiple = divisors.map((y, at) => Math.fround(y * Math.round(2 ** (at % 46) * Math.cos(at))));
    for (const dividends of [near, multiple]) {
      const result = remainders(dividends, divisors);
      for (const [at, x] of dividends.entries())
        expect([x, divisors[at], result[at]! + 0]).toEqual([x, divisors[at], floorModulo(x, divisors[at]!) + 0]);
    }
    const far = divisors.map((y, at) => Math.fround(y * Math.sin(at) * 2 ** 60));
    const result = remainders(far, divisors);
    for (const [at, x] of far.entries())
      if (result[at] !== 0) expect([x, result[at]]).toEqual([x, floorModulo(x, divisors[at]!)]);
  });

  test('pow', () => {
    const bases = [...spread(1e-30, 1e30), ...evenly(0.9, 1.1), ...evenly(0.01, 10)];
    const exponents = bases.map((x, at) => {
      const reach = 80 / Math.max(Math.abs(Math.log(x)), 1e-4);
      return Math.fround(at % 3 === 0 ? (at % 17) - 8 : reach * Math.sin(at));
    });
    const x = Float32Array.from(bases);
    const errors = errorsOf(power(bases, exponents), (at) => x[at]! ** exponents[at]!);
    expect(errors.ulps).toBeLessThanOrEqual(1.3);
  });

  test('rounding is exact', () => {
    const points = [
      ...evenly(-20, 20, 641),
      ...bothSigns(evenly(-20, 35, 200).map(Math.exp)),
      0,
      -0,
      NaN,
      Infinity,
      -Infinity,
    ];
    const x = Float32Array.from([...points, 2 ** 23, 2 ** 23 - 0.5, 2 ** 23 + 1, 0.49999997]);
    const truths = { round: roundTiesToEven, floor: Math.floor, ceil: Math.ceil, trunc: Math.trunc };
    for (const [op, truth] of Object.entries(truths)) {
      const legal = legalize(
        mapKernel((value) => unary(op as UnaryOp, value)),
        POOR,
      );
      const result = runMap(legal, x);
      expect(result).toEqual(x.map(truth));
    }
  });
});

const v = symbol('v');

function power(bases: readonly number[], exponents: readonly number[]): Float32Array {
  return runBinary('pow', bases, exponents);
}

function remainders(dividends: readonly number[], divisors: readonly number[]): Float32Array {
  return runBinary('mod', dividends, divisors);
}

function runBinary(op: BinaryOp, left: readonly number[], right: readonly number[]): Float32Array {
  const body = store('out', v, binary(op, load('x', v, 'f32'), load('y', v, 'f32')));
  const given = kernel([input('x'), input('y'), output('out')], ['n'], [], [loop('v', symbol('n'), 'serial', [body])]);
  const legal = legalize(given, POOR);
  verifyKernel(legal);
  const out = new Float32Array(left.length);
  interpretKernel(legal, { x: Float32Array.from(left), y: Float32Array.from(right), out }, { n: left.length });
  return out;
}

describe('edges', () => {
  const at = (op: UnaryOp, ...points: number[]): number[] => [
    ...runMap(
      legalize(
        mapKernel((x) => unary(op, x)),
        SCALAR,
      ),
      Float32Array.from(points),
    ),
  ];

  test('exp', () => {
    expect(at('exp', -Infinity, Infinity, NaN, 0, -200, 88.8, 1e30)).toEqual([
      0,
      Infinity,
      NaN,
      1,
      0,
      Infinity,
      Infinity,
    ]);
    expect(at('exp', 88.72283)[0]).toBeLessThan(Infinity);
    expect(at('exp', -86.9)[0]! / Math.exp(-86.9)).toBeCloseTo(1, 5);
    expect(at('exp', -87, -87.33655, -100, -1e9, -3e38)).toEqual([0, 0, 0, 0, 0]);
  });

  test('expm1', () => {
    expect(at('expm1', -Infinity, Infinity, NaN, 0, -200)).toEqual([-1, Infinity, NaN, 0, -1]);
  });

  test('log and log1p', () => {
    expect(at('log', 0, -0, Infinity, -1, NaN, -Infinity, 1)).toEqual([
      -Infinity,
      -Infinity,
      Infinity,
      NaN,
      NaN,
      NaN,
      0,
    ]);
    expect(at('log1p', -1, Infinity, -2, NaN, 0)).toEqual([-Infinity, Infinity, NaN, NaN, 0]);
  });

  test('sin and cos', () => {
    expect(at('sin', Infinity, -Infinity, NaN, 0)).toEqual([NaN, NaN, NaN, 0]);
    expect(at('cos', Infinity, NaN, 0)).toEqual([NaN, NaN, 1]);
    for (const value of at('cos', 1e8, 1e20, 3e38, -1e30)) expect(Math.abs(value)).toBeLessThanOrEqual(1);
  });

  test('tanh and erf', () => {
    expect(at('tanh', Infinity, -Infinity, NaN, 0, 20)).toEqual([1, -1, NaN, 0, 1]);
    expect(at('normcdf', Infinity, -Infinity, NaN, 8, -8)).toEqual([1, 0, NaN, 1, 0]);
    expect(at('erf', Infinity, -Infinity, NaN, 0, 5)).toEqual([1, -1, NaN, 0, 1]);
  });

  test('mod has the sign of the divisor and stays below it', () => {
    const points = [0, 1, -1, 3, -3, 0.1, 10, 1e9, -1e-10, 1e-45, Infinity, -Infinity, NaN].map(Math.fround);
    const pairs = points.flatMap((x) => points.map((y): [number, number] => [x, y]));
    const result = remainders(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    for (const [at, [x, y]] of pairs.entries()) {
      const expected = Math.abs(x / y) < 2 ** 47 || Number.isNaN(x % y) ? floorModulo(x, y) + 0 : 0;
      expect([x, y, result[at]! + 0]).toEqual([x, y, expected]);
    }
  });

  test('pow has the values of C at every special pair', () => {
    const points = [0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, Infinity, -Infinity, NaN, 1e30, -1e30, 16777217, 1e-40];
    const pairs = points.flatMap((x) => points.map((y): [number, number] => [Math.fround(x), Math.fround(y)]));
    const result = power(
      pairs.map(([x]) => x),
      pairs.map(([, y]) => y),
    );
    for (const [index, [x, y]] of pairs.entries()) {
      const [expected, actual] = [Math.fround(pow(x, y)), result[index]!];
      const close = Math.abs(actual - expected) <= 2 * ulp(expected);
      expect([x, y, close ? expected : actual]).toEqual([x, y, expected]);
      expect([x, y, Object.is(actual, -0)]).toEqual([x, y, Object.is(expected, -0)]);
    }
  });

  test('pow with a literal exponent', () => {
    for (const y of [0, 1, 2, 3, 4, -1, -2, 0.5, 2.5]) {
      const legal = legalize(
        mapKernel((x) => binary('pow', x, literal(y))),
        SCALAR,
      );
      const x = Float32Array.from([0, -0, 2, 1.5, -3, Infinity, -Infinity, NaN]);
      const result = runMap(legal, x);
      for (const [index, base] of x.entries())
        expect([y, base, result[index]]).toEqual([y, base, Math.fround(pow(base, y))]);
    }
  });
});

describe('the rewriting', () => {
  const count = (of: ReturnType<typeof mapKernel>, test: (expr: Expr) => boolean): number => {
    let found = 0;
    forEachStatement(of.body, (statement) => {
      const value = valueOf(statement);
      if (value) forEachExpr(value, (part) => (found += test(part) ? 1 : 0));
    });
    return found;
  };

  test('leaves what the target has', () => {
    const given = mapKernel((x) => unary('exp', unary('sqrt', x)));
    const js = { ...SCALAR, nativeUnary: new Set<UnaryOp>(['exp', 'sqrt']) };
    expect(legalize(given, js)).toEqual(given);
  });

  test('computes an argument once', () => {
    const legal = legalize(
      mapKernel((x) => unary('erf', unary('exp', unary('sqrt', x)))),
      SCALAR,
    );
    expect(count(legal, (expr) => expr.kind === 'load')).toBe(1);
    expect(count(legal, (expr) => expr.kind === 'unary' && expr.op === 'sqrt')).toBe(1);
  });

  test('gives the same results in lanes', () => {
    const given = mapKernel((x) => binary('add', unary('erf', x), unary('log', x)));
    const x = Float32Array.from(evenly(-3, 3, 43));
    expect(runMap(legalize(vectorize(given, 4), POOR), x)).toEqual(runMap(legalize(given, POOR), x));
  });

  test('does not load what a select guards', () => {
    const n = symbol('n');
    const inside = compare('lt', position(v), position(n));
    const body = store('out', v, select(inside, unary('exp', load('x', v, 'f32')), unary('tanh', zero)));
    const given = kernel([input('x'), output('out')], ['n', 'm'], [], [loop('v', symbol('m'), 'serial', [body])]);
    const legal = legalize(given, SCALAR);
    verifyKernel(legal);
    const out = new Float32Array(4);
    interpretKernel(legal, { x: new Float32Array(2), out }, { n: 2, m: 4 });
    expect([...out]).toEqual([1, 1, 0, 0]);
  });
});

describeGpu('what a GPU makes of the arithmetic', () => {
  /** Denormals, and values whose results are denormal, may be taken for 0. */
  const isOrdinary = (x: number): boolean => Math.abs(x) > 2 ** -100;

  test.each(FUNCTIONS)('%s stays accurate', async (op, truth, points, ulps) => {
    const legal = legalize(
      mapKernel((x) => unary(op, x)),
      GRID,
    );
    const x = Float32Array.from(points).filter((value) => isOrdinary(value) && isOrdinary(truth(value)));
    const contents = Object.fromEntries(legal.buffers.map(({ name }) => [name, [...x]]));
    const sizes = Object.fromEntries(legal.sizes.map((name) => [name, x.length]));
    const results = await runWebgpu(legal, contents, sizes);
    const written = legal.buffers.find(({ access }) => access !== 'read')!;
    expect(errorsOf(results[written.name]!, (at) => truth(x[at]!)).ulps).toBeLessThanOrEqual(ulps + 0.7);
  });
});
