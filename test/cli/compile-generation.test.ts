/** `heddle compile` and `heddle check` of models with `generate`. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/program/manifest.ts';
import type { Program } from '../../src/program/program.ts';
import { safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

/** After each token the next one, modulo 4, is the likeliest. */
const COUNT = `
model Count(vocab: int = 4) {
  dims batch, time <= 3
  input ids: i32[batch, time]
  param table: f32[vocab, vocab] = zeros()
  output logits = embedding(ids, table)
  generate ids along time from logits
}
`;

/** Each position sees the mean of all. */
const MEANS = `
model Means {
  dims batch, time <= 8
  input ids: i32[batch, time]
  param table: f32[4, 4] = zeros()
  x = embedding(ids, table)
  output logits = x - mean(x, axis: 1, keepdim: true)
  generate ids along time from logits
}
`;

beforeAll(() => {
  place.write('count.model', COUNT);
  place.write('means.model', MEANS);
  const table = Array.from({ length: 16 }, (_, at) => (((at >> 2) + 1) % 4 === at % 4 ? 1 : 0));
  place.write('count.safetensors', safetensors({ table: tensor('F32', [4, 4], table) }));
});

const programOf = (folder: string): Program =>
  JSON.parse(readFileSync(place.path(`${folder}/program.json`), 'utf8')) as Program;
const routinesOf = (folder: string, target: 'js' | 'wasm' | 'webgpu' = 'js'): string[] =>
  programOf(folder).targets[target]!.routines.map(({ name }) => name);

describe('compile', () => {
  it('writes an artifact that runs and generates', async () => {
    const { code, stdout, stderr } = await place.run('compile count.model -w count.safetensors -o both');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^ {2}target +wasm +\d+ kernels, \d+ steps? a run, \d+ steps? a prompt, \d+ steps? a token$/m,
    );
    expect(routinesOf('both')).toEqual(['run', 'prefill', 'step']);
    const { generation } = JSON.parse(readFileSync(place.path('both/manifest.json'), 'utf8')) as Manifest;
    expect(generation).toEqual({
      input: 'ids',
      along: 'time',
      output: 'logits',
      max: 3,
      vocabulary: 4,
      inputs: [],
    });
    place.write(
      'use.mjs',
      `import { load } from './both/index.js';
const model = await load({ threads: 2 });
const tokens = [];
for await (const { token } of model.generate([2, 3], { tokens: 6 })) tokens.push(token);
const { logits } = await model.run({ ids: { data: [0], shape: [1, 1] } });
console.log(tokens.join(' '), logits.data.indexOf(1));
model.dispose();
`,
    );
    const { stdout: printed } = await promisify(execFile)(process.execPath, ['use.mjs'], { cwd: place.cwd });
    expect(printed).toBe('0 1 2 3 0 1 1\n');
  });

  it('is run and profiled as any other model', async () => {
    place.write('ids.safetensors', safetensors({ ids: tensor('I32', [1, 2], [2, 3]) }));
    const ran = await place.run('run both -i ids.safetensors');
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('logits');
    const profiled = await place.run('profile both -i ids.safetensors --runs 2');
    expect({ code: profiled.code, stderr: profiled.stderr }).toEqual({ code: 0, stderr: '' });
    expect(profiled.stdout).toContain('count.model:6');
  });

  it('gives a GPU the same routines, and the runtime for it', async () => {
    const { code } = await place.run('compile count.model --target js,webgpu -o gpu');
    expect(code).toBe(0);
    for (const target of ['webgpu', 'js'] as const)
      expect(routinesOf('gpu', target)).toEqual(['run', 'prefill', 'step']);
    const index = readFileSync(place.path('gpu/index.js'), 'utf8');
    expect(index.includes('requestAdapter') && index.includes('repetitionPenalty')).toBe(true);
  });

  it('leaves out what generates where nobody wants it', async () => {
    const { code } = await place.run('compile count.model --no-generate -o plain');
    expect(code).toBe(0);
    expect(routinesOf('plain')).toEqual(['run']);
    expect(programOf('plain').generation).toBeUndefined();
    expect(readFileSync(place.path('plain/index.js'), 'utf8')).not.toContain('repetitionPenalty');
    expect(readFileSync(place.path('plain/index.d.ts'), 'utf8')).not.toContain('generate(');
  });

  it('refuses a model whose tokens cannot be computed one by one, unless it shall only run', async () => {
    const { code, stderr } = await place.run('compile means.model -o means');
    expect(code).toBe(1);
    expect(stderr).toContain('means.model:7:23');
    expect((await place.run('compile means.model --no-generate -o means')).code).toBe(0);
  });
});

describe('check', () => {
  it('asks whether an entry can generate, as nothing else does', async () => {
    const wrong = await place.run('check means.model --entry Means');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('means.model:7:23');
    const json = await place.run('check means.model --entry Means --json');
    expect(json.code).toBe(1);
    expect(json.stdout).toContain('"line": 7');
    expect((await place.run('check count.model --entry Count')).code).toBe(0);
    expect((await place.run('check means.model')).code).toBe(0);
    expect((await place.run('inspect means.model')).code).toBe(0);
  });
});

describe('inspect', () => {
  it('tells what is kept between tokens, of a model that can generate', async () => {
    const { stdout } = await place.run('inspect count.model');
    expect(stdout).toMatch(/^cache +batch \* 16 B kept between tokens that are generated$/m);
    expect((await place.run('inspect count.model --dims batch=2')).stdout).toMatch(/^cache +32 B kept/m);
    const { total } = JSON.parse((await place.run('inspect count.model --json')).stdout) as { total: object };
    expect(total).toMatchObject({ cacheBytes: '16*batch' });
    expect((await place.run('inspect means.model')).stdout).not.toContain('cache');
  });
});
