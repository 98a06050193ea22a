/**
 * Kernels that a program has for large dimensions alone, which the sizes of tests would never choose: every alternative of
 * a product computes the same at every size.
 */
import { expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { Program, Step } from '../../src/program/program.ts';
import { createGpuSession } from '../../src/runtime/devices/webgpu/program-session.ts';
import { createModel } from '../../src/runtime/model.ts';
import { runOf } from '../support/specs.ts';
import { expectClose } from '../support/tensors.ts';
import { describeGpu, modelGpu } from '../support/webgpu.ts';
import { inferAt, instantiate, nameSample } from './instances.ts';

const SIZES = [1, 3, 6, 17, 67, 130] as const;

/** The program with one kernel for all dimensions: of each step the alternative of that number, where it has one. */
function always(program: Program, number: number): Program {
  const target = program.targets.webgpu!;
  const steps = target.steps.map((step): Step => {
    const { alternatives, ...plain } = step;
    const chosen = alternatives?.[number];
    if (!chosen) return plain;
    const { atLeastZero: _, ...replaced } = chosen;
    return { ...plain, ...replaced };
  });
  return { ...program, targets: { ...program.targets, webgpu: { ...target, steps } } };
}

function alternativesOf(program: Program): number {
  return Math.max(0, ...program.targets.webgpu!.steps.map(({ alternatives = [] }) => alternatives.length));
}

async function checkAlternatives(op: Op, sample: Sample): Promise<void> {
  const sizes = SIZES.filter((n) => !('error' in inferAt(op, sample, n)));
  const { graph } = instantiate(op, sample, sizes[0]!);
  const { program, wgsl } = compileGraph(graph, { targets: ['webgpu'] });
  const count = alternativesOf(program);
  for (let number = 0; number <= count; number++) {
    const parts = { program: always(program, number), target: 'webgpu' as const, kernels: wgsl!, createGpuSession };
    const model = await createModel({ ...parts, gpu: modelGpu(), weights: () => undefined });
    for (const n of sizes) {
      const { inputs, symbols } = instantiate(op, sample, n);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
      const got = await runOf(graph, model)(Object.fromEntries(inputs) as { [name: string]: Tensor }, { n });
      for (const [name, { data }] of wanted) {
        const what = `${name} at n = ${n} by ${number < count ? `alternative ${number}` : 'the own kernel of the step'}`;
        expectClose(got.get(name)!.data, data, op.tolerance, what);
      }
    }
    model.dispose();
  }
}

describeGpu('every alternative of a product', () => {
  const contract = ops.get('contract')!;
  const cases = contract.samples.map((sample) => ({ name: nameSample(contract, sample), sample }));
  test.each(cases)('of $name agrees with evaluation', ({ sample }) => checkAlternatives(contract, sample));

  test('is one of several', () => {
    const counts = cases.map(({ sample }) => {
      const n = SIZES.find((size) => !('error' in inferAt(contract, sample, size)))!;
      const { graph } = instantiate(contract, sample, n);
      return alternativesOf(compileGraph(graph, { targets: ['webgpu'] }).program);
    });
    expect(Math.max(...counts)).toBeGreaterThan(0);
  });
});
