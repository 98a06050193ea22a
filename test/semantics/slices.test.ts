import { expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { graphOfText } from '../support/specs.ts';

const graphFor = (expression: string) =>
  graphOfText(`model M {
  dims n, m <= 8
  input x: f32[n]
  output y = ${expression}
}`);

test.each([
  'x[1:] - x[:-1]',
  'x[1:] - x[:n - 1]',
  'x[:-3] + x[3:]',
  'x[2:] - 2 * x[1:-1] + x[:-2]',
  'x[:3] + x[-3:]',
  'concat([x[:m], x[m:]]) + x',
  'concat([x[-1:], x[:-1]]) + x',
])('the sizes of %s are seen to be equal', (expression) => {
  expect(() => graphFor(expression)).not.toThrow();
});

const cases: [string, (values: number[]) => number[]][] = [
  ['x[1:]', (values) => values.slice(1)],
  ['x[:-1]', (values) => values.slice(0, -1)],
  ['x[2:-1]', (values) => values.slice(2, -1)],
  ['x[-3:]', (values) => values.slice(-3)],
  ['x[-3:2]', (values) => values.slice(-3, 2)],
  ['x[:4]', (values) => values.slice(0, 4)],
  ['x[3:1]', () => []],
  ['x[1::2]', (values) => values.filter((_, at) => at % 2 === 1)],
  ['x[::-1]', (values) => values.toReversed()],
  ['x[-2::-1]', (values) => values.slice(0, -1).toReversed()],
];

test.each(cases)('%s is what it is in Python, for axes of every length', (expression, expected) => {
  const graph = graphFor(expression);
  for (let length = 0; length <= 6; length++) {
    const values = Array.from({ length }, (_, at) => at + 1);
    const x = { dtype: 'f32', shape: [length], data: Float64Array.from(values) } as const;
    const outputs = interpret(graph, {
      inputs: new Map([['x', x]]),
      parameters: new Map(),
      symbols: new Map([['m', 0]]),
    });
    const type = printType(graph.outputs[0]!.value.type);
    expect([...outputs.get('y')!.data], `${type}, n = ${length}`).toEqual(expected(values));
  }
});
