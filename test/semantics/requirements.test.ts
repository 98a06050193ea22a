import { expect, test } from 'vitest';
import { print } from '../../src/compiler/dims/dim.ts';
import { graphOfText } from '../support/specs.ts';

const model = (requirement: string) => `model M {
  dims n, m
  require ${requirement}, "not these sizes"
  input x: f32[n, m]
  output y = x
}`;

const conditionsOf = (requirement: string) =>
  graphOfText(model(requirement)).conditions?.map(({ atLeastZero, message }) => `${message}: ${print(atLeastZero)}`);

test.each([
  ['n == m', ['-m + n', 'm - n']],
  ['n != m', ['m*m - 2*m*n + n*n - 1']],
  ['n < m', ['m - n - 1']],
  ['n <= m', ['m - n']],
  ['n > m', ['-m + n - 1']],
  ['n >= m', ['-m + n']],
  // A remainder is never below 0, so only half of the equality is left.
  ['n % 2 == 0 and m >= 3', ['2*floordiv(n, 2) - n', 'm - 3']],
])('%s is left for a run to check', (requirement, sizes) => {
  expect(conditionsOf(requirement)?.toSorted()).toEqual(sizes.map((size) => `not these sizes: ${size}`).toSorted());
});

test('what always holds leaves no condition', () => {
  expect(conditionsOf('n + 1 > n and 2 > 1')).toBeUndefined();
});

test.each([
  ['n > n', 'HED2506'],
  ['n >= 0 and 1 > 2', 'HED2506'],
  ['n == m or n > 3', 'HED2104'],
  ['n', 'HED2103'],
])('%s is refused', (requirement, code) => {
  expect(() => graphOfText(model(requirement))).toThrow(code);
});
