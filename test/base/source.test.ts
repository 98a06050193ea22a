import { describe, expect, it } from 'vitest';
import { positionAt, spanning } from '../../src/compiler/base/source.ts';

const source = { path: 'a', text: 'ab\ncd\n' };

describe('positions', () => {
  it('count lines and columns from one', () => {
    expect([0, 1, 2, 3, 5, 6].map((offset) => positionAt(source, offset))).toEqual([
      { line: 1, column: 1 },
      { line: 1, column: 2 },
      { line: 1, column: 3 },
      { line: 2, column: 1 },
      { line: 2, column: 3 },
      { line: 3, column: 1 },
    ]);
  });

  it('span from the first to the last of two', () => {
    const [a, b] = [
      { source, start: 3, end: 4 },
      { source, start: 0, end: 2 },
    ];
    expect(spanning(a, b)).toEqual({ source, start: 0, end: 4 });
  });
});
