import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  affineIn,
  constant,
  constantValue,
  dependsOn,
  DimensionOverflow,
  equal,
  evaluate,
  floorDiv,
  isAtLeast,
  maximum,
  minimum,
  modulo,
  multiply,
  negate,
  ONE,
  print,
  simplifyWithin,
  splitConstant,
  substitute,
  subtract,
  symbol,
  symbolsOf,
  ZERO,
  type Bounds,
  type Dim,
} from '../../src/compiler/dims/dim.ts';
import { parseDim } from '../../src/compiler/dims/parse.ts';

const NAMES = ['i', 'j', 'n', 'n2'] as const;
const [i, j, n] = [symbol('i'), symbol('j'), symbol('n')];

/** A dimension as it is written, before any simplification. */
type Tree =
  | { op: 'constant'; value: number }
  | { op: 'symbol'; name: string }
  | { op: 'add' | 'subtract' | 'multiply' | 'floordiv' | 'modulo' | 'min' | 'max'; left: Tree; right: Tree };

const { tree } = fc.letrec<{ tree: Tree; leaf: Tree; pair: Tree; divisor: Tree }>((tie) => ({
  leaf: fc.oneof(
    fc.record({ op: fc.constant('constant' as const), value: fc.integer({ min: -9, max: 9 }) }),
    fc.record({ op: fc.constant('symbol' as const), name: fc.constantFrom(...NAMES) }),
  ),
  divisor: fc.oneof(
    fc.record({ op: fc.constant('constant' as const), value: fc.constantFrom(1, 2, 3, 4, 6, 8) }),
    fc.record({ op: fc.constant('symbol' as const), name: fc.constantFrom(...NAMES) }),
    tie('tree'),
  ),
  pair: fc.oneof(
    fc.record({
      op: fc.constantFrom('add' as const, 'subtract' as const, 'multiply' as const, 'min' as const, 'max' as const),
      left: tie('tree'),
      right: tie('tree'),
    }),
    fc.record({
      op: fc.constantFrom('floordiv' as const, 'modulo' as const),
      left: tie('tree'),
      right: tie('divisor'),
    }),
  ),
  tree: fc.oneof({ maxDepth: 4, withCrossShrink: true }, tie('leaf'), tie('pair')),
}));

function build(from: Tree, bounds?: Bounds): Dim {
  switch (from.op) {
    case 'constant':
      return constant(from.value);
    case 'symbol':
      return symbol(from.name);
    default: {
      const [left, right] = [build(from.left, bounds), build(from.right, bounds)];
      switch (from.op) {
        case 'add':
          return add(left, right);
        case 'subtract':
          return subtract(left, right);
        case 'multiply':
          return multiply(left, right);
        case 'floordiv':
          return floorDiv(left, right, bounds);
        case 'modulo':
          return modulo(left, right, bounds);
        case 'min':
          return minimum(left, right, bounds);
        case 'max':
          return maximum(left, right, bounds);
      }
    }
  }
}

/** The value by exact integers; undefined where a division is not by a positive number. */
function truth(from: Tree, at: ReadonlyMap<string, number>): bigint | undefined {
  switch (from.op) {
    case 'constant':
      return BigInt(from.value);
    case 'symbol':
      return BigInt(at.get(from.name)!);
    default: {
      const [x, y] = [truth(from.left, at), truth(from.right, at)];
      if (x === undefined || y === undefined) return undefined;
      const divides = from.op === 'floordiv' || from.op === 'modulo';
      if (divides && y <= 0n) return undefined;
      const rest = divides ? ((x % y) + y) % y : 0n;
      switch (from.op) {
        case 'add':
          return x + y;
        case 'subtract':
          return x - y;
        case 'multiply':
          return x * y;
        case 'floordiv':
          return (x - rest) / y;
        case 'modulo':
          return rest;
        case 'min':
          return x < y ? x : y;
        case 'max':
          return x > y ? x : y;
      }
    }
  }
}

const point = fc
  .tuple(...NAMES.map(() => fc.integer({ min: 0, max: 20 })))
  .map((values) => new Map(NAMES.map((name, at) => [name as string, values[at]!])));

/** Bounds of `i` and `j` by polynomials of the other symbols, as nested loops have them. */
const someBounds = fc
  .tuple(
    fc.integer({ min: -3, max: 12 }),
    fc.constantFrom(0, 1, 2, 4),
    fc.integer({ min: -3, max: 12 }),
    fc.constantFrom(0, 1, 3),
  )
  .map(
    ([a, b, c, d]): Bounds =>
      new Map([
        ['i', add(constant(a), multiply(constant(b), n))],
        ['j', add(constant(c), multiply(constant(d), i), floorDiv(n, constant(4)))],
      ]),
  );

