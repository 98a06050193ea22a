import { describe, expect, test } from 'vitest';
import { withoutPrefix } from '../../src/compiler/interop/weights.ts';
import { caseWith, expectCase, expectMutant, inputsOf, type CaseEntry, type Mutant } from '../support/cases.ts';
import { describeReference, largestDifference, readCase, valuesOf, type ReferenceCase } from '../support/reference.ts';
import { graphOfText, runnerOf, withRun } from '../support/specs.ts';
import { testOnTargets } from '../support/webgpu.ts';

describeReference('the InLine attention block in PyTorch', 'oracle/shared/inline', () => {
  /** The loss of these cases is the sum of the results, weighed by a given tensor. */
  const given = (name: string): ReferenceCase => {
    const read = readCase(`inline/${name}`);
    return { ...read, tensors: new Map([...read.tensors, ['in.cot', read.tensors.get('in.cot.y')!]]) };
  };
  const cases = [
    { name: 'attn', type: 'f32[batch, 17, 24]', application: 'InLineAttention(3, (4, 4))' },
    {
      name: 'swin_attn_exp',
      type: 'f32[batch, 9, 12]',
      application: 'InLineAttention(3, (3, 3), cls: false, kernel: "exp")',
    },
  ] as const;
  const entry = ({ type, application }: (typeof cases)[number]): CaseEntry => ({
    spec: 'block.model',
    entry: 'M',
    texts: {
      'block.model': `
        import { InLineAttention } from "std/linear_attention"
        model M { dims batch
          input x: ${type}
          input cot: ${type}
          output y = x |> ${application} as block
          output loss = sum(y * cot) }`,
    },
    instance: 'block',
    activations: { 'block.qkv': 'act.qkv', 'block.residual.2': 'act.local_kernel' },
  });

  for (const one of cases) {
    testOnTargets(one.name, async (target) => {
      await expectCase(given(one.name), entry(one), target, ['out.y', 'loss']);
    });
  }

  test.each<[string, Omit<Mutant, 'file'>]>([
    ['without_one_over_n', { passage: 'rest = 1 - s *', mistake: 'rest = 0 - s *' }],
    ['kernel_from_patches_only', { passage: 'mean(x, axis: 1)[', mistake: 'mean(x[:, outside:], axis: 1)[' }],
  ])('attn is off as it should be with the mistake %s', async (mistake, mutant) => {
    await expectMutant(given('attn'), entry(cases[0]!), mistake, { file: 'std/linear_attention.model', ...mutant });
  });
});

describeReference('attention cores in PyTorch', 'oracle/shared/inline', () => {
  const { tensors, sidecar } = readCase('inline/cores');
  const subcases = sidecar.subcases as {
    readonly [name: string]: {
      readonly attrs: { readonly kernel?: string; readonly eps?: number };
      readonly tensors: { readonly [name: string]: { readonly tol: number } };
    };
  };
  const application = (name: string): string => {
    const { kernel, eps } = subcases[name]!.attrs;
    const map = kernel === 'leakyrelu' ? 'leaky_relu' : kernel;
    if (name.includes('softmax')) return 'attention(q, k, v)';
    return name.includes('inline')
      ? `inline_attention(q, k, v, "${map}")`
      : `linear_attention(q, k, v, "${map}", ${eps?.toFixed(6)})`;
  };
  const specOf = (name: string): string => `
    import { inline_attention, linear_attention } from "std/linear_attention"
    model M { dims b, h, i, j, d
      input q: f32[b, h, i, 6]
      input k: f32[b, h, j, 6]
      input v: f32[b, h, j, d]
      output o = ${application(name)} }`;

  describe.each(Object.keys(subcases))('%s', (name) => {
    const graph = graphOfText(specOf(name));
    const own = withoutPrefix(tensors, `${name}/`);
    const inputs = inputsOf(graph, withoutPrefix(own, 'in.'));
    const { tol } = subcases[name]!.tensors['out.o']!;

    testOnTargets('the result', async (target) => {
      const o = (await withRun(graph, target, new Map(), (run) => run(inputs))).get('o')!;
      expect(largestDifference(o.data, valuesOf(own, 'out64.o'))).toBeLessThanOrEqual(tol);
      const cot = valuesOf(own, 'in.cot.o');
      const loss = o.data.reduce((sum, value, at) => sum + value * cot[at]!, 0);
      const wanted = subcases[name]!.tensors.loss!.tol;
      expect(Math.abs(loss - valuesOf(own, 'loss64')[0]!)).toBeLessThanOrEqual(wanted);
    });

    test('shows its weights where the values are the unit vectors', async () => {
      const [b, h, j] = inputs.k!.shape as [number, number, number];
      const data = Float64Array.from({ length: b * h * j * j }, (_, at) => (at % j === Math.floor(at / j) % j ? 1 : 0));
      const unit = { dtype: 'f32' as const, shape: [b, h, j, j], data };
      const w = (await (await runnerOf(graph, 'reference'))({ ...inputs, v: unit })).get('o')!;
      const wanted = subcases[name]!.tensors['act.w']!.tol;
      expect(largestDifference(w.data, valuesOf(own, 'act.w'))).toBeLessThanOrEqual(wanted);
    });
  });
});

