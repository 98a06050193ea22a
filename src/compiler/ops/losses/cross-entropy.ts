/** `cross_entropy` of logits and `nll` of log-probabilities. */
import { sameShape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { scalarOf } from '../reduce/composite.ts';
import { gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import {
  alongClasses,
  CLASS_AXIS,
  classAxis,
  CLASSES_DOC,
  classesFault,
  exampleShape,
  examplesOf,
  IGNORE_INDEX,
  keptTargets,
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
  type Reduction,
} from './reduction.ts';

type Likelihood = ClassAxis & Reduction & { readonly ignore_index: number };
type CrossEntropy = Likelihood & { readonly label_smoothing: number };

/** The losses of kept examples, 0 for others, and their sum, or their mean by the weights that count. */
function finish(
  builder: Builder,
  losses: Value,
  weights: Value | undefined,
  isKept: Value,
  axis: number,
  { reduction }: Reduction,
): Value {
  const apply = formula(builder);
  const kept = apply('where', isKept, losses, 0);
  if (reduction === 'none') return builder.one('reshape', [kept], { shape: kept.type.shape.toSpliced(axis, 1) });
  const sum = combineLosses(builder, kept, { reduction: 'sum' });
  if (reduction === 'sum') return sum;
  const counted = apply('where', isKept, weights ?? 1, 0);
  return apply('div', sum, combineLosses(builder, counted, { reduction: 'sum' }));
}

/** -log(softmax(z)) summed over the classes, with their weights. */
function surprisalOfAll(builder: Builder, z: Value, axis: number, weights: Value | undefined): Value {
  const apply = formula(builder);
  const logs = builder.one('log_softmax', [z], { axis });
  const sum = builder.one('reduce_sum', [weights ? apply('mul', weights, logs) : logs], { axes: [axis] });
  return apply('neg', sum);
}

function expandIndices(builder: Builder, [z, target, weight]: readonly Value[], attributes: CrossEntropy): Value {
  const apply = formula(builder);
  const { shape } = z!.type;
  const axis = classAxis(shape.length, attributes);
  const { index, isKept } = keptTargets(builder, target!, axis, attributes.ignore_index);
  const all = weight && alongClasses(builder, weight, axis, shape);
  const weights = all && builder.one('gather', [all, index], { axis });
  const own = builder.one('surprisal', [z!, index], { axis });
  const weighted = weights ? apply('mul', weights, own) : own;
  const smoothing = attributes.label_smoothing;
  if (smoothing === 0) return finish(builder, weighted, weights, isKept, axis, attributes);
  const share = apply('div', smoothing, scalarOf(builder, shape[axis]!));
  const spread = apply('mul', share, surprisalOfAll(builder, z!, axis, all));
  const losses = apply('add', apply('mul', weighted, 1 - smoothing), spread);
  return finish(builder, losses, weights, isKept, axis, attributes);
}

function expandProbabilities(builder: Builder, [z, target, weight]: readonly Value[], attributes: CrossEntropy): Value {
  const apply = formula(builder);
  const { shape } = z!.type;
  const axis = classAxis(shape.length, attributes);
  const smoothing = attributes.label_smoothing;
  const share = apply('div', smoothing, scalarOf(builder, shape[axis]!));
  const smoothed = smoothing === 0 ? target! : apply('add', apply('mul', target!, 1 - smoothing), share);
  const weights = weight ? apply('mul', alongClasses(builder, weight, axis, shape), smoothed) : smoothed;
  const losses = builder.one('reshape', [surprisalOfAll(builder, z!, axis, weights)], {
    shape: exampleShape(shape, attributes),
  });
  return combineLosses(builder, losses, attributes);
}

/** The same in f64, example by example. */
function evaluateCrossEntropy([z, target, weight]: readonly Tensor[], attributes: CrossEntropy): Float64Array {
  const { label_smoothing: smoothing, ignore_index: ignored } = attributes;
  const byIndex = target!.dtype === 'i32';
  let total = 0;
  const losses = examplesOf(z!, attributes).map(({ scores, places }, at) => {
    const logs = logProbabilities(scores);
    const weights = weight ? weight.data : scores.map(() => 1);
    const sum = (of: (c: number) => number): number => logs.reduce((all, log, c) => all - of(c) * weights[c]! * log, 0);
    if (!byIndex) return sum((c) => target!.data[places[c]!]! * (1 - smoothing) + smoothing / scores.length);
    const own = target!.data[at]!;
    if (own === ignored) return 0;
    total += ofClass(weights, own);
    const spread = smoothing === 0 ? 0 : (smoothing / scores.length) * sum(() => 1);
    return -(1 - smoothing) * ofClass(weights, own) * ofClass(logs, own) + spread;
  });
  return combined(Float64Array.from(losses), attributes, byIndex ? total : losses.length);
}

function crossEntropyFault(inputs: readonly TensorType[], attributes: CrossEntropy): Mismatch | undefined {
  const [z, target, weight] = inputs;
  const called = 'cross_entropy';
  const error = classesFault(called, z!, weight, attributes) ?? reductionFault(called, attributes);
  if (error) return error;
  const smoothing = attributes.label_smoothing;
  if (!(smoothing >= 0 && smoothing <= 1))
    return { message: `a label smoothing of ${smoothing} is not in 0 … 1`, attribute: 'label_smoothing' };
  if (target!.dtype !== 'f32') return targetFault(called, z!, target!, attributes);
  if (sameShape(target!.shape, z!.shape)) return undefined;
  return {
    message: `\`${called}\` needs probabilities of the logits' shape ${printType(z!)}, not ${printType(target!)}`,
    operand: 1,
    hint: 'class numbers are i32',
  };
}

const plain: CrossEntropy = { axis: null, reduction: 'mean', ignore_index: -100, label_smoothing: 0 };

const crossEntropySamples: readonly Sample[] = [
  { inputs: [f32(n, 3), tensor('i32', n)], attributes: plain },
  { inputs: [f32(n, 3), tensor('i32', n)], attributes: { ...plain, reduction: 'sum', ignore_index: 1 } },
  { inputs: [f32(4, n), tensor('i32', 4)], attributes: { ...plain, reduction: 'none' } },
  { inputs: [f32(2, n, 3), tensor('i32', 2, n), f32(3)], attributes: { ...plain, axis: -1, ignore_index: -1 } },
  {
    inputs: [f32(2, 3, n), tensor('i32', 2, n), f32(3)],
    attributes: { ...plain, label_smoothing: 0.1, ignore_index: 2 },
  },
  { inputs: [f32(n, 3), tensor('i32', n)], attributes: { ...plain, reduction: 'none', label_smoothing: 0.3 } },
  { inputs: [f32(n), tensor('i32')], attributes: plain },
  { inputs: [f32(n, 4), f32(n, 4), f32(4)], attributes: { ...plain, label_smoothing: 0.2 } },
  { inputs: [f32(3, n), f32(3, n)], attributes: { ...plain, reduction: 'none' } },
];

const OPERANDS = [{ name: 'target' }, { name: 'weight', optional: true }];

const crossEntropy = defineOp<CrossEntropy>({
  name: 'cross_entropy',
  doc:
    '-log(softmax(z)) of the target class, as PyTorch, from logits (f32) and class numbers, or probabilities of the ' +
    `logits' shape. ${CLASSES_DOC} \`weight\` (f32[classes]) scales the losses of its classes; the mean of class ` +
    'numbers is by these weights, that of probabilities by examples. `label_smoothing` moves that share of each target ' +
    'to all classes alike (Szegedy et al. 2015, https://arxiv.org/abs/1512.00567).',
  operands: [{ name: 'logits' }, ...OPERANDS],
  attributes: [
    REDUCTION,
    { name: 'label_smoothing', kind: 'float', default: 0, doc: 'The share that all classes get, 0 … 1.' },
    IGNORE_INDEX,
    CLASS_AXIS,
  ],
  infer(inputs, attributes) {
    const error = crossEntropyFault(inputs, attributes);
    return error ? { error } : gives(lossType(exampleShape(inputs[0]!.shape, attributes), attributes));
  },
  evaluate: (inputs, attributes) => [evaluateCrossEntropy(inputs, attributes)],
  body: {
    kind: 'composite',
    expand: (builder, inputs, attributes) => [
      (inputs[1]!.type.dtype === 'i32' ? expandIndices : expandProbabilities)(builder, inputs, attributes),
    ],
  },
  tolerance: LOSS_TOLERANCE,
  samples: crossEntropySamples,
});

const nll = defineOp<Likelihood>({
  name: 'nll',
  doc:
    `Minus the log-probability of the target class, as PyTorch, from log-probabilities (f32). ${CLASSES_DOC} ` +
    '`weight` (f32[classes]) scales the losses of its classes, and the mean is by these weights.',
  operands: [{ name: 'log_probabilities' }, ...OPERANDS],
  attributes: [REDUCTION, IGNORE_INDEX, CLASS_AXIS],
  infer(inputs, attributes) {
    const [x, target, weight] = inputs;
    const error =
      classesFault('nll', x!, weight, attributes) ??
      targetFault('nll', x!, target!, attributes) ??
      reductionFault('nll', attributes);
    return error ? { error } : gives(lossType(target!.shape, attributes));
  },
  evaluate([x, target, weight], attributes) {
    let total = 0;
    const losses = examplesOf(x!, attributes).map(({ scores }, at) => {
      const own = target!.data[at]!;
      if (own === attributes.ignore_index) return 0;
      const factor = weight ? ofClass(weight.data, own) : 1;
      total += factor;
      return -factor * ofClass(scores, own);
    });
    return [combined(Float64Array.from(losses), attributes, total)];
  },
  body: {
    kind: 'composite',
    expand(builder, [x, target, weight], attributes) {
      const apply = formula(builder);
      const axis = classAxis(x!.type.shape.length, attributes);
      const { index, isKept } = keptTargets(builder, target!, axis, attributes.ignore_index);
      const along = weight && alongClasses(builder, weight, axis, x!.type.shape);
      const weights = along && builder.one('gather', [along, index], { axis });
      const own = apply('neg', builder.one('gather', [x!, index], { axis }));
      return [finish(builder, weights ? apply('mul', weights, own) : own, weights, isKept, axis, attributes)];
    },
  },
  tolerance: LOSS_TOLERANCE,
  samples: crossEntropySamples
    .filter(({ inputs }) => inputs[1]!.dtype === 'i32')
    .map(({ inputs, attributes: { reduction, ignore_index, axis } }) => ({
      inputs,
      attributes: { reduction: reduction!, ignore_index: ignore_index!, axis: axis! },
    })),
});

export const likelihoods: readonly Op[] = [crossEntropy, nll];
