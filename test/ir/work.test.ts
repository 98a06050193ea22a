import { describe, expect, test } from 'vitest';
import { constant, evaluate, print } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { boundsOf } from '../../src/compiler/ir/types.ts';
import { multiplyAdds } from '../../src/compiler/ir/work.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { graphOf, graphOfText, settings, specFile } from '../support/specs.ts';

const workOf = (graph: Graph): string => print(multiplyAdds(graph.nodes, ops, boundsOf(graph))!);

const model = (body: string): Graph => graphOfText(`model M { dims n\n input x: f32[n, 3]\n ${body} }`);

describe('multiply-adds', () => {
  test.each([
    ['of element-wise ops and sums are none', 'output y = sum(exp(x) * 2 + x, axis: 1)', '0'],
    ['of a product are the sizes of its three axes', 'param w: f32[3, 5] = zeros()\n output y = matmul(x, w)', '15*n'],
    ['of an inner product are its length', 'output y = einsum("i j, i j ->", x, x)', '3*n'],
    ['of all pairs are quadratic', 'output y = einsum("i k, j k -> i j", x, x)', '3*n*n'],
    ['of several products add up', 'output y = matmul(matmul(x, transpose(x, [1, 0])), x)', '6*n*n'],
    ['of an outer product are its elements', 'output y = einsum("i j, k -> i j k", x, ones([4]))', '12*n'],
  ])('%s', (_, body, wanted) => {
    expect(workOf(model(body)).replaceAll('n^2', 'n*n')).toBe(wanted);
  });

  test('of a ViT are those that its sizes give by hand', () => {
    const sizes = {
      image: 8,
      patch: 4,
      channels: 2,
      classes: 5,
      dim: 12,
      depth: 2,
      heads: 2,
      dim_head: 5,
      mlp_dim: 17,
    };
    const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(sizes) });
    const patches = (8 / 4) ** 2;
    const tokens = patches + 1;
    const inner = 2 * 5;
    const attention = tokens * 12 * 3 * inner + 2 * tokens * tokens * inner + tokens * inner * 12;
    const perImage = patches * 32 * 12 + 2 * (attention + 2 * tokens * 12 * 17) + 12 * 5;
    expect(workOf(graph)).toBe(`${perImage}*batch`);
  });

  test('stay the same when a graph is expanded and fused', () => {
    const sizes = {
      image: 8,
      patch: 4,
      channels: 2,
      classes: 5,
      dim: 12,
      depth: 2,
      heads: 2,
      dim_head: 5,
      mlp_dim: 17,
    };
    const worksOf = (pool: string): readonly unknown[] => {
      const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings({ ...sizes, pool }) });
      return [graph, runPasses(graph, passes, ops, { verify: false }).graph].map(workOf);
    };
    const [before, after] = worksOf('mean');
    expect(after).toBe(before);
    // Of the last layer, a class token needs its own row alone.
    expect(worksOf('cls')).toEqual(['11476*batch', '8964*batch']);
  });

  test('of attention are those of its two products', () => {
    const builder = new Builder(ops, new Map());
    const tensor = (...shape: number[]) => builder.value({ dtype: 'f32', shape: shape.map(constant) });
    builder.apply('attention', [tensor(2, 6, 7, 5), tensor(2, 3, 9, 5), tensor(2, 3, 9, 4)]);
    const work = multiplyAdds(builder.nodes, ops, new Map())!;
    expect(evaluate(work, new Map())).toBe(2 * 6 * 7 * 9 * (5 + 4));
  });

  test('beyond 2^53 have no number', () => {
    const big = (...shape: number[]) => ({ dtype: 'f32', shape: shape.map(constant) }) as const;
    const builder = new Builder(ops, new Map());
    builder.apply('matmul', [builder.value(big(2 ** 20, 2 ** 20)), builder.value(big(2 ** 20, 2 ** 20))]);
    expect(multiplyAdds(builder.nodes, ops, new Map())).toBeUndefined();
  });
});
