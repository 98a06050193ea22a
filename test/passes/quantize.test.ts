import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { fuse } from '../../src/compiler/passes/fuse/fuse.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { judgedProducts, quantize } from '../../src/compiler/passes/quantize.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { weightChannels } from '../../src/compiler/passes/weight-channels.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { graphOfText } from '../support/specs.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';

/** All passes up to fusion, which would hide the nodes. */
function quantized(graph: Graph): Graph {
  return runPasses(graph, passes.slice(0, passes.indexOf(fuse)), ops, { quantize: 'int8', verify: true }).graph;
}

function typesOf(graph: Graph, op: string): string[] {
  return graph.nodes
    .filter((node) => node.op.name === op)
    .map(({ inputs }) => inputs.map(({ type }) => printType(type)).join());
}

const linear = (weight: string, product: string): string =>
  `model M() { dims n\n input x: f32[n, 5, 64]\n param w: f32[${weight}]\n output y = ${product} }`;

describe('quantize', () => {
  test('does nothing unless it is asked to', () => {
    const graph = graphOfText(linear('64, 40', 'x @ w'));
    expect(quantize.run(graph, { ops })).toBe(graph);
  });

  test.each([
    ['matmul', linear('64, 40', 'x @ w')],
    ['a transposed weight', linear('40, 64', 'x @ transpose(w)')],
    ['einsum', linear('40, 64', 'einsum("n t d, e d -> n t e", x, w)')],
    ['einsum the other way round', linear('64, 40', 'einsum("d e, n t d -> n e t", w, x)')],
    ['a scaled weight', linear('40, 64', 'x @ transpose(w * 0.5)')],
  ])('computes %s with weights in bytes', (_, text) => {
    const graph = quantized(graphOfText(text));
    expect(typesOf(graph, 'quantize_rows')).toEqual(['f32[n, 5, 64]']);
    expect(typesOf(graph, 'quantize_channels')).toEqual(['f32[40, 64]']);
    expect(typesOf(graph, 'contract_words')).toEqual(['i32[n, 5, 16],i32[40, 16]']);
    expect(typesOf(graph, 'contract')).toEqual([]);
  });

  test('sums over several axes as over one', () => {
    const text = 'model M() { dims n\n input x: f32[n, 3, 4, 8]\n param w: f32[36, 4, 8]\n';
    const graph = quantized(graphOfText(`${text} output y = einsum("n t p q, o p q -> n t o", x, w) }`));
    expect(typesOf(graph, 'contract_words')).toEqual(['i32[n, 3, 8],i32[36, 8]']);
  });

  test('convolutions too', () => {
    const text = 'model M() { dims n\n input x: f32[n, 8, 6, 6]\n param w: f32[32, 8, 3, 3]\n';
    const graph = quantized(graphOfText(`${text} output y = conv2d(x, w, padding: 1) }`));
    expect(typesOf(graph, 'contract_words')).toHaveLength(1);
  });

  test('rows that several products read are made bytes once', () => {
    const text = `model M() { dims n\n input x: f32[n, 64]\n param q: f32[64, 32]\n param k: f32[64, 48]
      output y = concat([x @ q, x @ k], axis: 1) }`;
    const graph = quantized(graphOfText(text));
    expect(typesOf(graph, 'quantize_rows')).toHaveLength(1);
    expect(typesOf(graph, 'contract_words')).toHaveLength(2);
  });

  test.each([
    ['few summed products', linear('40, 5', 'einsum("n t d, e t -> n d e", x, w)')],
    ['few channels', linear('64, 31', 'x @ w')],
    ['two activations', linear('64, 40', 'x @ transpose(x, [0, 2, 1]) + sum(w)')],
    ['weights alone', linear('64, 40', 'sum(x) + w @ transpose(w)')],
  ])('leaves products of %s in f32', (_, text) => {
    expect(typesOf(quantized(graphOfText(text)), 'contract_words')).toEqual([]);
  });

  test.each([
    ['x @ w', linear('64, 40', 'x @ w')],
    ['a tail of words', 'model M() { dims n\n input x: f32[n, 5, 67]\n param w: f32[67, 40]\n output y = x @ w }'],
    ['columns before rows', linear('64, 40', 'einsum("d e, n t d -> n e t", w, x)')],
    [
      'an axis of experts',
      'model M() { dims n\n input x: f32[3, n, 64]\n param w: f32[3, 64, 40]\n output y = einsum("e n d, e d f -> e n f", x, w) }',
    ],
  ])('%s is as near as the steps of its bytes', (_, text) => {
    const graph = graphOfText(text);
    const random = randomNumbers(5);
    const symbols = new Map([['n', 2]]);
    const draw = ({ type }: { type: Graph['inputs'][number]['value']['type'] }) =>
      randomTensor(type.dtype, concreteShape(type.shape, symbols), random);
    const inputs = new Map(graph.inputs.map(({ name, value }) => [name, draw(value)]));
    const parameters = new Map(graph.parameters.map(({ name, value }) => [name, draw(value)]));
    const wanted = interpret(graph, { inputs, parameters, symbols }).get('y')!;
    const got = interpret(quantized(graph), { inputs, parameters, symbols }).get('y')!;
    expect(got.shape).toEqual(wanted.shape);
    // Elements of -2 to 2: steps of 4 / 127 and of 2 / 127, errors of half a step each, sums of at most 67 products.
    const worst = 67 * (2 * (2 / 127) + 2 * (1 / 127) + (2 / 127) * (1 / 127));
    const errors = wanted.data.map((value, at) => Math.abs(got.data[at]! - value));
    expect(Math.max(...errors)).toBeLessThan(worst);
    // Errors are independent of each other, so their sum is far from the worst.
    const mean = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / errors.length);
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(worst / 15);
  });
});

