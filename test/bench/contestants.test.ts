/** Who is measured against whom, what is asked for, and the flags. */
import { expect, test } from 'vitest';
import { acceptance } from '../../bench/acceptance.mjs';
import { readArguments } from '../../bench/arguments.mjs';
import { contestantsFor } from '../../bench/contestants.mjs';
import { models } from '../../bench/models.mjs';
import { quantizeColumns, transposed } from '../../bench/onnx/matrices.mjs';
import { products } from '../../bench/products.mjs';
import { judge } from '../../bench/report/judge.mjs';
import { decodersFor, decodings } from '../../bench/decodings.mjs';
import { trainersFor, trainings } from '../../bench/trainings.mjs';

const all = ['onnxruntime-web', 'tensorflow.js', 'onnxruntime-node', 'plain JavaScript'];
const measured = { builds: [{ name: 'heddle' }], threads: [1, 2], chosenPeers: all, place: 'node' } as const;

test('each stands against our form with as many threads and the same numbers; ours do not stand against themselves', () => {
  const against = Object.fromEntries(
    contestantsFor({ name: 'vit', int8: true }, measured).map((one) => [one.name, one.against]),
  );
  expect(against).toMatchObject({
    heddle: undefined,
    'heddle, 2 threads': undefined,
    'heddle, strict': 'heddle',
    'heddle, int8': undefined,
    'onnxruntime-web': 'heddle',
    'onnxruntime-web, 2 threads': 'heddle, 2 threads',
    'onnxruntime-web, int8': 'heddle, int8',
    'onnxruntime-web, int8, 2 threads': 'heddle, int8, 2 threads',
    'register-tile ceiling, 4×8': undefined,
  });
  expect(against).not.toHaveProperty('plain JavaScript');
});

test('a small model has one thread and no quantised form; what has one thread in Node says so', () => {
  const names = contestantsFor({ name: 'mlp', mostThreads: 1 }, measured).map(({ name }) => name);
  expect(names.filter((name) => /threads|int8/.test(name))).toEqual([]);
  expect(names).toContain('heddle, run()');
  expect(names).toContain('plain JavaScript');
  const tensorflow = contestantsFor({ name: 'vit' }, measured).find(({ name }) => name === 'tensorflow.js, 2 threads');
  expect(tensorflow?.absent).toBe('has one thread in node');
});

test('with two builds, all stand against the first', () => {
  const builds = [{ name: 'heddle' }, { name: 'heddle-2' }];
  const second = contestantsFor({ name: 'vit' }, { ...measured, builds }).filter(({ build }) => build === 'heddle-2');
  expect(second.map(({ against }) => against)).toEqual(['heddle', 'heddle, 2 threads', 'heddle']);
});

test('every criterion names a model, contestants and an order that are measured', () => {
  const namesOf = (name: string | undefined): string[] => {
    const training = trainings.find((one) => one.name === name);
    if (training)
      return trainersFor(training, { ...measured, chosenPeers: ['jax-js'], place: 'chromium' }).map((one) => one.name);
    // Its weights lie beside the checkout, or it is not measured.
    if (name === 'stories260K')
      return decodersFor({ ...measured, chosenPeers: [...all, 'jax-js'] }).map((one) => one.name);
    const model = models.find((one) => one.name === name);
    expect(model, name).toBeDefined();
    return contestantsFor(model!, measured).map((one) => one.name);
  };
  const orders = new Set(products.map(({ order }) => order));
  for (const { kind, model, slow, fast, of, order, from, to, atLeast, atMost } of acceptance) {
    expect([atLeast, atMost].filter((limit) => limit !== undefined)).toHaveLength(1);
    if (kind === 'ceiling') expect(orders).toContain(order);
    else if (kind === 'growth')
      for (const { lengths } of decodings) expect(lengths).toEqual(expect.arrayContaining([from, to]));
    // webgpu.test.ts looks at what is counted on a GPU.
    else if (kind !== 'bytes' && kind !== 'gpuCalls')
      for (const name of [slow, fast, of]) if (name !== undefined) expect(namesOf(model)).toContain(name);
  }
});

test('criteria are judged in each engine, by minimum; what was not measured is left open', () => {
  const start = (name: string, time: number, peak: number) =>
    ({ name, samples: [time, time + 1], firstPeaks: [peak], peaks: [] }) as const;
  const full = {
    engine: 'full',
    speed: [
      {
        model: 'vit',
        figures: [
          { name: 'slow', min: 8 },
          { name: 'fast', min: 4 },
        ],
      },
    ],
    products: [
      { order: 'A', figures: [{ ofCeiling: 0.9 }] },
      { order: 'A', figures: [{ ofCeiling: 0.8 }] },
      { order: 'B', figures: [{ ofCeiling: 0.1 }] },
    ],
    coldStart: [{ model: 'vit', rows: [start('slow', 300, 9e6), start('fast', 100, 5e6)] }],
  };
  const partial = { engine: 'partial', speed: [{ model: 'vit', figures: [{ name: 'fast', min: 4 }] }] };
  const pair = { model: 'vit', slow: 'slow', fast: 'fast' };
  const judged = judge(
    {
      engines: [full, partial],
      sizes: [{ gzip: 10e3 }, { gzip: 20e3, isWhole: true }, { gzip: 30e3, isWhole: true }],
    },
    [
      { kind: 'ratio', what: 'ratio', ...pair, atLeast: 2 },
      { kind: 'ratio', what: 'missed', ...pair, atLeast: 2.01 },
      { kind: 'ceiling', what: 'ceiling', order: 'A', atLeast: 0.85 },
      { kind: 'time', what: 'time', model: 'vit', of: 'fast', atMost: 4 },
      { kind: 'coldStart', what: 'start', ...pair, atLeast: 3 },
      { kind: 'memory', what: 'memory', model: 'vit', of: 'fast', atMost: 4e6 },
      { kind: 'bytes', what: 'bytes', atMost: 30e3 },
    ],
  );
  expect(judged.map(({ limit, values }) => [limit, ...values.map((one) => one && `${one.text} ${one.isMet}`)])).toEqual(
    [
      ['≥ 2.00 ×', '2.00 × true', undefined],
      ['≥ 2.01 ×', '2.00 × false', undefined],
      ['≥ 85 %', '80 % false', undefined],
      ['≤ 4.00 ms', '4.00 ms true', '4.00 ms true'],
      ['≥ 3.00 ×', '3.00 × true', undefined],
      ['≤ 4.0 MB', '5.0 MB false', undefined],
      ['≤ 30.0 kB', '30.0 kB true', '30.0 kB true'],
    ],
  );
});

