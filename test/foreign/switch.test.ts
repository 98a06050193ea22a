import { describe, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import {
  at,
  layerNorm,
  linear,
  map,
  plus,
  rows,
  softmaxRow,
  sum,
  tabulate,
  type Plain,
  type Weights,
} from './plain.ts';
import { expectAsDefined } from './support.ts';

interface Setting {
  readonly dim: number;
  readonly depth: number;
  readonly count: number;
  readonly hidden: number;
  readonly classes: number;
  readonly capacity_factor: number | 'none';
}

function feedForward(x: Plain, weights: Weights, name: string): Plain {
  return linear(
    map(linear(x, weights, `${name}wi`), (value) => Math.max(value, 0)),
    weights,
    `${name}wo`,
  );
}

/** What the experts add to each token, and the layer's balance loss. */
function route(x: Plain, weights: Weights, name: string, { count, capacity_factor, dim }: Setting): [Plain, number] {
  const tokens = x.shape[0]! * x.shape[1]!;
  const flat: Plain = { shape: [tokens, dim], data: x.data };
  const probability = rows(linear(flat, weights, `${name}.router.weights`, false), softmaxRow);
  const results = Array.from({ length: count }, (_, e) => feedForward(flat, weights, `${name}.experts.${e}.`));
  const room = capacity_factor === 'none' ? Infinity : Math.floor((tokens * capacity_factor) / count);
  const visits = Array.from({ length: count }, () => 0);
  const choices = Array.from({ length: tokens }, (_, t) => {
    const row = Array.from({ length: count }, (__, e) => at(probability, t, e));
    const expert = row.indexOf(Math.max(...row));
    return { expert, gate: visits[expert]!++ < room ? row[expert]! : 0 };
  });
  const balance =
    count * sum(count, (e) => (visits[e]! / tokens) * (sum(tokens, (t) => at(probability, t, e)) / tokens));
  const y = tabulate([tokens, dim], (t, c) => choices[t]!.gate * at(results[choices[t]!.expert]!, t, c));
  return [{ shape: x.shape, data: y.data }, balance];
}

function switchTransformer(setting: Setting, x: Plain, weights: Weights, prefix = ''): [Plain, number] {
  let balance = 0;
  for (let i = 0; i < setting.depth; i++) {
    const name = `${prefix}layers.${i}`;
    const u = layerNorm(x, weights, `${name}.norm`);
    if (i % 2 === 1) {
      x = plus(x, feedForward(u, weights, `${name}.`));
      continue;
    }
    const [y, loss] = route(u, weights, `${name}.switch`, setting);
    balance += loss;
    x = plus(x, y);
  }
  const [batch, time, dim] = x.shape as [number, number, number];
  const pooled = tabulate([batch, dim], (b, c) => sum(time, (t) => at(x, b, t, c)) / time);
  return [linear(pooled, weights, `${prefix}head`), balance];
}

/** Cross entropy with a tenth of every target spread over all classes. */
function smoothed(logits: Plain, target: Plain): number {
  const [batch, classes] = logits.shape as [number, number];
  const logs = rows(logits, (row) => softmaxRow(row).map(Math.log));
  return (
    -sum(batch, (b) => 0.9 * at(logs, b, at(target, b)) + sum(classes, (c) => (0.1 / classes) * at(logs, b, c))) / batch
  );
}

describe.each<Setting>([
  { dim: 6, depth: 3, count: 4, hidden: 9, classes: 3, capacity_factor: 'none' },
  { dim: 5, depth: 1, count: 3, hidden: 7, classes: 2, capacity_factor: 0.75 },
])('Switch Transformer of %o', (setting) => {
  const x = (batch: number, time: number): Tensor =>
    randomTensor('f32', [batch, time, setting.dim], randomNumbers(time));

  test('sends every token to one expert', async () => {
    await expectAsDefined({
      spec: 'switch.model',
      entry: 'Switch',
      settings: { ...setting },
      runs: [{ x: x(2, 11) }, { x: x(1, 1) }, { x: x(3, 30) }],
      definition: (inputs, weights) => ({ logits: switchTransformer(setting, inputs['x']!, weights)[0] }),
    });
  });

  test('hands its balance to the loss', async () => {
    const target = (batch: number): Tensor =>
      randomTensor('i32', [batch], randomNumbers(batch), [0, setting.classes - 1]);
    await expectAsDefined({
      spec: 'switch.model',
      entry: 'TrainSwitch',
      settings: { ...setting, alpha: 0.3 },
      runs: [
        { x: x(2, 13), target: target(2) },
        { x: x(5, 4), target: target(5) },
      ],
      definition(inputs, weights) {
        const [logits, balance] = switchTransformer(setting, inputs['x']!, weights, 'net.');
        const hard = smoothed(logits, inputs['target']!);
        const scalar = (value: number): Plain => ({ shape: [], data: [value] });
        return { hard: scalar(hard), balance: scalar(balance), loss: scalar(hard + 0.3 * balance) };
      },
    });
  });
});