describe('the channels of weights', () => {
  const channelsOf = (text: string): unknown =>
    Object.fromEntries(
      weightChannels(runPasses(graphOfText(text), passes.slice(0, passes.indexOf(quantize)), ops).graph),
    );

  test('are the axes along which nothing is summed', () => {
    expect(channelsOf(linear('64, 40', 'x @ w'))).toEqual({ w: [1] });
    expect(channelsOf(linear('40, 64', 'x @ transpose(w)'))).toEqual({ w: [0] });
    expect(channelsOf(linear('2, 20, 64', 'einsum("n t d, p q d -> n t p q", x, w)'))).toEqual({ w: [0, 1] });
  });

  test('are those of all products of a weight', () => {
    const text = 'model M() { input x: f32[5, 64]\n param w: f32[64, 64]\n output y = x @ w + x @ transpose(w) }';
    expect(channelsOf(text)).toEqual({ w: [] });
  });

  test('a weight that is computed with is not kept in bytes', () => {
    expect(channelsOf(linear('40, 64', 'x @ transpose(w * 0.5)'))).toEqual({});
  });

  test('so is none that no product reads', () => {
    expect(channelsOf(linear('64', 'x * w'))).toEqual({});
  });
});

test('products of experts stay in f32, and their weights have channels for storage', () => {
  const text = `
    import { Linear } from "std/nn"
    model Experts() {
      dims n
      input x: f32[n, 64]
      input gate: f32[n, 1]
      input index: i32[n, 1]
      output y = mixture(x, gate, index, 2) as experts { t => t |> Linear(40) as up }
    }`;
  const graph = runPasses(graphOfText(text), passes.slice(0, passes.indexOf(quantize)), ops).graph;
  expect(judgedProducts(graph).map(({ reason }) => reason)).toEqual(['its rows are in groups']);
  expect(quantized(graphOfText(text)).nodes.filter(({ op }) => op.name === 'contract_words')).toEqual([]);
  expect(Object.fromEntries(weightChannels(graph))).toEqual({ 'experts.0.up.weight': [0], 'experts.1.up.weight': [0] });
});
