/** Attention that is written out becomes one op, and only where that means the same. */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { dce } from '../../src/compiler/passes/dce.ts';
import { expand, expandToSoftmax } from '../../src/compiler/passes/expand.ts';
import { fold } from '../../src/compiler/passes/fold.ts';
import { recognizeAttention } from '../../src/compiler/passes/recognize-attention.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { graphOfText } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

const pipeline = [expandToSoftmax, recognizeAttention, expand, dce, fold];

/** The graph behind recognition, verified, and found to mean what it meant. */
function recognized(graph: Graph): Graph {
  const after = runPasses(graph, pipeline, ops, { verify: true }).graph;
  const symbols = new Map([
    ['b', 2],
    ['n', 5],
  ]);
  const random = randomNumbers(7);
  const inputs = new Map(
    graph.inputs.map(({ name, value }) => [
      name,
      randomTensor(value.type.dtype, concreteShape(value.type.shape, symbols), random),
    ]),
  );
  const given = { inputs, parameters: new Map(), symbols };
  const wanted = interpret(graph, given);
  for (const [name, { data }] of interpret(after, given))
    expectClose(data, wanted.get(name)!.data, { absolute: 1e-9, relative: 1e-9 }, name);
  return after;
}

const inputs = `dims b, n
  input q: f32[b, 3, n, 4]
  input k: f32[b, 3, n, 4]
  input v: f32[b, 3, n, 2]
  input keep: bool[b, 1, 1, n]
  input seen: bool[n, n]
  input bias: f32[3, n, n]`;

function graphOn(lines: string): Graph {
  return graphOfText(`model M() { ${inputs}\n ${lines} }`);
}

function count(graph: Graph, name: string): number {
  return graph.nodes.filter((node) => node.op.name === name).length;
}

const scores = 's = einsum("b h i e, b h j e -> b h i j", q, k)';
const product = (weights: string): string => `output y = einsum("b h i j, b h j f -> b h i f", ${weights}, v)`;
const infinity = '(-1.0 / 0.0)';

describe('attention is recognized', () => {
  test.each([
    ['without a scale', `${scores}\n ${product('softmax(s, axis: -1)')}`],
    ['with a factor', `${scores} * 0.5\n ${product('softmax(s, axis: -1)')}`],
    ['with a factor in front', `${scores}\n ${product('softmax(0.5 * s, axis: 3)')}`],
    ['with a divisor', `${scores} / sqrt(4.0)\n ${product('softmax(s)')}`],
    ['with the queries scaled', `s = einsum("b h i e, b h j e -> b h i j", q * 0.5, k)\n ${product('softmax(s)')}`],
    ['as matrix products', `output y = softmax(q @ transpose(k, [0, 1, 3, 2]) * 0.5) @ v`],
    ['with the keys on the left', `s = einsum("b h j e, b h i e -> b h i j", k, q)\n ${product('softmax(s)')}`],
    ['with the values on the left', `${scores}\n output y = einsum("bhjf,bhij->bihf", v, softmax(s))`],
    ['with a bool mask', `${scores}\n ${product(`softmax(where(keep, s * 0.5, ${infinity}))`)}`],
    ['with a mask of what to leave out', `${scores}\n ${product(`softmax(where(seen, ${infinity}, s) * 0.5)`)}`],
    ['with two masks', `${scores}\n ${product(`softmax(where(keep, where(not seen, ${infinity}, s), ${infinity}))`)}`],
    ['with an added mask', `${scores} * 0.5\n ${product('softmax(s + bias)')}`],
    ['with the mask in front', `${scores}\n ${product('softmax(bias + s / 2.0)')}`],
  ])('%s', (_, lines) => {
    const graph = recognized(graphOn(lines));
    expect(count(graph, 'attend')).toBe(1);
    expect(count(graph, 'contract') + count(graph, 'exp')).toBe(0);
  });

  test('of one head without an axis', () => {
    const graph = recognized(
      graphOfText(`model M() { dims n
        input q: f32[n, 4]
        input k: f32[5, 4]
        input v: f32[5, 2]
        output y = softmax(q @ transpose(k) * 0.5) @ v }`),
    );
    expect(count(graph, 'attend')).toBe(1);
  });

  test('twice, where one reads the other', () => {
    const text = `a = einsum("b h i j, b h j f -> b h i f", softmax(einsum("b h i e, b h j e -> b h i j", q, k)), k)
      output y = einsum("b h i j, b h j f -> b h i f", softmax(einsum("b h i e, b h j e -> b h i j", a, k)), v)`;
    expect(count(recognized(graphOn(text)), 'attend')).toBe(2);
  });

  test('and its masks are not repeated to the shape of the scores', () => {
    const graph = recognized(graphOn(`${scores}\n ${product(`softmax(where(keep, s, ${infinity}))`)}`));
    const attend = graph.nodes.find((node) => node.op.name === 'attend')!;
    expect(attend.inputs[3]).toBe(graph.inputs.find((input) => input.name === 'keep')!.value);
  });
});

describe('attention is left as it is', () => {
  test.each([
    ['when the weights are an output', `${scores}\n w = softmax(s)\n output weights = w\n ${product('w')}`],
    ['when the weights are used again', `${scores}\n w = softmax(s)\n ${product('w')}\n output z = sum(w, axis: 0)`],
    ['when the scores are an output', `${scores}\n output raw = s\n ${product('softmax(s)')}`],
    [
      'when the scaled scores are used again',
      `${scores} * 0.5\n ${product('softmax(s)')}\n output z = max(s, axis: 0)`,
    ],
    ['with a softmax along the queries', `${scores}\n ${product('softmax(s, axis: 2)')}`],
    ['with a finite value for what is masked', `${scores}\n ${product('softmax(where(keep, s, -1e9))')}`],
    [
      'with a factor that turns the sign of the mask',
      `${scores}\n ${product(`softmax(where(keep, s, ${infinity}) * -1.0)`)}`,
    ],
    ['with a factor outside of an added mask', `${scores}\n ${product('softmax((s + bias) * 0.5)')}`],
    ['with a factor that is a tensor', `${scores}\n ${product('softmax(s * bias)')}`],
    [
      'with another sum than that over keys',
      `${scores}\n output y = einsum("b h i j, b h i f -> b h j f", softmax(s), v)`,
    ],
    [
      'with more between the product and the softmax than anybody writes',
      `${scores}\n for i in 0..2000 { s = s * 1.001 + bias }\n ${product('softmax(s)')}`,
    ],
    ['with weights between the softmax and the product', `${scores}\n ${product('relu(softmax(s))')}`],
  ])('%s', (_, lines) => {
    expect(count(recognized(graphOn(lines)), 'attend')).toBe(0);
  });
});
