/**
 * Every backend against evaluation, generated from the op records: each sample is compiled once with `n` symbolic and
 * run at sizes around every tile edge. Ops run alone, and again behind neighbours that fusion merges them with.
 */
import { describe, expect, test } from 'vitest';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { chooseSimd } from '../../src/runtime/devices/simd.ts';
import type { Model } from '../../src/runtime/model.ts';
import { modelOf, runOf, type CompiledTarget } from '../support/specs.ts';
import { expectClose } from '../support/tensors.ts';
import { describeGpu } from '../support/webgpu.ts';
import { inferAt, instantiate, nameSample, SIZES, surrounded } from './instances.ts';

async function checkSizes(
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

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

function conformanceTests(target: 'js' | 'wasm'): void {
  describe.each(tested)('$name', (op: Op) => {
    const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with evaluation', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, [target], (graph) => graph),
    );
    test.each(cases)('$name agrees with evaluation when fused', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, target === 'wasm' ? wasmVariants(op) : [target], surrounded),
    );
  });
}

/** Engines that had relaxed SIMD behind a flag got its dot product wrong, and are given the strict module by a load. */
function wasmVariants(op: Op): readonly CompiledTarget[] {
  const isWrong = op.name === 'contract_words' && chooseSimd() === 'strict';
  return isWrong ? ['wasm'] : ['wasm', 'relaxed', 'relaxed 4x8'];
}

describe.each(['js', 'wasm'] as const)('%s', conformanceTests);

/**
 * A driver in software takes tens of milliseconds for each kernel, so it runs fewer samples at fewer sizes; that all
 * kernels are well formed is tested with a device that only validates.
 */
const SIZES_ON_GPU = [0, 1, 5, 17];

/**
 * Composites are made of ops that have samples of their own: one is enough. Of samples of a pointwise op that differ in
 * their shapes alone, the first of most axes.
 */
function samplesOnGpu({ body, samples }: Op): readonly Sample[] {
  if (body.kind === 'composite') return samples.slice(0, 1);
  if (body.kind !== 'pointwise') return samples;
  const rankOf = ({ inputs }: Sample): number => inputs[0]!.shape.length;
  const chosen = new Map<string, Sample>();
  for (const sample of samples) {
    const key = JSON.stringify([sample.inputs.map(({ dtype }) => dtype), sample.attributes]);
    const known = chosen.get(key);
    if (!known || rankOf(sample) > rankOf(known)) chosen.set(key, sample);
  }
  return [...chosen.values()];
}

describeGpu('webgpu', () => {
  describe.each(tested)('$name', (op: Op) => {
    const cases = samplesOnGpu(op).map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with evaluation when fused', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, ['webgpu'], surrounded, SIZES_ON_GPU),
    );
  });
});
