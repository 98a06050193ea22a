import { expect, test } from 'vitest';
import { prepare, preparingPasses } from '../../src/compiler/autodiff/prepare.ts';
import { symbolsOf } from '../../src/compiler/dims/dim.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { trainingOfText } from '../support/training.ts';
import { graphOfText } from '../support/specs.ts';

const ATTENTION = `
  dims b, t
  input x: f32[b, t, 8]
  q = x |> Linear(8) as query
  s = einsum("b i d, b j d -> b i j", q, x) * 0.5
  y = einsum("b i j, b j d -> b i d", softmax(s, axis: -1), x)`;

test('attention is found before composites with rules hide it', () => {
  const text = `import { Linear } from "std/nn"\nmodel M {${ATTENTION}\n  output z = log_softmax(y, axis: -1)\n}`;
  const graph = prepare(graphOfText(text), ops);
  const names = graph.nodes.map(({ op }) => op.name);
  expect(names).toContain('attend');
  expect(names).toContain('log_softmax');
  expect(names).not.toContain('softmax');
  expect(names).not.toContain('einsum');
});

test('every preparing pass keeps the graph sound', () => {
  const text = `import { Linear } from "std/nn"\nmodel M {${ATTENTION}\n  output z = mean(gelu(y), axis: 1)\n}`;
  expect(() => runPasses(graphOfText(text), preparingPasses, ops, { verify: true })).not.toThrow();
});

test('what the forward pass does not compute of a layer has no gradient either', () => {
  const module = trainingOfText(`
import { LayerNorm, Linear } from "std/nn"
train Fit() {
  dims b, t
  input x: f32[b, t, 8]
  h = x + (x |> LayerNorm() as norm |> Linear(32) as up |> gelu |> Linear(8) as down)
  loss mean(square(h[:, 0]))
  optimizer sgd()
}`);
  const { nodes } = module.graphs[0]!.graph;
  const products = nodes.filter(({ op }) => op.body.kind === 'contraction');
  // Two of the forward pass and, for each, two of the backward pass; but the first operand is an input.
  expect(products.length).toBeGreaterThanOrEqual(5);
  const sizes = products.flatMap(({ inputs, results }) => [...inputs, ...results].flatMap(({ type }) => type.shape));
  expect(sizes.flatMap(symbolsOf)).not.toContain('t');
});
