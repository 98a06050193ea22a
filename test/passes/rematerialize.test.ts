import { describe, expect, test } from 'vitest';
import { compileModule } from '../../src/compiler/driver.ts';
import { constantValue, ONE } from '../../src/compiler/dims/dim.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { rematerialize } from '../../src/compiler/passes/rematerialize.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { evaluateSize } from '../../src/program/size.ts';
import { concreteShape } from '../../src/compiler/ir/types.ts';
import { runnerOf } from '../support/specs.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { trainingOfText } from '../support/training.ts';

const DEPTH = 6;
const module = trainingOfText(`
import { LayerNorm, Linear } from "std/nn"
train Fit() {
  dims n
  input x: f32[n, 8]
  y = x
  for i in 0..${DEPTH} as layers {
    h = y |> LayerNorm() as norm |> Linear(32) as up |> gelu
    y = y + (h |> Linear(8) as down)
  }
  loss mean(square(y))
  optimizer sgd(lr: 0.1)
}`);
const step = module.graphs.find(({ name }) => name === 'step')!.graph;
const before = passes.slice(0, passes.indexOf(rematerialize));

function prepared(remat: boolean): Graph {
  return runPasses(step, [...before, rematerialize], ops, { verify: true, ...(remat && { remat: 'blocks' }) }).graph;
}

describe('rematerialization', () => {
  test('is off unless it is asked for', () => {
    const graph = runPasses(step, before, ops).graph;
    expect(rematerialize.run(graph, { ops })).toBe(graph);
  });

  test('keeps of each block only what goes into it', () => {
    const { nodes } = prepared(true);
    const forward = new Set(nodes.filter(({ origin }) => !origin.phase).flatMap(({ results }) => results));
    const read = nodes
      .filter(({ origin }) => origin.phase === 'backward')
      .flatMap(({ inputs }) => inputs.filter((input) => forward.has(input)));
    const widths = [...new Set(read)].map(({ type }) => constantValue(type.shape.at(-1) ?? ONE)!);
    // What goes into the blocks, and what the loss looks at.
    expect(widths.filter((width) => width === 8).length).toBeLessThanOrEqual(DEPTH + 1);
    expect(Math.max(...widths)).toBe(8);
  });

  test('computes again with what it is told to keep in memory no more', () => {
    const dims = new Map([['n', 1000]]);
    const [plain, again] = [{}, { remat: 'blocks' } as const].map((options) => {
      const { facts } = compileModule(module, { targets: ['wasm'], verify: true, ...options });
      return evaluateSize(facts.peakMemory.wasm!, dims);
    });
    expect(again!).toBeLessThan(0.5 * plain!);
  });

  test.each(['js', 'wasm'] as const)('gives the same bits on %s', async (target) => {
    const random = randomNumbers(7);
    const inputs = Object.fromEntries(
      [...step.inputs, ...step.parameters].map(({ name, value }) => [
        name,
        randomTensor('f32', concreteShape(value.type.shape, new Map([['n', 5]])), random, [0.1, 1]),
      ]),
    );
    const results = async (remat: boolean) => {
      const graph = prepared(remat);
      const free = { ...graph, inputs: [...graph.inputs, ...graph.parameters], parameters: [] };
      const outputs = free.outputs.map(({ name, value }) => ({ name, value }));
      return (await runnerOf({ ...free, outputs }, target))(inputs);
    };
    const [plain, again] = [await results(false), await results(true)];
    for (const [name, { data }] of plain) expect(again.get(name)!.data, name).toEqual(data);
  });
});
