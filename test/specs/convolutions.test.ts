import { describe, test } from 'vitest';
import { graphOf, graphOfText, settings, specFile, TARGETS } from '../support/specs.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { drawWeights, expectResults } from './drawn.ts';
import {
  batchNorm,
  convolve,
  linear,
  mapImage,
  maxPool,
  poolMean,
  relu,
  stackImages,
  type Image,
  type Parameters,
} from './plain.ts';

type Place = { readonly kernel: number; readonly stride?: number; readonly padding?: number };

/** Convolution and batch norm under two paths. */
function normed(x: Image, parameters: Parameters, conv: string, bn: string, place: Place, eps = 1e-5): Image {
  return batchNorm(convolve(x, parameters(`${conv}.weight`), place), parameters, bn, eps);
}

function samplesOf(data: Float64Array, [count, channels, height, width]: readonly [number, number, number, number]) {
  const size = channels * height * width;
  return Array.from({ length: count }, (_, at): Image => {
    return { channels, height, width, data: data.slice(at * size, (at + 1) * size) };
  });
}

describe.each([
  { unit: 'BasicBlock', layers: [1, 2, 1, 1], expansion: 1 },
  { unit: 'Bottleneck', layers: [2, 1, 1, 1], expansion: 4 },
])('ResNet of $unit', ({ unit, layers, expansion }) => {
  const planes = 3;
  const graph = graphOf(specFile('resnet.model'), { settings: settings({ unit, layers, planes, classes: 5 }) });
  const weights = drawWeights(graph, 3);
  const shape = [2, 3, 37, 44] as const;
  const img = randomTensor('f32', shape, randomNumbers(4));

  function residual(x: Image, parameters: Parameters, path: string, stride: number, width: number): Image {
    const part = (y: Image, at: number, place: Place): Image =>
      normed(y, parameters, `${path}.conv${at}`, `${path}.bn${at}`, place);
    const three = { kernel: 3, padding: 1 };
    const active = (y: Image): Image => mapImage(y, relu);
    const u =
      expansion === 1
        ? part(active(part(x, 1, { ...three, stride })), 2, three)
        : part(active(part(active(part(x, 1, { kernel: 1 })), 2, { ...three, stride })), 3, { kernel: 1 });
    const isSame = stride === 1 && x.channels === width * expansion;
    const projection = { kernel: 1, stride };
    const skip = isSame ? x : normed(x, parameters, `${path}.downsample.0`, `${path}.downsample.1`, projection);
    return mapImage(u, (value, _, at) => relu(value + skip.data[at]!));
  }

  function logits(parameters: Parameters, image: Image): number[] {
    const stem = normed(image, parameters, 'conv1', 'bn1', { kernel: 7, stride: 2, padding: 3 });
    let x = maxPool(mapImage(stem, relu), { kernel: 3, stride: 2, padding: 1 });
    layers.forEach((count, stage) => {
      for (let at = 0; at < count; at++) {
        const stride = at === 0 && stage > 0 ? 2 : 1;
        x = residual(x, parameters, `layer${stage + 1}.${at}`, stride, planes * 2 ** stage);
      }
    });
    return linear([poolMean(x)], parameters, 'fc')[0]!;
  }

  test.each(TARGETS)('computes what the paper says on %s', async (target) => {
    const wanted = samplesOf(img.data, shape).flatMap((image) => logits(weights.read, image));
    await expectResults(graph, weights, { img }, { logits: wanted }, target);
  });
});

function unit(x: Image, parameters: Parameters, path: string, kernel: number, stride = 1): Image {
  const place = { kernel, stride, padding: Math.floor(kernel / 2) };
  return mapImage(normed(x, parameters, `${path}.conv`, `${path}.bn`, place, 1e-3), relu);
}

function inception(x: Image, parameters: Parameters, path: string, kernel = 3): Image {
  const two = (branch: string, size: number): Image =>
    unit(unit(x, parameters, `${path}.${branch}.0`, 1), parameters, `${path}.${branch}.1`, size);
  const pooled = maxPool(x, { kernel: 3, stride: 1, padding: 1 });
  return stackImages([
    unit(x, parameters, `${path}.branch1`, 1),
    two('branch2', 3),
    two('branch3', kernel),
    unit(pooled, parameters, `${path}.branch4.1`, 1),
  ]);
}

describe('GoogLeNet', () => {
  const graph = graphOf(specFile('inception.model'), { settings: settings({ classes: 7 }) });
  const weights = drawWeights(graph, 5);
  const shape = [1, 3, 47, 38] as const;
  const img = randomTensor('f32', shape, randomNumbers(6));

  function logits(parameters: Parameters, image: Image): number[] {
    const shrink = (x: Image, kernel = 3): Image => maxPool(x, { kernel, stride: 2 }, true);
    let x = shrink(unit(image, parameters, 'conv1', 7, 2));
    x = shrink(unit(unit(x, parameters, 'conv2', 1), parameters, 'conv3', 3));
    const through = (names: readonly string[]): void => {
      for (const name of names) x = inception(x, parameters, `inception${name}`);
    };
    through(['3a', '3b']);
    x = shrink(x);
    through(['4a', '4b', '4c', '4d', '4e']);
    x = shrink(x, 2);
    through(['5a', '5b']);
    return linear([poolMean(x)], parameters, 'fc')[0]!;
  }

  test.each(TARGETS)('computes what the paper says on %s', async (target) => {
    const wanted = samplesOf(img.data, shape).flatMap((image) => logits(weights.read, image));
    await expectResults(graph, weights, { img }, { logits: wanted }, target);
  });
});

test.each(TARGETS)('an Inception module with the kernel of the paper, on %s', async (target) => {
  const graph = graphOfText(`
    import { Inception } from "std/vision"
    model M { dims batch, height, width
      input img: f32[batch, 3, height, width]
      output y = img |> Inception(2, 3, 4, 2, 5, 3, kernel: 5) as module }`);
  const weights = drawWeights(graph, 11);
  const shape = [2, 3, 6, 9] as const;
  const img = randomTensor('f32', shape, randomNumbers(12));
  const wanted = samplesOf(img.data, shape).flatMap((image) => [...inception(image, weights.read, 'module', 5).data]);
  await expectResults(graph, weights, { img }, { y: wanted }, target);
});
