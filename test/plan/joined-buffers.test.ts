/** Which buffers come to lie in one, on a device that binds eight. */
import { expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { plan } from '../../src/compiler/plan/plan.ts';
import type { TargetProgram } from '../../src/program/program.ts';
import { accumulator, batch, call, kernel, lowered } from './programs.ts';

const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, at) => from + at);

function planned(program: LoweredProgram): TargetProgram {
  return plan(program, webgpuTarget.workgroups).program;
}

/** Where those of the buffers are that lie within others. */
function within({ buffers }: TargetProgram): [number, { readonly buffer: number; readonly at: number }][] {
  return buffers.flatMap(({ within: place }, number) => (place ? [[number, place]] : []));
}

/** The buffers that a step reaches through the shared binding. */
function restOf({ steps, gpu }: TargetProgram, step: number): readonly number[] {
  const { buffers, kernel: number } = steps[step]!;
  return buffers.slice(gpu!.kernels[number]!.own);
}

test('the smallest weights that a kernel reads beyond its bindings lie in one buffer, each where a binding may begin', () => {
  // The input and nine weights, of which the second half is smaller.
  const sizes = [batch, 200, 200, 200, 200, 200, 65, 65, 65, 65, batch];
  const program = planned(
    lowered({
      sizes,
      inputs: [0],
      weights: range(9, 1),
      outputs: [10],
      calls: [call(kernel('sum', 10, 0, 1), range(11), [batch])],
    }),
  );
  expect(within(program)).toEqual([
    [6, { buffer: 11, at: 0 }],
    [7, { buffer: 11, at: 128 }],
    [8, { buffer: 11, at: 256 }],
    [9, { buffer: 11, at: 384 }],
  ]);
  expect(program.buffers[11]).toEqual({ kind: 'persistent', size: 512, first: 0, last: 0 });
  expect(restOf(program, 0)).toEqual([6, 7, 8, 9]);
  expect(program.gpu!.kernels[0]!.own).toBe(7);
});

test('small tensors of a run lie in one that lives as long as any of them', () => {
  const program = planned(
    lowered({
      sizes: [...range(8).map(() => batch), 1, 1, 64, batch],
      inputs: range(9),
      outputs: [11],
      calls: [
        call(kernel('first', 1), [8, 9]),
        call(kernel('second', 1), [9, 10]),
        call(kernel('sum', 11, 0, 1), range(12), [batch]),
      ],
    }),
  );
  // Nine inputs of unknown size do not fit, so nothing lies in one.
  expect(within(program)).toEqual([]);
  const fewer = planned(
    lowered({
      sizes: [...range(6).map(() => batch), 1, 1, 64, batch],
      inputs: range(7),
      outputs: [9],
      calls: [
        call(kernel('first', 1), [0, 7]),
        call(kernel('second', 1), [0, 8]),
        call(kernel('sum', 9, 0, 1), range(10), [batch]),
      ],
    }),
  );
  expect(within(fewer).map(([number]) => number)).toEqual([6, 7, 8]);
  expect(fewer.buffers.at(-1)).toEqual({ kind: 'arena', size: 192, first: -1, last: 2 });
});

test('what a kernel writes while it reads others lies apart', () => {
  const sizes = [batch, ...range(9).map(() => 100), batch];
  const sum = call(kernel('sum', 10, 0, 1), range(11), [batch]);
  // Weights 1 to 4 would be in one buffer.
  const program = { sizes, inputs: [0], weights: range(9, 1), outputs: [10] };
  const together = planned(lowered({ ...program, calls: [sum, call(accumulator('add'), [1, 2])] }));
  expect(within(together)).toEqual([]);
  const alone = planned(lowered({ ...program, calls: [sum, call(accumulator('add'), [9, 2])] }));
  expect(within(alone).map(([number]) => number)).toEqual([1, 2, 3, 4]);
});

test('groups of several kernels that share a member are one', () => {
  const sizes = [batch, ...range(9).map(() => 100), 100, batch, batch];
  const program = planned(
    lowered({
      sizes,
      inputs: [0],
      weights: range(10, 1),
      outputs: [11, 12],
      calls: [
        call(kernel('sum', 10, 0, 1), [...range(10), 11], [batch]),
        call(kernel('sum', 10, 0, 1), [0, 10, 2, 3, 4, 5, 6, 7, 8, 9, 12], [batch]),
      ],
    }),
  );
  expect(within(program).map(([number]) => number)).toEqual([1, 2, 3, 4, 10]);
  expect(new Set(within(program).map(([, { buffer }]) => buffer)).size).toBe(1);
});
