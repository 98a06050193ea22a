import { describe, expect, test } from 'vitest';
import { graphOf, runnerOf, settings, specFile, TARGETS, asTensor } from '../support/specs.ts';
import { describeReference, largestDifference, readCase, valuesOf } from '../support/reference.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { at, sigmoid, sum, tabulate, type Plain, type Weights } from './plain.ts';
import { expectAsDefined } from './support.ts';

/** All hidden states of a layer that starts from zeros. */
function lstm(x: Plain, weights: Weights, name: string, hidden: number, reverse: boolean): Plain {
  const [batch, steps, features] = x.shape as [number, number, number];
  const [wih, whh, bih, bhh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((one) => weights(`${name}.${one}`));
  const y = tabulate([batch, steps, hidden], () => 0).data as Float64Array;
  for (let b = 0; b < batch; b++) {
    let [h, c] = [Array.from({ length: hidden }, () => 0), Array.from({ length: hidden }, () => 0)];
    for (let k = 0; k < steps; k++) {
      const t = reverse ? steps - 1 - k : k;
      const gate = (row: number): number =>
        at(bih!, row) +
        at(bhh!, row) +
        sum(features, (i) => at(wih!, row, i) * at(x, b, t, i)) +
        sum(hidden, (i) => at(whh!, row, i) * h[i]!);
      const next = h.map((_, u) => {
        const [i, f, g, o] = [0, 1, 2, 3].map((part) => gate(part * hidden + u)) as [number, number, number, number];
        const cell = sigmoid(f) * c[u]! + sigmoid(i) * Math.tanh(g);
        return [sigmoid(o) * Math.tanh(cell), cell] as const;
      });
      [h, c] = [next.map(([one]) => one), next.map(([, one]) => one)];
      y.set(h, (b * steps + t) * hidden);
    }
  }
  return { shape: [batch, steps, hidden], data: y };
}

function bidirectional(x: Plain, weights: Weights, hidden: number, layers: number): Plain {
  for (let i = 0; i < layers; i++) {
    const [forward, backward] = [
      lstm(x, weights, `layers.${i}.forward`, hidden, false),
      lstm(x, weights, `layers.${i}.backward`, hidden, true),
    ];
    x = tabulate([...x.shape.slice(0, 2), 2 * hidden], (b, t, u) =>
      u < hidden ? at(forward, b, t, u) : at(backward, b, t, u - hidden),
    );
  }
  return x;
}

describe('LSTM layers in both directions', () => {
  test.each([
    { hidden: 3, features: 5, steps: 7, layers: 2 },
    { hidden: 1, features: 2, steps: 1, layers: 3 },
  ])('%o', async (setting) => {
    const run = (batch: number) => ({
      x: randomTensor('f32', [batch, setting.steps, setting.features], randomNumbers(batch)),
    });
    await expectAsDefined({
      spec: 'recurrent.model',
      entry: 'BiLSTM',
      settings: setting,
      runs: [run(1), run(4)],
      definition: ({ x }, weights) => ({ y: bidirectional(x!, weights, setting.hidden, setting.layers) }),
    });
  });
});

describeReference('recurrent layers of PyTorch', 'oracle/shared/ops/lstm.json', () => {
  test.each([
    { entry: 'OneLSTM', name: 'lstm', inputs: ['x', 'h0', 'c0'], outputs: ['y', 'h', 'c'] },
    { entry: 'OneGRU', name: 'gru', inputs: ['x', 'h0'], outputs: ['y'] },
  ])('$entry', async ({ entry, name, inputs, outputs }) => {
    const { tensors, sidecar } = readCase(`ops/${name}`);
    const { h3 } = sidecar['subcases'] as { h3: { tensors: { [tensor: string]: { tol: number } } } };
    const path = specFile('../test/foreign/recurrent.model');
    const graph = graphOf(path, { entry, settings: settings({ hidden: 3, features: 4, steps: 5 }) });
    const weights = new Map(
      graph.parameters.map(({ name: own }) => [
        own,
        tensors.get(
          `h3/in.${own
            .slice(name.length + 1)
            .replace('weight', 'w')
            .replace('bias', 'b')}`,
        )!,
      ]),
    );
    const given = Object.fromEntries(inputs.map((input) => [input, asTensor('f32', tensors.get(`h3/in.${input}`)!)]));
    for (const target of TARGETS) {
      const got = await (await runnerOf(graph, target, weights))(given);
      for (const output of outputs) {
        const difference = largestDifference(got.get(output)!.data, valuesOf(tensors, `h3/out64.${output}`));
        expect(difference, `${output} on ${target}`).toBeLessThanOrEqual(h3.tensors[`out.${output}`]!.tol);
      }
    }
  });
});
