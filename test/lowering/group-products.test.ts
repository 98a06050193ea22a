/**
 * Products whose tiles workgroups compute, at sizes around the edges of every tile: in the interpreter, which throws where
 * invocations touch what others write, and for each tile once on a device.
 */
import { describe, expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { constant, evaluate } from '../../src/compiler/dims/dim.ts';
import { elementCount } from '../../src/compiler/dims/shape.ts';
import { fusionOf } from '../../src/compiler/ir/fusion.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { boundsOf, concreteShape } from '../../src/compiler/ir/types.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { limitFaults } from '../../src/compiler/kernel/workgroup.ts';
import { analyseContraction } from '../../src/compiler/lowering/contract/axes.ts';
import { writeGroupProduct } from '../../src/compiler/lowering/contract/workgroups/product.ts';
import { DENSE_TILES, tilesOf, type GroupTile } from '../../src/compiler/lowering/contract/workgroups/tiling.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { runWebgpu } from '../codegen/webgpu.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { describeGpu } from '../support/webgpu.ts';
import { execute } from './execute.ts';
import { productGraph, type Product } from './products.ts';

const CLOSE = { absolute: 1e-4, relative: 1e-4 };

interface Tried {
  readonly kernel: Kernel;
  /** What its buffers hold by name; the last is the result. */
  readonly contents: Record<string, Float32Array<ArrayBuffer>>;
  readonly sizes: Record<string, number>;
  readonly output: string;
  readonly truth: ArrayLike<number>;
}

/** The product by tiles of one kind, with the sizes `known` to the compiler. */
function tried(product: Product, known: string, tile: GroupTile): Tried {
  const { m, n, k } = product;
  const symbols = new Map(Object.entries({ m, n, k }));
  const graph = productGraph(product, known);
  const fused = runPasses(graph, passes, ops).graph;
  const [node] = fused.nodes;
  expect(fused.nodes.length).toBe(1);
  const region = fusionOf(node!)!.body;
  const options = { tile, name: 'product', bounds: boundsOf(fused), copies: {} };
  const { kernel: written, buffers } = writeGroupProduct(analyseContraction(region), options);
  const kernel = prepareKernel(written, webgpuTarget);
  expect(kernelFaults(kernel)).toEqual([]);
  expect(limitFaults(kernel, webgpuTarget.workgroups)).toEqual([]);
  const random = randomNumbers(m + 31 * n + 977 * k);
  const inputs = new Map(
    graph.inputs.map(({ name, value }) => [
      name,
      randomTensor('f32', concreteShape(value.type.shape, symbols), random),
    ]),
  );
  const truth = interpret(graph, { inputs, parameters: new Map(), symbols }).get('y')!.data;
  const outside = new Map<Value, Value>(region.parameters.map((parameter, at) => [parameter, node!.inputs[at]!]));
  const nameOf = (value: Value): string | undefined => fused.inputs.find((input) => input.value === value)?.name;
  const contents = Object.fromEntries(
    kernel.buffers.map(({ name }, at) => {
      const use = buffers[at]!;
      if (use.kind !== 'value') throw new Error('a product of the test has scratch');
      const input = nameOf(outside.get(use.value)!);
      const count = evaluate(elementCount(use.value.type.shape), symbols);
      return [name, input ? Float32Array.from(inputs.get(input)!.data) : new Float32Array(count).fill(NaN)];
    }),
  );
  const sizes = Object.fromEntries(kernel.sizes.map((name) => [name, symbols.get(name)!]));
  return { kernel, contents, sizes, output: kernel.buffers.at(-1)!.name, truth };
}

function check(product: Product, known: string, tile: GroupTile): void {
  const { kernel, contents, sizes, output, truth } = tried(product, known, tile);
  interpretKernel(kernel, contents, sizes);
  const what = `${JSON.stringify(product)} with ${known || 'nothing'} known`;
  expectClose(contents[output]!, truth, CLOSE, what);
}

const nameOf = ({ rows, columns, parts }: GroupTile): string => `${rows} x ${columns} in ${parts} parts`;
const tiles = DENSE_TILES.map((tile) => [nameOf(tile), tile] as const);

describe.each(tiles)('tiles of %s', (_, tile) => {
  const { rows, columns, depth } = tile;

  test('are cut off at every edge', () => {
    for (const [m, n, k] of [
      [1, 1, 1],
      [rows, columns, depth],
      [rows - 1, columns + 1, depth - 1],
      [rows + 1, columns - 1, depth + 1],
      [rows + 3, columns, 0],
      [2, 2 * columns, 2],
    ] as const)
      for (const known of ['mnk', 'nk', '']) check({ m, n, k, follower: 'bias' }, known, tile);
  });

  test('read operands in any order', () => {
    for (const [left, right] of [
      ['km', 'kn'],
      ['km', undefined],
      [undefined, 'kn'],
    ] as const)
      for (const size of [
        { m: rows + 4, n: columns + 4, k: 8 },
        { m: rows + 1, n: columns + 3, k: 7 },
      ]) {
        const product = { ...size, batch: 2, ...(left && { left }), ...(right && { right }) };
        check(product, 'mnk', tile);
        check({ ...product, follower: 'gelu' }, '', tile);
      }
  });
});

describeGpu('on a device', () => {
  // Few sums, as software takes long for each barrier; the conformance suite runs the others.
  test.each(tiles.filter(([, { rows }]) => rows >= 32))('tiles of %s', async (_, tile) => {
    const product: Product = { m: tile.rows + 1, n: tile.columns - 2, k: 6, left: 'km', follower: 'gelu' };
    const { kernel, contents, sizes, output, truth } = tried(product, 'nk', tile);
    const given = Object.fromEntries(Object.entries(contents).map(([name, data]) => [name, [...data]]));
    const results = await runWebgpu(kernel, given, sizes);
    expectClose(results[output]!, truth, CLOSE, JSON.stringify(product));
  });
});

describe('what a product is made of', () => {
  const chosen = (product: Product, known: string): string[] => {
    const fused = runPasses(productGraph(product, known), passes, ops).graph;
    return tilesOf(analyseContraction(fusionOf(fused.nodes[0]!)!.body)).map(({ tile }) => nameOf(tile));
  };

  test('operands are read where they lie, in vectors where these are whole', () => {
    const vectors = (product: Product): boolean[] => {
      const { kernel } = tried(product, 'mnk', DENSE_TILES[1]);
      const text = printKernel(kernel);
      return kernel.buffers.slice(0, 2).map(({ name }) =>
        text
          .split(`${name}[`)
          .slice(1)
          .some((rest) => rest.split(']')[0]!.endsWith(' .. 4')),
      );
    };
    expect(vectors({ m: 40, n: 48, k: 64 })).toEqual([true, true]);
    expect(vectors({ m: 40, n: 48, k: 64, left: 'km', right: 'kn' })).toEqual([true, true]);
    expect(vectors({ m: 40, n: 48, k: 63 })).toEqual([false, false]);
    expect(vectors({ m: 41, n: 48, k: 63, left: 'km', right: 'kn' })).toEqual([false, true]);
  });

  test('rows that only a run knows have tiles for few, for many, and for all others', () => {
    expect(chosen({ m: 8, n: 768, k: 768 }, 'nk')).toEqual([
      '4 x 16 in 16 parts',
      '64 x 64 in 1 parts',
      '32 x 32 in 1 parts',
    ]);
    expect(chosen({ m: 8, n: 768, k: 768, batch: 2 }, 'nk')).toEqual(['64 x 64 in 1 parts', '32 x 32 in 1 parts']);
  });

  test('an operand of dear functions is stored before it is read many times', () => {
    const exponentials = (columns: number): { program: LoweredProgram; graph: Graph } => {
      const builder = new Builder(ops, new Map());
      const value = (...shape: number[]): Value => builder.value({ dtype: 'f32', shape: shape.map(constant) });
      const [x, w] = [value(2, 5, 9), value(2, columns, 9)];
      const labels = { left: ['b', 'i', 'k'], right: ['b', 'j', 'k'], result: ['b', 'i', 'j'] };
      const y = builder.one('contract', [builder.one('exp', [x]), w], labels);
      const inputs = Object.entries({ x, w }).map(([name, input]) => ({ name, value: input }));
      const graph = {
        name: 'P',
        dims: [],
        inputs,
        parameters: [],
        nodes: builder.nodes,
        outputs: [{ name: 'y', value: y }],
      };
      return { graph, program: lowerGraph(runPasses(graph, passes, ops).graph, webgpuTarget) };
    };
    const kernels = ({ program }: { program: LoweredProgram }): string[] =>
      program.calls.map(({ kernel }) => kernel.name);
    expect(kernels(exponentials(3))).toEqual(['product']);
    const { program, graph } = exponentials(70);
    expect(kernels({ program })).toEqual(['product_left', 'product']);
    const random = randomNumbers(3);
    const inputs = new Map([
      ['x', randomTensor('f32', [2, 5, 9], random)],
      ['w', randomTensor('f32', [2, 70, 9], random)],
    ]);
    const truth = interpret(graph, { inputs, parameters: new Map(), symbols: new Map() }).get('y')!.data;
    const given = new Map([...inputs].map(([name, { data }]) => [name, data]));
    expectClose(execute(program, new Map(), given).get('y')!, truth, CLOSE, 'y');
  });
});
