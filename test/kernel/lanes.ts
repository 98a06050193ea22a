/** Comparing kernels with what the vectorizer makes of them. */
import { expect } from 'vitest';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/kernel/ir.ts';
import { forEachExpr, forEachStatement, valueOf } from '../../src/compiler/kernel/rewrite.ts';
import { vectorize } from '../../src/compiler/kernel/vectorize.ts';
import { copies } from './support.ts';

/** Small integers, so that sums are exact in any order. */
export function numbers(count: number, seed = 1): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => ((at * 7 + seed * 3) % 11) - 5);
}

/** Runs `original` as written and vectorized on the same buffers and expects the same contents. */
export function expectSame(original: Kernel, buffers: Record<string, BufferData>, sizes: Record<string, number>): void {
  const [expected, actual] = [copies(buffers), copies(buffers)];
  interpretKernel(original, expected, sizes);
  interpretKernel(vectorize(original, 4), actual, sizes);
  expect(actual).toEqual(expected);
  const serial = copies(buffers);
  interpretKernel(vectorize(original, 1), serial, sizes);
  expect(serial).toEqual(expected);
}

export function exprs(of: Kernel): Expr[] {
  const found: Expr[] = [];
  forEachStatement(of.body, (statement) => {
    const value = valueOf(statement);
    if (value) forEachExpr(value, (part) => found.push(part));
  });
  return found;
}

export function loops(of: Kernel): (Statement & { kind: 'loop' })[] {
  const found: (Statement & { kind: 'loop' })[] = [];
  forEachStatement(of.body, (statement) => {
    if (statement.kind === 'loop') found.push(statement);
  });
  return found;
}

/** Counts that cover no group, one group and two, and every rest. */
export const COUNTS = [0, 1, 3, 4, 5, 7, 8, 9];
