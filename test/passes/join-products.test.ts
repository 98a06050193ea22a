/** Products of one tensor with several parameters become one where their results are laid side by side. */
import { expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { dce } from '../../src/compiler/passes/dce.ts';
import { expand } from '../../src/compiler/passes/expand.ts';
import { joinProducts } from '../../src/compiler/passes/join-products.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { graphOfText } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

const head = `import { Linear } from "std/nn"
  model M() { dims b, n
  input x: f32[b, n, 6]
  input z: f32[b, n, 6]`;

/** How many products are left of a model's; found to mean what they meant. */
function productsLeft(lines: string): number {
  const graph = graphOfText(`${head}\n ${lines} }`);
  const after = runPasses(graph, [expand, joinProducts, dce], ops, { verify: true }).graph;
  const symbols = new Map([
    ['b', 2],
    ['n', 5],
  ]);
  const random = randomNumbers(7);
  const drawn = (items: Graph['inputs'] | Graph['parameters']) =>
    new Map(
      items.map(({ name, value: { type } }) => [
        name,
        randomTensor(type.dtype, concreteShape(type.shape, symbols), random),
      ]),
    );
  const given = { inputs: drawn(graph.inputs), parameters: drawn(graph.parameters), symbols };
  const wanted = interpret(graph, given);
  for (const [name, { data }] of interpret(after, given))
    expectClose(data, wanted.get(name)!.data, { absolute: 1e-12, relative: 1e-12 }, name);
  return after.nodes.filter(({ op }) => op.name === 'contract').length;
}

const heads = (of: string) => `[for h in 0..3 as heads => ${of}]`;

test.each([
  ['stacked before the tokens', `output y = stack(${heads('x |> Linear(4, bias: false)')}, axis: 1)`],
  ['stacked in front', `output y = stack(${heads('x |> Linear(4, bias: false)')}, axis: 0)`],
  ['stacked behind the columns', `output y = stack(${heads('x |> Linear(4, bias: false)')}, axis: 3)`],
  ['concatenated along the columns', `output y = concat(${heads('x |> Linear(4, bias: false)')}, axis: 2)`],
])('products that are %s become one', (_, lines) => {
  expect(productsLeft(lines)).toBe(1);
});

test.each([
  ['are laid side by side along the tokens', 3, `output y = concat(${heads('x |> Linear(4, bias: false)')}, axis: 1)`],
  ['are of several tensors', 2, 'output y = concat([x |> Linear(4, false), z |> Linear(4, false)], axis: 2)'],
  ['differ in width', 2, 'output y = concat([x |> Linear(4, false), x |> Linear(3, false)], axis: 2)'],
  [
    'are read elsewhere too',
    2,
    'a = x |> Linear(4, false)\n output y = concat([a, x |> Linear(4, false)], axis: 2)\n output s = a',
  ],
])('products that %s stay', (_, count, lines) => {
  expect(productsLeft(lines)).toBe(count);
});
