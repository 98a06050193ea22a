/**
 * The initialisers, each once: names, arguments and defaults of PyTorch's `torch.nn.init`. Of a parameter with at least
 * two axes, the fan-in is the number of elements of axis 1 and all further ones, the fan-out that of axis 0 and the
 * axes from 2 on. Drawing the values is the runtime's work.
 */
import type { ArgumentRecord, CallableRecord } from './optimizers/arguments.ts';

const number = (name: string, usual: number, doc: string): ArgumentRecord => ({
  name,
  type: { kind: 'float' },
  default: usual,
  doc,
});

const deviation = (name: string, doc: string): ArgumentRecord => ({
  name,
  type: { kind: 'float', range: { least: 0 } },
  default: 1,
  doc,
});

const gain = deviation('gain', 'A factor of the range or deviation.');

const kaiming: readonly ArgumentRecord[] = [
  number('a', 0, 'The slope of leaky ReLU below 0; other gains do not depend on it.'),
  {
    name: 'mode',
    type: { kind: 'word', words: ['fan_in', 'fan_out'] },
    default: 'fan_in',
    doc: 'Which fan is taken: of the forward or of the backward pass.',
  },
  {
    name: 'nonlinearity',
    type: { kind: 'word', words: ['leaky_relu', 'relu', 'tanh', 'sigmoid', 'linear'] },
    default: 'leaky_relu',
    doc: 'What follows, which sets the gain: sqrt(2 / (1 + a²)) of leaky ReLU, sqrt(2) of ReLU.',
  },
];

export const initializerRecords: readonly CallableRecord[] = [
  { name: 'zeros', doc: 'All elements are 0.', arguments: [] },
  { name: 'ones', doc: 'All elements are 1.', arguments: [] },
  {
    name: 'constant',
    doc: 'All elements are equal.',
    arguments: [{ name: 'value', type: { kind: 'float' }, doc: 'The value.' }],
  },
  {
    name: 'normal',
    doc: 'Normal numbers.',
    arguments: [number('mean', 0, 'Their mean.'), deviation('std', 'Their standard deviation.')],
  },
  {
    name: 'trunc_normal',
    doc: 'Normal numbers, drawn again where they lie outside of a … b.',
    arguments: [
      number('mean', 0, 'Their mean, before they are cut off.'),
      deviation('std', 'Their standard deviation, before they are cut off.'),
      number('a', -2, 'The least value.'),
      number('b', 2, 'The greatest value.'),
    ],
  },
  {
    name: 'uniform',
    doc: 'Uniform numbers in a … b.',
    arguments: [number('a', 0, 'The least value.'), number('b', 1, 'The greatest value.')],
  },
  {
    name: 'xavier_uniform',
    doc: 'Uniform numbers within ±gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).',
    arguments: [gain],
  },
  {
    name: 'xavier_normal',
    doc: 'Normal numbers of the deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).',
    arguments: [gain],
  },
  {
    name: 'kaiming_uniform',
    doc: 'Uniform numbers within ±gain sqrt(3 / fan) (He et al. 2015, https://arxiv.org/abs/1502.01852).',
    arguments: kaiming,
  },
  {
    name: 'kaiming_normal',
    doc: 'Normal numbers of the deviation gain / sqrt(fan) (He et al. 2015, https://arxiv.org/abs/1502.01852).',
    arguments: kaiming,
  },
];
