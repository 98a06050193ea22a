/** The focal loss, of independent labels and of classes. */
import type { TensorType, Value } from '../../ir/graph.ts';
import type { Builder } from '../../ir/builder.ts';
import { defineOp, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { shapeFault } from '../pointwise/define.ts';
import { dtypeFault, gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { binaryCrossEntropy, binaryCrossEntropyOf } from './binary.ts';
import {
  alongClasses,
  CLASS_AXIS,
  classAxis,
  classesFault,
  exampleShape,
  examplesOf,
  logProbabilities,
  ofClass,
  targetFault,
  type ClassAxis,
} from './classes.ts';
import { formula } from '../formula.ts';
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

type Focal = ClassAxis & Reduction & { readonly gamma: number; readonly alpha: number | null };

function fault(inputs: readonly TensorType[], attributes: Focal): Mismatch | undefined {
  const [logits, target, weight] = inputs;
  const wrong = reductionFault('focal', attributes);
  if (wrong) return wrong;
  if (!(attributes.gamma >= 0))
    return { message: `\`focal\` needs a gamma of at least 0, not ${attributes.gamma}`, attribute: 'gamma' };
  if (target!.dtype === 'i32') {
    if (attributes.alpha !== null)
      return { message: '`focal` of class numbers takes weights of classes, not `alpha`', attribute: 'alpha' };
    return classesFault('focal', logits!, weight, attributes) ?? targetFault('focal', logits!, target!, attributes);
  }
  if (weight) return { message: '`focal` of labels takes `alpha`, not weights of classes', operand: 2 };
  return dtypeFault('focal', [logits!, target!], ['f32']) ?? shapeFault('focal', [logits!, target!]);
}

/** alpha_t (1 - p_t)^gamma of the binary cross entropy, p_t being the probability of the label. */
function ofLabels(builder: Builder, z: Value, y: Value, { gamma, alpha }: Focal): Value {
  const apply = formula(builder);
  const p = apply('sigmoid', z);
  const other = apply('sub', 1, y);
  // 1 - p_t = p (1 - y) + (1 - p) y
  const missed = apply('add', apply('mul', p, other), apply('mul', apply('sub', 1, p), y));
  const loss = apply('mul', apply('pow', missed, gamma), binaryCrossEntropy(apply, z, y, 1));
  if (alpha === null) return loss;
  return apply('mul', apply('add', apply('mul', y, alpha), apply('mul', other, 1 - alpha)), loss);
}

/** -weight[t] (1 - p_t)^gamma log(p_t), p_t being the softmax at the target class t. */
function ofClasses(builder: Builder, [z, target, weight]: readonly Value[], attributes: Focal): Value {
  const apply = formula(builder);
  const { shape } = z!.type;
  const axis = classAxis(shape.length, attributes);
  const index = builder.one('unsqueeze', [target!], { axis });
  const surprisal = builder.one('surprisal', [z!, index], { axis });
  const missed = apply('neg', apply('expm1', apply('neg', surprisal)));
  const loss = apply('mul', apply('pow', missed, attributes.gamma), surprisal);
  const chosen = weight && builder.one('gather', [alongClasses(builder, weight, axis, shape), index], { axis });
  return builder.one('reshape', [chosen ? apply('mul', chosen, loss) : loss], { shape: target!.type.shape });
}

function evaluate([z, target, weight]: readonly Tensor[], attributes: Focal): Float64Array {
  const { gamma, alpha } = attributes;
  if (target!.dtype === 'i32') {
    const losses = examplesOf(z!, attributes).map(({ scores }, at) => {
      const own = target!.data[at]!;
      const log = ofClass(logProbabilities(scores), own);
      return -(weight ? ofClass(weight.data, own) : 1) * (1 - Math.exp(log)) ** gamma * log;
    });
    return combined(Float64Array.from(losses), attributes);
  }
  const losses = z!.data.map((logit, at) => {
    const y = target!.data[at]!;
    const p = 1 / (1 + Math.exp(-logit));
    const missed = 1 - (p * y + (1 - p) * (1 - y));
    const balance = alpha === null ? 1 : alpha * y + (1 - alpha) * (1 - y);
    return balance * missed ** gamma * binaryCrossEntropyOf(logit, y, 1);
  });
  return combined(losses, attributes);
}

const corner: Focal = { axis: null, reduction: 'mean', gamma: 2, alpha: null };

export const focal: Op = defineOp<Focal>({
  name: 'focal',
  doc:
    'The focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002) of f32 logits: cross entropy times (1 - p)^gamma, ' +
    "p being the probability of the target. With f32 targets of the logits' shape each is a label of its own (sigmoid), " +
    'which `alpha` weighs by alpha where it is 1 and 1 - alpha where it is 0; with i32 targets they are classes ' +
    '(softmax) along axis 1 or `axis`, with weights f32[classes]. The mean is over all labels, or all examples.',
  operands: [{ name: 'logits' }, { name: 'target' }, { name: 'weight', optional: true }],
  attributes: [
    { name: 'gamma', kind: 'float', default: 2, doc: 'How much less what is known already counts, at least 0.' },
    { name: 'alpha', kind: 'float', default: null, doc: 'The weight of labels that are 1; none for no weights.' },
    REDUCTION,
    CLASS_AXIS,
  ],
  infer(inputs, attributes) {
    const error = fault(inputs, attributes);
    if (error) return { error };
    const { shape } = inputs[0]!;
    return gives(lossType(inputs[1]!.dtype === 'i32' ? exampleShape(shape, attributes) : shape, attributes));
  },
  evaluate: (inputs, attributes) => [evaluate(inputs, attributes)],
  body: {
    kind: 'composite',
    expand(builder, inputs, attributes) {
      const [z, target] = inputs;
      const losses =
        target!.type.dtype === 'i32'
          ? ofClasses(builder, inputs, attributes)
          : ofLabels(builder, z!, target!, attributes);
      return [combineLosses(builder, losses, attributes)];
    },
  },
  tolerance: LOSS_TOLERANCE,
  samples: [
    ...REDUCTIONS.map((reduction): Sample => ({
      inputs: [f32(3, n), f32(3, n)],
      attributes: { ...corner, reduction, alpha: 0.25 },
      range: [0, 1],
    })),
    { inputs: [f32(n), f32(n)], attributes: { ...corner, gamma: 0 }, range: [0, 1] },
    { inputs: [f32(n, 3), tensor('i32', n), f32(3)], attributes: { ...corner, reduction: 'none' } },
    { inputs: [f32(2, n, 3), tensor('i32', 2, n)], attributes: { ...corner, axis: 2, gamma: 1.5 } },
  ],
});
