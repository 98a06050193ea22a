import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  PROGRAM_VERSION,
  type Program,
  type ProgramDim,
  type TargetProgram,
  type TensorSpec,
} from '../../src/program/program.ts';
import { HeddleError } from '../../src/runtime/errors.ts';
import { createModel, type Inputs, type Model, type RunOptions } from '../../src/runtime/model.ts';
import { loadSample, runOf } from './sample.ts';

/** A program that only takes inputs. */
async function taking(inputs: Omit<TensorSpec, 'buffer'>[], dims: ProgramDim[]): Promise<Model> {
  const target: TargetProgram = {
    buffers: inputs.map(({ shape }) => ({ kind: 'arena', size: ['*', 1, ...shape], first: -1, last: 0 })),
    routines: runOf(0, { inputs: inputs.map((input, buffer) => ({ ...input, buffer })) }),
    weights: [],
    loadSteps: [],
    steps: [],
    kernels: [],
  };
  const program: Program = { version: PROGRAM_VERSION, name: 'Taking', dims, targets: { js: target } };
  return createModel({ program, target: 'js', kernels: () => [], weights: () => undefined });
}

function failure(model: Model, inputs: unknown, options?: unknown): [code: string, message: string] {
  try {
    model.runSync(inputs as Inputs, options as RunOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(HeddleError);
    const { code, message } = error as HeddleError;
    return [code, message];
  }
  throw new Error('the run succeeded');
}

describe('inputs that do not fit are refused with a code and the reason', () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadSample('js');
  });
  const x = Float32Array.of(1, 2, 3);
  const cases: [what: string, inputs: unknown, code: string, message: string][] = [
    ['nothing', undefined, 'input-missing', 'run takes an object with the inputs x, limit'],
    ['a missing one', { x }, 'input-missing', 'the input limit (f32[]) is missing'],
    ['null', { x: null, limit: 0 }, 'input-missing', 'the input x (f32[batch, 3]) is missing'],
    ['an inherited one', Object.create({ x, limit: 0 }), 'input-missing', 'the input x (f32[batch, 3]) is missing'],
    ['an unknown one', { x, limit: 0, y: x }, 'input-unknown', 'there is no input y; the inputs are x, limit'],
    [
      'doubles',
      { x: new Float64Array(3), limit: 0 },
      'input-dtype',
      'the input x is f32 and was given as a Float64Array; pass Float32Array.from(data) instead',
    ],
    ['text', { x: 'abc', limit: 0 }, 'input-dtype', 'the input x is String; pass a Float32Array, or { data, shape }'],
    ['an empty object', { x: {}, limit: 0 }, 'input-dtype', 'the input x is Object; pass a Float32Array'],
    ['text in an array', { x: [1, 'a', 3], limit: 0 }, 'input-value', 'element 1 of the input x is a, no f32'],
    [
      'nested arrays',
      { x: [[1, 2, 3]], limit: 0 },
      'input-value',
      'element 0 of the input x is an array, no f32; pass the values in one flat array, as { data, shape }',
    ],
    ['holes', { x: Array(3), limit: 0 }, 'input-value', 'element 0 of the input x is undefined, no f32'],
    ['a wrong number of axes', { x: { data: x, shape: [3] }, limit: 0 }, 'input-shape', 'f32[batch, 3] has 2 axes'],
    [
      'a wrong axis',
      { x: { data: x, shape: [3, 1] }, limit: 0 },
      'input-shape',
      'the input x has shape [3, 1], but axis 1 of f32[batch, 3] is 3',
    ],
    [
      'a wrong length',
      { x: new Float32Array(7), limit: 0 },
      'input-shape',
      'the input x has 7 elements; no batch gives that many for f32[batch, 3]',
    ],
    [
      'a shape that is not its data',
      { x: { data: x, shape: [2, 3] }, limit: 0 },
      'input-shape',
      'the input x has shape [2, 3], which is 6 elements, but its data has 3',
    ],
    ['a negative shape', { x: { data: x, shape: [-1, 3] }, limit: 0 }, 'input-shape', 'not a list of non-negative'],
    ['a scalar where none is', { x: 3, limit: 0 }, 'input-shape', ''],
    [
      'a list where a scalar is',
      { x, limit: [1, 2] },
      'input-shape',
      'the input limit has 2 elements, but f32[] has 1',
    ],
    [
      'more than the limit',
      { x: new Float32Array(300_003), limit: 0 },
      'dimension',
      'batch is 100001 by the input x; the program was compiled for at most 100000',
    ],
  ];
  test.each(cases)('%s', (_, inputs, code, message) => {
    const [foundCode, foundMessage] = failure(model, inputs);
    expect(foundMessage).toContain(message);
    expect(foundCode).toBe(code);
  });

  test.each([
    [{ dims: 3 }, 'option', 'the option dims is not an object'],
    [{ dims: { time: 3 } }, 'option', 'there is no dimension time'],
    [{ dims: { batch: -1 } }, 'option', 'the dimension batch is given as -1'],
    [{ dims: { batch: 2 } }, 'input-shape', 'but f32[batch, 3] has 6; batch is 2 by the option dims'],
    [{ outputs: 3 }, 'option', 'the option outputs is not an object'],
    [{ outputs: { y: x } }, 'output-buffer', 'there is no output y'],
    [{ outputs: { large: x } }, 'output-buffer', 'needs a Uint8Array of 3 elements'],
  ])('the options %j', (options, code, message) => {
    const [foundCode, foundMessage] = failure(model, { x, limit: 0 }, options);
    expect(foundCode).toBe(code);
    expect(foundMessage).toContain(message);
  });

  test('and the model runs on afterwards', () => {
    expect([...model.runSync({ x, limit: 0 })['scaled']!.data]).toEqual([3, 9, 19]);
  });
});

