/** Weights that no binding holds: of a small device that computes, and of a real size on one that checks. */
import { describe, expect, test } from 'vitest';
import { emitWgsl } from '../../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../../src/compiler/codegen/wgsl/target.ts';
import { compileGraph, stagesOf } from '../../../src/compiler/driver.ts';
import type { Graph } from '../../../src/compiler/ir/graph.ts';
import { assembleProgram, plan } from '../../../src/compiler/plan/plan.ts';
import { createGpuSession } from '../../../src/runtime/devices/webgpu/program-session.ts';
import { createModel } from '../../../src/runtime/model.ts';
import { graphOfText, storedTensor } from '../../support/specs.ts';
import { byDefault, describeGpu, softwareGpu, validatingGpu } from '../../support/webgpu.ts';

/** Rows of a table, and how alike each of them is to all rows. */
function tied(rows: number, width: number): Graph {
  return graphOfText(`model Tied() {
  dims n
  input ids: i32[n]
  param table: f32[${rows}, ${width}]
  found = embedding(ids, table)
  output found: f32[n, ${width}] = found
  output alike: f32[n, ${rows}] = found @ transpose(table)
}
`);
}

describeGpu('a weight in parts', () => {
  test('is read where its elements are, by gathers and by products', async () => {
    const limits = { ...webgpuTarget.workgroups, bindingBytes: 512 };
    const [rows, width] = [50, 6];
    const graph = tied(rows, width);
    const planned = plan(stagesOf(graph, 'webgpu').lowered, limits);
    const bound = planned.program.gpu!.kernels.flatMap(({ parts }) => (parts ? [Math.max(...parts)] : []));
    expect(bound.length).toBeGreaterThan(0);
    expect(new Set(bound)).toEqual(new Set([3]));
    const values = Array.from({ length: rows * width }, (_, at) => ((at * 37) % 19) - 9);
    const model = await createModel({
      program: assembleProgram('Tied', graph.dims, { webgpu: planned }),
      kernels: emitWgsl(planned.kernels, limits),
      target: 'webgpu',
      weights: () => storedTensor([rows, width], values),
      gpu: softwareGpu(),
      createGpuSession,
    });
    const ids = [0, 49, 21, 20, 22, 42];
    const { found, alike } = await model.run({ ids: Int32Array.from(ids) });
    const row = (id: number): number[] => values.slice(id * width, (id + 1) * width);
    expect([...found!.data]).toEqual(ids.flatMap(row));
    const dot = (a: number[], b: number[]): number => a.reduce((sum, x, at) => sum + x * b[at]!, 0);
    expect([...alike!.data]).toEqual(
      ids.flatMap((id) => Array.from({ length: rows }, (_, at) => dot(row(id), row(at)))),
    );
    model.dispose();
  });
});

describe('a table of 137 MB', () => {
  test('is bound by a device whose bindings have 128 MiB', async () => {
    const [rows, width] = [33600, 1024];
    const { program, wgsl } = compileGraph(tied(rows, width), { targets: ['webgpu'] });
    expect(program.targets.webgpu!.gpu!.partBytes).toBe(2 ** 27);
    const shape = [rows, width];
    const model = await createModel({
      program,
      kernels: wgsl!,
      target: 'webgpu',
      weights: () => ({ dtype: 'F32', shape, bytes: new Uint8Array(4 * rows * width) }),
      gpu: byDefault(validatingGpu()),
      createGpuSession,
    });
    const { found } = await model.run({ ids: Int32Array.of(1, 33599) });
    expect(found!.shape).toEqual([2, width]);
    model.dispose();
  });
});
