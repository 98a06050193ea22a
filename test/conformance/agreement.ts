/** Compiled ops against evaluation: compiled once with `n` symbolic, and run at sizes. */
import { expect } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { Model } from '../../src/runtime/model.ts';
import { modelOf, runOf, type CompiledTarget } from '../support/specs.ts';
import { expectClose } from '../support/tensors.ts';
import { inferAt, instantiate, SIZES } from './instances.ts';

/** All but those that only a pass makes, of other ops. */
export const testedOps = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

export async function checkSizes(
  op: Op,
  sample: Sample,
  targets: readonly CompiledTarget[],
  form: (graph: Graph) => Graph,
  sizes: readonly number[] = SIZES,
): Promise<void> {
  const accepted = sizes.filter((n) => !('error' in inferAt(op, sample, n)));
  const graph = form(instantiate(op, sample, accepted[0]!).graph);
  const models: { readonly target: CompiledTarget; readonly model: Model }[] = [];
  try {
    for (const target of targets) models.push({ target, model: await modelOf(graph, target) });
    for (const n of accepted) {
      const { inputs, symbols } = instantiate(op, sample, n);
      const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
      for (const { target, model } of models) {
        const got = await runOf(graph, model)(Object.fromEntries(inputs) as { [name: string]: Tensor }, { n });
        for (const [name, tensor] of wanted) {
          const what = `${name} at n = ${n} on ${target}`;
          expect(got.get(name)!.shape, what).toEqual(tensor.shape);
          expectClose(got.get(name)!.data, tensor.data, op.tolerance, what);
        }
      }
    }
  } finally {
    for (const { model } of models) model.dispose();
  }
}
