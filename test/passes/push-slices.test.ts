import { describe, expect, test } from 'vitest';
import { evaluate, print } from '../../src/compiler/dims/dim.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { canonicalize } from '../../src/compiler/passes/canonicalize.ts';
import { expand, expandToSoftmax } from '../../src/compiler/passes/expand.ts';
import { pushSlices } from '../../src/compiler/passes/push-slices.ts';
import { recognizeAttention } from '../../src/compiler/passes/recognize-attention.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { graphOfText } from '../support/specs.ts';

const EARLIER = [expandToSoftmax, recognizeAttention, expand];

/** `body` over x of [n, 6, 4], before and after the pass; both give the same numbers. */
function pushed(body: string, more = ''): Graph {
  const before = runPasses(
    graphOfText(`model M() { dims n\n input x: f32[n, 6, 4]\n ${more}\n ${body} }`),
    EARLIER,
    ops,
    {},
  ).graph;
  const after = runPasses(before, [pushSlices, canonicalize], ops, { verify: true }).graph;
  const symbols = new Map([['n', 3]]);
  const inputs = new Map(
    before.inputs.map(({ name, value }) => {
      const shape = value.type.shape.map((dim) => evaluate(dim, symbols));
      const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => Math.sin(7 * at + 1));
      return [name, { dtype: value.type.dtype, shape, data }] as const;
    }),
  );
  const given = { inputs, parameters: new Map(), symbols };
  expect(interpret(after, given)).toEqual(interpret(before, given));
  return after;
}

/** The shapes of what the nodes of an op make. */
function shapesOf(graph: Graph, op: string): string[] {
  return graph.nodes
    .filter((node) => node.op.name === op)
    .map((node) => node.results[0]!.type.shape.map((dim) => print(dim)).join());
}

describe('what is read of a value alone is computed', () => {
  test('a token of a product', () => {
    const graph = pushed('output y = (x @ w)[:, 0]', 'input w: f32[4, 5]');
    expect(shapesOf(graph, 'contract')).toEqual(['n,1,5']);
  });

  test('through norms, activations and residuals, up to a value that is needed whole', () => {
    const graph = pushed(
      'h = x @ w\n output y = softmax(relu(h) + x, axis: -1)[:, 2:4]\n output all = h',
      'input w: f32[4, 4]',
    );
    expect(shapesOf(graph, 'relu')).toEqual(['n,2,4']);
    expect(shapesOf(graph, 'contract')).toEqual(['n,6,4']);
  });

  test('the shortest range that holds what several uses read', () => {
    const graph = pushed('h = relu(x)\n output a = h[:, 1]\n output b = h[:, 3] * 2');
    expect(shapesOf(graph, 'relu')).toEqual(['n,3,4']);
  });

  test('a column of a product, and so a column of its weight', () => {
    const graph = pushed('output y = (x @ w)[:, :, 1:3]', 'input w: f32[4, 5]');
    expect(shapesOf(graph, 'contract')).toEqual(['n,6,2']);
  });

  test('through reshapes and transpositions that keep the axis', () => {
    const graph = pushed('h = rearrange(relu(x), "n t (h w) -> n h t w", h: 2)\n output y = h[:, :, 5]');
    expect(shapesOf(graph, 'relu')).toEqual(['n,1,4']);
  });

  test('queries of an attention', () => {
    const graph = pushed(
      's = einsum("n i c, n j c -> n i j", x, x)\n output y = einsum("n i j, n j c -> n i c", softmax(s, axis: -1), x)[:, 0]',
    );
    expect(
      graph.nodes.flatMap((node) =>
        node.op.body.kind === 'attention' ? node.results[0]!.type.shape.map((dim) => print(dim)).join() : [],
      ),
    ).toEqual(['n,1,4']);
  });

  test('nothing changes where all is read, or only apart', () => {
    const whole = pushed('output y = relu(x)[:, ::2]');
    expect(shapesOf(whole, 'relu')).toEqual(['n,6,4']);
    expect(shapesOf(pushed('output y = sum(relu(x), axis: 1)'), 'relu')).toEqual(['n,6,4']);
  });

  test('not what lies along the axis of a reduction', () => {
    const graph = pushed('output y = cumsum(relu(x), axis: 1)[:, 0:2]');
    expect(shapesOf(graph, 'relu')).toEqual(['n,6,4']);
  });
});
