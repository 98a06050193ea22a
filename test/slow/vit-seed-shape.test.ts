import { expect } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { readGeneratedCase } from '../support/generated.ts';
import { describeReference, largestDifference, valuesOf } from '../support/reference.ts';
import { asTensor, graphOf, renamed, runnerOf, specFile } from '../support/specs.ts';
import { testOnTargets } from '../support/webgpu.ts';

describeReference('the full-size ViT in PyTorch', 'oracle/shared/vit_seed_shape', () => {
  const { tensors, tolerances } = readGeneratedCase('vit_seed_shape/cls');
  const weights = renamed('vit-pytorch', withoutPrefix(tensors, 'param.'));
  const img = asTensor('f32', tensors.get('in.img')!);
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', taps: ['layers.*.ff'] });

  testOnTargets('logits and feed-forward activations', async (target) => {
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