test('weights are quantised by row and transposed; a row of zeros stays one', () => {
  expect([...transposed(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])]).toEqual([1, 4, 2, 5, 3, 6]);
  const { data, scales } = quantizeColumns(Float32Array.of(-127, 63.4, 0, 0, 0.5, 0.25), [3, 2]);
  expect([...data]).toEqual([-127, 0, 127, 63, 0, 64]);
  expect([...scales]).toEqual([1, 1, Math.fround(0.5 / 127)]);
});

test('flags: lists are of known names, numbers are whole and positive', () => {
  const known = { models: ['vit', 'mlp'], peers: ['a', 'b'] };
  expect(readArguments([], known)).toMatchObject({ models: ['vit', 'mlp'], peers: ['a', 'b'], threads: [1, 2] });
  expect(readArguments(['--only', 'mlp', '--peers', 'none', '--threads', '1'], known)).toMatchObject({
    models: ['mlp'],
    peers: [],
    threads: [1],
  });
  expect(readArguments(['--node', '20, /usr/bin/node', '--docs'], known)).toMatchObject({
    nodes: ['20', '/usr/bin/node'],
    docs: true,
  });
  expect(() => readArguments(['--only', 'bert'], known)).toThrow('there is no bert; there are vit, mlp');
  expect(() => readArguments(['--rounds', '0'], known)).toThrow('--rounds');
  expect(() => readArguments(['--surprise'], known)).toThrow('--surprise');
});

test('trainings: each stands against ours that waits for the same with as many threads; peers that cannot learn are left out', () => {
  const all = ['onnxruntime-web', 'jax-js', 'tensorflow.js'];
  const trainers = (place: 'node' | 'chromium'): ReturnType<typeof trainersFor> =>
    trainersFor(trainings[0]!, { builds: [{ name: 'heddle' }], threads: [1, 2], chosenPeers: all, place });
  const against = Object.fromEntries(trainers('chromium').map((one) => [one.name, one.against]));
  expect(against).toMatchObject({
    heddle: undefined,
    'heddle, parameters, 2 threads': undefined,
    'heddle, strict': 'heddle',
    'jax-js': 'heddle',
    'jax-js, parameters, 2 threads': 'heddle, parameters, 2 threads',
    'tensorflow.js, parameters': 'heddle, parameters',
  });
  expect(trainers('chromium').map(({ module }) => module)).not.toContain(undefined);
  expect(trainers('node').map(({ name }) => name)).not.toContain('jax-js, 2 threads');
});

test('what is asked of training is of a training that is measured, and judged by its figures', () => {
  const figures = [
    { name: 'heddle', min: 100, ofCeiling: 0.7, peakBytes: 150e6 },
    { name: 'jax-js', min: 210 },
  ];
  const { name } = trainings[0]!;
  const engines = [{ engine: 'Node', training: [{ model: name, figures }] }];
  const judged = judge({ engines }, acceptance).flatMap(({ what, values: [value] }) =>
    value ? [[what, value.isMet]] : [],
  );
  expect(judged).toEqual([
    ['a training step against jax-js', true],
    ['a training step, of the ceiling', true],
    ['memory of training', true],
  ]);
});

test('decoders: ours with each number of threads, and every peer on one, against ours on one', () => {
  const decoders = decodersFor({ ...measured, chosenPeers: [...all, 'jax-js'] });
  expect(Object.fromEntries(decoders.map((one) => [one.name, one.against]))).toMatchObject({
    heddle: undefined,
    'heddle, 2 threads': 'heddle',
    'onnxruntime-web': 'heddle',
    'onnxruntime-web, loop': 'heddle',
    'tensorflow.js': 'heddle',
    'jax-js': 'heddle',
    'plain JavaScript': 'heddle',
  });
  expect(decoders.map(({ name }) => name)).not.toContain('onnxruntime-node');
  expect(decoders.map(({ module }) => module)).not.toContain(undefined);
});

test('growth is the quotient of the times with the cache at two lengths, and open for a model that was not decoded', () => {
  const row = (length: number, cached: number) => ({ length, cached, whole: 100, agrees: true });
  const report = { engines: [{ engine: 'Node' }], lengths: [{ model: 'a', rows: [row(10, 2), row(40, 5)] }] };
  const criterion = { kind: 'growth', what: 'growth', from: 10, to: 40, atMost: 2.4 };
  expect(judge(report, [{ ...criterion, model: 'a' }])).toEqual([
    { what: 'growth', limit: '≤ 2.40 ×', values: [{ value: 2.5, text: '2.50 ×', isMet: false }] },
  ]);
  expect(judge(report, [{ ...criterion, model: 'b' }])[0]!.values).toEqual([undefined]);
});
