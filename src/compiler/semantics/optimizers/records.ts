/**
 * The optimizers, each once: names, arguments, defaults and update rules as in PyTorch's `torch.optim`. In the docs g is
 * the gradient, p the parameter, t the number of the step from 1 on.
 */
import type { ArgumentRecord, CallableRecord } from './arguments.ts';

const lr = (usual: number): ArgumentRecord => ({
  name: 'lr',
  type: { kind: 'float', range: { least: 0 } },
  default: usual,
  scheduled: true,
  doc: 'The learning rate, a number or a schedule.',
});

const eps = (usual: number): ArgumentRecord => ({
  name: 'eps',
  type: { kind: 'float', range: { least: 0 } },
  default: usual,
  doc: 'Added to the denominator.',
});

const l2 = (usual = 0): ArgumentRecord => ({
  name: 'weight_decay',
  type: { kind: 'float', range: { least: 0 } },
  default: usual,
  doc: 'L2 penalty: g + weight_decay p takes the place of g.',
});

const decoupled = (usual: number): ArgumentRecord => ({
  name: 'weight_decay',
  type: { kind: 'float', range: { least: 0 } },
  default: usual,
  doc: 'Decoupled decay: p is multiplied by 1 - lr weight_decay before the step.',
});

const momentum: ArgumentRecord = {
  name: 'momentum',
  type: { kind: 'float', range: { least: 0 } },
  default: 0,
  doc: 'How much of the last step is kept.',
};

const betas = (first: number, second: number): ArgumentRecord => ({
  name: 'betas',
  type: { kind: 'list', of: 'float', length: 2, range: { least: 0, below: 1 } },
  default: [first, second],
  doc: 'Decay of the running means of the gradient and of its square.',
});

/** What every optimizer takes, once for all parameters. */
export const stepArguments: readonly ArgumentRecord[] = [
  {
    name: 'clip_norm',
    type: { kind: 'float', range: { above: 0 } },
    default: null,
    doc: 'All gradients together are scaled to at most this L2 norm, by min(1, clip_norm / (norm + 1e-6)).',
  },
  {
    name: 'clip_value',
    type: { kind: 'float', range: { above: 0 } },
    default: null,
    doc: 'Each element of a gradient is clamped to [-clip_value, clip_value], behind clip_norm.',
  },
  {
    name: 'accumulate',
    type: { kind: 'int', range: { least: 1 } },
    default: 1,
    doc: 'How many batches are averaged into one step.',
  },
];

export const optimizerRecords: readonly CallableRecord[] = [
  {
    name: 'sgd',
    doc: 'b = momentum b + (1 - dampening) g, b = g in the first step; p -= lr b, with Nesterov lr (g + momentum b).',
    arguments: [
      lr(1e-3),
      momentum,
      {
        name: 'dampening',
        type: { kind: 'float', range: { least: 0, most: 1 } },
        default: 0,
        doc: 'How much of the gradient is held back from the momentum.',
      },
      { name: 'nesterov', type: { kind: 'bool' }, default: false, doc: "Nesterov's look-ahead." },
      l2(),
    ],
    check: ({ nesterov, momentum: kept, dampening }) =>
      nesterov === true && (kept === 0 || dampening !== 0)
        ? '`nesterov` needs a `momentum` above 0 and no `dampening`'
        : undefined,
  },
  {
    name: 'rmsprop',
    doc: 'v = alpha v + (1 - alpha) g²; p -= lr g / (sqrt(v) + eps); centered, v - a² under the root, a the mean of g.',
    arguments: [
      lr(1e-2),
      {
        name: 'alpha',
        type: { kind: 'float', range: { least: 0, below: 1 } },
        default: 0.99,
        doc: 'Decay of the running mean of the squared gradient.',
      },
      eps(1e-8),
      momentum,
      {
        name: 'centered',
        type: { kind: 'bool' },
        default: false,
        doc: 'Whether the variance is taken in place of the square.',
      },
      l2(),
    ],
  },
  {
    name: 'adagrad',
    doc: 's += g²; p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps) (Duchi et al. 2011).',
    arguments: [
      lr(1e-2),
      {
        name: 'lr_decay',
        type: { kind: 'float', range: { least: 0 } },
        default: 0,
        doc: 'How fast the learning rate falls.',
      },
      {
        name: 'initial_accumulator_value',
        type: { kind: 'float', range: { least: 0 } },
        default: 0,
        doc: 'The first value of s.',
      },
      eps(1e-10),
      l2(),
    ],
  },
  {
    name: 'adam',
    doc: 'Running means m of g and v of g², bias-corrected; p -= lr m / (sqrt(v) + eps) (Kingma and Ba 2015).',
    arguments: [
      lr(1e-3),
      betas(0.9, 0.999),
      eps(1e-8),
      l2(),
      {
        name: 'form',
        type: { kind: 'word', words: ['pytorch', 'tensorflow'] },
        default: 'pytorch',
        doc: 'TensorFlow adds eps to sqrt(v) before the bias correction.',
      },
    ],
  },
  {
    name: 'adamw',
    doc: 'Adam with decoupled weight decay (Loshchilov and Hutter 2019).',
    arguments: [lr(1e-3), betas(0.9, 0.999), eps(1e-8), decoupled(1e-2)],
  },
  {
    name: 'lion',
    doc: 'p -= lr sign(b₁ m + (1 - b₁) g); then m = b₂ m + (1 - b₂) g (Chen et al. 2023, https://arxiv.org/abs/2302.06675).',
    arguments: [lr(1e-4), betas(0.9, 0.99), decoupled(0)],
  },
];