describe('inputs may be given', () => {
  test('as typed arrays of another realm', async () => {
    const model = await loadSample('js');
    const x = runInNewContext('Float32Array.of(1, 2, 3)') as Float32Array;
    expect([...model.runSync({ x, limit: 0 })['scaled']!.data]).toEqual([3, 9, 19]);
  });

  test('with or without a shape, as plain arrays, and as scalars', async () => {
    const model = await loadSample('js');
    for (const x of [[1, 2, 3], { data: [1, 2, 3] }, { data: Float32Array.of(1, 2, 3), shape: [1, 3] }]) {
      for (const limit of [5, [5], Float32Array.of(5), { data: [5], shape: [] }]) {
        expect([...model.runSync({ x, limit })['large']!.data]).toEqual([0, 1, 1]);
      }
    }
  });

  test('of every type', async () => {
    const one = (dtype: TensorSpec['dtype']) => ({ name: dtype, dtype, shape: [2] });
    const model = await taking([one('i32'), one('u32'), one('bool')], []);
    const run = (i32: unknown, u32: unknown, bool: unknown): unknown => model.runSync({ i32, u32, bool } as Inputs);
    run(Int32Array.of(-1, 2), Uint32Array.of(1, 2), Uint8Array.of(0, 1));
    run([-1, 2], [1, 2 ** 32 - 1], [true, false]);
    expect(() => run([0.5, 1], [1, 1], [0, 1])).toThrow('element 0 of the input i32 is 0.5, no i32');
    expect(() => run([2 ** 31, 1], [1, 1], [0, 1])).toThrow('element 0 of the input i32 is 2147483648');
    expect(() => run([1, 1], [-1, 1], [0, 1])).toThrow('element 0 of the input u32 is -1, no u32');
    expect(() => run([1, 1], [1, 1], [0, 2])).toThrow('element 1 of the input bool is 2, no bool');
    expect(() => run([1, 1], [1, 1], Uint8Array.of(0, 255))).toThrow('element 1 of the input bool is 255, no bool');
    expect(() => run(Uint32Array.of(1, 1), [1, 1], [0, 1])).toThrow('pass Int32Array.from(data)');
    expect(() => run(BigInt64Array.of(1n, 1n), [1, 1], [0, 1])).toThrow('given as a BigInt64Array');
  });
});

