/** Convolutions read windows where they lie: what is stored, and what comes out at sizes that only a run knows. */
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { constant, print, symbol, symbolsOf, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes, Graph, GraphParameter, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { runnerOf, storedTensor } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';

type Sizes = readonly (number | string)[];

const dimsOf = (sizes: Sizes): Dim[] => sizes.map((size) => (typeof size === 'string' ? symbol(size) : constant(size)));

/** A graph of one input x, parameters by name, and what `make` makes of them. */
function graphOf(
  x: Sizes,
  parameters: { readonly [name: string]: Sizes },
  make: (
    call: (op: string, inputs: readonly Value[], attributes?: Attributes) => Value,
    x: Value,
    given: Values,
  ) => Value,
): Graph {
  const builder = new Builder(ops, new Map());
  const value = (sizes: Sizes): Value => builder.value({ dtype: 'f32', shape: dimsOf(sizes) });
  const input = value(x);
  const weights = Object.entries(parameters).map(([name, sizes]): GraphParameter => ({
    name,
    value: value(sizes),
    origin: { path: '' },
  }));
  const given = Object.fromEntries(weights.map((weight) => [weight.name, weight.value]));
  const y = make((op, inputs, attributes) => builder.one(op, inputs, attributes), input, given);
  const names = new Set(dimsOf(x).flatMap((dim) => symbolsOf(dim)));
  return {
    name: 'Convolution',
    dims: [...names].map((name) => ({ name })),
    inputs: [{ name: 'x', value: input }],
    parameters: weights,
    nodes: builder.nodes,
    outputs: [{ name: 'y', value: y }],
  };
}

type Values = { readonly [name: string]: Value };

/** The buffers of a graph's program: how many elements, and the kernels in order. */
function lowered(graph: Graph, target = wasmTarget): { sizes: string[]; kernels: string[] } {
  const program = lowerGraph(runPasses(graph, passes, ops, { verify: true }).graph, target);
  return {
    sizes: program.buffers.map(({ size }) => print(size)),
    kernels: program.calls.map(({ kernel }) => kernel.name),
  };
}

const same = { padding: 1 };

describe('what a convolution stores', () => {
  const image: Sizes = ['n', 8, 16, 15];

  test.each([wasmTarget, jsTarget])('x with its padding, the packed weight, the result: $name', (target) => {
    const graph = graphOf(image, { w: [16, 8, 3, 3], b: [16] }, (call, x, { w, b }) =>
      call('relu', [call('conv2d', [call('relu', [x]), w!, b!], same)]),
    );
    expect(lowered(graph, target)).toEqual({
      sizes: ['1920*n', '1152', '16', `${8 * 18 * 17}*n`, '1152', '3840*n'],
      kernels: ['pointwise', 'product_panels', 'product'],
    });
  });

  test('nothing but the packed weight without padding', () => {
    const graph = graphOf(image, { w: [16, 8, 3, 3] }, (call, x, { w }) => call('conv2d', [x, w!]));
    expect(lowered(graph).sizes).toEqual(['1920*n', '1152', '1152', `${16 * 14 * 13}*n`]);
  });

  test('with symbolic height and width too', () => {
    const graph = graphOf(['n', 8, 'h', 'w'], { w: [16, 8, 3, 3] }, (call, x, { w }) => call('conv2d', [x, w!]));
    expect(lowered(graph).sizes).toEqual(['8*h*n*w', '1152', '1152', '16*h*n*w - 32*h*n - 32*n*w + 64*n']);
  });

  test('x by groups, where its channels fall into some', () => {
    const grouped = (weight: Sizes, groups: number): string[] =>
      lowered(graphOf(image, { w: weight }, (call, x, { w }) => call('conv2d', [x, w!], { groups: constant(groups) })))
        .sizes;
    expect(grouped([16, 4, 3, 3], 2)).toEqual(['1920*n', '576', '576', `${16 * 14 * 13}*n`]);
    // One channel a group: the windows are reduced, the weight is read as it is.
    expect(grouped([8, 1, 3, 3], 8)).not.toContain(`${8 * 9 * 14 * 13}*n`);
    expect(grouped([8, 1, 3, 3], 8).every((size) => Number.parseInt(size) <= 1920)).toBe(true);
  });

  test('no zeros between the elements of a transposed one', () => {
    const graph = graphOf(image, { w: [8, 16, 2, 2], b: [16] }, (call, x, { w, b }) =>
      call('relu', [call('conv_transpose2d', [x, w!, b!], { stride: 2 })]),
    );
    expect(lowered(graph)).toEqual({
      sizes: ['1920*n', '512', '16', '512', `${16 * 32 * 30}*n`],
      kernels: ['product_panels', 'product'],
    });
  });

  test('a mirrored edge once, not for each window', () => {
    const graph = graphOf(image, { w: [4, 8, 3, 3] }, (call, x, { w }) => {
      const edges = dimsOf([1, 1]);
      return call('conv2d', [call('pad', [x], { before: edges, after: edges, mode: 'reflect', value: 0 }), w!]);
    });
    expect(lowered(graph).sizes).toContain(`${8 * 18 * 17}*n`);
    expect(lowered(graph).kernels).toEqual(['pointwise', 'product_panels', 'product']);
  });
});

describe('windows that are reduced side by side', () => {
  const depthwise = (height: number | string, width: number | string, target = wasmTarget) =>
    lowerGraph(
      runPasses(
        graphOf([1, 5, height, width], { w: [5, 1, 3, 3] }, (call, x, { w }) =>
          call('conv2d', [x, w!], { ...same, groups: constant(5) }),
        ),
        passes,
        ops,
        { verify: true },
      ).graph,
      target,
    ).calls.at(-1)!;

  test.each([
    [7, 7, 'windows'],
    [2, 4, 'windows'],
    [9, 3, 'rows'],
  ])('%i lines of %i have one kernel', (height, width, name) => {
    const call = depthwise(height, width);
    expect([call.kernel.name, call.alternatives]).toEqual([name, undefined]);
  });

  test('where only a run knows whether a tile fits, it decides', () => {
    const { kernel, alternatives } = depthwise('h', 'w');
    expect(kernel.name).toBe('rows');
    expect(alternatives!.map((one) => [one.kernel.name, print(one.atLeastZero!)])).toEqual([
      ['windows', 'min(h - 7, w - 4)'],
    ]);
  });

  test('nowhere but in lanes', () => {
    expect(depthwise(7, 7, jsTarget).kernel.name).toBe('rows');
  });

  /** Sizes around those of a tile, whose last lines and columns it computes twice. */
  const sizes = [1, 3, 5, 8, 11, 18].flatMap((height) => [4, 5, 8, 11].map((width) => [height, width] as const));
  test.each(sizes)('all of %i lines of %i are right', async (height, width) => {
    const graph = graphOf([2, 3, height, width], { w: [3, 1, 3, 5] }, (call, x, { w }) =>
      call('tanh', [call('conv2d', [x, w!], { padding: [1, 2], groups: constant(3) })]),
    );
    const random = randomNumbers(height * 100 + width);
    const x = randomTensor('f32', [2, 3, height, width], random);
    const w = randomTensor('f32', [3, 1, 3, 5], random);
    const inputs = new Map([['x', x]]);
    const truth = interpret(graph, { inputs, parameters: new Map([['w', w]]), symbols: new Map() }).get('y')!;
    const run = await runnerOf(graph, 'wasm', new Map([['w', storedTensor(w.shape, w.data)]]));
    expectClose((await run({ x })).get('y')!.data, truth.data, { absolute: 2e-5, relative: 2e-5 }, 'y');
  });
});

describe('sizes that only a run knows', () => {
  const graphs: readonly (readonly [string, Graph])[] = [
    [
      'a strided convolution of images',
      graphOf(['n', 3, 'h', 'w'], { w: [9, 3, 3, 3], b: [9] }, (call, x, { w, b }) =>
        call('tanh', [call('conv2d', [call('relu', [x]), w!, b!], { stride: 2, padding: [1, 2], dilation: [1, 2] })]),
      ),
    ],
    [
      'a depthwise one behind a grouped one',
      graphOf(['n', 4, 'h', 'w'], { w: [6, 2, 3, 2], d: [6, 1, 3, 3] }, (call, x, { w, d }) => {
        const grouped = call('conv2d', [x, w!], { groups: constant(2), padding: 1 });
        return call('conv2d', [grouped, d!], { groups: constant(6), padding: 'same' });
      }),
    ],
    [
      'a transposed one and a pool',
      graphOf(['n', 2, 'h', 'w'], { w: [2, 5, 3, 3], b: [5] }, (call, x, { w, b }) => {
        const larger = call('conv_transpose2d', [x, w!, b!], { stride: 2, padding: 1, output_padding: 1 });
        return call('max_pool2d', [larger], { kernel_size: 3, stride: 2, padding: 1, ceil_mode: true });
      }),
    ],
    [
      'means and interpolation',
      graphOf(['n', 2, 'h', 'w'], {}, (call, x) => {
        const pooled = call('avg_pool2d', [x], { kernel_size: 3, stride: 2, padding: 1, count_include_pad: false });
        const wide = call('interpolate', [pooled], { scale_factor: 2, mode: 'bilinear' });
        return call('adaptive_avg_pool2d', [wide], { output_size: dimsOf([3, 2]) });
      }),
    ],
  ];

  const all = graphs.flatMap(([name, graph]) => (['js', 'wasm'] as const).map((target) => ({ name, graph, target })));
  test.each(all)('$name on $target', async ({ graph, target }) => {
    const random = randomNumbers(7);
    const draw = ({ name, value }: { readonly name: string; readonly value: Value }, symbols: Map<string, number>) =>
      [name, randomTensor('f32', concreteShape(value.type.shape, symbols), random)] as const;
    const parameters = new Map(graph.parameters.map((parameter) => draw(parameter, new Map())));
    const stored = new Map([...parameters].map(([name, { shape, data }]) => [name, storedTensor(shape, data)]));
    const run = await runnerOf(graph, target, stored);
    for (const [n, h, w] of [
      [1, 3, 3],
      [2, 4, 9],
      [0, 5, 5],
      [3, 7, 4],
      [1, 16, 17],
      [1, 67, 7],
      [1, 8, 1030],
    ] as const) {
      const symbols = new Map(Object.entries({ n, h, w }));
      const inputs = new Map(graph.inputs.map((input) => draw(input, symbols)));
      const truth = interpret(graph, { inputs, parameters, symbols }).get('y')!;
      const got = (await run(Object.fromEntries(inputs))).get('y')!;
      expect(got.shape).toEqual(truth.shape);
      expectClose(got.data, truth.data, { absolute: 2e-5, relative: 2e-5 }, `${n}, ${h}, ${w}`);
    }
  });
});
