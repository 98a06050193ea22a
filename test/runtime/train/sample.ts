/**
 * A training written by hand for the js target: `scale (w[0] x + w[1])` is fitted to y by the mean of squares with momentum,
 * and `seen` counts the examples. The metric `noise` shows the key of random numbers, `rate` the learning rate.
 */
import { PROGRAM_VERSION, type Program, type Routine, type TargetProgram } from '../../../src/program/program.ts';
import type { StoredTensor } from '../../../src/program/safetensors.ts';
import type { HostExpr } from '../../../src/program/training.ts';
import type { JsKernelFactory } from '../../../src/runtime/devices/js.ts';
import { createTrainer, type Trainer } from '../../../src/runtime/train/trainer.ts';

const B = {
  x: 0,
  y: 1,
  key: 2,
  lr: 3,
  loss: 4,
  noise: 5,
  fit: 6,
  gradient: 7,
  w: 8,
  m: 9,
  sum: 10,
  seen: 11,
  scale: 12,
};

const buffer = (kind: 'arena' | 'persistent', size: 'batch' | number): TargetProgram['buffers'][number] => ({
  kind,
  size,
  ...(kind === 'arena' ? { first: -1, last: 9 } : { first: 0, last: 0 }),
});

const inputs = [
  { name: 'x', dtype: 'f32', shape: ['batch'], buffer: B.x },
  { name: 'y', dtype: 'f32', shape: ['batch'], buffer: B.y },
] as const;
const key = { name: 'random.key', dtype: 'u32', shape: [2], buffer: B.key } as const;
const lr = { name: 'optimizer.lr.0', dtype: 'f32', shape: [], buffer: B.lr } as const;
const loss = { name: 'loss', dtype: 'f32', shape: [], buffer: B.loss } as const;
const noise = { name: 'noise', dtype: 'f32', shape: [], buffer: B.noise } as const;
const fit = { name: 'fit', dtype: 'f32', shape: ['batch'], buffer: B.fit } as const;

/** Steps 0 to 1 of every forward routine. */
const forward = [
  { kernel: 0, buffers: [B.x, B.y, B.w, B.scale, B.fit, B.loss], sizes: ['batch'], origin: 'loss' },
  { kernel: 1, buffers: [B.key, B.noise], sizes: [], origin: 'noise' },
] as const;
const gradient = {
  kernel: 2,
  buffers: [B.x, B.y, B.scale, B.fit, B.gradient],
  sizes: ['batch'],
  origin: 'gradient',
} as const;
const count = { kernel: 3, buffers: [B.seen], sizes: ['batch'], origin: 'seen' } as const;
const update = { kernel: 4, buffers: [B.gradient, B.lr, B.w, B.m], sizes: [], origin: 'w' } as const;
const addUp = { kernel: 5, buffers: [B.gradient, B.sum], sizes: [], origin: 'sum' } as const;

function updateFromSums(accumulate: number): TargetProgram['steps'][number] {
  return { kernel: 6, buffers: [B.sum, B.gradient, B.lr, B.w, B.m], sizes: [accumulate], origin: 'w' };
}

function routinesOf(accumulate: number): { readonly routines: Routine[]; readonly steps: TargetProgram['steps'] } {
  const table = { buffers: [], sizes: [] };
  const evaluation = { inputs: [...inputs, key], outputs: [loss, noise, fit], first: 0, last: 2 };
  const evaluate = { name: 'evaluate', ...evaluation, table };
  const learning = { outputs: [loss, noise], first: 2, lossReady: 5, table };
  if (accumulate === 1)
    return {
      routines: [evaluate, { ...learning, name: 'step', inputs: [...inputs, key, lr], last: 7 }],
      steps: [...forward, ...forward, gradient, count, update],
    };
  return {
    routines: [
      evaluate,
      { ...learning, name: 'accumulate', inputs: [...inputs, key], last: 7 },
      { name: 'update', inputs: [lr], outputs: [], first: 7, last: 8, table },
    ],
    steps: [...forward, ...forward, gradient, count, addUp, updateFromSums(accumulate)],
  };
}

