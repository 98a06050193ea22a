/** Binary cross entropy of logits. */
import { broadcastShapes, printType } from '../../ir/types.ts';
import { sameShape } from '../../dims/shape.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample } from '../../ir/op.ts';
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

/** `-pos_weight y log sigmoid(z) - (1 - y) log(1 - sigmoid(z))`, where no exponential overflows. */
export function binaryCrossEntropy(apply: Apply, z: Value, y: Value, weight: Value | number): Value {
  const log = apply('log_sigmoid', z);
  const negatives = apply('mul', apply('sub', 1, y), z);
  if (weight === 1) return apply('sub', negatives, log);
  const factor = apply('add', 1, apply('mul', apply('sub', weight, 1), y));
  return apply('sub', negatives, apply('mul', factor, log));
}

export function binaryCrossEntropyOf(z: number, y: number, weight: number): number {
  const softplus = Math.log1p(Math.exp(-Math.abs(z))) + Math.max(-z, 0);
  return (1 - y) * z + (1 + (weight - 1) * y) * softplus;
}

function weightFault([z, , weight]: readonly TensorType[]): Mismatch | undefined {
  if (!weight) return undefined;
  const common = broadcastShapes([z!.shape, weight.shape]);
  if ('shape' in common && sameShape(common.shape, z!.shape)) return undefined;
  const message = `the \`pos_weight\` of \`bce_with_logits\` must broadcast to ${printType(z!)}, not ${printType(weight)}`;
  return { message, operand: 2 };
}

export const bceWithLogits: Op = defineOp<Reduction>({
  name: 'bce_with_logits',
  doc:
    'Binary cross entropy of logits z with targets y in 0 … 1, both f32 of one shape: -w y log(sigmoid(z)) - (1 - y) ' +
    'log(1 - sigmoid(z)), where the weight w of positives is `pos_weight`, which broadcasts to z. The mean is over all ' +
    'elements; for weights of elements, multiply the losses of `reduction: "none"`.',
  operands: [{ name: 'z' }, { name: 'y' }, { name: 'pos_weight', optional: true }],
  attributes: [REDUCTION],
  infer(inputs, attributes) {
    const error =
      dtypeFault('bce_with_logits', inputs, ['f32']) ??
      shapeFault('bce_with_logits', inputs.slice(0, 2)) ??
      weightFault(inputs) ??
      reductionFault('bce_with_logits', attributes);
    return error ? { error } : gives(lossType(inputs[0]!.shape, attributes));
  },
  evaluate([z, y, weight], attributes) {
    const steps = weight ? broadcastSteps(weight.shape, z!.shape) : undefined;
    const losses = z!.data.map((logit, at) => {
      const positive = steps ? weight!.data[steps(at)]! : 1;
      return binaryCrossEntropyOf(logit, y!.data[at]!, positive);
    });
    return [combined(losses, attributes)];
  },
  body: {
    kind: 'composite',
    expand(builder, [z, y, weight], attributes) {
      return [combineLosses(builder, binaryCrossEntropy(formula(builder), z!, y!, weight ?? 1), attributes)];
    },
  },
  tolerance: LOSS_TOLERANCE,
  samples: REDUCTIONS.flatMap((reduction): Sample[] => [
    { inputs: [f32(3, n), f32(3, n)], attributes: { reduction } },
    { inputs: [f32(n, 3), f32(n, 3), f32(3)], attributes: { reduction } },
  ]),
});

/** From a position in `shape` to that in a tensor of `from` broadcast to it. */
function broadcastSteps(from: readonly number[], shape: readonly number[]): (at: number) => number {
  return (at) => {
    let [rest, position, step] = [at, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = from[axis - shape.length + from.length] ?? 1;
      if (size !== 1) position += (rest % shape[axis]!) * step;
      rest = Math.floor(rest / shape[axis]!);
      step *= size;
    }
    return position;
  };
}
