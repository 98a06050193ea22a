/** The ops of decoding: what a token is chosen by, alike on every backend, and that nothing beyond the past is read. */
import { describe, expect, test } from 'vitest';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { DType, Graph, Value } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { chooseToken, type Sampling } from '../../src/compiler/ops/decoding/choose.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { runnerOf, TARGETS } from '../support/specs.ts';
import { randomNumbers, tensorOf } from '../support/tensors.ts';

const PLAIN: Sampling = { temperature: 1, topK: 0, topP: 1, penalty: 1 };
const NONE = Array<number>(9).fill(0);

/** The token for logits ln(shares), of which none has been seen. */
function chosen(shares: readonly number[], sampling: Partial<Sampling>, uniform = 0, seen = NONE): number {
  return chooseToken(shares.map(Math.log), seen, { ...PLAIN, ...sampling }, uniform);
}

/** All tokens that some number from 0 up to 1 gives, with the share of the numbers that do, in hundredths. */
function sharesOf(shares: readonly number[], sampling: Partial<Sampling>, seen = NONE): { [token: number]: number } {
  const counts: { [token: number]: number } = {};
  for (let at = 0; at < 100; at++) {
    const token = chosen(shares, sampling, (at + 0.5) / 100, seen);
    counts[token] = (counts[token] ?? 0) + 1;
  }
  return counts;
}

describe('a token', () => {
  test('is the first of the likeliest at temperature 0', () => {
    expect(chosen([1, 3, 3, 2], { temperature: 0, topK: 2, topP: 0.1 }, 0.99)).toBe(1);
    expect(chosen([0, 0, 0], { temperature: 0 })).toBe(0);
  });

  test('is as likely as its share', () => {
    expect(sharesOf([0.2, 0, 0.5, 0.3], {})).toEqual({ 0: 20, 2: 50, 3: 30 });
  });

  test('is drawn from sharper shares at lower temperatures', () => {
    expect(sharesOf([1, 2, 1], { temperature: 0.5 })).toEqual({ 0: 17, 1: 66, 2: 17 });
  });

  test('is one of the likeliest k, of equals the first', () => {
    expect(sharesOf([1, 3, 2, 2, 2], { topK: 3 })).toEqual({ 1: 43, 2: 28, 3: 29 });
    expect(sharesOf([1, 3], { topK: 5 })).toEqual({ 0: 25, 1: 75 });
  });

  test('is one of the fewest that have the share p together, of equals the first', () => {
    expect(Object.keys(sharesOf([0.1, 0.4, 0.3, 0.2], { topP: 0.69 }))).toEqual(['1', '2']);
    expect(Object.keys(sharesOf([0.1, 0.4, 0.3, 0.2], { topP: 0.71 }))).toEqual(['1', '2', '3']);
    expect(Object.keys(sharesOf([2, 1, 2, 2, 2], { topP: 0.5 }))).toEqual(['0', '2', '3']);
    expect(Object.keys(sharesOf([0.3, 0.4, 0.3], { topP: 0 }))).toEqual(['1']);
  });

  test('is one of the fewest of the likeliest k', () => {
    expect(Object.keys(sharesOf([4, 3, 2, 1], { topK: 2, topP: 0.5 }))).toEqual(['0']);
    expect(Object.keys(sharesOf([4, 3, 2, 1], { topK: 2, topP: 0.6 }))).toEqual(['0', '1']);
  });

  test('that was seen is less likely, whatever the sign of its logit', () => {
    const logits = [2, -1, 1];
    const penalised = (seen: readonly number[]): number =>
      chooseToken(logits, seen, { ...PLAIN, temperature: 0, penalty: 3 }, 0);
    expect(penalised([0, 0, 0])).toBe(0);
    expect(penalised([1, 0, 0])).toBe(2);
    expect(chooseToken([-1, -2], [1, 0], { ...PLAIN, temperature: 0, penalty: 3 }, 0)).toBe(1);
  });

  test('is the last that may be where the number is 1 or above', () => {
    expect(chosen([1, 2, 3, 0], {}, 1)).toBe(2);
    expect(chosen([1, 2, 3, 0], { topK: 2 }, 5)).toBe(2);
  });
});

/** The op on rows of logits, with all else as inputs. */
function graphOf(batch: number, vocabulary: number): Graph {
  const builder = new Builder(ops, new Map());
  const input = (name: string, dtype: DType, ...shape: readonly number[]): { name: string; value: Value } => ({
    name,
    value: builder.value({ dtype, shape: toDims(shape) }),
  });
  const inputs = [
    input('logits', 'f32', batch, vocabulary),
    input('seen', 'f32', batch, vocabulary),
    input('temperature', 'f32'),
    input('top_k', 'i32'),
    input('top_p', 'f32'),
    input('penalty', 'f32'),
    input('uniform', 'f32', batch),
  ];
  const token = builder.one(
    'sample_token',
    inputs.map(({ value }) => value),
  );
  return {
    name: 'Choice',
    dims: [],
    inputs,
    parameters: [],
    nodes: builder.nodes,
    outputs: [{ name: 'token', value: token }],
  };
}