const kernels: JsKernelFactory = (f32, i32, u32) => [
  (x, y, w, scale, fitted, out, n) => {
    f32[out!] = 0;
    for (let i = 0; i < n!; i++) {
      f32[fitted! + i] = f32[scale!]! * (f32[w!]! * f32[x! + i]! + f32[w! + 1]!);
      f32[out!]! += (f32[fitted! + i]! - f32[y! + i]!) ** 2 / n!;
    }
  },
  (words, out) => {
    f32[out!] = u32[words!]! * 1000 + u32[words! + 1]!;
  },
  (x, y, scale, fitted, out, n) => {
    f32.fill(0, out!, out! + 2);
    for (let i = 0; i < n!; i++) {
      const slope = (2 * f32[scale!]! * (f32[fitted! + i]! - f32[y! + i]!)) / n!;
      f32[out!]! += slope * f32[x! + i]!;
      f32[out! + 1]! += slope;
    }
  },
  (seen, n) => {
    i32[seen!]! += n!;
  },
  updateKernel(f32),
  (one, sum) => {
    for (let i = 0; i < 2; i++) f32[sum! + i]! += f32[one! + i]!;
  },
  (sum, mean, rate, w, m, batches) => {
    for (let i = 0; i < 2; i++) {
      f32[mean! + i] = f32[sum! + i]! / batches!;
      f32[sum! + i] = 0;
    }
    updateKernel(f32)(mean!, rate!, w!, m!);
  },
];

function updateKernel(f32: Float32Array): (...values: number[]) => void {
  return (g, rate, w, m) => {
    for (let i = 0; i < 2; i++) {
      f32[m! + i] = 0.5 * f32[m! + i]! + f32[g! + i]!;
      f32[w! + i]! -= f32[rate!]! * f32[m! + i]!;
    }
  };
}

export interface SampleOptions {
  readonly accumulate?: number;
  readonly lr?: HostExpr;
  readonly seed?: number;
  readonly weights?: ReadonlyMap<string, StoredTensor>;
  /** Without an optimizer there is only evaluation. */
  readonly optimizer?: boolean;
}

export function sampleTraining({ accumulate = 1, lr: rate = 0.125, optimizer = true }: SampleOptions = {}): Program {
  const { routines, steps } = routinesOf(accumulate);
  const zero = { kind: 'constant', value: 0 } as const;
  const target: TargetProgram = {
    buffers: [
      ...(['batch', 'batch', 2, 1, 1, 1, 'batch', 2] as const).map((size) => buffer('arena', size)),
      ...[2, 2, 2, 1, 1].map((size) => buffer('persistent', size)),
    ],
    routines: optimizer ? routines : routines.slice(0, 1),
    weights: [
      { name: 'line.w', dtype: 'f32', shape: [2], buffer: B.w, initial: { kind: 'normal', mean: 0, std: 1 } },
      { name: 'line.seen', dtype: 'i32', shape: [], buffer: B.seen, state: true, initial: zero },
      { name: 'teacher.scale', dtype: 'f32', shape: [], buffer: B.scale, frozen: true },
      { name: 'optimizer.momentum_buffer.line.w', dtype: 'f32', shape: [2], buffer: B.m, state: true, initial: zero },
      { name: 'optimizer.gradient.line.w', dtype: 'f32', shape: [2], buffer: B.sum, state: true, initial: zero },
    ],
    loadSteps: [],
    steps: optimizer ? steps : steps.slice(0, 2),
    kernels: ['loss', 'noise', 'gradient', 'seen', 'update', 'sum', 'updateFromSums'],
  };
  return {
    version: PROGRAM_VERSION,
    name: 'Fit',
    dims: [{ name: 'batch' }],
    training: {
      metrics: ['noise'],
      accumulate,
      scalars: [{ input: lr.name, value: rate }],
      ...(optimizer && { optimizer: { name: 'sgd', groups: [{ lr: rate, parameters: ['line.w'] }] } }),
    },
    targets: { js: target },
  };
}

export function scalar(value: number): StoredTensor {
  return { dtype: 'F32', shape: [], bytes: new Uint8Array(Float32Array.of(value).buffer) };
}

export function vector(...values: number[]): StoredTensor {
  return { dtype: 'F32', shape: [values.length], bytes: new Uint8Array(Float32Array.from(values).buffer) };
}

/** Begins with w = [0, 0] and a scale of 1 where nothing else is given. */
export async function loadSampleTrainer(options: SampleOptions = {}): Promise<Trainer> {
  const { weights = new Map([['line.w', vector(0, 0)]]), seed = 0 } = options;
  const all = new Map([['teacher.scale', scalar(1)], ...weights]);
  return createTrainer({
    program: sampleTraining(options),
    target: 'js',
    kernels,
    weights: (name) => all.get(name),
    seed,
  });
}