describeReference('InLine-DeiT and its siblings in PyTorch', 'oracle/shared/inline', () => {
  const HYPERPARAMETERS = ['img_size', 'patch_size', 'in_chans', 'embed_dim', 'depth', 'num_heads'];
  const MORE = ['num_classes', 'mlp_ratio', 'ln_eps'];
  const blocks = { inline: 'InLineAttention', linear: 'LinearAttention', softmax: 'SoftmaxAttention' } as const;

  describe.each(['inline', 'linear', 'softmax'] as const)('deit_%s', (kind) => {
    const { given, settings } = caseWith(`inline/deit_${kind}`, [...HYPERPARAMETERS, ...MORE]);
    const layers = Array.from({ length: Number(given.config.depth) }, (_, at) => at);
    const model: CaseEntry = {
      spec: 'inline_deit.model',
      entry: 'InLineDeiT',
      settings: { ...settings, attention: blocks[kind] },
      activations: Object.fromEntries([
        ['patch_embed', 'act.patch_embed'],
        ...layers.flatMap((at) => [
          ...(kind === 'inline' ? [[`blocks.${at}.attn.residual.2`, `act.block${at}.local_kernel`]] : []),
          [`blocks.${at}.attn`, `act.block${at}.attn`],
          [`blocks.${at}.mlp`, `act.block${at}.mlp`],
        ]),
        ['norm', 'act.norm'],
      ]) as { [path: string]: string },
    };
    const { activations: _, ...plain } = model;
    const training: CaseEntry = {
      ...plain,
      entry: 'TrainInLineDeiT',
      instance: 'net',
      settings: { ...plain.settings, label_smoothing: given.config.label_smoothing },
    };

    testOnTargets('logits, activations and loss', async (target) => {
      await expectCase(given, model, target, ['out.logits']);
      await expectCase(given, training, target, ['out.logits', 'loss']);
    });

    test.each<[string, CaseEntry, Mutant]>([
      [
        'gelu_tanh',
        model,
        { file: 'std/vision.model', passage: '|> gelu |>', mistake: '|> gelu(approximate: "tanh") |>' },
      ],
      ['ln_eps_1e_5', model, { file: 'inline_deit.model', passage: 'LayerNorm(ln_eps)', mistake: 'LayerNorm(1e-5)' }],
      [
        'smoothing_over_other_classes',
        training,
        {
          file: 'inline_deit.model',
          passage: 'label_smoothing: label_smoothing)',
          mistake: 'label_smoothing: label_smoothing * num_classes / (num_classes - 1))',
        },
      ],
    ])('is off as it should be with the mistake %s', async (name, entry, mutant) => {
      await expectMutant(given, entry, name, mutant);
    });
  });
});
