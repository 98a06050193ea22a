/** `heddle generate`: texts as they appear, tokenizers, where the model comes from, and what is told when it cannot be done. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.ts';
import { describeGpu } from '../support/webgpu.ts';
import { describeReference, referenceRoot } from '../support/reference.ts';
import { specFile } from '../support/specs.ts';
import { safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

/** Of four letters the next one follows, or another one if it is drawn; `d` is followed by `a`. */
const LETTERS = `
model Letters(size: int = 4) {
  dims batch, time <= 8
  input idx: i32[batch, time]
  input bias?: f32[size]
  param table: f32[size, size] = zeros()
  rows = embedding(idx, table)
  output logits: f32[batch, time, size] = if given(bias) then rows + bias else rows
  generate idx along time from logits
}

/// The same, with its axes the other way round.
model Turned(size: int = 4) {
  dims batch, time <= 8
  input idx: i32[time, batch]
  param table: f32[size, size] = zeros()
  output logits: f32[time, size, batch] = rearrange(embedding(idx, table), "t b v -> t v b")
  generate idx along time from logits
}

model Silent {
  input x: f32[2]
  output y = x
}

/// What a token gets depends on all.
model Averages(size: int = 4) {
  dims batch, time <= 8
  input idx: i32[batch, time]
  param table: f32[size, size] = zeros()
  rows = embedding(idx, table)
  output logits: f32[batch, time, size] = rows + mean(rows, axis: 1, keepdim: true)
  generate idx along time from logits
}
`;

const TABLE = tensor('F32', [4, 4], [0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0]);
const ABC = 'generate letters.model --entry Letters --weights letters.safetensors --tokenizer abc.json';

/** The arguments of a line, where `·` stands for a space inside of one. */
const words = (line: string): string[] => line.split(' ').map((word) => word.replaceAll('·', ' '));

beforeAll(() => {
  place.write('letters.model', LETTERS);
  place.write('letters.safetensors', safetensors({ table: TABLE }));
  place.write('abc.json', '"abcd"');
  place.write('abc.txt', 'dad\u0062c');
  place.write('bias.safetensors', safetensors({ bias: tensor('F32', [4], [9, 0, 0, 0]), more: TABLE }));
});

