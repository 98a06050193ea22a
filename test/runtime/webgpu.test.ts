/** The GPU device of the runtime: what it runs, and the errors for what it cannot. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Gpu, GpuAdapter, GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { assignSlots } from '../../src/runtime/devices/webgpu/buffers.ts';
import { workgroupsFor } from '../../src/runtime/devices/webgpu/pipelines.ts';
import { createGpuSession } from '../../src/runtime/devices/webgpu/program-session.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';
import { graphOfText, storedTensor } from '../support/specs.ts';
import { describeGpu, softwareGpu } from '../support/webgpu.ts';

/** The program of ./sample.ts as a spec, and a product. */
const SPEC = `model Sample() {
  dims batch
  input x: f32[batch, 3]
  input limit: f32[]
  param w: f32[3]
  param p: f32[3, 2]
  scaled = x * (2.0 * w) + 1.0
  output scaled: f32[batch, 3] = scaled
  output large: bool[batch, 3] = scaled > limit
  output both: f32[batch, 2] = x @ p
}
`;
const WEIGHTS = new Map([
  ['w', storedTensor([3], [1, 2, 3])],
  ['p', storedTensor([3, 2], [1, 10, 2, 20, 3, 30])],
]);

function compiled(spec: string) {
  const { program, wgsl } = compileGraph(graphOfText(spec), { targets: ['webgpu'] });
  const weights = (name: string) => WEIGHTS.get(name);
  return { program, kernels: wgsl!, target: 'webgpu' as const, weights, createGpuSession };
}

function sampleModel(gpu: Gpu = softwareGpu()): Promise<Model> {
  return createModel({ ...compiled(SPEC), gpu });
}

/** What `gpu` offers, with the adapter replaced; `opened` gets its devices. */
function altered(gpu: Gpu, change: (adapter: GpuAdapter) => Partial<GpuAdapter>, opened: GpuDevice[] = []): Gpu {
  return {
    async requestAdapter() {
      const adapter = (await gpu.requestAdapter())!;
      const requestDevice = async (descriptor?: object): Promise<GpuDevice> => {
        const device = await adapter.requestDevice(descriptor);
        opened.push(device);
        return device;
      };
      return { limits: adapter.limits, features: adapter.features, requestDevice, ...change(adapter) };
    },
  };
}

