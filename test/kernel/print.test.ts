import { describe, expect, test } from 'vitest';
import { add, constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  bitcast,
  combine,
  compare,
  convert,
  dot4,
  lane,
  literal,
  load,
  multiplyAdd,
  position,
  select,
  splat,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel } from '../../src/compiler/kernel/ir.ts';
import { kernelKey, printExpr, printKernel } from '../../src/compiler/kernel/print.ts';
import { assign, declare, input, kernel, letBe, loop, output, reduce, store, when } from './support.ts';

const x = variable('x', 'f32');
const vector = variable('v', 'f32', 4);

describe('expressions', () => {
  test.each<[Expr, string]>([
    [literal(1), '1.0'],
    [literal(-0), '-0.0'],
    [literal(0.1), '0.10000000149011612'],
    [literal(Infinity), 'Infinity'],
    [literal(1e-30), '1.0000000031710769e-30'],
    [literal(3, 'i32'), '3'],
    [literal(3, 'u32'), '3u'],
    [literal(1, 'bool'), 'true'],
    [position(add(symbol('i'), constant(1))), '@(i + 1)'],
    [load('b', multiply(symbol('i'), constant(4)), 'f32', 4), 'b[4*i .. 4]'],
    [binary('add', x, binary('max', x, literal(0))), '(x + max(x, 0.0))'],
    [dot4(literal(1, 'i32'), literal(2, 'i32'), literal(3, 'i32')), '(dot4(1, 2) + 3)'],
    [multiplyAdd(x, x, binary('add', x, literal(1))), '(x * x + (x + 1.0))'],
    [unary('exp', x), 'exp(x)'],
    [compare('le', x, literal(2)), '(x <= 2.0)'],
    [select(compare('ne', x, x), x, literal(0)), 'select((x != x), x, 0.0)'],
    [convert(position(symbol('i')), 'f32'), 'f32(@(i))'],
    [bitcast(x, 'i32'), 'i32_bits(x)'],
    [splat(x, 4), 'splat(x)'],
    [combine([x, x, x, x], 4), '[x, x, x, x]'],
    [lane(vector, 3), 'v.3'],
    [{ kind: 'reduceLanes', type: 'f32', lanes: 1, op: 'max', operand: vector }, 'reduce_max(v)'],
  ])('%#', (expr, text) => {
    expect(printExpr(expr)).toBe(text);
  });
});

/** A row sum under the names given. */
function rowSum(
  name: string,
  from: string,
  to: string,
  size: string,
  row: string,
  column: string,
  sum: string,
): Kernel {
  const at = add(multiply(symbol(row), symbol(size)), symbol(column));
  return {
    ...kernel(
      [input(from), output(to)],
      [size],
      [{ variable: row, extent: symbol(size) }],
      [
        declare(sum, literal(0)),
        loop(column, symbol(size), 'vector', [reduce(sum, 'add', load(from, at, 'f32'))]),
        when(
          compare('gt', variable(sum, 'f32'), literal(0)),
          [assign(sum, unary('neg', variable(sum, 'f32')))],
          [store(to, constant(0), variable(sum, 'f32'))],
        ),
        letBe(`${sum}2`, load(from, symbol(row), 'f32', 4)),
        store(to, symbol(row), variable(`${sum}2`, 'f32', 4)),
      ],
    ),
    name,
  };
}

test('a kernel prints one statement a line', () => {
  expect(printKernel(rowSum('rows', 'x', 'y', 'n', 'i', 'j', 'sum'))).toBe(`\
kernel rows(read x: f32, write y: f32, n) for i < n {
  var sum: f32 = 0.0
  for j < n vector {
    sum = (sum + x[i*n + j]) (reduces by add)
  }
  if (sum > 0.0) {
    sum = neg(sum)
  } else {
    y[0] = sum
  }
  let sum2: f32x4 = x[i .. 4]
  y[i] = sum2
}
`);
});

describe('keys', () => {
  const original = rowSum('rows', 'x', 'y', 'n', 'i', 'j', 'sum');

  test('do not depend on names', () => {
    expect(kernelKey(rowSum('other', 'a', 'b', 'z', 'y', 'c', 'total'))).toBe(kernelKey(original));
    // Names that are those of the key itself, in another order.
    expect(kernelKey(rowSum('other', 'b1', 'b0', 'v0', 's0', 'g0', 'v1'))).toBe(kernelKey(original));
  });

  test('differ where kernels do', () => {
    const swapped = { ...original, buffers: original.buffers.toReversed() };
    const wider = { ...original, grid: [{ variable: 'i', extent: constant(3) }] };
    const keys = [original, swapped, wider].map(kernelKey);
    expect(new Set(keys).size).toBe(3);
  });
});