function satisfies(at: ReadonlyMap<string, number>, bounds: Bounds): boolean {
  return [...bounds].every(([name, bound]) => at.get(name)! <= evaluate(bound, at));
}

const runs = { numRuns: 2000 };

describe('arithmetic', () => {
  test('agrees with exact integers on every expression', () => {
    fc.assert(
      fc.property(tree, point, (from, at) => {
        const expected = truth(from, at);
        fc.pre(expected !== undefined);
        expect(BigInt(evaluate(build(from), at))).toBe(expected);
      }),
      runs,
    );
  });

  test('agrees with exact integers within bounds', () => {
    fc.assert(
      fc.property(tree, point, someBounds, (from, at, bounds) => {
        const expected = truth(from, at);
        fc.pre(expected !== undefined && satisfies(at, bounds));
        expect(BigInt(evaluate(build(from, bounds), at))).toBe(expected);
        expect(BigInt(evaluate(simplifyWithin(build(from), bounds), at))).toBe(expected);
      }),
      runs,
    );
  });

  test('is a commutative ring with canonical keys', () => {
    fc.assert(
      fc.property(tree, tree, tree, (p, q, r) => {
        const [a, b, c] = [build(p), build(q), build(r)];
        const same = (x: Dim, y: Dim): void => {
          expect(x.key).toBe(y.key);
          expect(equal(x, y)).toBe(true);
        };
        same(add(a, b), add(b, a));
        same(add(add(a, b), c), add(a, b, c));
        same(multiply(a, b), multiply(b, a));
        same(multiply(multiply(a, b), c), multiply(a, multiply(b, c)));
        same(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)));
        same(subtract(a, b), add(a, negate(b)));
        same(subtract(a, a), ZERO);
        same(multiply(a, ONE), a);
        expect(equal(a, b)).toBe(a.key === b.key);
      }),
      { numRuns: 500 },
    );
  });

  test('fails on what doubles cannot hold exactly, rather than rounding', () => {
    const large = constant(2 ** 40);
    expect(() => multiply(large, large)).toThrow(DimensionOverflow);
    expect(() => add(constant(Number.MAX_SAFE_INTEGER), ONE)).toThrow(DimensionOverflow);
    expect(() => constant(0.5)).toThrow(DimensionOverflow);
    expect(() => evaluate(multiply(i, i), new Map([['i', 2 ** 30]]))).toThrow(DimensionOverflow);
  });

  test('divides large numbers exactly', () => {
    const most = Number.MAX_SAFE_INTEGER;
    expect(constantValue(floorDiv(constant(most), constant(3)))).toBe(3002399751580330);
    expect(constantValue(floorDiv(constant(-most), constant(2)))).toBe(-(2 ** 52));
    expect(evaluate(floorDiv(n, constant(94906266)), new Map([['n', 94906266 * 94906265 - 1]]))).toBe(94906264);
  });

  test('has no value at an unknown symbol or a division by zero', () => {
    expect(() => evaluate(i, new Map())).toThrow(RangeError);
    expect(() =>
      evaluate(
        floorDiv(i, n),
        new Map([
          ['i', 1],
          ['n', 0],
        ]),
      ),
    ).toThrow(RangeError);
  });
});

