/** Ops that index, order and compare, as a spec calls them: arguments by position and by name, on every target. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { graphOfText, runnerOf, storedTensor, TARGETS } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';

const CLOSE = { absolute: 1e-5, relative: 1e-5 };

const routing = `
  /// The two best of five experts for each token, weighed by their softmax.
  model Router(count: int = 5, k: int = 2) {
    dims tokens
    input ids: i32[tokens]
    param table: f32[7, 4] = normal()
    param gate: f32[count, 4] = normal()
    param values: f32[count, 4] = normal()
    x = embedding(ids, table, padding_idx: 0)
    scores = x @ transpose(gate)
    top, index = top_k(scores, k)
    chosen = embedding(index, values)
    output y = einsum("t k, t k d -> t d", softmax(top, axis: -1), chosen)
    output best = argmax(scores, axis: -1)
    output load = sum(sum(one_hot(index, count), axis: 1), axis: 0)
    output places = cumsum(sum(one_hot(index, count), axis: 1), axis: 0) - 1
  }`;

/** The router in plain numbers. */
function route(ids: readonly number[], table: number[][], gate: number[][], values: number[][]) {
  const dot = (a: number[], b: number[]): number => a.reduce((sum, x, at) => sum + x * b[at]!, 0);
  return ids.map((id) => {
    const scores = gate.map((row) => dot(row, table[id]!));
    const order = scores.map((_, at) => at).sort((a, b) => scores[b]! - scores[a]!);
    const chosen = order.slice(0, 2);
    const powers = chosen.map((at) => Math.exp(scores[at]! - scores[order[0]!]!));
    const sum = powers[0]! + powers[1]!;
    const y = [0, 1, 2, 3].map((d) => chosen.reduce((all, at, k) => all + (powers[k]! / sum) * values[at]![d]!, 0));
    return { y, chosen };
  });
}

describe.each(TARGETS)('on %s', (target) => {
  test('a router picks, weighs and counts experts', async () => {
    const random = randomNumbers(5);
    const draw = (rows: number): number[][] =>
      Array.from({ length: rows }, () => [...randomTensor('f32', [4], random).data]);
    const [table, gate, values] = [draw(7), draw(5), draw(5)];
    const weights = new Map(
      Object.entries({ table, gate, values }).map(([name, rows]) => [
        name,
        storedTensor([rows.length, 4], rows.flat()),
      ]),
    );
    const run = await runnerOf(graphOfText(routing), target, weights);
    const ids = [3, 0, 6, 6, 1, 2];
    const outputs = await run({ ids: tensorOf('i32', [6], ids) });
    const wanted = route(ids, table, gate, values);
    expectClose(
      outputs.get('y')!.data,
      wanted.flatMap(({ y }) => y),
      CLOSE,
    );
    expect([...outputs.get('best')!.data]).toEqual(wanted.map(({ chosen }) => chosen[0]));
    const load = [0, 1, 2, 3, 4].map((at) => wanted.filter(({ chosen }) => chosen.includes(at)).length);
    expect([...outputs.get('load')!.data]).toEqual(load);
    const places = outputs.get('places')!;
    expect(Array.from(places.data.subarray(-5))).toEqual(load.map((count) => count - 1));
  });

  test.each([
    ['tri(3, diagonal: -1)', [0, 0, 0, 1, 0, 0, 1, 1, 0]],
    ['where(tri(2, 3), x, -1)', [1, -1, -1, 4, 5, -1]],
    ['roll(x, [1, -1], axis: [0, 1])', [5, 6, 4, 2, 3, 1]],
    ['roll(x, 1)', [6, 1, 2, 3, 4, 5]],
    ['flip(x, axis: 1)', [3, 2, 1, 6, 5, 4]],
    ['x[::-1]', [4, 5, 6, 1, 2, 3]],
    ['x[:, ::-2]', [3, 1, 6, 4]],
    ['x[:, 1::-1]', [2, 1, 5, 4]],
    ['x[0, -1:0:-1]', [3, 2]],
    ['x[0, 9:-9:-2]', [3, 1]],
    ['x[0, 0:2:-1]', []],
    ['x[1, 1:]', [5, 6]],
    ['x[1, -2::2]', [5]],
    ['gather(x, index, axis: 1)', [3, 1, 5, 5]],
    ['scatter(x, index, -x[:, 0:2], axis: 1)', [-2, 2, -1, 4, -5, 6]],
    ['scatter_add(x, index, x[:, 0:2], axis: 1)', [3, 2, 4, 4, 14, 6]],
    ['index_add(x, list, x)', [1, 2, 3, 9, 12, 15]],
    ['norm(x, axis: 1)', [Math.sqrt(14), Math.sqrt(77)]],
    ['norm(x, p: 1, axis: 0, keepdim: true)', [5, 7, 9]],
    ['cumsum(x, 1)', [1, 3, 6, 4, 9, 15]],
    ['argmin(x, axis: 0, keepdim: true)', [0, 0, 0]],
    ['argmax(x)', [5]],
    ['pad(x, [0, 1], [0, 2], mode: "circular")', [3, 1, 2, 3, 1, 2, 6, 4, 5, 6, 4, 5]],
    ['mse(x, x * 2)', [91 / 6]],
    ['huber(x, x * 0, delta: 2, reduction: "sum")', [0.5 + 2 + 4 + 6 + 8 + 10]],
    ['kl_div(log(x / 6), x / 6, reduction: "batchmean")', [0]],
    ['cross_entropy(x * 0, list)', [Math.log(3)]],
    ['cross_entropy(x * 0, list, x[0], reduction: "sum", label_smoothing: 0.0)', [4 * Math.log(3)]],
    ['bce_with_logits(x * 0, x * 0)', [Math.log(2)]],
    ['bce_with_logits(x * 0, x * 0 + 1, pos_weight: x[0], reduction: "sum")', [12 * Math.log(2)]],
    ['focal(x * 0, list, gamma: 1)', [(2 / 3) * Math.log(3)]],
    ['stop_gradient(x)', [1, 2, 3, 4, 5, 6]],
  ] as const)('%s', async (expression, wanted) => {
    const text = `model M { input x: f32[2, 3] input index: i32[2, 2] input list: i32[2] output y = ${expression} }`;
    const run = await runnerOf(graphOfText(text), target);
    const inputs: { [name: string]: Tensor } = {
      x: tensorOf('f32', [2, 3], [1, 2, 3, 4, 5, 6]),
      index: tensorOf('i32', [2, 2], [2, 0, 1, 1]),
      list: tensorOf('i32', [2], [1, 1]),
    };
    expectClose((await run(inputs)).get('y')!.data, wanted, CLOSE, expression);
  });
});
