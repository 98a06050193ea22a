/** Updates of given gradients in PyTorch and TensorFlow: the loss is the sum of parameters times gradients. */
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { describeReference, readCase, valuesOf } from '../support/reference.ts';
import { asTensor, type AnyTarget } from '../support/specs.ts';
import { Learner, trainingOfText } from '../support/training.ts';
import { describeGpu } from '../support/webgpu.ts';

interface Subcase {
  readonly attrs: { readonly [name: string]: unknown; readonly lr_sequence?: readonly number[] };
  readonly tensors: { readonly [name: string]: { readonly tol: number; readonly rtol: number; readonly atol: number } };
}

/** The optimizer of each sub-case, whose arguments are those of the case. */
const OPTIMIZERS: { readonly [subcase: string]: string } = {
  sgd: 'sgd',
  sgd_l2: 'sgd',
  momentum: 'sgd',
  nesterov: 'sgd(nesterov: true)',
  adam: 'adam',
  adam_l2: 'adam',
  adamw: 'adamw',
  rmsprop: 'rmsprop',
  tf1_adam: 'adam(form: "tensorflow")',
  rmsprop_centered_momentum: 'rmsprop(centered: true)',
  adagrad: 'adagrad',
  momentum_lr_sequence: 'sgd',
  adamw_lr_sequence: 'adamw',
};

function specOf(optimizer: string): string {
  return `
train Fit() {
  input gw: f32[3, 4]
  input gb: f32[5]
  param w: f32[3, 4] = zeros()
  param b: f32[5] = zeros()
  loss sum(w * gw) + sum(b * gb)
  optimizer ${optimizer}
}`;
}

function callOf(subcase: string, { attrs }: Subcase): string {
  const given = Object.entries(attrs).flatMap(([name, value]) => {
    if (name === 'lr_sequence') return ['lr: constant(1.0)'];
    const text = Array.isArray(value) ? `(${value.join(', ')})` : String(value);
    return [`${name}: ${text}`];
  });
  const [name, own] = OPTIMIZERS[subcase]!.split(/[()]/);
  return `${name}(${[...(own ? [own] : []), ...given].join(', ')})`;
}

describeReference('updates in PyTorch', 'oracle/shared/optim', () => {
  const { tensors, sidecar } = readCase('optim/traces');
  const subcases = sidecar['subcases'] as { readonly [name: string]: Subcase };
  const tensor = (stored: StoredTensor): Tensor => asTensor('f32', stored);
  const given = (subcase: string, name: string): Tensor =>
    tensor((tensors.get(`${subcase}/${name}`) ?? tensors.get(name))!);

  const within = (subcase: string, name: string, got: ArrayLike<number>): void => {
    const { tol, rtol, atol } = subcases[subcase]!.tensors[name]!;
    const wanted = valuesOf(tensors, `${subcase}/${name.replace(/^out/, 'out64')}`);
    expect(got.length).toBe(wanted.length);
    wanted.forEach((value, at) => {
      const allowed = Math.min(tol, atol + rtol * Math.abs(value));
      expect(Math.abs(got[at]! - value), `${subcase} ${name}[${at}]`).toBeLessThanOrEqual(allowed);
    });
  };

  test('every sub-case is tried', () => {
    const clipping = Object.keys(subcases).filter((name) => name.startsWith('clip_'));
    expect(Object.keys(subcases).toSorted()).toEqual([...Object.keys(OPTIMIZERS), ...clipping].toSorted());
  });

  describe.each(Object.keys(OPTIMIZERS))('%s', (subcase) => {
    const sub = subcases[subcase]!;
    const check = async (target: AnyTarget): Promise<void> => {
      const module = trainingOfText(specOf(callOf(subcase, sub)));
      const rates = sub.attrs.lr_sequence;
      const weights = new Map([
        ['w', given(subcase, 'in.w')],
        ['b', given(subcase, 'in.b')],
      ]);
      const learner = await Learner.of(module, weights, target, rates && ((update) => rates[update - 1]!));
      for (let t = 1; tensors.has(`${subcase}/out.step${t}.w`); t++) {
        await learner.step({ gw: given(subcase, `in.g${t}.w`), gb: given(subcase, `in.g${t}.b`) });
        within(subcase, `out.step${t}.w`, learner.weights.get('w')!.data);
        within(subcase, `out.step${t}.b`, learner.weights.get('b')!.data);
      }
    };
    test.each(['reference', 'js', 'wasm', 'relaxed'] as const)('%s', check);
    describeGpu('on webgpu', () => {
      test('webgpu', () => check('webgpu'));
    });
  });

  describe.each(['clip_grad_norm', 'clip_grad_norm_inactive', 'clip_grad_value'])('%s', (subcase) => {
    const check = async (target: AnyTarget): Promise<void> => {
      const { attrs } = subcases[subcase]!;
      const [how, most] = Object.entries(attrs)[0] as readonly [string, number];
      const module = trainingOfText(
        specOf(`sgd(lr: 1.0, ${how === 'max_norm' ? 'clip_norm' : how}: ${most.toFixed(4)})`),
      );
      const zeros = (name: string): Tensor => ({
        ...given(subcase, name),
        data: given(subcase, name).data.map(() => 0),
      });
      const weights = new Map([
        ['w', zeros('in.w')],
        ['b', zeros('in.b')],
      ]);
      const learner = await Learner.of(module, weights, target);
      await learner.step({ gw: given(subcase, 'in.g1.w'), gb: given(subcase, 'in.g1.b') });
      for (const name of ['w', 'b'])
        within(
          subcase,
          `out.g.${name}`,
          learner.weights.get(name)!.data.map((value) => -value),
        );
    };
    test.each(['reference', 'js', 'wasm', 'relaxed'] as const)('%s', check);
    describeGpu('on webgpu', () => {
      test('webgpu', () => check('webgpu'));
    });
  });
});
