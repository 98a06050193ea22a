/** The streaming interface of generation, on a model whose next token is easily computed by hand. */
import { afterEach, describe, expect, test } from 'vitest';
import type { HeddleError } from '../../../src/runtime/errors.ts';
import type { Generated } from '../../../src/runtime/generate/continuation.ts';
import { createGenerativeModel, type GenerativeModel } from '../../../src/runtime/generate/model.ts';
import type { GenerateOptions } from '../../../src/runtime/generate/options.ts';
import type { Prompt } from '../../../src/runtime/generate/prompts.ts';
import { useThreads } from '../../support/threads.ts';
import { continued, loadSums, MAX, nextToken, partsFor, VOCABULARY } from './sample.ts';

const threads = useThreads();
const models: GenerativeModel[] = [];
afterEach(() => models.splice(0).forEach((model) => model.dispose()));

async function load(target: 'wasm' | 'js' = 'wasm', count = 1): Promise<GenerativeModel> {
  const model = await loadSums(target, count > 1 ? threads(count) : undefined);
  models.push(model);
  return model;
}

/** `bias` is 0 where nothing else is given. */
function generate(model: GenerativeModel, prompts: readonly Prompt[], options: GenerateOptions = {}) {
  return model.generate(prompts, { inputs: { bias: new Int32Array(prompts.length) }, ...options });
}

async function taken(generation: AsyncIterable<Generated>): Promise<Generated[]> {
  const all: Generated[] = [];
  for await (const one of generation) all.push(one);
  return all;
}

/** The tokens of each row. */
function rowsOf(all: readonly Generated[]): number[][] {
  return [...(all[0]?.tokens ?? [])].map((_, row) => all.map(({ tokens }) => tokens[row]!));
}

async function texts(model: GenerativeModel, prompts: readonly Prompt[], options?: GenerateOptions) {
  return rowsOf(await taken(generate(model, prompts, options)));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return `${(error as HeddleError).code}: ${(error as HeddleError).message}`;
  }
  return 'nothing was thrown';
}

describe.each([
  ['js', 1],
  ['wasm', 1],
  ['wasm', 2],
] as const)('on %s with threads: %i', (target, count) => {
  test('a prompt is continued token by token, each computed from all before', async () => {
    const model = await load(target, count);
    const all = await taken(model.generate([3, 1, 4], { tokens: 3, inputs: { bias: [0] } }));
    expect(all.map(({ token }) => token)).toEqual(continued([3, 1, 4], 3));
    expect(all.map(({ position }) => position)).toEqual([0, 1, 2]);
    expect(all.map(({ tokens }) => [...tokens])).toEqual(continued([3, 1, 4], 3).map((token) => [token]));
  });

  test('prompts of different lengths are continued as each would be alone', async () => {
    const prompts = [[5], [1, 2, 3, 4], [9, 9]];
    expect(await texts(await load(target, count), prompts, { tokens: 2 })).toEqual(
      prompts.map((prompt) => continued(prompt, 2)),
    );
  });

  test('a text that is longer than the model allows goes on from its last tokens, at positions from 0', async () => {
    const prompts = [
      [7, 1],
      [1, 2, 3, 4, 5],
    ];
    expect(await texts(await load(target, count), prompts, { tokens: 20 })).toEqual(
      prompts.map((prompt) => continued(prompt, 20)),
    );
  });

  test('runs between two tokens change nothing, however large they are', async () => {
    const model = await load(target, count);
    const tokens: number[] = [];
    let size = 1;
    for await (const { token } of model.generate([2, 3], { tokens: 4, inputs: { bias: [0] } })) {
      tokens.push(token);
      const { scores } = await model.run({ idx: new Int32Array(size), bias: new Int32Array(size) });
      expect(scores!.data.length).toBe(size);
      size *= 40;
    }
    expect(tokens).toEqual(continued([2, 3], 4));
  });

  test('generations may take turns, with other numbers of prompts too', async () => {
    const model = await load(target, count);
    const one = generate(model, [[4, 2]], { tokens: 4 });
    const other = generate(model, [[1], [10, 3, 8]], { tokens: 4 });
    const [first, second]: [Generated[], Generated[]] = [[], []];
    for (let at = 0; at < 4; at++) {
      first.push((await one.next()).value as Generated);
      second.push((await other.next()).value as Generated);
    }
    expect(rowsOf(first)).toEqual([continued([4, 2], 4)]);
    expect(rowsOf(second)).toEqual([continued([1], 4), continued([10, 3, 8], 4)]);
    expect((await one.next()).done).toBe(true);
  });

  test('after a break, an abort or a mistake the model goes on as before', async () => {
    const model = await load(target, count);
    for await (const { position } of generate(model, [[1, 2]])) if (position === 2) break;
    const controller = new AbortController();
    const aborted = generate(model, [[1, 2]], { signal: controller.signal });
    await aborted.next();
    controller.abort(new Error('enough'));
    await expect(aborted.next()).rejects.toThrow('enough');
    expect((await aborted.next()).done).toBe(true);
    const broken = generate(model, [[1, 2], [3]], { inputs: { bias: [1] } });
    await expect(broken.next()).rejects.toMatchObject({ code: 'input-shape' });
    expect(await texts(model, [[1, 2]], { tokens: 2 })).toEqual([continued([1, 2], 2)]);
  });
});

