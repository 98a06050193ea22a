/** Evaluation at the corners that samples do not reach: NaN, infinities, empty axes, integers at their limits. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { plainSum, sumOfProducts, type Labelled } from '../../src/compiler/ops/contract/product.ts';
import { erf, erfc, floorModulo, power, roundHalfEven } from '../../src/compiler/ops/pointwise/special.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { evaluated, vector } from './dsl.ts';

const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;

describe('special functions', () => {
  test('erf and erfc to the last digits', () => {
    // At the double nearest to x, from the series DLMF 7.6.1 summed in 120 digits and rounded.
    const known: readonly (readonly [number, number, number])[] = [
      [0, 0, 1],
      [0.1, 0.1124629160182849, 0.887537083981715],
      [0.5, 0.5204998778130465, 0.4795001221869535],
      [1, 0.8427007929497149, 0.15729920705028513],
      [2.5, 0.999593047982555, 0.0004069520174449589],
      [4, 0.9999999845827421, 1.541725790028002e-8],
      [5.5, 0.9999999999999927, 7.357847917974398e-15],
      [10, 1, 2.088487583762545e-45],
    ];
    for (const [x, value, complement] of known) {
      expect(Math.abs(erf(x) - value)).toBeLessThan(2e-16);
      expect(erf(-x)).toBe(-erf(x));
      expect(Math.abs(erfc(x) / complement - 1)).toBeLessThan(1e-15);
    }
    expect([erf(Infinity), erf(-Infinity), erf(NaN), erfc(Infinity), erfc(-Infinity)]).toEqual([1, -1, NaN, 0, 2]);
  });

  test('rounding to even', () => {
    const given = [0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 1e20, -0, NaN, -Infinity];
    expect(given.map(roundHalfEven)).toEqual([0, 2, 2, -0, -2, 2, 1e20, -0, NaN, -Infinity]);
  });

  test("C's pow, Python's %", () => {
    expect([power(1, NaN), power(NaN, 0), power(-1, Infinity), power(-8, 1 / 3), power(-2, 3)]).toEqual([
      1,
      1,
      1,
      NaN,
      -8,
    ]);
    expect([floorModulo(7, 3), floorModulo(-7, 3), floorModulo(7, -3), floorModulo(5.5, 2)]).toEqual([1, 2, -2, 1.5]);
  });
});

describe('NaN', () => {
  const x = vector('f32', NaN);

  test.each(['relu', 'sign', 'abs', 'gelu', 'leaky_relu', 'elu', 'softplus', 'floor', 'round', 'tanh', 'silu', 'erf'])(
    'passes through %s',
    (name) => expect(evaluated(name, [x])).toEqual([[NaN]]),
  );

  test('passes through extremes and clamps', () => {
    expect(evaluated('maximum', [x, vector('f32', 1)])).toEqual([[NaN]]);
    expect(evaluated('clamp', [x], { min: 0, max: 1 })).toEqual([[NaN]]);
    expect(evaluated('max', [vector('f32', 1, NaN, 3)])).toEqual([[NaN]]);
    expect(evaluated('softmax', [vector('f32', 1, NaN)])).toEqual([[NaN, NaN]]);
  });

  test('differs from everything', () => {
    expect(evaluated('equal', [x, x])).toEqual([[0]]);
    expect(evaluated('not_equal', [x, x])).toEqual([[1]]);
    expect(evaluated('greater_equal', [x, x])).toEqual([[0]]);
  });
});

describe('integers', () => {
  test('wrap around', () => {
    expect(evaluated('add', [vector('i32', MOST), vector('i32', 1)])).toEqual([[LEAST]]);
    expect(evaluated('sub', [vector('u32', 0), vector('u32', 1)])).toEqual([[2 ** 32 - 1]]);
    expect(evaluated('mul', [vector('i32', 65537), vector('i32', 65537)])).toEqual([[131073]]);
    expect(evaluated('abs', [vector('i32', LEAST)])).toEqual([[LEAST]]);
    expect(evaluated('sum', [vector('i32', MOST, MOST, 2)])).toEqual([[0]]);
    expect(evaluated('prod', [vector('i32', 65537, 65537)])).toEqual([[131073]]);
  });

  test('have remainders with the sign of the divisor, and 0 for the divisor 0', () => {
    expect(evaluated('mod', [vector('i32', -7, 7, 7, LEAST), vector('i32', 3, -3, 0, -1)])).toEqual([[2, -2, 0, 0]]);
  });

  test('are made of f32 by truncation and saturation', () => {
    const x = vector('f32', 1.9, -1.9, 1e20, -1e20, NaN);
    expect(evaluated('cast', [x], { dtype: 'i32' })).toEqual([[1, -1, MOST, LEAST, 0]]);
    expect(evaluated('cast', [x], { dtype: 'u32' })).toEqual([[1, 0, 2 ** 32 - 1, 0, 0]]);
    expect(evaluated('cast', [x], { dtype: 'bool' })).toEqual([[1, 1, 1, 1, 1]]);
    expect(evaluated('cast', [vector('i32', -1)], { dtype: 'u32' })).toEqual([[2 ** 32 - 1]]);
  });
});

describe('nothing', () => {
  const none = tensorOf('f32', [2, 0], []);

  test('has sums, products and means, but no extremes', () => {
    const along = { axis: 1 };
    expect(evaluated('sum', [none], along)).toEqual([[0, 0]]);
    expect(evaluated('prod', [none], along)).toEqual([[1, 1]]);
    expect(evaluated('mean', [none], along)).toEqual([[NaN, NaN]]);
    expect(() => evaluated('max', [none], along)).toThrow('`max` of f32[2, 0] needs at least one element');
    expect(() => evaluated('argmin', [none], along)).toThrow('`argmin` of f32[2, 0] needs at least one element');
    expect(evaluated('norm', [none], along)).toEqual([[0, 0]]);
    expect(evaluated('cumsum', [none], along)).toEqual([[]]);
    expect(evaluated('sort', [none], along)).toEqual([[], []]);
    expect(evaluated('logsumexp', [none], along)).toEqual([[-Infinity, -Infinity]]);
    expect(evaluated('all', [tensorOf('bool', [0], [])])).toEqual([[1]]);
    expect(evaluated('softmax', [none])).toEqual([[]]);
  });

  test('is a product of zeros', () => {
    expect(evaluated('matmul', [none, tensorOf('f32', [0, 3], [])])).toEqual([[0, 0, 0, 0, 0, 0]]);
  });
});

describe('infinities', () => {
  test('log-sum-exp keeps them, softmax of nothing but -inf is NaN', () => {
    expect(evaluated('logsumexp', [vector('f32', -Infinity, -Infinity)])).toEqual([[-Infinity]]);
    expect(evaluated('logsumexp', [vector('f32', Infinity, 1)])).toEqual([[Infinity]]);
    expect(evaluated('softmax', [vector('f32', -Infinity, -Infinity)])).toEqual([[NaN, NaN]]);
    expect(evaluated('softmax', [vector('f32', -Infinity, 0)])).toEqual([[0, 1]]);
  });

  test('the variance of one element, unbiased, is NaN', () => {
    expect(evaluated('var', [vector('f32', 3)], { unbiased: true })).toEqual([[NaN]]);
    expect(evaluated('var', [vector('f32', 3)])).toEqual([[0]]);
  });
});

test('constants are chosen by position', () => {
  expect(evaluated('constant', [], { dtype: 'i32', shape: toDims([3]), data: [1, 2, 3] })).toEqual([[1, 2, 3]]);
});

describe('sums of products', () => {
  test('the tiled form agrees with the definition', () => {
    const size = fc.integer({ min: 0, max: 11 });
    const order = fc.shuffledSubarray(['b', 'i', 'j'], { minLength: 3 });
    fc.assert(
      fc.property(size, size, size, fc.integer({ min: 0, max: 3 }), order, fc.boolean(), (i, j, k, b, result, swap) => {
        const random = randomNumbers(i + 16 * j + 256 * k);
        const sizes = new Map(Object.entries({ b, i, j, k }));
        const operand = (...labels: readonly string[]): Labelled => {
          const shape = labels.map((label) => sizes.get(label)!);
          const strides = new Map<string, number>();
          let step = 1;
          for (const [at, label] of [...labels.entries()].reverse()) {
            strides.set(label, step);
            step *= shape[at]!;
          }
          return { data: randomTensor('f32', shape, random).data, strides };
        };
        const operands = [operand('b', 'i', 'k'), swap ? operand('k', 'b', 'j') : operand('b', 'j', 'k')];
        const tolerance = { absolute: 1e-12, relative: 1e-12 };
        expectClose(sumOfProducts(operands, sizes, result), plainSum(operands, sizes, result), tolerance);
      }),
    );
  });

  test('blocks and tiles have no seams', () => {
    const random = randomNumbers(5);
    const [a, b] = [randomTensor('f32', [5, 33], random), randomTensor('f32', [131, 33], random)];
    const [product] = evaluated('einsum', [a, b], { pattern: 'i k, j k -> i j' });
    const sizes = new Map(Object.entries({ i: 5, j: 131, k: 33 }));
    const plain = plainSum(
      [
        {
          data: a.data,
          strides: new Map([
            ['i', 33],
            ['k', 1],
          ]),
        },
        {
          data: b.data,
          strides: new Map([
            ['j', 33],
            ['k', 1],
          ]),
        },
      ],
      sizes,
      ['i', 'j'],
    );
    expectClose(product!, plain, { absolute: 1e-12, relative: 1e-12 });
  });
});