async function output(line: string, io: Partial<Io> = {}): Promise<string> {
  const { code, stdout, stderr } = await place.run(words(line), io);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describeGpu('on webgpu', () => {
  it('a spec and an artifact of all targets generate', async () => {
    expect(await output(`${ABC} -p bc -n 9 --target webgpu`)).toBe('bcdabcdabcd');
    const compile =
      'compile letters.model --entry Letters --weights letters.safetensors --target wasm,js,webgpu -o all';
    expect(await place.run(compile)).toMatchObject({ code: 0, stderr: '' });
    const texts = 'abcdabc\n---\nbcdabcda';
    for (const target of ['wasm', 'js', 'webgpu'])
      expect(await output(`generate all --tokenizer abc.json -p a bc -n 6 --target ${target}`)).toBe(texts);
  });
});

describe('a text', () => {
  it.each(['wasm', 'js', 'reference', 'wasm --no-cache', 'js --no-cache', 'reference --no-cache', 'wasm --threads 2'])(
    'is continued on %s, past what the model takes at once',
    async (target) => {
      expect(await output(`${ABC} -p bc -n 12 --target ${target}`)).toBe('bcdabcdabcdabc');
    },
  );

  it('is written with its prompt or without, and ends where it would not go on as wanted', async () => {
    expect(await output(`${ABC} -p abc -n 3 --no-echo`)).toBe('dab');
    expect(await output(`${ABC} -p a --stop cda`)).toBe('ab');
    expect(await output(`${ABC} -p a -n 6 --stop cc dc da`)).toBe('abc');
    // What may be the beginning of a stop is written when it is none.
    expect(await output(`${ABC} -p a -n 3 --stop da`)).toBe('abcd');
  });

  it('is 200 tokens longer unless it is said how many', async () => {
    expect(await output(`${ABC} -p a`)).toHaveLength(201);
  });

  it('appears as it is made', async () => {
    const written: string[] = [];
    await output(`${ABC} -p ab -n 3`, { stdout: { isTTY: false, write: (text) => void written.push(text) } });
    expect(written).toEqual(['ab', 'c', 'd', 'a']);
  });

  it('ends a line on a terminal, which is told the speed too', async () => {
    const [out, err]: [string[], string[]] = [[], []];
    const io = {
      stdout: { isTTY: true, write: (text: string) => void out.push(text) },
      stderr: { isTTY: true, write: (text: string) => void err.push(text) },
    };
    expect((await place.run(words(`${ABC} -p a -n 2`), io)).code).toBe(0);
    expect(out.join('')).toBe('abc\n');
    expect(err.join('')).toMatch(/^prefill of 1 token in [\d.]+ ms; 1 token more at [\d,]+ tokens\/s\n$/);
    const verbose = await place.run(words(`${ABC} -p a -n 1 -v`));
    expect(verbose.stdout).toBe('ab');
    expect(verbose.stderr).toMatch(/^prefill of 1 token in [\d.]+ ms\n$/);
  });

  it('is drawn by seed, the same on every target', async () => {
    const drawn = `${ABC} -p a b -n 20 --temperature 1.5 --top-k 3 --top-p 0.95 --repetition-penalty 1.1 --seed`;
    const first = await output(`${drawn} 1`);
    expect(await output(`${drawn} 2`)).not.toBe(first);
    for (const target of ['js', 'reference', 'wasm --no-cache', 'reference --no-cache'])
      expect(await output(`${drawn} 1 --target ${target}`), target).toBe(first);
    // One likeliest token is no draw.
    expect(await output(`${ABC} -p a -n 6 --temperature 1.5 --top-k 1 --seed 7`)).toBe('abcdabc');
  });

  it('is ended by the user after a token, and the command says so', async () => {
    let stop: () => void = () => undefined;
    let isReleased = false;
    const out: string[] = [];
    const io: Partial<Io> = {
      onStop: (callback) => {
        stop = callback;
        return () => (isReleased = true);
      },
      stdout: {
        isTTY: true,
        write: (text) => {
          out.push(text);
          if (out.length === 3) stop();
        },
      },
    };
    const { code } = await place.run(words(`${ABC} -p a`), io);
    expect({ code, text: out.join(''), isReleased }).toEqual({ code: 130, text: 'abc\n', isReleased: true });
  });
});

describe('several texts', () => {
  it('are written one after the other, though they are made together', async () => {
    expect(await output(`${ABC} -p a -p bc d -n 4`)).toBe('abcda\n---\nbcdabc\n---\ndabcd');
    expect(await output(`${ABC} -p a dd -n 5 --stop c`)).toBe('ab\n---\nddab');
  });

  it('are told as numbers, a line each', async () => {
    expect(await output(`${ABC} -p a bc -n 3 --ids`)).toBe('1 2 3\n3 0 1\n');
    expect(await output(`${ABC} -p bc -n 3 --ids`)).toBe('3 0 1\n');
    const ids = 'generate letters.model --entry Letters --weights letters.safetensors --ids';
    expect(await output(`${ids} --prompt-ids 1,2 --prompt-ids 0 -n 2`)).toBe('3 0\n1 2\n');
    expect(await output(`${ABC} --prompt-ids 1,2 -n 2`)).toBe('bcda');
  });

  it('are told as JSON, with why they end', async () => {
    expect(JSON.parse(await output(`${ABC} -p a cd -n 3 --stop d --json`))).toEqual({
      texts: [
        { prompt: 'a', text: 'bc', prompt_ids: [0], ids: [1, 2, 3], ending: 'stop' },
        { prompt: 'cd', text: 'abc', prompt_ids: [2, 3], ids: [0, 1, 2], ending: 'length' },
      ],
    });
  });
});

describe('a tokenizer', () => {
  it('is of the characters of a text, or of bytes', async () => {
    expect(await output(`${ABC.replace('abc.json', 'chars:abc.txt')} -p ab -n 2`)).toBe('abcd');
    place.write(
      'bytes.safetensors',
      safetensors({ table: tensor('F32', [256, 256], [0, 0, 1, ...Array<number>(254).fill(0)]) }),
    );
    // A one wanders through the rows: each byte is followed by the next but one.
    const bytes = 'generate letters.model --entry Letters --set size=256 --weights bytes.safetensors --tokenizer bytes';
    expect(await output(`${bytes} -p a -n 3`)).toBe('aceg');
  });

  it.each([
    ['-p ax', 'the prompt, character 1: "x" is not in the vocabulary of 4 characters'],
    ['-p a xy', 'prompt 2, character 0: "x" is not in the vocabulary of 4 characters; unknown are "x", "y"'],
    ['', 'there is no text to continue'],
    ['-p a --tokenizer bytes', 'the tokenizer has 256 bytes, but the model only 4 tokens'],
    ['-p a --tokenizer chars:none.txt', 'none.txt cannot be read: there is no such file'],
    ['-p a --tokenizer none.json', 'none.json cannot be read'],
    ['-p a --tokenizer words', 'there is no tokenizer words'],
    ['-p a --tokenizer letters.model', 'letters.model is no JSON'],
    ['--prompt-ids 0,4', "the prompt has the token 4, but the model's are 0 to 3"],
  ])('that does not fit is refused: %s', async (rest, message) => {
    const { code, stdout, stderr } = await place.run(words(`${ABC} ${rest}`.trim()));
    expect(code).toBeGreaterThan(0);
    expect(code).toBeLessThan(3);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('that is smaller than the vocabulary may be right', async () => {
    place.write('ab.json', '"abc"');
    const { code, stdout, stderr } = await place.run(words(`${ABC.replace('abc', 'ab')} -p a -n 4`));
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'abc\uFFFDa' });
    expect(stderr).toContain('note: the tokenizer has 3 characters, but the model 4 tokens');
  });
});

describe('a model', () => {
  it('takes further inputs from a file', async () => {
    const { code, stdout, stderr } = await place.run(words(`${ABC} -p abc -n 3 --inputs bias.safetensors`));
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'abcaaa' });
    expect(stderr).toContain('note: bias.safetensors also holds what is no input of the model, ignored: more');
    const missing = await place.run(words(`${ABC} -p abc -n 3 --given bias`));
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('the model needs 1 input besides its tokens');
    expect(missing.stderr).toContain('bias: f32[4]');
  });

  it.each(['wasm', 'wasm --no-cache', 'reference', 'reference --no-cache'])(
    'may have its axes in another order, on %s',
    async (target) => {
      const turned = ABC.replace('Letters', 'Turned');
      expect(await output(`${turned} -p a bcd d -n 9 --target ${target}`)).toBe(
        'abcdabcdab\n---\nbcdabcdabcda\n---\ndabcdabcda',
      );
    },
  );

  it('that has no cache generates without one', async () => {
    const averages = ABC.replace('Letters', 'Averages');
    const cached = await place.run(words(`${averages} -p a`));
    expect(cached.code).toBe(1);
    expect(cached.stderr).toMatch(/^note: with --no-cache, .*\nerror\[HED50\d\d\]/);
    expect(await output(`${averages} -p a -n 2 --no-cache`)).toBe('abc');
    // Prompts of other lengths are not filled up: they would be averaged over what fills them up.
    const alone = await output(`${averages} -p a -n 6 --no-cache --temperature 0.7 --seed 4`);
    expect(await output(`${averages} -p a bcdd -n 6 --no-cache --temperature 0.7 --seed 4`)).toContain(
      `${alone}\n---\n`,
    );
  });

  it.each([
    ['generate letters.model --entry Silent --ids --prompt-ids 1', 'letters.model does not say how it generates'],
    ['generate letters.model --entry Letters --ids --prompt-ids 1', 'Letters needs weights'],
    ['generate none.model --ids --prompt-ids 1', 'there is no spec, no artifact and no run none.model'],
    ['generate letters.model --ids --prompt-ids one', 'Tokens are whole numbers'],
    [`${ABC} -p a --prompt-ids 1`, '--prompt and --prompt-ids cannot be combined'],
    [`${ABC} -p a --ids --stop b`, '--stop is for texts'],
    [`${ABC} -p a --threads 2 --target js`, '--threads is for wasm and cannot be combined with --target js'],
    [`${ABC} -p a --threads 2 --target webgpu`, '--threads is for wasm and cannot be combined with --target webgpu'],
    [`${ABC} -p a --temperature -1`, 'It is a number from 0 on.'],
    [`${ABC} -p a --top-p 0`, 'It is a number above 0, at most 1.'],
    [`${ABC} -p a --top-k 1.5`, 'It is a whole number from 0 on.'],
    ['generate letters.model --entry Letters --weights letters.safetensors -p a', 'what texts are made of is not told'],
  ])('cannot be used like this: %s', async (line, message) => {
    const { code, stdout, stderr } = await place.run(words(line));
    expect([1, 2]).toContain(code);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('internal error');
  });

  it('tells its mistakes as JSON where that is wanted', async () => {
    const { code, stdout } = await place.run(words(`${ABC} -p x --json`));
    expect(code).toBe(1);
    expect(JSON.parse(stdout).diagnostics[0].message).toContain('"x" is not in the vocabulary');
    const both = await place.run(words(`${ABC} -p a --ids --json`));
    expect(both.code).toBe(2);
    expect(JSON.parse(both.stdout).diagnostics[0].message).toBe('--ids and --json cannot be combined');
  });
});