describe('what the routines are given', () => {
  test('sampling options and the number of the token', async () => {
    const options = { tokens: 9, temperature: 0.5, topK: 3, seed: 8 };
    const expected = continued([6], 9, (position) => 3 + position + 4);
    expect(await texts(await load(), [[6]], options)).toEqual([expected]);
    expect(await texts(await load('js'), [[6]], { ...options, temperature: 0 })).toEqual([continued([6], 9)]);
  });

  test('other inputs, for every token anew', async () => {
    const options = { tokens: 8, inputs: { bias: [5, 0] } };
    const expected = [continued([6], 8, () => 5), continued([1, 1], 8)];
    expect(await texts(await load(), [[6], [1, 1]], options)).toEqual(expected);
  });

  test('prompts as Int32Array', async () => {
    const model = await load();
    expect(await texts(model, [Int32Array.of(3, 1)], { tokens: 1 })).toEqual([[nextToken([3, 1])]]);
    const [single] = await taken(model.generate(Int32Array.of(3, 1), { tokens: 1, inputs: { bias: [0] } }));
    expect(single!.token).toBe(nextToken([3, 1]));
  });
});

describe('what the caller gets', () => {
  test('a text is finished by its stop token, and the generation by the last text', async () => {
    const model = await load();
    const [first, second] = [continued([0, 4], 12), continued([1, 2], 12)];
    const stop = second[2]!;
    const end = first.indexOf(stop);
    expect(second.indexOf(stop)).toBe(2);
    expect(end).toBeGreaterThan(3);
    const all = await taken(
      generate(
        model,
        [
          [0, 4],
          [1, 2],
        ],
        { stop: [stop] },
      ),
    );
    expect(all.length).toBe(end + 1);
    expect(rowsOf(all)[0]).toEqual(first.slice(0, end + 1));
    expect(rowsOf(all)[1]).toEqual([...second.slice(0, 3), ...Array.from({ length: end - 2 }, () => stop)]);
    expect(all.map(({ finished }) => finished)).toEqual(all.map((_, at) => [at >= end, at >= 2]));
    expect(Object.keys(all[0]!)).toEqual(['tokens', 'position', 'finished']);
  });

  test('a finished text makes no other go on from cropped tokens', async () => {
    const model = await load();
    const long = [1, 2, 3, 4, 5, 6];
    const stop = nextToken(long);
    const short = continued([2], 3);
    expect(short).not.toContain(stop);
    expect(await texts(model, [long, [2]], { tokens: 3, stop: [stop], overflow: 'error' })).toEqual([
      [stop, stop, stop],
      short,
    ]);
  });

  test('logits where they are asked for, as copies', async () => {
    const all = await taken(generate(await load(), [[5], [7]], { tokens: 2, logits: true }));
    expect(all.map(({ logits }) => [logits!.indexOf(1), logits!.lastIndexOf(1) - VOCABULARY])).toEqual(
      all.map(({ tokens }) => [...tokens]),
    );
    expect(all[0]!.logits!.buffer).not.toBe(all[1]!.logits!.buffer);
  });

  test('nothing for no tokens', async () => {
    expect(await texts(await load(), [[5]], { tokens: 0 })).toEqual([]);
  });
});

