/**
 * Every kernel of every op's samples, alone and fused, on a device that checks modules, layouts, pipelines and limits and
 * computes nothing. Then random kernels on one that computes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Op } from '../../src/compiler/ir/op.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { GpuDevice } from '../../src/runtime/devices/webgpu/api.ts';
import { inferAt, instantiate, SIZES, surrounded } from '../conformance/instances.ts';
import { randomCase } from '../kernel/random.ts';
import { copies } from '../kernel/support.ts';
import { acceptAll } from '../support/shaders.ts';
import { graphOfText } from '../support/specs.ts';
import { describeGpu, validatingDevice } from '../support/webgpu.ts';
import { runWebgpu } from './webgpu.ts';

let device: GpuDevice;
beforeAll(async () => {
  device = await validatingDevice();
});
afterAll(() => device.destroy());

/** Throws what the device says against the graph's kernels. */
async function validate(graph: Graph): Promise<number> {
  const { program, wgsl } = compileGraph(graph, { targets: ['webgpu'] });
  const { gpu } = program.targets.webgpu!;
  return acceptAll(device, gpu!, wgsl!);
}

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

describe('kernels that a device accepts at its default limits', () => {
  test.each(tested)('$name', async (op: Op) => {
    let pipelines = 0;
    for (const sample of op.samples) {
      const n = SIZES.find((size) => !('error' in inferAt(op, sample, size)))!;
      const { graph } = instantiate(op, sample, n);
      for (const form of [graph, surrounded(graph)]) pipelines += await validate(form);
    }
    expect(pipelines).toBeGreaterThan(0);
  });
});

describe('tensors that are known to have no elements', () => {
  test.each([
    'softmax(x, axis: 2)',
    'sum(x, axis: 1)',
    'einsum("a b c, d b c -> a d", x, x)',
    'sort(x, axis: 0)[0] * 2',
  ])('are accepted in %s', async (value) => {
    for (const shape of ['n, 3, 0', '0, 3, 4', '2, n, 0', '2, 0, 2'])
      await validate(graphOfText(`model M() {\n dims n\n input x: f32[${shape}]\n output y = ${value}\n}`));
  });
});

describeGpu('random kernels, prepared for a GPU', () => {
  test.each(Array.from({ length: 24 }, (_, at) => 1000 + at))(
    'compute what the interpreter does, seed %i',
    async (seed) => {
      const { kernel, buffers, sizes } = randomCase(seed);
      const expected = copies(buffers);
      interpretKernel(kernel, expected, sizes);
      const contents = Object.fromEntries(Object.entries(buffers).map(([name, data]) => [name, Array.from(data)]));
      const actual = await runWebgpu(prepareKernel(kernel, webgpuTarget), contents, sizes);
      for (const [name, data] of Object.entries(expected))
        expect(
          actual[name]!.map((x) => x + 0),
          name,
        ).toEqual(Array.from(data, (x) => x + 0));
    },
  );
});