describe('an artifact', () => {
  it('generates as the spec does, and is called without what is for specs', async () => {
    const compiled = 'compile letters.model --entry Letters --weights letters.safetensors -o built';
    expect((await place.run(compiled)).code).toBe(0);
    for (const target of ['wasm', 'js'])
      expect(await output(`generate built --tokenizer abc.json -p a bc -n 12 --target ${target}`)).toBe(
        'abcdabcdabcda\n---\nbcdabcdabcdabc',
      );
    const wrong: readonly (readonly [string, string])[] = [
      ['--no-cache', '--no-cache is for specs, but built is an artifact'],
      ['--entry Letters', '--entry is for specs, but built is an artifact'],
      ['--target reference', 'the reference interprets a spec, but built is an artifact'],
    ];
    for (const [option, message] of wrong) {
      const { code, stderr } = await place.run(words(`generate built --tokenizer abc.json -p a ${option}`));
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
    }
    expect((await place.run(`${compiled} --no-generate`)).code).toBe(0);
    const unable = await place.run(words('generate built --tokenizer abc.json -p a'));
    expect(unable).toMatchObject({ code: 1, stderr: expect.stringContaining('built was not compiled to generate') });
  });
});

describe('a run of train', () => {
  const sizes = '--set block_size=8 --set n_embed=8 --set n_head=2 --set n_layer=1 --set vocab_size=7';

  it('has its model, hyperparameters, weights and vocabulary', async () => {
    place.write('abc-repeated.txt', 'abcdefg'.repeat(40));
    const spec = specFile('gpt.model');
    const train = `train ${spec} --entry TrainCharGPT --data abc-repeated.txt --block 8 ${sizes} --batch 8 --steps 60 --set lr=0.05 -o run`;
    const trained = await place.run(words(train));
    expect({ code: trained.code, stderr: trained.stderr }).toMatchObject({ code: 0 });
    expect(existsSync(place.path('run/vocabulary.json'))).toBe(true);
    const text = await output('generate run -p cde -n 9');
    expect(text).toBe('cdefgabcdefg');
    for (const other of ['run:net', `${spec} --weights run:net ${sizes}`, 'run --no-cache'])
      expect(await output(`generate ${other} -p cde -n 9`), other).toBe(text);
    const nowhere = await place.run(words('generate run:head -p a'));
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('its models are net (CharGPT)') });
    const wrong = await place.run(words('generate run --entry CharGPT -p a'));
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--entry is for specs, but run is a run') });
  });
});

describeReference('stories260K', 'data/stories260K', () => {
  const folder = join(referenceRoot, 'data/stories260K');
  const story = readFileSync(join(folder, 'expected_greedy_200.txt'), 'utf8');
  const model = `generate ${specFile('llama.model')} --weights ${folder}/stories260K.safetensors --tokenizer ${folder}/tok512.json`;

  it.each(['wasm', 'js', 'wasm --no-cache'])('is told byte for byte on %s', async (target) => {
    expect(await output(`${model} --tokens 200 --target ${target}`)).toBe(story);
  });

  it('goes on from a prompt as from its own text', async () => {
    const text = await output(`${model} -p Once·upon·a·time,·there·was -n 60`);
    expect(story.slice(0, text.length)).toBe(text);
    expect(text.length).toBeGreaterThan(150);
  });
});
