/** `heddle compile --f16`: what is stored in halves, and where it makes no sense. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { AFFINE, AFFINE_WEIGHTS, safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

const TRAINED = `train Fit() {
  dims n
  input x: f32[n, 4]
  param w: f32[4, 1]
  loss mean(square(x @ w))
  optimizer sgd(lr: 0.1)
}
`;

beforeAll(() => {
  place.write('affine.model', AFFINE);
  place.write('trained.model', TRAINED);
  place.write('ranges.model', RANGES);
});

/** `cumsum` is a kernel of its own, so that what it reads is stored. */
const RANGES = `model Masked(bias: float = -1e9) {
  dims n
  input x: f32[n, 4]
  input keep: bool[n, 4]
  mask = where(keep, x, bias)
  output y: f32[n, 4] = relu(cumsum(mask, axis: 0)) + cumsum(mask, axis: 1)
}

model Scaled(scale: float = 1) {
  dims n
  input x: f32[n, 4]
  hidden = scale * x
  output y: f32[n, 4] = cumsum(hidden, axis: 1) + cumsum(hidden, axis: 0)
}
`;

interface Stored {
  readonly buffers: readonly { readonly half?: true; readonly kind: string }[];
  readonly weights: readonly { readonly name: string; readonly buffer: number }[];
}

const storedIn = (folder: string): Stored => {
  const text = readFileSync(place.path(`${folder}/program.json`), 'utf8');
  return (JSON.parse(text) as { targets: { webgpu: Stored } }).targets.webgpu;
};

const halvesOf = (folder: string): number => storedIn(folder).buffers.filter(({ half }) => half).length;

it('stores weights in halves where it is asked to', async () => {
  const { code, stderr } = await place.run('compile affine.model --target webgpu --f16 -o halves');
  expect({ code, stderr: stderr.replace(/note:.*\n/g, '') }).toMatchObject({ code: 0 });
  expect((await place.run('compile affine.model --target webgpu -o singles')).code).toBe(0);
  expect(halvesOf('halves')).toBeGreaterThan(0);
  expect(halvesOf('singles')).toBe(0);
});

it('is for models on webgpu', async () => {
  const elsewhere = await place.run('compile affine.model --f16 -o affine');
  expect(elsewhere.code).toBe(2);
  expect(elsewhere.stderr).toContain('--f16 is for webgpu, which is not compiled for');
  const trained = await place.run('compile trained.model --target webgpu --f16 -o trained');
  expect(trained.code).toBe(2);
  expect(trained.stderr).toContain('--f16 is for models, not for train entries');
});

/** Compiles an entry of `ranges.model`; answers the warnings and how many of its tensors are halves. */
const compiled = async (entry: string, ...more: string[]): Promise<{ stderr: string; halves: number }> => {
  const line = ['compile', 'ranges.model', '--entry', entry, '--target', 'webgpu', '--f16', '-o', 'ranges', ...more];
  const { code, stderr } = await place.run(line);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return { stderr, halves: halvesOf('ranges') };
};

it('keeps masks in f32 that f16 cannot hold, and those alone', async () => {
  // A constant is known; that of −1e4 is held, though 8 times as much would not be.
  const { stderr, halves: least } = await compiled('Masked');
  expect(stderr).toContain('a result of `where` has magnitudes of 1e9, and f16 holds at most 65504');
  expect(stderr).toContain('ranges.model:5:10');
  const { halves: most, stderr: few } = await compiled('Masked', '--set', 'bias=-1e4');
  expect(few).not.toContain('`where`');
  expect(most).toBeGreaterThan(least);
});

it('keeps activations in f32 that are too large, or would be for larger inputs', async () => {
  const harmless = await compiled('Scaled');
  expect(harmless.stderr).not.toContain('HED4009');
  expect(harmless.halves).toBeGreaterThan(0);
  const large = await compiled('Scaled', '--set', 'scale=1e5');
  expect(large.stderr).toMatch(/HED4009.*\n.*ranges\.model:12:12/);
  expect(large.stderr).toContain('and f16 holds at most 65504\n');
  expect(large.halves).toBe(0);
  const near = await compiled('Scaled', '--set', 'scale=2e4');
  expect(near.stderr).toContain('other inputs may give 8 times as much');
  expect(near.halves).toBe(0);
  const small = await compiled('Scaled', '--set', 'scale=1e-9');
  expect(small.stderr).toContain('f16 holds none below 6e-8');
});

it('runs the model on inputs that are given', async () => {
  place.write('inputs.safetensors', safetensors({ x: tensor('F32', [2, 4], [1e5]) }));
  const { stderr, halves } = await compiled('Scaled', '--calibrate', 'inputs.safetensors');
  expect(stderr).toContain('has magnitudes of 100000');
  expect(stderr).toContain('was checked on the inputs of inputs.safetensors');
  expect(halves).toBe(0);
  const bare = await place.run('compile affine.model --target webgpu --f16 -o bare --calibrate nothing');
  expect(bare.code).toBe(1);
  const alone = await place.run('compile affine.model --target webgpu -o alone --calibrate inputs.safetensors');
  expect(alone).toMatchObject({ code: 2 });
});

it('keeps a weight in f32 that f16 cannot hold, and the others in halves', async () => {
  const weights = { ...AFFINE_WEIGHTS, 'map.weight': tensor('F32', [3, 2], [1, 2, 65505, 4, 5, -Infinity]) };
  place.write('large.safetensors', safetensors(weights));
  const line = 'compile affine.model --target webgpu --f16 --weights large.safetensors -o large';
  const { code, stderr } = await place.run(line);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(stderr).toContain('the weight `map.weight` has magnitudes of 65505, and f16 holds at most 65504');
  const { buffers, weights: stored } = storedIn('large');
  const isHalf = Object.fromEntries(stored.map(({ name, buffer }) => [name, buffers[buffer]!.half ?? false]));
  expect(isHalf).toEqual({ 'map.weight': false, 'map.bias': true });
});

it('says where weights are not known, and only there', async () => {
  const unknown = await place.run('compile affine.model --target webgpu --f16 -o unknown');
  expect(unknown.stderr).toContain('random weights and random inputs from -1 to 1, batch = 3');
  place.write('affine.safetensors', safetensors(AFFINE_WEIGHTS));
  const known = await place.run('compile affine.model --target webgpu --f16 --weights affine.safetensors -o known');
  expect(known.stderr).toContain('checked on random inputs from -1 to 1, batch = 3');
});
