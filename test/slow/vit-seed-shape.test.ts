import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeReference, largestDifference, readCase, referenceRoot, valuesOf } from '../support/reference.ts';
import { asTensor, graphOf, renamed, runnerOf, specFile, storedTensor, TARGETS } from '../support/specs.ts';

/** The reference cases' own generator of large parameters: uniform(seed, key, count, scale, base). */
interface HashGenerator {
  uniform(seed: number, name: string, count: number, scale: number, base: number): Float32Array;
  checksum(values: Float32Array): { readonly sum32: number; readonly xor32: number };
}

interface Generated {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly base: number;
  readonly sum32: number;
  readonly xor32: number;
}

const generatorPath = join(referenceRoot, 'oracle/gen/hashgen.mjs');
const generator = existsSync(generatorPath) ? ((await import(generatorPath)) as HashGenerator) : undefined;

describeReference('the full-size ViT in PyTorch', 'oracle/shared/vit_seed_shape', () => {
  const { tensors, tolerances, sidecar } = readCase('vit_seed_shape/cls');
  const recipe = sidecar.generator as { params: Generated[]; inputs: { img: Generated } };
  const generate = (entry: Generated, key: string) => {
    const count = entry.shape.reduce((product, size) => product * size, 1);
    const values = generator!.uniform(Number(sidecar.seed), key, count, entry.scale, entry.base);
    expect(generator!.checksum(values), key).toEqual({ sum32: entry.sum32, xor32: entry.xor32 });
    return storedTensor(entry.shape, values);
  };
  const foreign = new Map(recipe.params.map((entry) => [entry.name!, generate(entry, `param.${entry.name}`)]));
  const weights = renamed('vit-pytorch', foreign);
  const img = asTensor('f32', generate(recipe.inputs.img, 'in.img'));
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', taps: ['layers.*.ff'] });

  test.each(TARGETS)('logits and feed-forward activations on %s', { timeout: 600_000 }, async (target) => {
    const run = await runnerOf(graph, target, weights);
    const outputs = await run({ img });
    const logits = outputs.get('logits')!.data;
    expect(largestDifference(logits, valuesOf(tensors, 'out64.logits'))).toBeLessThanOrEqual(
      tolerances['out.logits']!.tol,
    );
    for (let layer = 0; layer < 6; layer++) {
      const name = `act.layer${layer}.ff.cls`;
      const token = outputs.get(`layers.${layer}.ff`)!.data.subarray(0, 1024);
      expect(largestDifference(token, valuesOf(tensors, name)), name).toBeLessThanOrEqual(tolerances[name]!.tol);
    }
  });
});
