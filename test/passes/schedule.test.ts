import { expect, test } from 'vitest';
import { fusionOf } from '../../src/compiler/ir/fusion.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { routineGraph } from '../support/routines.ts';

/** The ops that each kernel computes, in the order of the kernels, but for those that only rename elements. */
function kernelsOf(text: string): string[] {
  const { graph } = routineGraph('step', text);
  const { nodes } = runPasses(graph, passes, ops, { verify: true }).graph;
  const names = nodes.map((node) => fusionOf(node)!.body.nodes.map(({ op }) => op.name));
  return names.map((kernel) => kernel.filter((name) => name !== 'reshape' && name !== 'transpose').join(' '));
}

const FORWARD = `
  param w %0: f32[8, 8]
  param m %1: f32[8, 8]
  input x %2: f32[8, 8]
  %3: f32[8, 8] = matmul(%2, %0)
  %4: f32[] = sum(%3) {axis: null, keepdim: false}
  output loss %4`;

test('an update comes behind the loss and the last reader of the old value, and before what else there is', () => {
  const order = kernelsOf(`${FORWARD}
    %5: f32[8, 8] = neg(%0)
    %6: f32[8, 8] = transpose(%0) {permutation: [1, 0]}
    %7: f32[8, 8] = matmul(%3, %6)
    %8: f32[8, 8] = cumsum(%7) {axis: 0}
    %9: f32[8, 8] = cumsum(%8) {axis: 1}
    output next.w %5 into w
    output y %9`);
  expect(order).toEqual(['contract', 'reduce_sum', 'contract', 'neg', 'cumsum', 'cumsum']);
});

test('a gradient comes as soon as it can be computed, and its update with what only that reads', () => {
  const order = kernelsOf(`${FORWARD}
    %5: f32[8, 8] = cumsum(%3) {axis: 0}
    %6: f32[8, 8] = cumsum(%5) {axis: 1}
    %7: f32[8, 8] = cumsum(%3) {axis: 1}
    %8: f32[8, 8] = tanh(%7)
    %9: f32[8, 8] = transpose(%8) {permutation: [1, 0]}
    %10: f32[8, 8] = mul(%8, %9)
    %11: f32[8, 8] = add(%10, %0)
    %12: f32[8, 8] = add(%8, %1)
    output y %6
    output next.w %11 into w
    output next.m %12 into m`);
  expect(order).toEqual(['contract', 'reduce_sum', 'cumsum', 'tanh add', 'mul add', 'cumsum', 'cumsum']);
});

test('what is read before the loss comes before it, and what waits for itself comes last', () => {
  const order = kernelsOf(`${FORWARD}
    %5: f32[8, 8] = neg(%1)
    %6: f32[8, 8] = cumsum(%5) {axis: 0}
    %7: f32[] = sum(%6) {axis: null, keepdim: false}
    %8: f32[] = add(%4, %7)
    output next.m %5 into m
    output seen %8
    output next.w %6 into w`);
  expect(order).toEqual(['contract', 'neg', 'cumsum', 'reduce_sum', 'reduce_sum add']);
});

test('without updates nothing is moved', () => {
  const { graph } = routineGraph('step', FORWARD);
  const schedule = passes.at(-1)!;
  expect(schedule.name).toBe('schedule');
  expect(schedule.run(graph, { ops })).toBe(graph);
});
