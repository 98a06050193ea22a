/** The sampler of both routines: the same tokens everywhere, as likely as they should be, and what counts as seen. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { DType, Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { appendSampler } from '../../src/compiler/incremental/sampler.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { LENGTHS, SAMPLE, SEEN, TOKEN } from '../../src/program/generation.ts';
import { RANDOM_KEY } from '../../src/program/training.ts';
import { toFloat64 } from '../../src/program/convert.ts';
import { modelOf, runOf, type CompiledTarget, type Run } from '../support/specs.ts';
import { describeReference, readTensors, referenceRoot } from '../support/reference.ts';
import { tensorOf } from '../support/tensors.ts';
import { useThreads } from '../support/threads.ts';

interface Sizes {
  readonly batch: number;
  readonly vocabulary: number;
  readonly time?: number;
}

/** A routine that is nothing but the sampler; `prefill`: one that begins. */
function routine({ batch, vocabulary, time = 1 }: Sizes, prefill: boolean): Graph {
  const builder = new Builder(ops, new Map());
  const input = (name: string, dtype: DType, ...shape: readonly number[]): { name: string; value: Value } => ({
    name,
    value: builder.value({ dtype, shape: toDims(shape) }),
  });
  const own = [input('logits', 'f32', batch, vocabulary), input('idx', 'i32', batch, time)];
  const lengths = prefill ? [input(LENGTHS, 'i32', batch)] : [];
  const [logits, tokens] = own.map(({ value }) => value) as [Value, Value];
  const { inputs, kept, outputs } = appendSampler(builder, {
    logits,
    tokens,
    ...(lengths[0] && { lengths: lengths[0].value }),
    call: 0,
  });
  return {
    name: 'Sampler',
    dims: [],
    inputs: [...own, ...lengths, ...inputs],
    parameters: [],
    kept,
    nodes: builder.nodes,
    outputs,
  };
}

interface Settings {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly penalty?: number;
}

/** The inputs of a routine, of seed 3 at the token `number`. */
function inputsOf(
  sizes: Sizes,
  logits: ArrayLike<number>,
  settings: Settings,
  number: number,
): { [name: string]: Tensor } {
  const { batch, vocabulary, time = 1 } = sizes;
  const { temperature = 1, topK = 0, topP = 1, penalty = 1 } = settings;
  return {
    logits: tensorOf('f32', [batch, vocabulary], Float64Array.from(logits)),
    idx: tensorOf('i32', [batch, time], new Float64Array(batch * time)),
    [LENGTHS]: tensorOf('i32', [batch], new Float64Array(batch).fill(1)),
    [SAMPLE.temperature]: tensorOf('f32', [], [temperature]),
    [SAMPLE.topK]: tensorOf('i32', [], [topK]),
    [SAMPLE.topP]: tensorOf('f32', [], [topP]),
    [SAMPLE.penalty]: tensorOf('f32', [], [penalty]),
    [RANDOM_KEY]: tensorOf('u32', [2], [3, number]),
  };
}

describe('the tokens that were seen', () => {
  const sizes = { batch: 2, vocabulary: 4, time: 3 };
  const greedy = { temperature: 0, penalty: 10 };
  const logits = [4, 3, 2, 1, 1, 2, 3, 4];
  const idx = tensorOf('i32', [2, 3], [0, 1, 2, 3, 2, 2]);

  test('are those of the prompts, as far as those go', () => {
    const graph = routine(sizes, true);
    expect(verify(graph, ops)).toEqual([]);
    const inputs = { ...inputsOf(sizes, logits, greedy, 0), idx, [LENGTHS]: tensorOf('i32', [2], [2, 1]) };
    const kept = new Map([[SEEN, tensorOf('f32', [2, 4], Array<number>(8).fill(1))]]);
    const outputs = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters: new Map(), kept });
    expect([...outputs.get(`next.${SEEN}`)!.data]).toEqual([1, 1, 0, 0, 0, 0, 0, 1]);
    expect([...outputs.get(TOKEN)!.data]).toEqual([2, 2]);
  });

  test('are one more after each step, the token of which is among them', () => {
    const graph = routine({ ...sizes, time: 1 }, false);
    expect(verify(graph, ops)).toEqual([]);
    const inputs = { ...inputsOf(sizes, logits, greedy, 0), idx: tensorOf('i32', [2, 1], [2, 3]) };
    const kept = new Map([[SEEN, tensorOf('f32', [2, 4], [1, 1, 0, 0, 0, 0, 0, 0])]]);
    const outputs = interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters: new Map(), kept });
    expect([...outputs.get(`next.${SEEN}`)!.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 1]);
    expect([...outputs.get(TOKEN)!.data]).toEqual([3, 2]);
  });
});

