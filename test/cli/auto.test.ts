/** `--target auto`: it takes what should be fastest here and says so. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { safetensors, tensor, useWorkplace } from './support.ts';

const place = useWorkplace();

beforeAll(() => {
  place.write(
    'net.model',
    `import { Linear } from "std/nn"
model Net() {
  dims batch
  input x: f32[batch, 4]
  output y = x |> Linear(2) as fc
}
train TrainNet() {
  dims batch
  input x: f32[batch, 4]
  input t: f32[batch, 2]
  net = Net()
  loss mean(square(net(x) - t))
  optimizer sgd(lr: 0.1)
}
`,
  );
  place.write(
    'net.safetensors',
    safetensors({ 'fc.weight': tensor('F32', [2, 4], [0.5, -1]), 'fc.bias': tensor('F32', [2], [0.1]) }),
  );
  place.write('x.safetensors', safetensors({ x: tensor('F32', [3, 4], [1, 2, 3]) }));
});

/** There is no GPU here but one in software, which is never taken. */
const REASON = /note: wasm: about [\d.]+ µs for a run with batch = 1, .*js.*; webgpu: .+/;

describe('--target auto', () => {
  it('runs a small spec on wasm and says why', async () => {
    const { code, stdout, stderr } = await place.run(
      'run net.model --entry Net --weights net.safetensors --inputs x.safetensors --target auto',
    );
    expect(stderr).toMatch(REASON);
    expect(code).toBe(0);
    expect(stdout).toContain('f32[3, 2]');
  });

  it('runs an artifact that has several targets', async () => {
    await place.run('compile net.model --entry Net --weights net.safetensors --target wasm,js,webgpu -o build/net');
    const { code, stderr } = await place.run('run build/net --inputs x.safetensors --target auto --threads 2');
    expect(stderr).toMatch(REASON);
    expect(code).toBe(0);
  });

  it('settles what a run of training computes on', async () => {
    const data = { x: tensor('F32', [8, 4], [1, 2, 3]), t: tensor('F32', [8, 2], [1, 0, 0]) };
    place.write('data.safetensors', safetensors(data));
    const { code, stderr } = await place.run(
      'train net.model --entry TrainNet --data data.safetensors --steps 2 --batch 2 --target auto -o runs/net',
    );
    expect(stderr).toMatch(/note: wasm: about [\d.]+ µs for a step with batch = 2, /);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(place.path('runs/net/config.json'), 'utf8'))).toMatchObject({ target: 'wasm' });
  });

  it('puts a self-test into artifacts for webgpu that have weights, and into no others', async () => {
    const gpu = await place.run('compile net.model --entry Net --weights net.safetensors --target webgpu -o build/gpu');
    expect(gpu.stdout).toMatch(/self-test\.json +\d+ B/);
    const plain = await place.run('compile net.model --entry Net --weights net.safetensors -o build/plain');
    expect(plain.stdout).not.toContain('self-test.json');
  });

  it('goes with --threads, and not with other options of wasm', async () => {
    const { code, stderr } = await place.run(
      'run net.model --entry Net --weights net.safetensors --inputs x.safetensors --target auto --simd strict',
    );
    expect(code).toBe(2);
    expect(stderr).toContain('--simd is for wasm and cannot be combined with --target auto');
  });
});
