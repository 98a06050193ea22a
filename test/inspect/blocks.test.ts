/** Which blocks a spec is seen as, and what they cost: by counts made by hand. */
import { describe, expect, it } from 'vitest';
import { partsOf } from '../../src/compiler/inspect/blocks.ts';
import { unfoldedBlocks } from '../../src/compiler/inspect/fold.ts';
import { tableCells } from '../../src/compiler/inspect/table.ts';
import { inspectedText, rowAt } from './support.ts';

const LINEAR = `import { Dropout, Linear } from "std/nn"
block Layer(hidden: int)(x: f32[b, d]) -> f32[b, d] {
  return x |> Linear(hidden) as up |> relu |> Dropout(0.0) |> Linear(d) as down
}
`;

const repeated = (body: string, extra = ''): string => `${LINEAR}${extra}
model M(depth: int = 3) {
  dims batch
  input x: f32[batch, 4]
  h = x
  ${body}
  output y: f32[batch, 4] = h
}`;

describe('costs', () => {
  it('count parameters and multiply-adds of a linear map', () => {
    const { summary } = inspectedText(repeated('h = h |> Linear(4) as map'));
    const { costs } = rowAt(summary, 'map');
    expect(costs.parameters).toBe(4 * 4 + 4);
    expect(costs.multiplyAdds?.key).toBe('16*batch');
  });

  it('count what attention multiplies: scores and their products with the values', () => {
    const { summary } = inspectedText(`import { Attention } from "std/transformer"
model M() {
  dims batch
  input x: f32[batch, 6, 8]
  output y = x |> Attention(2, 4) as attn
}`);
    const projections = 6 * 8 * 24 + 6 * 8 * 8;
    const attention = 2 * (2 * 6 * 6 * 4);
    expect(rowAt(summary, 'attn').costs.multiplyAdds?.key).toBe(`${projections + attention}*batch`);
  });

  it('of a block include those of the blocks inside, and the entry has all', () => {
    const { root, summary } = inspectedText(repeated('h = h |> Layer(8) as layer'));
    const parts = ['layer.up', 'layer.down'].map((path) => rowAt(summary, path).costs.parameters);
    expect(parts).toEqual([4 * 8 + 8, 8 * 4 + 4]);
    expect(rowAt(summary, 'layer').costs.parameters).toBe(76);
    expect(root.costs.parameters).toBe(summary.parameters);
  });

  it('count the values that kernels store as activations', () => {
    const { summary } = inspectedText(repeated('h = h |> Layer(8) as layer'));
    // The activation function is computed behind the product, and so the first product stores its result.
    expect(rowAt(summary, 'layer.up').costs.activations?.key).toBe('32*batch');
    expect(rowAt(summary, 'layer').costs.activations?.key).toBe('48*batch');
  });
});

describe('rounds of a loop', () => {
  it('are folded when they are equal, with the sums of all', () => {
    const { summary } = inspectedText(repeated('for i in 0..depth as layers { h = h |> Layer(8) as one }'));
    const row = rowAt(summary, 'layers.{0..2}');
    expect(row).toMatchObject({ copies: 3, costs: { parameters: 3 * 76 } });
    expect(rowAt(summary, 'layers.{0..2}.one.up').costs.parameters).toBe(3 * 40);
  });

  it('are folded run by run where they differ', () => {
    const body = 'for i in 0..depth as layers { h = h |> Layer(if i == 0 then 6 else 8) as one }';
    const { summary } = inspectedText(repeated(body));
    const rounds = summary.rows.filter((row) => row.depth === 0).map(({ path, copies }) => [path, copies]);
    expect(rounds).toEqual([
      ['layers.0', 1],
      ['layers.{1..2}', 2],
    ]);
  });

  it('are a chain when each reads the one before, and stand side by side when none does', () => {
    const chain = inspectedText(repeated('for i in 0..depth as layers { h = h |> Layer(8) as one }')).root;
    const bundle = inspectedText(
      repeated('h = sum(stack([for i in 0..depth as heads => h |> Linear(4) as one]), axis: 0)'),
    ).root;
    expect([chain, bundle].map((root) => partsOf(root).map(({ copies, isChain }) => [copies, isChain]))).toEqual([
      [[3, true]],
      [[3, false]],
    ]);
  });

  it('without a path of their own give way to the block they repeat, whose shared parameters count once', () => {
    const { summary } = inspectedText(repeated('shared = Layer(8)\n  for i in 0..depth { h = shared(h) }'));
    expect(rowAt(summary, 'shared')).toMatchObject({ copies: 3, costs: { parameters: 76 } });
    expect(rowAt(summary, 'shared').costs.multiplyAdds?.key).toBe(`${3 * 64}*batch`);
  });

  it('are listed one by one on request', () => {
    const { tree } = inspectedText(repeated('for i in 0..depth as layers { h = h |> Layer(8) as one }'));
    expect(partsOf(unfoldedBlocks(tree)).map(({ path }) => path)).toEqual(['layers.0', 'layers.1', 'layers.2']);
  });
});

describe('what is no block to a reader', () => {
  it('blocks that do nothing and functions without products are left out', () => {
    const { summary } = inspectedText(
      repeated('h = twice(h |> Layer(8) as layer)', 'fn twice(x: f32[b, d]) -> f32[b, d] { return x + x }'),
    );
    expect(summary.rows.map(({ path }) => path)).toEqual(['layer', 'layer.up', 'layer.down']);
  });

  it('a function with products is shown by its name', () => {
    const { summary } = inspectedText(
      repeated('h = gram(h)', 'fn gram(x: f32[b, d]) -> f32[b, d] { return x @ (transpose(x) @ x) }'),
    );
    expect(summary.rows.map(({ block }) => block)).toEqual(['gram']);
  });
});

it('sizes become numbers where dimensions are given', () => {
  const { summary } = inspectedText(repeated('h = h |> Layer(8) as layer'));
  const [row] = tableCells(summary, new Map([['batch', 10]]));
  expect(row).toEqual(['layer', 'Layer', 'f32[10, 4]', '76', '640', '480 B']);
});
