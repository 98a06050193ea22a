/** Looking over graphs. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import {
  bodyOf,
  definitionsOf,
  forEachNode,
  liveNodes,
  nextId,
  topologicalOrder,
  usesOf,
} from '../../src/compiler/ir/walk.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomGraph } from '../support/graphs.ts';
import { randomNumbers } from '../support/tensors.ts';

function example(): Graph {
  const result = parseGraph(
    `graph G {
      input x %0: f32[2]
      %1: f32[2] = neg(%0)
      %2: f32[2] = add(%1, %1)
      %3: f32[2] = exp(%0)
      %4: f32[2] = fusion(%2) {body: region(%8: f32[2]) { %9: f32[2] = abs(%8) return %9 }, kind: "pointwise"}
      output y %4
      output z %2
    }`,
    ops,
  );
  if ('error' in result) throw new Error(result.error);
  return result.graph;
}

const names = (nodes: readonly { readonly op: { readonly name: string } }[]): string[] =>
  nodes.map(({ op }) => op.name);

test('uses name every operand and output', () => {
  const graph = example();
  const uses = usesOf(bodyOf(graph));
  const [neg, add, exp] = graph.nodes;
  expect(uses.get(neg!.results[0]!)).toEqual([
    { kind: 'operand', node: add, operand: 0 },
    { kind: 'operand', node: add, operand: 1 },
  ]);
  expect(uses.get(add!.results[0]!)?.map((use) => use.kind)).toEqual(['operand', 'output']);
  expect(uses.has(exp!.results[0]!)).toBe(false);
  expect(definitionsOf(graph.nodes).get(neg!.results[0]!)).toBe(neg);
});

test('dead nodes are left out, and nested ones visited', () => {
  const graph = example();
  expect(names(liveNodes(bodyOf(graph)))).toEqual(['neg', 'add', 'fusion']);
  const visited: string[] = [];
  forEachNode(graph.nodes, ({ op }) => visited.push(op.name));
  expect(visited).toEqual(['neg', 'add', 'exp', 'fusion', 'abs']);
  expect(nextId(graph)).toBe(10);
});

test('a cycle is reported', () => {
  const graph = example();
  const [neg, add] = graph.nodes;
  const loop = { ...neg!, inputs: [add!.results[0]!] };
  expect(() => topologicalOrder([loop, add!])).toThrow('neg depends on its own result');
});

test('shuffled random graphs are ordered again, and mean the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
      const { graph, inputs, parameters } = randomGraph(seed);
      const random = randomNumbers(seed);
      const keyed = graph.nodes.map((node) => ({ node, key: random() })).sort((a, b) => a.key - b.key);
      const ordered: Graph = { ...graph, nodes: topologicalOrder(keyed.map(({ node }) => node)) };
      expect(verify(ordered, ops)).toEqual([]);
      expect(topologicalOrder(graph.nodes)).toEqual(graph.nodes);
      const live: Graph = { ...graph, nodes: liveNodes(bodyOf(graph)) };
      const wanted = interpret(graph, { inputs, parameters });
      expect(interpret(ordered, { inputs, parameters })).toEqual(wanted);
      expect(interpret(live, { inputs, parameters })).toEqual(wanted);
    }),
  );
});