/** The routine that begins, without its kept tensor, which the runtime of plain models does not have. */
function drawing(sizes: Sizes): Graph {
  const { kept: _, outputs, ...graph } = routine(sizes, true);
  return { ...graph, outputs: outputs.filter(({ into }) => into === undefined) };
}

async function tokensOf(run: Run, inputs: { readonly [name: string]: Tensor }): Promise<number[]> {
  return [...(await run(inputs)).get(TOKEN)!.data];
}

describe('tokens are as likely as they should be', () => {
  const sizes = { batch: 4000, vocabulary: 6 };
  const shares = [0.05, 0.3, 0.1, 0.25, 0.2, 0.1];

  /** Pearson's statistic of how often each token is drawn, among those that are expected at all. */
  function deviation(tokens: readonly number[], wanted: readonly number[]): number {
    const total = wanted.reduce((sum, share) => sum + share, 0);
    return wanted.reduce((sum, share, token) => {
      const [count, expected] = [tokens.filter((one) => one === token).length, (share / total) * tokens.length];
      if (expected === 0) return count === 0 ? sum : Infinity;
      return sum + (count - expected) ** 2 / expected;
    }, 0);
  }

  // The statistic of five degrees of freedom is above 20.5 in one of a thousand cases, of fewer degrees more seldom.
  test.each([
    { settings: {}, wanted: shares },
    { settings: { temperature: 0.5 }, wanted: shares.map((share) => share ** 2) },
    { settings: { temperature: 2 }, wanted: shares.map(Math.sqrt) },
    { settings: { topK: 3 }, wanted: [0, 0.3, 0, 0.25, 0.2, 0] },
    { settings: { topP: 0.8 }, wanted: [0, 0.3, 0.1, 0.25, 0.2, 0] },
  ])('with $settings', async ({ settings, wanted }) => {
    const logits = Float64Array.from({ length: 6 * sizes.batch }, (_, at) => Math.log(shares[at % 6]!));
    const graph = drawing(sizes);
    const tokens = await tokensOf(runOf(graph, await modelOf(graph, 'wasm')), inputsOf(sizes, logits, settings, 0));
    expect(deviation(tokens, wanted)).toBeLessThan(20.5);
  });

  test('from token to token', async () => {
    const one = { ...sizes, batch: 1 };
    const graph = drawing(one);
    const run = runOf(graph, await modelOf(graph, 'wasm'));
    const tokens: number[] = [];
    for (let number = 0; number < 2000; number++)
      tokens.push(...(await tokensOf(run, inputsOf(one, shares.map(Math.log), {}, number))));
    expect(deviation(tokens, shares)).toBeLessThan(20.5);
  });
});

describeReference('the tokens of a real model', 'data/stories260K', () => {
  const threads = useThreads();
  const sizes = { batch: 128, vocabulary: 512 };

  /** What the embedding of each of the first tokens gives for all tokens: a logit is a product of 64. */
  function logits(): Float64Array {
    const table = toFloat64(
      readTensors(join(referenceRoot, 'data/stories260K/stories260K.safetensors')).get('tok_embeddings.weight')!,
    );
    return Float64Array.from({ length: sizes.batch * 512 }, (_, at) => {
      const [row, token] = [Math.floor(at / 512), at % 512];
      let sum = 0;
      for (let e = 0; e < 64; e++) sum += table[row * 64 + e]! * table[token * 64 + e]!;
      return Math.fround(3 * sum);
    });
  }

  test('are the same on all backends and with several threads', async () => {
    const graph = drawing(sizes);
    const given = logits();
    const variants: readonly (readonly [CompiledTarget, number])[] = [
      ['js', 1],
      ['wasm', 1],
      ['relaxed', 1],
      ['wasm', 2],
      ['relaxed', 2],
    ];
    const settings: readonly Settings[] = [
      {},
      { temperature: 0.8, topK: 40, penalty: 1.2 },
      { topP: 0.9 },
      { temperature: 0 },
    ];
    const texts = new Map<string, string>();
    for (const [target, count] of variants) {
      const model = await modelOf(graph, target, new Map(), count > 1 ? threads(count) : undefined);
      const run = runOf(graph, model);
      const tokens: number[] = [];
      for (const each of settings)
        for (let number = 0; number < 10; number++)
          tokens.push(...(await tokensOf(run, inputsOf(sizes, given, each, number))));
      model.dispose();
      texts.set(`${target} ${count}`, tokens.join(' '));
      expect(new Set(tokens).size).toBeGreaterThan(100);
    }
    expect(new Set(texts.values()).size, [...texts.keys()].join()).toBe(1);
  });
});
