/** Losses that compare a tensor with targets of its own shape, element by element. */
import type { Builder } from '../../ir/builder.ts';
import type { Attributes, Value } from '../../ir/graph.ts';
import { defineOp, type AttributeSpec, type Op, type Sample } from '../../ir/op.ts';
import { shapeFault } from '../pointwise/define.ts';
import { dtypeFault, gives, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { formula, type Apply } from '../formula.ts';
import {
  combined,
  combineLosses,
  LOSS_TOLERANCE,
  lossType,
  REDUCTION,
  reductionFault,
  REDUCTIONS,
  type Reduction,
} from './reduction.ts';

interface ElementwiseSpec<A extends Attributes> {
  readonly name: string;
  readonly doc: string;
  readonly attributes?: readonly AttributeSpec[];
  check?(attributes: A): Mismatch | undefined;
  /** The loss of an element, from a prediction and its target. */
  compute(attributes: A): (x: number, target: number) => number;
  losses(apply: Apply, x: Value, target: Value, attributes: A): Value;
  /** Further attributes of the samples. */
  readonly corners: readonly A[];
}

function elementwiseLoss<A extends Attributes>(spec: ElementwiseSpec<A>): Op {
  const { name } = spec;
  return defineOp<A & Reduction>({
    name,
    doc: `${spec.doc} x and the target are f32 of one shape; the mean is over all elements.`,
    operands: [{ name: 'x' }, { name: 'target' }],
    attributes: [...(spec.attributes ?? []), REDUCTION],
    infer(inputs, attributes) {
      const error =
        dtypeFault(name, inputs, ['f32']) ??
        shapeFault(name, inputs) ??
        reductionFault(name, attributes) ??
        spec.check?.(attributes);
      return error ? { error } : gives(lossType(inputs[0]!.shape, attributes));
    },
    evaluate([x, target], attributes) {
      const loss = spec.compute(attributes);
      return [
        combined(
          x!.data.map((value, at) => loss(value, target!.data[at]!)),
          attributes,
        ),
      ];
    },
    body: {
      kind: 'composite',
      expand(builder: Builder, [x, target], attributes) {
        return [combineLosses(builder, spec.losses(formula(builder), x!, target!, attributes), attributes)];
      },
    },
    tolerance: LOSS_TOLERANCE,
    samples: spec.corners.flatMap((corner): Sample[] => [
      ...REDUCTIONS.map((reduction) => ({ inputs: [f32(3, n), f32(3, n)], attributes: { ...corner, reduction } })),
      { inputs: [f32(), f32()], attributes: { ...corner, reduction: 'mean' } },
    ]),
  });
}

function positive(called: string, name: string, value: number): Mismatch | undefined {
  return value > 0 ? undefined : { message: `\`${called}\` needs a ${name} above 0, not ${value}`, attribute: name };
}

const difference = (apply: Apply, x: Value, target: Value): Value => apply('sub', x, target);

const mse = elementwiseLoss({
  name: 'mse',
  doc: 'The squared error (x - target)².',
  compute: () => (x, target) => (x - target) ** 2,
  losses: (apply, x, target) => apply('square', difference(apply, x, target)),
  corners: [{}],
});

const l1 = elementwiseLoss({
  name: 'l1',
  doc: 'The absolute error |x - target|.',
  compute: () => (x, target) => Math.abs(x - target),
  losses: (apply, x, target) => apply('abs', difference(apply, x, target)),
  corners: [{}],
});

const smoothL1 = elementwiseLoss<{ readonly beta: number }>({
  name: 'smooth_l1',
  doc:
    'With d = x - target, d² / (2 beta) where |d| < beta, else |d| - beta / 2 (Girshick 2015, ' +
    'https://arxiv.org/abs/1504.08083).',
  attributes: [{ name: 'beta', kind: 'float', default: 1, doc: 'Where the parabola ends, above 0.' }],
  check: ({ beta }) => positive('smooth_l1', 'beta', beta),
  compute:
    ({ beta }) =>
    (x, target) => {
      const size = Math.abs(x - target);
      return size < beta ? size ** 2 / (2 * beta) : size - beta / 2;
    },
  losses(apply, x, target, { beta }) {
    const size = apply('abs', difference(apply, x, target));
    const parabola = apply('mul', apply('square', size), 1 / (2 * beta));
    return apply('where', apply('less', size, beta), parabola, apply('sub', size, beta / 2));
  },
  corners: [{ beta: 1 }, { beta: 0.5 }],
});

const huber = elementwiseLoss<{ readonly delta: number }>({
  name: 'huber',
  doc:
    'With d = x - target, d² / 2 where |d| <= delta, else delta (|d| - delta / 2) (Huber 1964, Ann. Math. Stat. 35, ' +
    '73-101).',
  attributes: [{ name: 'delta', kind: 'float', default: 1, doc: 'Where the parabola ends, above 0.' }],
  check: ({ delta }) => positive('huber', 'delta', delta),
  compute:
    ({ delta }) =>
    (x, target) => {
      const size = Math.abs(x - target);
      return size <= delta ? size ** 2 / 2 : delta * (size - delta / 2);
    },
  losses(apply, x, target, { delta }) {
    const size = apply('abs', difference(apply, x, target));
    const parabola = apply('mul', apply('square', size), 0.5);
    const line = apply('mul', apply('sub', size, delta / 2), delta);
    return apply('where', apply('less_equal', size, delta), parabola, line);
  },
  corners: [{ delta: 1 }, { delta: 0.5 }],
});

export const elementwiseLosses: readonly Op[] = [mse, l1, smoothL1, huber];