describe('mistakes', () => {
  const limit = VOCABULARY - 1;
  test.each<[prompts: unknown, code: string]>([
    [[], 'input-shape: the prompt is empty; a text begins with one token at least'],
    [[[1], []], 'input-shape: prompt 1 is empty; a text begins with one token at least'],
    [[1, VOCABULARY], `input-value: element 1 of the prompt is ${VOCABULARY}, no token: they are 0 to ${limit}`],
    [[[0.5]], `input-value: element 0 of prompt 0 is 0.5, no token: they are 0 to ${limit}`],
    [[[1], Float32Array.of(1)], 'input-dtype: prompt 1 is Float32Array; pass a list of numbers or an Int32Array'],
    [
      'text',
      'input-dtype: the prompts are String; pass the tokens (idx) as a list of numbers, or a list of such lists',
    ],
  ])('in prompts: %j', async (prompts, expected) => {
    const model = await load('js');
    expect(codeOf(() => generate(model, prompts as number[][]))).toBe(expected);
  });

  test.each<[options: object, message: string]>([
    [{ temperature: -1 }, 'the option temperature is -1; it is a number from 0'],
    [{ topP: 0 }, 'the option topP is 0; it is a number above 0 and at most 1'],
    [{ topP: '0.5' }, 'the option topP is "0.5"; it is a number above 0 and at most 1'],
    [{ topK: 1.5 }, 'the option topK is 1.5; it is an integer from 0'],
    [{ repetitionPenalty: 0 }, 'the option repetitionPenalty is 0; it is a number from 0.001'],
    [{ repetitionPenalty: 1e-40 }, 'the option repetitionPenalty is 1e-40; it is a number from 0.001'],
    [{ seed: -1 }, 'the option seed is -1; it is an integer from 0 to 4294967295'],
    [{ stop: [VOCABULARY] }, `the option stop is [${VOCABULARY}]; it is a list of tokens`],
    [{ stop: [1n] }, 'the option stop is [1]; it is a list of tokens'],
    [{ tokens: NaN }, 'the option tokens is NaN; it is an integer from 0'],
    [{ overflow: 'ring' }, 'the option overflow is "ring"; it is crop or error'],
    [{ signal: {} }, 'the option signal is an object; it is an AbortSignal'],
    [{ logits: 1 }, 'the option logits is 1; it is true or false'],
    [{ inputs: null }, 'the option inputs is null; it is an object of tensors'],
  ])('in options: %o', async (options, message) => {
    const model = await load('js');
    expect(codeOf(() => generate(model, [[1]], options))).toBe(`option: ${message}`);
  });

  test('in the names of options and inputs', async () => {
    const model = await load('js');
    expect(codeOf(() => model.generate([1], { length: 3 } as GenerateOptions))).toMatch(
      /^option: generate has no option length; it has tokens, temperature, /,
    );
    expect(codeOf(() => model.generate([1], 3 as GenerateOptions))).toBe(
      'option: generate takes its options as an object',
    );
    expect(codeOf(() => model.generate([1]))).toBe(
      'input-missing: the input bias is missing; pass it in the option inputs',
    );
    expect(codeOf(() => model.generate([1], { inputs: { bias: [0], idx: [1] } }))).toBe(
      'input-unknown: there is no input idx to generate from; the inputs beside idx are bias',
    );
  });

  test('a text that grows too long, where it must not be cropped', async () => {
    const model = await load();
    const message = `the text has ${MAX + 1} tokens, and time is at most ${MAX}`;
    const options = { overflow: 'error' } as const;
    expect(codeOf(() => generate(model, [[1, 2, 3, 4, 5, 6, 7]], options))).toContain(`dimension: ${message}`);
    const generation = generate(model, [[1, 2, 3, 4, 5]], options);
    const first = await generation.next();
    const second = await generation.next();
    expect(rowsOf([first.value as Generated, second.value as Generated])).toEqual([continued([1, 2, 3, 4, 5], 2)]);
    await expect(generation.next()).rejects.toThrow(message);
  });

  test('a model that has been disposed', async () => {
    const model = await load();
    const generation = generate(model, [[1]]);
    await generation.next();
    model.dispose();
    await expect(generation.next()).rejects.toMatchObject({ code: 'disposed' });
    expect(codeOf(() => generate(model, [[1]]))).toMatch(/^disposed: /);
  });

  test('a program that does not generate, or not as it says', async () => {
    const parts = await partsFor('js');
    await expect(
      createGenerativeModel({ ...parts, program: { ...parts.program, generation: undefined! } }),
    ).rejects.toMatchObject({ code: 'unsupported' });
    const wrong = { ...parts.program, generation: { ...parts.program.generation!, inputs: [] } };
    await expect(createGenerativeModel({ ...parts, program: wrong })).rejects.toMatchObject({
      code: 'program-malformed',
    });
  });
});

test('tokens are made while other tasks have their turn', async () => {
  const model = await load();
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('time is up')), 20);
  const endless = generate(model, [[1]], { signal: controller.signal });
  await expect(taken(endless)).rejects.toThrow('time is up');
});