describeGpu('a model on webgpu', () => {
  test('runs for any dimensions, one after the other', async () => {
    const model = await sampleModel();
    expect(model.target).toBe('webgpu');
    for (const batch of [1, 50, 0, 2, 1]) {
      const x = Float32Array.from({ length: 3 * batch }, (_, at) => at - 4);
      const { scaled, large, both } = await model.run({ x: { data: x, shape: [batch, 3] }, limit: 5 });
      const wanted = [...x].map((value, at) => value * 2 * ((at % 3) + 1) + 1);
      expect(scaled!.shape).toEqual([batch, 3]);
      expect([...scaled!.data]).toEqual(wanted);
      expect(large!.data).toEqual(Uint8Array.from(wanted, (value) => (value > 5 ? 1 : 0)));
      const rows = Array.from({ length: batch }, (_, row) => x[3 * row]! + 2 * x[3 * row + 1]! + 3 * x[3 * row + 2]!);
      expect([...both!.data]).toEqual(rows.flatMap((sum) => [sum, 10 * sum]));
    }
    model.dispose();
  });

  test('takes its inputs when it is called, and one call at a time', async () => {
    const model = await sampleModel();
    const x = Float32Array.of(1, 1, 1);
    const scaled = new Float32Array(3);
    const running = model.run({ x, limit: 0 }, { outputs: { scaled } });
    x.fill(100);
    await expect(model.run({ x, limit: 0 })).rejects.toMatchObject({ code: 'busy' });
    const outputs = await running;
    expect(outputs['scaled']!.data).toBe(scaled);
    expect([...scaled]).toEqual([3, 5, 7]);
    // An output of the model itself as input.
    const again = await model.run({ x: (await model.run({ x: [0, 0, 0], limit: 0 }))['scaled']!, limit: 0 });
    expect([...again['scaled']!.data]).toEqual([3, 5, 7]);
    await expect(model.run({ x, limit: 0 }, { outputs: { large: new Float32Array(3) } })).rejects.toMatchObject({
      code: 'output-buffer',
    });
    expect(() => model.runSync({ x, limit: 0 })).toThrow(expect.objectContaining({ code: 'unsupported' }));
    model.dispose();
    await expect(model.run({ x, limit: 0 })).rejects.toMatchObject({ code: 'disposed' });
  });

  test('takes no weights that do not fit, and reports load steps', async () => {
    const parts = { ...compiled(SPEC), gpu: softwareGpu() };
    await expect(createModel({ ...parts, weights: () => undefined })).rejects.toMatchObject({
      code: 'weights-missing',
    });
    const seen: string[] = [];
    const spec = `model Shares() {\n  param p: f32[3, 2]\n  input x: f32[2, 3]\n  output y: f32[2, 2] = x @ softmax(p, -1)\n}\n`;
    const model = await createModel({
      ...parts,
      ...compiled(spec),
      onLoadStep: (done, total) => seen.push(`${done}/${total}`),
    });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.at(-1)).toBe(`${seen.length}/${seen.length}`);
    model.dispose();
    const reason = new Error('enough');
    await expect(createModel({ ...parts, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('says when a tensor is larger than a binding', async () => {
    const spec = `model Wide() {\n  dims n\n  input x: f32[1]\n  output y: f32[n] = expand(x, [n])\n}\n`;
    const defaults = altered(softwareGpu(), ({ limits }) => ({
      limits: { ...limits, maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 },
    }));
    const model = await createModel({ ...compiled(spec), gpu: defaults });
    const wide = model.run({ x: [1] }, { dims: { n: 2 ** 26 } });
    await expect(wide).rejects.toMatchObject({ code: 'memory', message: expect.stringContaining('256 MiB') });
    const { y } = await model.run({ x: [7] }, { dims: { n: 5 } });
    expect([...y!.data]).toEqual([7, 7, 7, 7, 7]);
    model.dispose();
  });

  test('refuses kernels that are not those of the program', async () => {
    const parts = { ...compiled(SPEC), gpu: softwareGpu() };
    const malformed = { code: 'program-malformed' };
    await expect(createModel({ ...parts, kernels: parts.kernels.slice(1) })).rejects.toMatchObject(malformed);
    const broken = parts.kernels.map(({ code }) => ({ code: code.replace('fn main', 'fn other') }));
    await expect(createModel({ ...parts, kernels: broken })).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/^the GPU refuses the kernel \w+/),
    });
  });
});

describe('without a GPU', () => {
  test.each([
    ['there is no WebGPU', undefined, /no WebGPU/],
    ['there is no adapter', { requestAdapter: async () => null }, /no GPU/],
    [
      'the adapter gives no device',
      { requestAdapter: async () => Promise.reject(new Error('no device')) },
      /no device/,
    ],
  ])('a model says that %s', async (_, gpu, message) => {
    const loading = createModel({ ...compiled(SPEC), gpu: gpu as Gpu | undefined });
    await expect(loading).rejects.toMatchObject({ code: 'unsupported', message: expect.stringMatching(message) });
  });
});

test('buffers that live at once have slots of their own, which hold them', () => {
  const life = fc
    .record({ bytes: fc.nat(9), first: fc.integer({ min: -1, max: 9 }), length: fc.nat(5) })
    .map(({ bytes, first, length }) => ({ bytes, first, last: first + length }));
  fc.assert(
    fc.property(fc.array(life, { maxLength: 12 }), (lives) => {
      const { slotOf, bytes } = assignSlots(lives);
      lives.forEach((one, at) => {
        expect(bytes[slotOf[at]!]).toBeGreaterThanOrEqual(one.bytes);
        lives.forEach((other, to) => {
          const meet = one.first <= other.last && other.first <= one.last;
          if (at !== to && meet) expect(slotOf[at]).not.toBe(slotOf[to]);
        });
      });
    }),
  );
});

test('a later buffer takes the place of an earlier one', () => {
  const lives = [0, 1, 2, 3].map((first) => ({ bytes: 8, first, last: first + 1 }));
  expect(assignSlots(lives).bytes).toEqual([8, 8]);
});

test.each([
  [0, { x: 0, y: 0 }],
  [1, { x: 1, y: 1 }],
  [64, { x: 1, y: 1 }],
  [65, { x: 2, y: 1 }],
  [64 * 65535, { x: 65535, y: 1 }],
  [64 * 65535 + 1, { x: 65535, y: 2 }],
  [2 ** 31, undefined],
])('%i points take workgroups %j', (points, wanted) => {
  expect(workgroupsFor(points, 64, 65535)).toEqual(wanted);
});
