/** `heddle verify`: it agrees with what is right, and finds and names what is not. */
import { createHash } from 'node:crypto';
import { cpSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { reportError } from '../../src/cli/errors.ts';
import type { Alter } from '../../src/cli/verify/targets.ts';
import { verify, type VerifyOptions } from '../../src/cli/verify/verify.ts';
import { describeGpu } from '../support/webgpu.ts';
import { type Ran, useWorkplace } from './support.ts';

const place = useWorkplace();

/** Line 4 multiplies by a number that nothing else has, in both of two equal layers. */
const SPEC = `import { Linear } from "std/nn"
block Layer()(x: f32[b, n]) -> f32[b, n] {
  h = x |> Linear(n) as inner
  s = softmax(h, axis: -1) * 0.625
  return cumsum(s, axis: -1)
}
model Net() {
  dims batch <= 64
  input x: f32[batch, 5]
  h = x |> Linear(7) as first
  for i in 0..2 as layers { h = h |> Layer() as part }
  output y = h
}
train TrainNet() {
  dims batch <= 64
  input x: f32[batch, 5]
  input t: i32[batch]
  net = Net()
  output y = net(x)
  loss cross_entropy(y, t)
  optimizer adamw(lr: 1e-2, clip_norm: 1.0, accumulate: 2)
}
`;

/** What differs in the same way, without products: a software GPU is slow to build their kernels. */
const SUMS = `block Layer()(x: f32[b, n]) -> f32[b, n] {
  s = softmax(x, axis: -1) * 0.625
  return cumsum(s, axis: -1)
}
model Sums() {
  dims batch <= 64
  input x: f32[batch, 5]
  h = x
  for i in 0..2 as layers { h = h |> Layer() as part }
  output y = h
}
`;

const TEXT = `import { Embedding, Linear } from "std/nn"
model Story() {
  dims batch, time <= 8
  input idx: i32[batch, time]
  h = idx |> Embedding(11, 8) as table
  q = h |> Linear(8) as q
  k = h |> Linear(8) as k
  y = attention(q[:, none], k[:, none], h[:, none], causal: true)[:, 0]
  output logits = y |> Linear(11) as head
  generate idx along time from logits
}
`;

beforeAll(() => {
  place.write('net.model', SPEC);
  place.write('sums.model', SUMS);
  place.write('story.model', TEXT);
});

/** The command with kernels that are not those of the compiler. */
async function altered(path: string, options: VerifyOptions, alter: Alter): Promise<Ran> {
  const { io, out, err } = place.io();
  let code: number;
  try {
    code = await verify(path, options, io, alter);
  } catch (error) {
    code = reportError(error, io);
  }
  return { code, stdout: out.join(''), stderr: err.join('') };
}

/** 0.625 and 0.5 in f32. */
const [RIGHT, WRONG] = [Buffer.of(0, 0, 0x20, 0x3f), Buffer.of(0, 0, 0, 0x3f)];

function patched(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(module);
  for (let at = bytes.indexOf(RIGHT); at >= 0; at = bytes.indexOf(RIGHT, at)) WRONG.copy(bytes, at);
  return new Uint8Array(bytes);
}

const wrongFactor: Alter = ({ wasm, js, wgsl, ...emitted }) => ({
  ...emitted,
  ...(wasm && { wasm: { strict: patched(wasm.strict), relaxed: patched(wasm.relaxed) } }),
  ...(js !== undefined && { js: js.replaceAll('0.625', '0.5') }),
  ...(wgsl && { wgsl: wgsl.map(({ code }) => ({ code: code.replaceAll('0.625', '0.5') })) }),
});

/** What it tells of each row, with --json. */
interface Told {
  readonly fine: boolean;
  readonly kernels: readonly { readonly ops: readonly string[]; readonly found: { readonly [name: string]: Found } }[];
  readonly outputs: readonly { readonly routine: string; readonly name: string }[];
  readonly divergent: readonly { readonly candidate: string; readonly path: string; readonly place: string }[];
}

interface Found {
  readonly ratio: number;
}

describe('of a spec', () => {
  it('has a row for each line and each output', async () => {
    const { code, stdout, stderr } = await place.run('verify net.model --entry Net --targets wasm,js');
    expect(code).toBe(0);
    expect(stdout).toContain('Net: wasm, ');
    expect(stdout).toMatch(/batch = 3, seed 0/);
    expect(stdout).toMatch(/net\.model:4 +layers\.\*\.part +reduce_max, .* +2 /);
    expect(stdout).toMatch(/run y +f32\[3, 7\]/);
    expect(stderr).toContain('the weights are random');
  });

  it('runs training as a whole: evaluation, batches, update', async () => {
    const { code, stdout } = await place.run('verify net.model --entry TrainNet --targets wasm,js --json');
    expect(code).toBe(0);
    const { fine, outputs } = JSON.parse(stdout) as Told;
    expect(fine).toBe(true);
    const names = outputs.map(({ routine, name }) => `${routine} ${name}`);
    expect(names).toEqual(
      expect.arrayContaining(['evaluate loss', 'evaluate y', 'accumulate loss', 'weights net.first.weight']),
    );
  });

  it('runs generation as a whole: the prompt and a token', async () => {
    const { code, stdout } = await place.run('verify story.model --targets wasm,js --json');
    expect(code).toBe(0);
    const { outputs, kernels } = JSON.parse(stdout) as Told;
    expect(outputs.map(({ routine, name }) => `${routine} ${name}`)).toEqual(
      expect.arrayContaining(['run logits', 'prefill logits', 'prefill token', 'step logits', 'step token']),
    );
    expect(kernels.flatMap(({ ops }) => ops)).toEqual(expect.arrayContaining(['put_rows', 'decode_attention']));
  });

  it('takes other seeds and sizes', async () => {
    const { code, stdout } = await place.run('verify net.model --entry Net --targets js --dims batch=1 --seed 9');
    expect(code).toBe(0);
    expect(stdout).toContain('batch = 1, seed 9');
  });
});

describe('a wrong kernel', () => {
  it.each(['js', 'wasm'] as const)('on %s is named with its line, its block and its ops', async (target) => {
    const { code, stdout, stderr } = await altered('net.model', { entry: 'Net', targets: [target] }, wrongFactor);
    expect(code).toBe(1);
    expect(stdout).toMatch(/net\.model:4 +layers\.\*\.part .* WRONG by 0\.\d+/);
    expect(stdout.match(/net\.model:5 .*WRONG|nn\.model.*WRONG/)).toBeNull();
    expect(stderr).toContain(`error: Net is computed wrongly on ${target}`);
    expect(stderr).toMatch(
      /the first that differs is kernel \d+ of run, net\.model:4, layers\.0\.part: .* → f32\[3, 7\]/,
    );
    expect(stderr).toMatch(/element \[\d, \d\] is [\d.]+, not [\d.]+: off by 0\.\d+, \d+ times what may be/);
  });

  it('is told as JSON with --json', async () => {
    const options = { entry: 'Net', targets: ['js'], json: true } as const;
    const { code, stdout } = await altered('net.model', options, wrongFactor);
    expect(code).toBe(1);
    const { fine, divergent } = JSON.parse(stdout) as Told;
    expect(fine).toBe(false);
    expect(divergent).toMatchObject([{ candidate: 'js', path: 'layers.0.part', place: 'net.model:4' }]);
  });

  it('is found where it is off by little: a thousandth', async () => {
    const slightly: Alter = ({ js, ...emitted }) => ({ ...emitted, js: js!.replaceAll('0.625', '0.6255') });
    const { code, stderr } = await altered('net.model', { entry: 'Net', targets: ['js'] }, slightly);
    expect(code).toBe(1);
    expect(stderr).toContain('net.model:4');
  });

  it('is found where kernels are right and steps are in the wrong order', async () => {
    const swapped: Alter = (emitted) => {
      const { js } = emitted.program.targets;
      const { steps, routines } = js!;
      // Only the program as a whole has steps that read what others write.
      const isWhole = !routines[0]!.inputs.some(({ name }) => name.startsWith('in.'));
      const [first, second, ...rest] = steps;
      const target = isWhole ? { ...js!, steps: [second!, first!, ...rest] } : js!;
      return { ...emitted, program: { ...emitted.program, targets: { js: target } } };
    };
    const { code, stderr } = await altered('net.model', { entry: 'Net', targets: ['js'] }, swapped);
    expect(code).toBe(1);
    expect(stderr).toContain('the output y of run, f32[3, 7], though no kernel by itself does');
  });
});

describeGpu('on webgpu', () => {
  it('agrees, and a wrong shader is named', async () => {
    const options = { targets: ['webgpu'] } as const;
    const fine = await altered('sums.model', options, (emitted) => emitted);
    expect(fine.stderr).not.toContain('error:');
    expect(fine.code).toBe(0);
    const wrong = await altered('sums.model', options, wrongFactor);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('webgpu: the first that differs is kernel');
    expect(wrong.stderr).toContain('sums.model:2, layers.0.part');
  }, 60_000);
});

describe('of an artifact', () => {
  it('compares its targets with each other, with its own weights', async () => {
    expect((await place.run('compile net.model --entry Net -o build/net')).code).toBe(0);
    const { code, stdout, stderr } = await place.run('verify build/net');
    expect(code).toBe(0);
    expect(stdout).toMatch(/Net: wasm.* against js, batch = 3/);
    expect(stdout).toMatch(/y +21 elements/);
    expect(stdout).toContain('not compared: single kernels');
    expect(stderr).toContain('the weights are random: build/net was compiled without');
  });

  it('runs training and generation', async () => {
    expect((await place.run('compile net.model --entry TrainNet -o build/train')).code).toBe(0);
    const training = await place.run('verify build/train --json');
    expect(training.code).toBe(0);
    const names = (told: string): string[] => (JSON.parse(told) as Told).outputs.map(({ name }) => name);
    expect(names(training.stdout)).toEqual(['loss', 'y', 'loss after a step']);
    expect((await place.run('compile story.model -o build/story')).code).toBe(0);
    const story = await place.run('verify build/story --json');
    expect(story.code).toBe(0);
    expect(names(story.stdout)).toEqual(['logits', 'logits of token 0', 'logits of token 1']);
  });

  it('names the output of a target that differs', async () => {
    // A folder of its own, since a module is imported once.
    cpSync(place.path('build/net'), place.path('build/altered'), { recursive: true });
    const path = place.path('build/altered/kernels.js');
    const altered = readFileSync(path, 'utf8').replaceAll('0.625', '0.5');
    const digest = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');
    const replaceIn = (name: string, from: string, to: string): void => {
      const text = readFileSync(place.path(`build/altered/${name}`), 'utf8');
      place.write(`build/altered/${name}`, text.replaceAll(from, to));
    };
    const bytes = (name: string): Buffer => readFileSync(place.path(`build/altered/${name}`));
    const [kernels, manifest] = [bytes('kernels.js'), bytes('manifest.json')];
    place.write('build/altered/kernels.js', altered);
    replaceIn(
      'manifest.json',
      `"bytes": ${kernels.length},\n      "sha256": "${digest(kernels)}"`,
      `"bytes": ${altered.length},\n      "sha256": "${digest(altered)}"`,
    );
    replaceIn('index.js', digest(manifest), digest(bytes('manifest.json')));
    const { code, stderr } = await place.run('verify build/altered --targets wasm,js');
    expect(code).toBe(1);
    expect(stderr).toMatch(/wasm: the first that differs is the output y/);
  });

  it('needs two targets', async () => {
    expect((await place.run('compile net.model --entry Net --target js -o build/js')).code).toBe(0);
    const { code, stderr } = await place.run('verify build/js');
    expect(code).toBe(1);
    expect(stderr).toContain('Net can only run on js here: there is nothing to compare it with');
    const options = await place.run('verify build/js --entry Net');
    expect(options.code).toBe(2);
    expect(options.stderr).toContain('--entry is for specs, but build/js is an artifact');
  });
});

describe('what makes no sense', () => {
  it('is refused', async () => {
    const missing = await place.run('verify none.model');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('there is no spec and no artifact none.model');
    const dims = await place.run('verify net.model --entry Net --targets js --dims batch=65');
    expect(dims.code).toBe(2);
    expect(dims.stderr).toContain('batch is at most 64 in Net');
  });
});
