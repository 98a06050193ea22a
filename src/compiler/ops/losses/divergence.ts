/** `kl_div`: the Kullback-Leibler divergence. */
import type { Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample } from '../../ir/op.ts';
import { shapeFault } from '../pointwise/define.ts';
import { scalarOf } from '../reduce/composite.ts';
import { dtypeFault, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { formula, type Apply } from '../formula.ts';
import { combined, combineLosses, LOSS_TOLERANCE, lossType, reductionFault, type Reduction } from './reduction.ts';

type Divergence = Reduction & { readonly log_target: boolean };

const REDUCTIONS = ['mean', 'batchmean', 'sum', 'none'];

function divergenceOf(x: number, target: number, isLog: boolean): number {
  if (isLog) return Math.exp(target) * (target - x);
  return target === 0 ? 0 : target * (Math.log(target) - x);
}

/** Where the target is 0 nothing is infinite, so that gradients are 0 as well. */
function ofProbabilities(apply: Apply, x: Value, target: Value): Value {
  const isZero = apply('equal', target, 0);
  const logarithm = apply('log', apply('where', isZero, 1, target));
  return apply('mul', target, apply('where', isZero, 0, apply('sub', logarithm, x)));
}

export const klDiv: Op = defineOp<Divergence>({
  name: 'kl_div',
  doc:
    'The Kullback-Leibler divergence target (log(target) - x) of logarithms of probabilities x from probabilities, as ' +
    'PyTorch: both are f32 of one shape, and a target of 0 adds 0. "batchmean" is the sum divided by the size of the ' +
    'first axis, which is the divergence of the mean example; "mean" is over all elements.',
  operands: [{ name: 'x' }, { name: 'target' }],
  attributes: [
    {
      name: 'reduction',
      kind: 'string',
      default: 'mean',
      doc: '"mean", "batchmean", "sum", or "none" for that of each element.',
    },
    { name: 'log_target', kind: 'bool', default: false, doc: 'Whether the target holds logarithms too.' },
  ],
  infer(inputs, attributes) {
    const error =
      dtypeFault('kl_div', inputs, ['f32']) ??
      shapeFault('kl_div', inputs) ??
      reductionFault('kl_div', attributes, REDUCTIONS);
    if (error) return { error };
    const { shape } = inputs[0]!;
    if (attributes.reduction === 'batchmean' && shape.length === 0)
      return { error: { message: '`kl_div` with the reduction "batchmean" needs an axis of examples', operand: 0 } };
    return gives(lossType(shape, attributes));
  },
  evaluate([x, target], attributes) {
    const { reduction, log_target: isLog } = attributes;
    const losses = x!.data.map((value, at) => divergenceOf(value, target!.data[at]!, isLog));
    if (reduction !== 'batchmean') return [combined(losses, attributes)];
    return [combined(losses, { reduction: 'mean' }, x!.shape[0]!)];
  },
  body: {
    kind: 'composite',
    expand(builder, [x, target], { reduction, log_target: isLog }) {
      const apply = formula(builder);
      const losses = isLog
        ? apply('mul', apply('exp', target!), apply('sub', target!, x!))
        : ofProbabilities(apply, x!, target!);
      if (reduction !== 'batchmean') return [combineLosses(builder, losses, { reduction })];
      const examples = scalarOf(builder, x!.type.shape[0]!);
      return [apply('div', combineLosses(builder, losses, { reduction: 'sum' }), examples)];
    },
  },
  tolerance: LOSS_TOLERANCE,
  samples: REDUCTIONS.flatMap((reduction): Sample[] => [
    { inputs: [f32(n, 4), f32(n, 4)], attributes: { reduction, log_target: false }, range: [0, 1] },
    { inputs: [f32(3, n), f32(3, n)], attributes: { reduction, log_target: true } },
  ]),
});
