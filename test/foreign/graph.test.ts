import { describe, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, linear, map, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly features: number;
  readonly classes: number;
  readonly hidden: number;
  readonly heads: number;
}

/** The edges that arrive at a node, as the nodes where they start. */
function arriving(edge: Plain, node: number): number[] {
  const sources: number[] = [];
  for (let e = 0; e < edge.shape[1]!; e++) if (at(edge, 1, e) === node) sources.push(at(edge, 0, e));
  return sources;
}

function convolution(x: Plain, edge: Plain, weights: Weights, name: string): Plain {
  const h = linear(x, weights, `${name}.lin`, false);
  const bias = weights(`${name}.bias`);
  const degree = (node: number): number => 1 + arriving(edge, node).length;
  return tabulate(h.shape, (i, c) => {
    const around = [...arriving(edge, i), i];
    return at(bias, c) + sum(around.length, (k) => at(h, around[k]!, c) / Math.sqrt(degree(around[k]!) * degree(i)));
  });
}

function graphAttention(x: Plain, edge: Plain, weights: Weights, name: string, { hidden }: Setting): Plain {
  const h = linear(x, weights, `${name}.lin`, false);
  const [source, target] = [weights(`${name}.att_src`), weights(`${name}.att_dst`)];
  const toward = (vector: Plain, node: number, head: number): number =>
    sum(hidden, (e) => at(vector, head, e) * at(h, node, head * hidden + e));
  return tabulate(h.shape, (i, c) => {
    const head = Math.floor(c / hidden);
    const around = arriving(edge, i);
    const scores = around.map((j) => {
      const score = toward(source, j, head) + toward(target, i, head);
      return Math.exp(score > 0 ? score : 0.2 * score);
    });
    const total = sum(scores.length, (k) => scores[k]!);
    return sum(around.length, (k) => (scores[k]! / total) * at(h, around[k]!, c));
  });
}

function graphNet(setting: Setting, x: Plain, edge: Plain, weights: Weights): { logits: Plain; graph: Plain } {
  let h = map(convolution(x, edge, weights, 'graph_conv'), (value) => Math.max(value, 0));
  h = map(graphAttention(h, edge, weights, 'graph_attention', setting), (value) =>
    value > 0 ? value : Math.exp(value) - 1,
  );
  const logits = convolution(h, edge, weights, 'conv');
  const nodes = x.shape[0]!;
  return { logits, graph: tabulate([setting.classes], (c) => sum(nodes, (i) => at(logits, i, c)) / nodes) };
}

describe('graph convolution and attention', () => {
  test.each<Setting>([
    { features: 7, classes: 3, hidden: 5, heads: 2 },
    { features: 1, classes: 4, hidden: 3, heads: 5 },
  ])('%o, on graphs of any size', async (setting) => {
    const graph = (nodes: number, edges: number): { x: Tensor; edge: Tensor } => ({
      x: randomTensor('f32', [nodes, setting.features], randomNumbers(nodes)),
      edge: randomTensor('i32', [2, edges], randomNumbers(edges), [0, nodes - 1]),
    });
    await expectAsDefined({
      spec: 'graph.model',
      settings: { ...setting },
      // Some nodes have no edges; some pairs have several; the last graph has no edge at all.
      runs: [graph(9, 31), graph(1, 3), graph(23, 17), graph(4, 0)],
      definition: ({ x, edge }, weights) => graphNet(setting, x!, edge!, weights),
    });
  });
});