const SETTINGS: readonly Sampling[] = [
  { temperature: 0, topK: 0, topP: 1, penalty: 1.3 },
  { temperature: 0.7, topK: 0, topP: 1, penalty: 1 },
  { temperature: 1.5, topK: 7, topP: 1, penalty: 1 },
  { temperature: 1, topK: 0, topP: 0.91357, penalty: 1.7 },
  { temperature: 2, topK: 40, topP: 0.61803, penalty: 0.8 },
  { temperature: 1, topK: 1, topP: 0.5, penalty: 1 },
  { temperature: 30, topK: 2000, topP: 0.013, penalty: 1 },
];

function given(batch: number, vocabulary: number, sampling: Sampling, random: () => number, step: number) {
  const count = batch * vocabulary;
  const scalar = (dtype: DType, value: number): Tensor => tensorOf(dtype, [], [Math.fround(value)]);
  const drawn = (length: number, draw: () => number): number[] => Array.from({ length }, () => Math.fround(draw()));
  return {
    logits: tensorOf(
      'f32',
      [batch, vocabulary],
      drawn(count, () => (step > 0 ? Math.round(random() * 8) * step - 4 : 16 * random() - 9)),
    ),
    seen: tensorOf(
      'f32',
      [batch, vocabulary],
      drawn(count, () => (random() < 0.2 ? 1 : 0)),
    ),
    temperature: scalar('f32', sampling.temperature),
    top_k: scalar('i32', sampling.topK),
    top_p: scalar('f32', sampling.topP),
    penalty: scalar('f32', sampling.penalty),
    uniform: tensorOf('f32', [batch], drawn(batch, random)),
  };
}

describe.each(TARGETS.filter((target) => target !== 'reference'))('on %s', (target) => {
  test('a number that is a sum of shares gives the token behind them', async () => {
    const run = await runnerOf(graphOf(4, 4), target);
    const inputs = given(4, 4, PLAIN, () => 0.5, 1);
    const outputs = await run({ ...inputs, uniform: tensorOf('f32', [4], [0, 0.25, 0.5, 0.75]) });
    expect([...outputs.get('token')!.data]).toEqual([0, 1, 2, 3]);
  });

  test('-0 is equal to 0', async () => {
    const run = await runnerOf(graphOf(1, 4), target);
    const inputs = given(1, 4, { ...PLAIN, topK: 1 }, () => 0.5, 1);
    const outputs = await run({ ...inputs, logits: tensorOf('f32', [1, 4], [-1, -0, 0, 0]) });
    expect([...outputs.get('token')!.data]).toEqual([1]);
  });

  test.each([1, 5, 97, 256, 700, 1537])(
    '%i tokens are chosen from as defined, with and without equals',
    async (vocabulary) => {
      const batch = 24;
      const run = await runnerOf(graphOf(batch, vocabulary), target);
      const random = randomNumbers(vocabulary);
      for (const step of [0, 1])
        for (const sampling of SETTINGS) {
          const inputs = given(batch, vocabulary, sampling, random, step);
          const outputs = await run(inputs);
          const row = (tensor: Tensor, at: number): number[] => [
            ...tensor.data.subarray(at * vocabulary, (at + 1) * vocabulary),
          ];
          const wanted = Array.from({ length: batch }, (_, at) =>
            chooseToken(row(inputs.logits, at), row(inputs.seen, at), roundedTo32(sampling), inputs.uniform.data[at]!),
          );
          expect([...outputs.get('token')!.data], JSON.stringify({ sampling, step })).toEqual(wanted);
        }
    },
  );
});

function roundedTo32({ temperature, topK, topP, penalty }: Sampling): Sampling {
  return { temperature: Math.fround(temperature), topK, topP: Math.fround(topP), penalty: Math.fround(penalty) };
}

describe.each(TARGETS)('decode_attention on %s', (target) => {
  test('reads nothing beyond the past', async () => {
    const builder = new Builder(ops, new Map());
    const input = (name: string, dtype: DType, ...shape: readonly number[]) => ({
      name,
      value: builder.value({ dtype, shape: toDims(shape) }),
    });
    const inputs = [
      input('q', 'f32', 2, 4, 1, 8),
      input('k', 'f32', 2, 2, 6, 8),
      input('v', 'f32', 2, 2, 6, 8),
      input('past', 'i32', 2),
    ];
    const value = builder.one(
      'decode_attention',
      inputs.map((one) => one.value),
    );
    const graph: Graph = {
      name: 'Decoding',
      dims: [],
      inputs,
      parameters: [],
      nodes: builder.nodes,
      outputs: [{ name: 'y', value }],
    };
    const random = randomNumbers(5);
    const past = [1, 4];
    const rows = (): Tensor =>
      tensorOf(
        'f32',
        [2, 2, 6, 8],
        Float64Array.from({ length: 192 }, (_, at) => {
          const [b, key] = [Math.floor(at / 96), Math.floor(at / 8) % 6];
          return key > past[b]! ? NaN : Math.fround(random());
        }),
      );
    const run = await runnerOf(graph, target);
    const q = tensorOf(
      'f32',
      [2, 4, 1, 8],
      Float64Array.from({ length: 64 }, () => Math.fround(random())),
    );
    const outputs = await run({ q, k: rows(), v: rows(), past: tensorOf('i32', [2], past) });
    expect([...outputs.get('y')!.data].every((element) => element > 0 && element < 1)).toBe(true);
  });
});
