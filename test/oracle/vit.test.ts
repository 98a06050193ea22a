import { expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { describeReference, largestDifference, readCase, valuesOf } from '../support/reference.ts';
import {
  asTensor,
  graphOf,
  modelOf,
  renamed,
  runOf,
  runnerOf,
  settings,
  specFile,
  TARGETS,
  type Run,
} from '../support/specs.ts';
import { useThreads } from '../support/threads.ts';
import { describeGpu } from '../support/webgpu.ts';

/** The sidecars' names of hyperparameters and of activations, in ours. */
const HYPERPARAMETERS = { image_size: 'image', patch_size: 'patch', num_classes: 'classes' } as const;
const OWN = ['dim', 'depth', 'heads', 'mlp_dim', 'pool', 'dim_head'] as const;

describeReference('ViT in PyTorch', 'oracle/shared/vit', () => {
  const threads = useThreads();
  for (const [name, entry, map] of [
    ['seed_cls', 'ViT', 'vit-pytorch'],
    ['seed_mean', 'ViT', 'vit-pytorch'],
    ['seed_dh_eq', 'ViT', 'vit-pytorch'],
    ['head_cls', 'ViTHead', 'vit-pytorch-head'],
  ] as const) {
    const { tensors, config, tolerances } = readCase(`vit/${name}`);
    const values = Object.fromEntries([
      ...Object.entries(HYPERPARAMETERS).map(([theirs, ours]) => [ours, config[theirs]]),
      ...OWN.map((key) => [key, config[key]]),
    ]) as { [name: string]: unknown };
    const weights = renamed(map, withoutPrefix(tensors, 'param.'));
    const taps = [
      'layers.*.attn',
      'layers.*.ff',
      entry === 'ViT' ? 'to_patch_embedding' : 'embedding_norm',
      ...(entry === 'ViT' ? [] : ['norm']),
    ];
    const graph = graphOf(specFile('vit.model'), { entry, settings: settings(values), taps });

    const checkRun = async (run: Run): Promise<void> => {
      const outputs = await run({ img: asTensor('f32', tensors.get('in.img')!) });
      const compare = (ours: string, theirs: string, truth = theirs): void => {
        const wanted = valuesOf(tensors, truth);
        expect(largestDifference(outputs.get(ours)!.data, wanted), ours).toBeLessThanOrEqual(tolerances[theirs]!.tol);
      };
      compare('logits', 'out.logits', 'out64.logits');
      for (let layer = 0; layer < Number(config.depth); layer++) {
        compare(`layers.${layer}.attn`, `act.layer${layer}.attn`);
        compare(`layers.${layer}.ff`, `act.layer${layer}.ff`);
      }
      compare(taps[2]!, 'act.patch_embedding');
      if (entry === 'ViTHead') compare('norm', 'act.transformer');
    };

    test.each(TARGETS)(`${name}: logits and activations on %s`, async (target) =>
      checkRun(await runnerOf(graph, target, weights)),
    );
    test(`${name}: logits and activations on two threads`, async () => {
      const model = await modelOf(graph, 'wasm', weights, threads(2));
      await checkRun(runOf(graph, model)).finally(() => model.dispose());
    });
    describeGpu('on webgpu', () => {
      test(`${name}: logits and activations`, async () => {
        const model = await modelOf(graph, 'webgpu', weights);
        await checkRun(runOf(graph, model)).finally(() => model.dispose());
      });
    });
  }
});