describe('proofs', () => {
  test('never claim what is false', () => {
    fc.assert(
      fc.property(tree, tree, fc.array(point, { minLength: 20, maxLength: 20 }), someBounds, (p, q, points, bounds) => {
        const proven = isAtLeast(build(p), build(q), bounds);
        fc.pre(proven);
        for (const at of points) {
          const [left, right] = [truth(p, at), truth(q, at)];
          if (left === undefined || right === undefined || !satisfies(at, bounds)) continue;
          expect(left >= right).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('do not multiply an upper bound by a factor that may be negative', () => {
    // (9 - i) * y with y negative: i <= 9 says nothing.
    const y = floorDiv(subtract(j, constant(8)), constant(3));
    expect(isAtLeast(multiply(subtract(constant(9), i), y), ZERO, new Map([['i', constant(9)]]))).toBe(false);
  });

  test('look at both ends of a symbol whose factor may have either sign', () => {
    // (n - j) i + 4 (j - n) is 0 where i is 4, but not where i is 0.
    const [rises, falls] = [subtract(n, j), subtract(j, n)];
    const bounds = new Map([['i', constant(4)]]);
    expect(isAtLeast(add(multiply(rises, i), multiply(constant(4), falls)), ZERO, bounds)).toBe(false);
    expect(isAtLeast(add(multiply(rises, i), multiply(constant(4), j)), ZERO, bounds)).toBe(true);
  });

  test.each<[string, Dim, Dim, [string, Dim][]]>([
    [
      'a row and column inside a matrix',
      constant(65 * 64 - 1),
      add(multiply(i, constant(64)), j),
      [
        ['i', constant(64)],
        ['j', constant(63)],
      ],
    ],
    [
      'the same with symbols',
      subtract(multiply(n, symbol('m')), ONE),
      add(multiply(i, symbol('m')), j),
      [
        ['i', subtract(n, ONE)],
        ['j', subtract(symbol('m'), ONE)],
      ],
    ],
    ['a remainder is not negative', modulo(n, constant(8)), ZERO, []],
    ['a remainder is below its divisor', constant(7), modulo(n, constant(8)), []],
    ['also by a symbol', subtract(n, ONE), modulo(i, n), []],
    ['groups of four fit', n, multiply(constant(4), floorDiv(n, constant(4))), []],
    [
      'an element of a group',
      subtract(n, ONE),
      add(multiply(constant(4), i), constant(3)),
      [['i', subtract(floorDiv(n, constant(4)), ONE)]],
    ],
    ['a clamped position', subtract(n, ONE), minimum(i, subtract(n, ONE)), []],
    ['a maximum with zero', maximum(subtract(i, n), ZERO), ZERO, []],
    ['a loop that runs has something to count', n, ONE, [['i', subtract(n, ONE)]]],
  ])('%s', (_, a, b, bounds) => {
    expect(isAtLeast(a, b, new Map(bounds))).toBe(true);
  });

  test('know exactly how far two quotients of a dimension are apart', () => {
    const offsets = [-5, -2, -1, 0, 1, 3, 6];
    for (const by of [2, 3, 4]) {
      for (const [p, q] of offsets.flatMap((one) => offsets.map((other) => [one, other] as const))) {
        const [left, right] = [p, q].map((offset) => floorDiv(add(n, constant(offset)), constant(by)));
        const apart = (at: number): number => Math.floor((at + p) / by) - Math.floor((at + q) / by);
        const least = Math.min(...Array.from({ length: 24 }, (_, at) => apart(at)));
        expect(isAtLeast(left!, add(right!, constant(least)), new Map()), `${p} ${q} by ${by}`).toBe(true);
        expect(isAtLeast(left!, add(right!, constant(least + 1)), new Map())).toBe(false);
      }
    }
    // Of two thirds and one, what is left over has to be proven by itself.
    const [third, next] = [0, 2].map((offset) => floorDiv(add(n, constant(offset)), constant(3)));
    expect(isAtLeast(multiply(constant(2), next!), third!, new Map())).toBe(true);
    expect(isAtLeast(third!, multiply(constant(2), next!), new Map())).toBe(false);
    expect(print(minimum(next!, third!))).toBe('floordiv(n, 3)');
  });

  test('know exactly how far a quotient is from one by a divisor of its divisor', () => {
    const offsets = [-5, -2, 0, 1, 6];
    for (const [by, times] of [
      [1, 2],
      [2, 2],
      [8, 2],
      [3, 4],
    ] as const) {
      for (const [p, q] of offsets.flatMap((one) => offsets.map((other) => [one, other] as const))) {
        const fine = floorDiv(add(n, constant(p)), constant(by));
        const coarse = multiply(constant(times), floorDiv(add(n, constant(q)), constant(by * times)));
        const apart = Array.from(
          { length: 4 * by * times },
          (_, at) => Math.floor((at + p) / by) - times * Math.floor((at + q) / (by * times)),
        );
        const [least, most] = [Math.min(...apart), Math.max(...apart)];
        const what = `${p} by ${by}, ${q} by ${by * times}`;
        expect(isAtLeast(fine, add(coarse, constant(least)), new Map()), what).toBe(true);
        expect(isAtLeast(add(coarse, constant(most)), fine, new Map()), what).toBe(true);
        expect(isAtLeast(fine, add(coarse, constant(least + 1)), new Map()), what).toBe(false);
        expect(isAtLeast(add(coarse, constant(most - 1)), fine, new Map()), what).toBe(false);
      }
    }
    // What three levels of halving and doubling leave of an image is cut from the level above.
    const quarter = floorDiv(n, constant(4));
    expect(print(minimum(quarter, multiply(constant(2), floorDiv(n, constant(8)))))).toBe('2*floordiv(n, 8)');
  });

  test('end on dimensions that are hard to bound', () => {
    const nested = (depth: number): Dim =>
      depth === 0 ? i : floorDiv(subtract(multiply(n, minimum(nested(depth - 1), j)), i), constant(depth + 2));
    // Without a bound on the search this does not end within the test's time limit.
    expect(
      isAtLeast(
        nested(6),
        multiply(nested(5), j),
        new Map([
          ['i', n],
          ['j', i],
        ]),
      ),
    ).toBe(false);
  });
});

describe('division', () => {
  const within = new Map([
    ['i', constant(64)],
    ['j', constant(7)],
    ['k', subtract(n, ONE)],
  ]);

  test.each<[string, Dim, Dim, string]>([
    ['takes whole multiples out', add(multiply(constant(8), i), n), constant(8), 'floordiv(n, 8) + i'],
    ['drops a remainder within bounds', add(multiply(constant(8), i), j), constant(8), 'i'],
    ['also one that counts down', subtract(add(multiply(constant(8), i), constant(7)), j), constant(8), 'i'],
    ['and by a symbol', add(multiply(n, i), symbol('k')), n, 'i'],
    ['cancels common factors', multiply(constant(4), n), constant(6), 'floordiv(2*n, 3)'],
    ['forgets what common factors hide', add(multiply(constant(4), n), constant(3)), constant(8), 'floordiv(n, 2)'],
    ['also symbols that common factors hide', add(multiply(constant(8), n), j), constant(16), 'floordiv(n, 2)'],
    ['and symbolic factors', add(multiply(n, i), symbol('k')), multiply(n, symbol('m')), 'floordiv(i, m)'],
    ['joins nested divisions', floorDiv(add(floorDiv(n, constant(3)), ONE), constant(4)), ONE, 'floordiv(n + 3, 12)'],
    ['keeps numerators positive', subtract(n, ONE), constant(4), 'floordiv(n + 3, 4) - 1'],
  ])('%s', (_, a, b, expected) => {
    expect(print(floorDiv(a, b, within))).toBe(expected);
  });

  test('ends for divisors with several leading terms', () => {
    const [x, y] = [symbol('x'), symbol('y')];
    const divisor = add(multiply(x, x), multiply(x, y), multiply(y, y));
    const dividend = multiply(x, x, y, add(x, y));
    const at = new Map([
      ['x', 5],
      ['y', 3],
    ]);
    expect(evaluate(floorDiv(dividend, divisor), at)).toBe(Math.floor(evaluate(dividend, at) / evaluate(divisor, at)));
  });
});

describe('structure', () => {
  test('substitution agrees with evaluation and keeps what it does not touch', () => {
    fc.assert(
      fc.property(tree, tree, point, (from, value, at) => {
        const [expected, inner] = [truth(from, at), truth(value, at)];
        fc.pre(expected !== undefined && inner !== undefined && inner >= 0n && inner < 1000n);
        const replaced = substitute(build(from), (name) => (name === 'i' ? build(value) : undefined));
        const moved = new Map(at).set('i', Number(inner));
        fc.pre(truth(from, moved) !== undefined);
        expect(BigInt(evaluate(replaced, at))).toBe(truth(from, moved));
        const dim = build(from);
        expect(substitute(dim, () => undefined)).toBe(dim);
      }),
      runs,
    );
  });

  test('an affine dimension is its coefficient times the name and the rest', () => {
    fc.assert(
      fc.property(tree, (from) => {
        const dim = build(from);
        const parts = affineIn(dim, 'i');
        fc.pre(parts !== undefined);
        expect(add(multiply(parts!.coefficient, i), parts!.rest).key).toBe(dim.key);
        expect(dependsOn(parts!.coefficient, 'i') || dependsOn(parts!.rest, 'i')).toBe(false);
      }),
      runs,
    );
    expect(affineIn(multiply(i, i), 'i')).toBeUndefined();
    expect(affineIn(floorDiv(i, constant(2)), 'i')).toBeUndefined();
  });

  test('the constant term splits off', () => {
    fc.assert(
      fc.property(tree, (from) => {
        const dim = build(from);
        const { rest, offset } = splitConstant(dim);
        expect(add(rest, constant(offset)).key).toBe(dim.key);
      }),
      runs,
    );
  });

  test('lists its symbols, those inside divisions too', () => {
    expect(symbolsOf(add(multiply(i, j), floorDiv(n, constant(3))))).toEqual(['i', 'j', 'n']);
  });

  test('printing and parsing return the same dimension', () => {
    fc.assert(
      fc.property(tree, (from) => {
        const dim = build(from);
        expect(parseDim(print(dim))?.key).toBe(dim.key);
      }),
      runs,
    );
  });
});
