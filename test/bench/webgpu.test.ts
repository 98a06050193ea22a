/** Who is counted on WebGPU, how calls are counted, and the table. */
import { expect, test } from 'vitest';
import { acceptance } from '../../bench/acceptance.mjs';
import { judge } from '../../bench/report/judge.mjs';
import { gpuTable } from '../../bench/report/sections.mjs';
import { countGpu } from '../../bench/seats/count-gpu.mjs';
import { gpuContestantsFor, gpuModels } from '../../bench/webgpu.mjs';

const measured = { builds: [{ name: 'heddle' }], chosenPeers: ['onnxruntime-web', 'tensorflow.js', 'jax-js'] };

/** Classes as a page has them, whose methods answer what they are called with. */
function makeScope() {
  class GPUDevice {
    createBuffer(descriptor: { readonly size: number }): object {
      return { of: this, descriptor };
    }
    createComputePipeline(): string {
      return 'made';
    }
    createComputePipelineAsync(): string {
      return 'made later';
    }
  }
  class GPUComputePassEncoder {
    dispatchWorkgroups(...sizes: number[]): number[] {
      return sizes;
    }
    dispatchWorkgroupsIndirect(): void {}
  }
  return { GPUDevice, GPUComputePassEncoder };
}

test('calls are counted while the work runs, and do what they did', async () => {
  const scope = makeScope();
  const gpu = countGpu(scope);
  const device = new scope.GPUDevice();
  const pass = new scope.GPUComputePassEncoder();
  device.createBuffer({ size: 1000 });
  const results: unknown[] = [];
  const counts = await gpu.during(async () => {
    results.push(device.createBuffer({ size: 16 }), device.createBuffer({ size: 8 }), pass.dispatchWorkgroups(1, 2));
    await Promise.resolve();
    pass.dispatchWorkgroupsIndirect();
    device.createComputePipeline();
    device.createComputePipelineAsync();
  });
  expect(counts).toMatchObject({ buffers: 2, bytes: 24, dispatches: 2, indirect: 1, pipelines: 2, submits: 0 });
  expect(results).toEqual([{ of: device, descriptor: { size: 16 } }, { of: device, descriptor: { size: 8 } }, [1, 2]]);
});

test('without WebGPU there is nothing to count', async () => {
  const counts = await countGpu({}).during(async () => {});
  expect(new Set(Object.values(counts))).toEqual(new Set([0]));
});

test('ours and all chosen peers take part, onnxruntime-web also with a captured graph; all on one thread', () => {
  const [inference, training] = gpuModels.map((model) => gpuContestantsFor(model, measured));
  expect(inference!.map(({ name }) => name)).toEqual([
    'heddle',
    'onnxruntime-web',
    'onnxruntime-web, graph capture',
    'tensorflow.js',
    'jax-js',
  ]);
  expect(training!.map(({ name }) => name)).toEqual(['heddle', 'tensorflow.js', 'jax-js']);
  for (const { threads, numbers } of [...inference!, ...training!])
    expect({ threads, numbers }).toEqual({ threads: 1, numbers: 'f32' });
  const second = gpuContestantsFor(gpuModels[0]!, { builds: [{ name: 'a' }, { name: 'b' }], chosenPeers: [] });
  expect(second.map(({ name, reads }) => [name, reads])).toEqual([
    ['a', 'a'],
    ['b', 'b'],
  ]);
});

const NOTHING = { indirect: 0, passes: 1, submits: 1, bindGroups: 0, buffers: 0, bytes: 0, pipelines: 0 };

const ENTRY = {
  title: 'Small',
  engine: 'Chromium 1',
  adapter: 'software',
  reference: 'peer',
  figures: [
    {
      name: 'heddle',
      kind: 'ours',
      threads: 1,
      min: 4,
      median: 5,
      count: 3,
      difference: 0,
      scale: 1,
      agrees: true,
      first: 50,
      counts: { ...NOTHING, dispatches: 7, writes: 1, maps: 1 },
      runtime: { raw: 9e3, gzip: 3e3 },
    },
    {
      name: 'peer',
      kind: 'peer',
      threads: 1,
      min: 8,
      median: 9,
      count: 3,
      difference: 0.5,
      scale: 1,
      agrees: false,
      first: 1500,
      counts: { ...NOTHING, dispatches: 20, indirect: 2, buffers: 3, bytes: 2e6, writes: 2, maps: 1 },
      runtime: { raw: 9e6, gzip: 3e6 },
    },
    { name: 'gone', kind: 'peer', threads: 1, absent: 'has no adapter' },
  ],
} as const;

test('the table has counts, times, bytes and differences, and says on which adapter', () => {
  const { rows, notes, header } = gpuTable(ENTRY);
  expect(rows.every((row) => row.length === header.length)).toBe(true);
  const counts = ['heddle', 7, 1, 1, 0, 0, '0.0 kB', 0, 1, 1];
  expect(rows[0]).toEqual([...counts, '3.0 kB', '50.0 ms', '4.00 ms', '5.00 ms', '0']);
  expect(rows[1]!.slice(0, 2)).toEqual(['peer', '20 (2 indirect)']);
  expect(rows[1]!.at(-1)).toBe('5.0e-1 MISMATCH');
  expect(notes).toEqual([
    'Chromium 1, adapter: software; differences are from peer on the CPU',
    'gone: – (has no adapter)',
  ]);
});

test('criteria on calls are of models and contestants that are counted, and judged by the sum of the counts', () => {
  const criteria = acceptance.filter(({ kind }) => kind === 'gpuCalls');
  expect(criteria.length).toBeGreaterThan(0);
  for (const { model, of } of criteria) {
    const counted = gpuModels.find(({ name }) => name === model);
    expect(gpuContestantsFor(counted!, measured).map(({ name }) => name)).toContain(of);
  }
  const webgpu = [{ model: 'small', figures: ENTRY.figures }];
  const criterion = { kind: 'gpuCalls', model: 'small', what: 'made', counts: ['buffers', 'passes'] };
  const judged = judge({ engines: [{ engine: 'Node' }], webgpu }, [
    { ...criterion, of: 'heddle', atMost: 1 },
    { ...criterion, of: 'peer', atMost: 3 },
    { ...criterion, of: 'gone', atMost: 3 },
  ]);
  expect(judged.map(({ values: [value] }) => value && [value.text, value.isMet])).toEqual([
    ['1', true],
    ['4', false],
    undefined,
  ]);
});
