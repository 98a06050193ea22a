import { describe, expect, it } from 'vitest';
import { Lines, positionAt, spanning } from '../../src/compiler/base/source.ts';

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

  it('are found in an index of the lines as in the text', () => {
    const text = 'a\r\n\nbc\n\n';
    const lines = new Lines(text);
    expect([1, 2, 3, 4, 5, 6].map((line) => lines.line(line))).toEqual(['a', '', 'bc', '', '', '']);
    for (let offset = 0; offset <= text.length; offset++) {
      expect(lines.positionAt(offset)).toEqual(positionAt({ path: '', text }, offset));
    }
  });

  it('span from the first to the last of two', () => {
    const [a, b] = [
      { source, start: 3, end: 4 },
      { source, start: 0, end: 2 },
    ];
    expect(spanning(a, b)).toEqual({ source, start: 0, end: 4 });
  });
});
