/**
 * A grid may be divided among any number of ranks: every sample gives the same bits with two and with three as with one,
 * and no point of a grid reads or writes what another one writes.
 */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { modelOf, runOf } from '../support/specs.ts';
import { modelOnRanks } from '../support/threads.ts';
import { inferAt, instantiate, nameSample, surrounded } from './instances.ts';

/** Fewer points than ranks, as many, and numbers that they do not divide. */
const SIZES = [0, 1, 2, 5, 17] as const;

async function checkRanks(op: Op, sample: Sample): Promise<void> {
  const accepted = SIZES.filter((n) => !('error' in inferAt(op, sample, n)));
  const graph: Graph = surrounded(instantiate(op, sample, accepted[0]!).graph);
  const runs = await Promise.all(
    [modelOf(graph, 'wasm'), modelOnRanks(graph, 2), modelOnRanks(graph, 3)].map(async (model) =>
      runOf(graph, await model),
    ),
  );
  for (const n of accepted) {
    const inputs = Object.fromEntries(instantiate(op, sample, n).inputs) as { [name: string]: Tensor };
    const [alone, ...divided] = await Promise.all(runs.map((run) => run(inputs, { n })));
    for (const outputs of divided) expect(outputs, `n = ${n}`).toEqual(alone);
  }
}

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

describe.each(tested)('$name', (op: Op) => {
  const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
  test.each(cases)('$name gives the same bits on several ranks', ({ sample }: { sample: Sample }) =>
    checkRanks(op, sample),
  );
});
