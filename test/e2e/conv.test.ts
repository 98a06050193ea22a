/** What the layers of std/conv have in common with each other; test/oracle holds them against PyTorch's. */
import { describe, expect, test } from 'vitest';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { graphOfText } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

const layers =
  'Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, BatchNorm1d, BatchNorm2d, GroupNorm, PixelShuffle, PixelUnshuffle';

/** A model of one layer called `layer`, on an input of which only the channels are known. */
function modelOf(layer: string, x: Tensor): string {
  const sizes = ['n', String(x.shape[1]), ...['h', 'w'].slice(0, x.shape.length - 2)];
  const dims = sizes.filter((size) => Number.isNaN(Number(size)));
  return `import { ${layers} } from "std/conv"
    model Layer() {
      dims ${dims.join(', ')}
      input x: f32[${sizes.join(', ')}]
      output y = x |> ${layer} as layer
    }`;
}

describe('layers', () => {
  const counted = tensorOf(
    'f32',
    [1, 4, 2, 2],
    Array.from({ length: 16 }, (_, at) => at),
  );

  test('a batch norm of sequences is that of images one pixel high', () => {
    const statistics = new Map([
      ['running_mean', tensorOf('f32', [4], [1, -1, 0.5, 2])],
      ['running_var', tensorOf('f32', [4], [4, 0.25, 1, 9])],
      ['weight', tensorOf('f32', [4], [1, 2, 3, 4])],
      ['bias', tensorOf('f32', [4], [0, 1, 0, -1])],
    ]);
    const given = new Map([...statistics].map(([name, tensor]) => [`layer.${name}`, tensor] as const));
    const outputOf = (layer: string, shape: readonly number[]): ArrayLike<number> => {
      const x = { ...counted, shape };
      const graph = graphOfText(modelOf(layer, x));
      return interpret(graph, { inputs: new Map([['x', x]]), parameters: given }).get('y')!.data;
    };
    expect(outputOf('BatchNorm1d()', [1, 4, 4])).toEqual(outputOf('BatchNorm2d()', [1, 4, 1, 4]));
    expect(outputOf('BatchNorm1d()', [4, 4])).toEqual(outputOf('BatchNorm2d()', [4, 4, 1, 1]));
  });

  test.each(['BatchNorm1d(affine: false)', 'GroupNorm(2)', 'GroupNorm(2, affine: false)'])(
    '%s takes an empty batch and empty places',
    (layer) => {
      for (const shape of ['0, 4, 3', '2, 4, 0', '0, 4']) {
        const text = `import { ${layers} } from "std/conv"
          model M { input x: f32[${shape}]
            output y: f32[${shape}] = x |> ${layer} as layer }`;
        expect(graphOfText(text).outputs).toHaveLength(1);
      }
    },
  );

  test('a transposed convolution of sequences is that of images one pixel high', () => {
    const weight = Array.from({ length: 4 * 2 * 3 }, (_, at) => Math.cos(at));
    const outputOf = (layer: string, shape: readonly number[], kernel: readonly number[]): ArrayLike<number> => {
      const x = { ...counted, shape };
      const parameters = new Map([
        ['layer.weight', tensorOf('f32', [4, 2, ...kernel], weight)],
        ['layer.bias', tensorOf('f32', [4], [1, 2, 3, 4])],
      ]);
      return interpret(graphOfText(modelOf(layer, x)), { inputs: new Map([['x', x]]), parameters }).get('y')!.data;
    };
    const sequence = outputOf('ConvTranspose1d(4, 3, stride: 2, padding: 1, groups: 2)', [1, 4, 4], [3]);
    const image = outputOf(
      'ConvTranspose2d(4, (1, 3), stride: (1, 2), padding: (0, 1), groups: 2)',
      [1, 4, 1, 4],
      [1, 3],
    );
    expect(sequence.length).toBe(28);
    expect(sequence).toEqual(image);
  });

  test('shuffled pixels are shuffled back', () => {
    const graph = graphOfText(modelOf('PixelShuffle(2) |> PixelUnshuffle(2)', counted));
    expect(interpret(graph, { inputs: new Map([['x', counted]]), parameters: new Map() }).get('y')).toMatchObject({
      shape: [1, 4, 2, 2],
      data: counted.data,
    });
  });

  test('channels that do not fall into the groups are the layer’s own error', () => {
    expect(() => graphOfText(modelOf('Conv2d(8, 3, groups: 3)', counted))).toThrow(
      '4 and 8 channels do not fall into 3 groups',
    );
  });
});
