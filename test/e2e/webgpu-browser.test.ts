/** A compiled model on the GPU of a real browser, in a page and in a worker. */
import { beforeAll, expect, test } from 'vitest';
import { bundleRuntime, bundleWorker } from '../../scripts/bundle-runtime.mjs';
import { artifactFiles } from '../../src/compiler/artifact/files.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import { describeBrowser, POLICIES } from '../support/browser.ts';
import { graphOfText, storedTensor } from '../support/specs.ts';

const SPEC = `model Scores() {
  dims batch
  input x: f32[batch, 3]
  param w: f32[3, 2]
  output scores: f32[batch, 2] = softmax(x @ w, axis: -1)
  output best: i32[batch] = argmax(x @ w, axis: -1)
}
`;
const WEIGHTS = new Map([['w', storedTensor([3, 2], [1, 0, 0, 1, 2, 2])]]);
/** Milliseconds in which even a slow machine builds all kernels. */
const BUILDING = 60_000;

describeBrowser('a compiled model on the GPU of a browser', (site) => {
  beforeAll(async () => {
    const { program, facts, wgsl } = compileGraph(graphOfText(SPEC), { targets: ['webgpu'] });
    const provenance = { compiler: 'heddle', sources: {} };
    const sources = {
      runtimeSource: (await bundleRuntime({ kind: 'webgpu' }))!,
      workerSource: (await bundleWorker())!,
    };
    const parts = { program, facts, provenance, wgsl: wgsl!, weights: WEIGHTS, ...sources };
    for (const { name, bytes } of await artifactFiles(parts)) site.put(`/artifact/${name}`, bytes);
  });

  const running = (then: string): string => `
    const { load } = await import('/artifact/index.js');
    const x = Float32Array.of(3, 0, 0, 0, 5, 1);
    ${then}`;

  const RUN = `
    const phases = new Set();
    const model = await load({ onProgress: ({ phase }) => phases.add(phase) });
    const { scores, best } = await model.run({ x });
    const sums = [0, 1].map((row) => scores.data[2 * row] + scores.data[2 * row + 1]);
    return { target: model.target, best: [...best.data], shape: scores.shape, sums, phases: [...phases].sort() };`;

  test.each([
    ['a page', false],
    ['a worker', true],
  ])(
    'runs in %s, under a policy that allows no code but its own',
    async (_, inWorker) => {
      const found = await site.visit(running(RUN), { policy: POLICIES.js, inWorker });
      expect(found).toMatchObject({ target: 'webgpu', best: [0, 1], shape: [2, 2] });
      const { sums, phases } = found as { readonly sums: readonly number[]; readonly phases: readonly string[] };
      for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
      expect(phases).toEqual(expect.arrayContaining(['kernels', 'pipelines', 'program', 'weights']));
    },
    BUILDING,
  );

  test(
    'shares a device with its page, and leaves outputs there',
    async () => {
      const script = running(`
        const device = await (await navigator.gpu.requestAdapter()).requestDevice();
        const model = await load({ gpu: device });
        const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
        const buffer = device.createBuffer({ size: 24, usage });
        device.queue.writeBuffer(buffer, 0, x);
        const { scores, best } = await model.run({ x: { buffer, shape: [2, 3] } }, { keep: ['best'] });
        const copy = device.createBuffer({ size: 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(best.buffer, 0, copy, 0, 8);
        device.queue.submit([encoder.finish()]);
        await copy.mapAsync(GPUMapMode.READ);
        return { best: [...new Int32Array(copy.getMappedRange())], shape: best.shape, scores: scores.data.length };`);
      const found = await site.visit(script, { policy: POLICIES.js });
      expect(found).toEqual({ best: [0, 1], shape: [2], scores: 4 });
    },
    BUILDING,
  );

  test(
    'goes on when its device was destroyed',
    async () => {
      const script = running(`
        const devices = [];
        const gpu = {
          async requestAdapter(options) {
            const adapter = await navigator.gpu.requestAdapter(options);
            const { limits, features, info } = adapter;
            const requestDevice = async (descriptor) => {
              devices.push(await adapter.requestDevice(descriptor));
              return devices.at(-1);
            };
            return { limits, features, info, requestDevice };
          },
        };
        const model = await load({ gpu });
        await model.run({ x });
        devices[0].destroy();
        const { best } = await model.run({ x });
        model.dispose();
        return { best: [...best.data], devices: devices.length };`);
      expect(await site.visit(script, { policy: POLICIES.js })).toEqual({ best: [0, 1], devices: 2 });
    },
    BUILDING,
  );
});
