/** What passes make of products over groups of rows. */
import { describe, expect, test } from 'vitest';
import { constant, print, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import { fusionOf } from '../../src/compiler/ir/fusion.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { multiplyAdds } from '../../src/compiler/ir/work.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { narrow } from '../../src/compiler/passes/narrow.ts';
import type { Pass } from '../../src/compiler/passes/pass.ts';
import { pushSlices } from '../../src/compiler/passes/push-slices.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';

const rows = symbol('r');
const ROWS = { left: ['r', 'k'], right: ['e', 'n', 'k'], result: ['r', 'n'], ragged: 'r', group: 'e' };

class Product {
  readonly builder = new Builder(ops, new Map());
  readonly inputs: { readonly name: string; readonly value: Value }[] = [];

  input(name: string, dtype: 'f32' | 'i32', ...shape: readonly (number | Dim)[]): Value {
    const sizes = shape.map((size) => (typeof size === 'number' ? constant(size) : size));
    const value = this.builder.value({ dtype, shape: sizes });
    this.inputs.push({ name, value });
    return value;
  }

  graph(y: Value): Graph {
    const outputs = [{ name: 'y', value: y }];
    const { nodes } = this.builder;
    return { name: 'P', dims: [{ name: 'r' }], inputs: this.inputs, parameters: [], nodes, outputs };
  }
}

/** x [r, 6] by w [3, 4, 6]. */
function product(): Product & { readonly y: Value; readonly offsets: Value } {
  const made = new Product();
  const [x, w] = [made.input('x', 'f32', rows, 6), made.input('w', 'f32', 3, 4, 6)];
  const offsets = made.input('offsets', 'i32', 4);
  const y = made.builder.one('ragged_contract', [x, w, offsets], ROWS);
  return Object.assign(made, { y, offsets });
}

const after = (graph: Graph, list: readonly Pass[]): Graph => runPasses(graph, list, ops, { verify: true }).graph;

/** The graphs agree on random numbers, of seven rows in three groups. */
function expectSame(a: Graph, b: Graph): void {
  const random = randomNumbers(5);
  const symbols = new Map([['r', 7]]);
  const inputs = new Map(
    a.inputs.map(({ name, value }): [string, Tensor] => {
      const shape = concreteShape(value.type.shape, symbols);
      return [name, name === 'offsets' ? tensorOf('i32', shape, [0, 2, 2, 6]) : randomTensor('f32', shape, random)];
    }),
  );
  const [wanted, got] = [a, b].map((graph) => interpret(graph, { inputs, parameters: new Map(), symbols }).get('y')!);
  expect(got!.shape).toEqual(wanted!.shape);
  expectClose(got!.data, wanted!.data, { absolute: 1e-12, relative: 0 });
}

describe('a slice of a ragged product', () => {
  const sliced = (starts: readonly (number | Dim)[], stops: readonly (number | Dim)[]): Graph => {
    const made = product();
    return made.graph(made.builder.one('slice', [made.y], { starts, stops, steps: [1, 1] }));
  };
  const shapes = (graph: Graph): string[] =>
    graph.nodes
      .filter(({ op }) => op.name === 'ragged_contract')
      .map(({ results }) => results[0]!.type.shape.map(print).join());

  test('along columns computes these alone', () => {
    const graph = sliced([0, 1], [rows, 3]);
    const pushed = after(graph, [pushSlices]);
    expect(shapes(pushed)).toEqual(['r,2']);
    expectSame(graph, pushed);
  });

  test('along the rows computes all of them, as offsets count them', () => {
    const graph = sliced([1, 2], [3, 4]);
    const pushed = after(graph, [pushSlices]);
    expect(shapes(pushed)).toEqual(['r,2']);
    expectSame(graph, pushed);
  });
});

test('a product with one vector for each group stays one', () => {
  const made = new Product();
  const operands = [made.input('x', 'f32', rows, 6), made.input('w', 'f32', 3, 6), made.input('offsets', 'i32', 4)];
  const labels = { ...ROWS, right: ['e', 'k'], result: ['r'] };
  const graph = made.graph(made.builder.one('ragged_contract', operands, labels));
  expect(after(graph, [narrow]).nodes.map(({ op }) => op.name)).toEqual(['ragged_contract']);
});

test('bias and activation of the groups are computed with the product', () => {
  const made = product();
  const { builder, y, offsets } = made;
  const [bias, group] = [made.input('bias', 'f32', 3, 4), made.input('group', 'i32', rows)];
  const biased = builder.one('add', [y, builder.one('segment_broadcast', [bias, group, offsets])]);
  const { nodes } = after(made.graph(builder.one('relu', [biased])), passes);
  expect(nodes.map((node) => fusionOf(node)!.kind)).toEqual(['contract']);
});

test('multiply-adds are those of each row with one group', () => {
  const { builder } = product();
  expect(print(multiplyAdds(builder.nodes, ops, new Map())!)).toBe('24*r');
});
