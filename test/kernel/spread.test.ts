import { expect, test } from 'vitest';
import {
  add,
  constant,
  floorDiv,
  minimum,
  multiply,
  print,
  subtract,
  symbol,
  type Dim,
} from '../../src/compiler/dims/dim.ts';
import { binary, literal, load } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { GridAxis, Kernel, LoopMode } from '../../src/compiler/kernel/ir.ts';
import { spread } from '../../src/compiler/kernel/spread.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';

import { GRID, input, kernel, loop, output, SCALAR, store } from './support.ts';

const [c, i, j, n] = ['c', 'i', 'j', 'n'].map((name) => symbol(name)) as [Dim, Dim, Dim, Dim];

/** `out = x + 1`, element by element. */
function increment(grid: readonly GridAxis[], extent: Dim, at: Dim, mode: LoopMode): Kernel {
  const body = store('out', at, binary('add', load('x', at, 'f32'), literal(1)));
  return kernel([input('x'), output('out')], ['n'], grid, [loop('i', extent, mode, [body])]);
}

function axesOf({ grid }: Kernel): string[] {
  return grid.map(({ variable, extent }) => `${variable} < ${print(extent)}`);
}

function expectIncrements(tested: Kernel, size: number): void {
  verifyKernel(tested);
  const out = new Float32Array(size);
  interpretKernel(tested, { x: Float32Array.from({ length: size }, (_, at) => at), out }, { n: size });
  expect([...out]).toEqual(Array.from({ length: size }, (_, at) => at + 1));
}

test('a vector loop becomes an axis of the grid', () => {
  const tested = increment([], n, i, 'vector');
  const result = spread(tested, GRID);
  expect(axesOf(result)).toEqual(['i < n']);
  expect(result.body.map((statement) => statement.kind)).toEqual(['store']);
  expectIncrements(result, 5);
  expect(spread(tested, SCALAR)).toBe(tested);
});

test('nested vector loops become two axes', () => {
  const at = add(multiply(j, n), i);
  const inner = increment([], n, at, 'vector');
  const tested = { ...inner, body: [loop('j', constant(3), 'vector', inner.body)] };
  const result = spread(tested, GRID);
  expect(axesOf(result)).toEqual(['j < 3', 'i < n']);
});

test.each([0, 1, 15, 16, 17, 33])('the last of the chunks of %i elements does no more than is left', (size) => {
  const width = constant(16);
  const chunks = floorDiv(add(n, constant(15)), width);
  const start = multiply(c, width);
  const extent = minimum(width, subtract(n, start));
  const tested = increment([{ variable: 'c', extent: chunks }], extent, add(start, i), 'vector');
  const result = spread(tested, GRID);
  expect(axesOf(result).at(-1)).toBe('i < 16');
  expect(result.body.map((statement) => statement.kind)).toEqual(['if']);
  expectIncrements(result, size);
});

test('a loop stays that is serial, has neighbours, or has an extent without a bound that all points share', () => {
  const serial = increment([], n, i, 'serial');
  expect(axesOf(spread(serial, GRID))).toEqual([]);
  const parallel = increment([], n, i, 'vector');
  const two = { ...parallel, body: [...parallel.body, ...increment([], n, i, 'vector').body] };
  expect(axesOf(spread(two, GRID))).toEqual([]);
  const ragged = increment([{ variable: 'c', extent: n }], add(c, constant(1)), i, 'vector');
  expect(axesOf(spread(ragged, GRID))).toEqual(['c < n']);
});
