/** Four scalars as a vector: which of them are computed as one, and that any stay what they are. */
import { describe, expect, test } from 'vitest';
import { add, constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  lane,
  literal,
  load,
  multiplyAdd,
  position,
  select,
  unary,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Expr } from '../../src/compiler/kernel/ir.ts';
import { printExpr } from '../../src/compiler/kernel/print.ts';
import { fourLanes } from '../../src/compiler/lowering/four-lanes.ts';

const i = symbol('i');

function merged(part: (at: number) => Expr): string {
  return printExpr(fourLanes([0, 1, 2, 3].map(part)));
}

function at(offset: number, index: Dim = i): Expr {
  return load('x', add(index, constant(offset)), 'f32');
}

describe('are one vector', () => {
  test.each<[string, (at: number) => Expr, string]>([
    ['neighbours', (k) => at(k), 'x[i .. 4]'],
    ['one element', () => at(0), 'splat(x[i])'],
    ['literals', () => literal(2), 'splat(2.0)'],
    ['the lanes of a vector', (k) => lane(variable('v', 'f32', 4), k), 'v'],
    ['functions of neighbours', (k) => unary('sqrt', at(k)), 'sqrt(x[i .. 4])'],
    ['what shares an operand', (k) => binary('mul', at(k), at(9)), '(x[i .. 4] * splat(x[i + 9]))'],
    ['sums of products', (k) => multiplyAdd(at(k), literal(2), at(k + 8)), '(x[i .. 4] * splat(2.0) + x[i + 8 .. 4])'],
  ])('%s', (_, part, text) => {
    expect(merged(part)).toBe(text);
  });
});

describe('are taken together one by one', () => {
  test.each<[string, (at: number) => Expr]>([
    ['elements that lie apart', (k) => at(2 * k)],
    ['elements in the other order', (k) => at(-k)],
    ['different functions', (k) => unary(k === 2 ? 'neg' : 'abs', variable('a', 'f32'))],
    // A vector would load both arms.
    ['choices of what to load', (k) => select(compare('lt', position(i), position(constant(k))), at(k), literal(0))],
  ])('%s', (_, part) => {
    const whole = fourLanes([0, 1, 2, 3].map(part));
    expect(whole).toEqual({ kind: 'combine', type: 'f32', lanes: 4, parts: [0, 1, 2, 3].map(part) });
  });
});
