/**
 * Every backend against evaluation, generated from the op records: each sample is compiled once with `n` symbolic and
 * run at sizes around every tile edge. Ops run alone, and again behind neighbours that fusion merges them with.
 */
import { describe, expect, test } from 'vitest';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { nextId } from '../../src/compiler/ir/walk.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { runnerOf } from '../support/specs.ts';
import { expectClose } from '../support/tensors.ts';
import { inferAt, instantiate, nameSample, SIZES } from './instances.ts';

/**
 * The sample between pointwise neighbours: each f32 operand is computed, not read, and each f32 result is used twice, so
 * that operands are fused into the op's kernel and results into what follows.
 */
function surrounded(graph: Graph): Graph {
  const builder = new Builder(ops, new Map(), nextId(graph));
  const before = new Map(
    graph.inputs.map(({ value }) => [
      value,
      value.type.dtype === 'f32' ? builder.one('neg', [builder.one('neg', [value])]) : value,
    ]),
  );
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => before.get(input) ?? input),
  }));
  builder.nodes.push(...nodes);
  const after = (value: Value): Value =>
    value.type.dtype === 'f32' ? builder.one('sub', [builder.one('add', [value, value]), value]) : value;
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: after(value) }));
  return { ...graph, nodes: builder.nodes, outputs };
}

async function checkSizes(op: Op, sample: Sample, target: 'js' | 'wasm', form: (graph: Graph) => Graph): Promise<void> {
  const accepted = SIZES.filter((n) => !('error' in inferAt(op, sample, n)));
  const graph = form(instantiate(op, sample, accepted[0]!).graph);
  const run = await runnerOf(graph, target);
  for (const n of accepted) {
    const { inputs, symbols } = instantiate(op, sample, n);
    const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
    const got = await run(Object.fromEntries(inputs) as { [name: string]: Tensor }, { n });
    for (const [name, tensor] of wanted) {
      expect(got.get(name)!.shape, `${name} at n = ${n}`).toEqual(tensor.shape);
      expectClose(got.get(name)!.data, tensor.data, op.tolerance, `${name} at n = ${n}`);
    }
  }
}

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

describe.each(['js', 'wasm'] as const)('%s', (target) => {
  describe.each(tested)('$name', (op: Op) => {
    const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with evaluation', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, target, (graph) => graph),
    );
    test.each(cases)('$name agrees with evaluation when fused', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, target, surrounded),
    );
  });
});