describe('dimensions', () => {
  const dims = [{ name: 'batch' }, { name: 'time', max: 8 }];
  const f32 = (name: string, ...shape: TensorSpec['shape']) => ({ name, dtype: 'f32', shape }) as const;
  const zeros = (...shape: number[]) => ({ data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape });

  test('that two inputs give must agree', async () => {
    const model = await taking([f32('a', 'batch', 2), f32('b', 'batch')], dims);
    expect(failure(model, { a: zeros(3, 2), b: zeros(4) })).toEqual([
      'input-shape',
      'the input b has shape [4], but axis 0 of f32[batch] is 3; batch is 3 by the input a',
    ]);
    model.runSync({ a: zeros(3, 2), b: zeros(3) });
  });

  test('follow from lengths, also with the help of another input', async () => {
    const model = await taking([f32('both', 'batch', 'time'), f32('one', 'batch')], dims);
    model.runSync({ both: new Float32Array(12), one: new Float32Array(3) });
    expect(failure(model, { both: new Float32Array(13), one: new Float32Array(3) })[1]).toBe(
      'the input both has 13 elements; no time gives that many for f32[batch, time]',
    );
  });

  test('are asked for when lengths do not tell them', async () => {
    const model = await taking([f32('both', 'batch', 'time')], dims);
    expect(failure(model, { both: new Float32Array(12) })).toEqual([
      'dimension',
      'batch and time cannot be told from the length of the input both; pass { data, shape }, or the value in the option dims',
    ]);
    model.runSync({ both: new Float32Array(12) }, { dims: { batch: 3 } });
    model.runSync({ both: zeros(3, 4) });
    expect(failure(model, { both: new Float32Array(0) }, { dims: { batch: 0 } })[1]).toContain('time cannot be told');
  });

  test('are solved exactly from affine sizes', async () => {
    const model = await taking([f32('a', ['+', ['*', 2, 'batch'], 1])], dims);
    model.runSync({ a: new Float32Array(7) });
    expect(failure(model, { a: zeros(8) })[1]).toBe(
      'the input a has shape [8]; no batch gives that for f32[2*batch + 1]',
    );
    expect(failure(model, { a: zeros(0) })[0]).toBe('input-shape');
  });

  test('in sizes that are not affine are checked when others give them', async () => {
    const model = await taking([f32('half', ['//', 'batch', 2]), f32('all', 'batch')], dims);
    model.runSync({ half: zeros(2), all: zeros(5) });
    expect(failure(model, { half: zeros(3), all: zeros(5) })[1]).toBe(
      'the input half has shape [3], but axis 0 of f32[floordiv(batch, 2)] is 2; batch is 5 by the input all',
    );
  });

  test('that no input mentions are given as an option', async () => {
    const program: Program = {
      version: PROGRAM_VERSION,
      name: 'Making',
      dims,
      targets: {
        js: {
          buffers: [{ kind: 'arena', size: ['*', 2 ** 20, 'batch'], first: 0, last: 0 }],
          routines: runOf(0, { outputs: [{ name: 'y', dtype: 'f32', shape: ['batch', 2 ** 20], buffer: 0 }] }),
          weights: [],
          loadSteps: [],
          steps: [],
          kernels: [],
        },
      },
    };
    const model = await createModel({ program, target: 'js', kernels: () => [], weights: () => undefined });
    expect(failure(model, {})).toEqual(['dimension', 'dimension batch is not bound; pass it in the option dims']);
    expect(model.runSync({}, { dims: { batch: 2 } })['y']!.shape).toEqual([2, 2 ** 20]);
    const options = [null, 3, 'dims', []].map((option) => failure(model, {}, option));
    expect(options).toEqual([
      ['option', 'run takes its options as an object, not null'],
      ['option', 'run takes its options as an object, not a number'],
      ['option', 'run takes its options as an object, not a string'],
      ['option', 'run takes its options as an object, not a list'],
    ]);
    expect(failure(model, {}, { dims: { batch: 1025 } })).toEqual([
      'memory',
      'these dimensions need 4100 MiB of memory; the limit is 4096 MiB',
    ]);
    expect(model.runSync({}, { dims: { batch: 2 } })['y']!.shape).toEqual([2, 2 ** 20]);
  });
});
