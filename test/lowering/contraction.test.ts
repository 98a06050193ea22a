/** Products at sizes around the edges of tiles, panels, groups and blocks, for every tile that a target may choose. */
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { forEachStatement } from '../../src/compiler/kernel/rewrite.ts';
import type { Target } from '../../src/compiler/kernel/target.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { kernelsOf, type LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { execute } from './execute.ts';
import { productGraph, type Follower, type Product } from './products.ts';

const withTile = (target: Target, at: number): Target => ({ ...target, tiles: [target.tiles[at]!] });

const targets: readonly (readonly [string, Target])[] = [
  ...wasmTarget.tiles.map(({ rows, columns }, at) => [`wasm ${rows}x${columns}`, withTile(wasmTarget, at)] as const),
  ['js', withTile(jsTarget, 0)],
  ['webgpu', webgpuTarget],
];

function lowered(graph: Graph, target: Target): LoweredProgram {
  const program = lowerGraph(runPasses(graph, passes, ops).graph, target);
  for (const kernel of program.calls.flatMap(kernelsOf)) expect(kernelFaults(kernel)).toEqual([]);
  return program;
}

/** Runs it where every access is checked, with each tile and sizes that are known or not; tiles of one order give the same bits. */
function check(product: Product, knowledge: readonly string[] = ['mnk', '']): void {
  const { m, n, k } = product;
  const symbols = new Map(Object.entries({ m, n, k }));
  for (const known of knowledge) {
    const graph = productGraph(product, known);
    const random = randomNumbers(m + 31 * n + 977 * k);
    const draw = ({ type }: Value): ReturnType<typeof randomTensor> =>
      randomTensor('f32', concreteShape(type.shape, symbols), random);
    const inputs = new Map(graph.inputs.map(({ name, value }) => [name, draw(value)]));
    const truth = interpret(graph, { inputs, parameters: new Map(), symbols }).get('y')!;
    const given = new Map([...inputs].map(([name, { data }]) => [name, data]));
    const results = targets.map(([name, target]) => {
      const y = execute(lowered(graph, target), symbols, given).get('y')!;
      const what = `${name}, ${m}x${n}x${k} with ${known || 'nothing'} known`;
      expectClose(y, truth.data, { absolute: 1e-4, relative: 1e-4 }, what);
      return y;
    });
    wasmTarget.tiles.forEach((_, at) => expect(results[at]).toEqual(results[0]));
  }
}

describe('sizes around the edges of', () => {
  const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 23, 24, 25, 29, 48, 49];
  test.each(rows)('tiles and blocks: %i rows', (m) => {
    check({ m, n: 9, k: 5 });
    check({ m, n: 32, k: 4, follower: 'bias' });
  });

  const columns = [0, 1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 40, 47, 56, 57];
  test.each(columns)('panels and groups: %i columns', (n) => {
    check({ m: 7, n, k: 3 });
    check({ m: 2, n, k: 5, follower: 'bias' });
    check({ m: 1, n, k: 4, follower: 'gelu' });
  });

  test.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17])('unrolled steps: %i summed', (k) => {
    check({ m: 9, n: 11, k });
    check({ m: 5, n: 24, k, follower: 'gelu' });
  });
});

describe('other orders', () => {
  test('rows of columns, packed a few panels and positions at a time', () => {
    check({ m: 3, n: 9, k: 130, right: 'kn' });
    check({ m: 5, n: 70, k: 6, right: 'kn' });
  });

  test('a transposed left operand, read in place and packed', () => {
    check({ m: 18, n: 5, k: 7, left: 'km', right: 'kn' });
    check({ m: 18, n: 193, k: 9, left: 'km', right: 'kn' });
    check({ m: 7, n: 192, k: 4, left: 'km', follower: 'gelu' });
    check({ m: 97, n: 96, k: 3, left: 'km', right: 'kn', batch: 2 });
    check({ m: 5, n: 96, k: 130, left: 'km', right: 'kn' });
  });

  test.each([0, 1, 3, 4, 6, 7, 47, 48, 49])('a transposed left operand of %i rows that only a run knows', (m) => {
    check({ m, n: 96, k: 3, left: 'km', right: 'kn' }, ['n', 'nk']);
  });

  test('a batch of small ones', () => {
    for (const size of [1, 3, 8, 9]) check({ m: size, n: size, k: size, batch: 3, follower: 'bias' });
    check({ m: 25, n: 35, k: 5, batch: 2, right: 'kn', follower: 'gelu' });
  });
});

function countStatements(kernels: readonly Kernel[], kind: string): number {
  let found = 0;
  for (const { body } of kernels) forEachStatement(body, (statement) => (found += Number(statement.kind === kind)));
  return found;
}

describe('what a product is made of', () => {
  const kernelsOf = (product: Product, tile: number): Kernel[] =>
    lowered(productGraph(product, 'mnk'), withTile(wasmTarget, tile)).calls.map(({ kernel }) => kernel);

  test('a dear epilogue is written once, not for every vector of a tile', () => {
    const stores = (follower: Follower): number =>
      countStatements(kernelsOf({ m: 48, n: 64, k: 16, follower }, 0), 'store');
    expect(stores('gelu')).toBe(stores('none') + 1);
  });

  test('known columns beyond the last panel take no branch for each', () => {
    const kernels = kernelsOf({ m: 48, n: 10, k: 16 }, 0).filter(({ name }) => name === 'product');
    expect(countStatements(kernels, 'if')).toBe(1);
  });

  test('panels that are read once from afar are touched before', () => {
    const touches = (n: number): number => countStatements(kernelsOf({ m: 65, n, k: 256 }, 1), 'prefetch');
    expect(touches(256)).toBeGreaterThan(0);
    expect(touches(64)).toBe(0);
  });

  test('a block of rows by a group of panels is a point of the grid', () => {
    const [product] = kernelsOf({ m: 65, n: 256, k: 64 }, 0).filter(({ name }) => name === 'product');
    expect(product!.grid.map(({ extent }) => extent.key)).toEqual(['8', '3']);
  });
});
