import { describe, expect, test } from 'vitest';
import { HeddleError } from '../../src/runtime/errors.ts';
import { PROGRAM_VERSION, type BufferSpec, type Program, type TargetProgram } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { SizeExpr } from '../../src/program/size.ts';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import { wasmApi } from '../../src/runtime/devices/platform.ts';
import { createModel, type Model, type ModelParts } from '../../src/runtime/model.ts';
import {
  assemble,
  expectedScaled,
  loadSample,
  sampleKernels,
  sampleModule,
  sampleProgram,
  sampleWeights,
  runOf,
} from './sample.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => (i * 7) % 11);

describe.each(['wasm', 'js'] as const)('a program on the %s device', (target) => {
  test('runs its steps after its load steps', async () => {
    const model = await loadSample(target);
    const outputs = await model.run({ x: Float32Array.of(1, 2, 3, 4, 5, 6), limit: 10 });
    expect(outputs['scaled']!.shape).toEqual([2, 3]);
    expect([...outputs['scaled']!.data]).toEqual(expectedScaled([1, 2, 3, 4, 5, 6]));
    expect(outputs['large']!.data).toEqual(Uint8Array.of(0, 0, 1, 0, 1, 1));
  });

  test('serves every batch size, growing its memory, and comes back to earlier ones', async () => {
    const model = await loadSample(target);
    for (const batch of [1, 5, 0, 40_000, 3, 100_000, 5]) {
      const x = numbers(3 * batch);
      const { scaled } = model.runSync({ x, limit: 0 });
      expect(scaled!.shape).toEqual([batch, 3]);
      expect([...scaled!.data]).toEqual(expectedScaled(x));
    }
  });

  test('returns the same object for the same dimensions', async () => {
    const model = await loadSample(target);
    const first = model.runSync({ x: numbers(6), limit: 0 });
    expect(model.runSync({ x: numbers(6), limit: 1 })).toBe(first);
    expect(model.runSync({ x: numbers(9), limit: 1 })).not.toBe(first);
    expect(model.runSync({ x: numbers(6), limit: 1 })).toBe(first);
  });

  test('allocates no buffer in a thousand repeated runs', async () => {
    const model = await loadSample(target);
    const inputs = { x: Float32Array.from(numbers(3000)), limit: Float32Array.of(3) };
    const { buffer } = model.runSync(inputs)['scaled']!.data;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i++) model.runSync(inputs);
    for (let i = 0; i < 100; i++) await model.run(inputs);
    expect(process.memoryUsage().arrayBuffers).toBeLessThanOrEqual(before);
    expect(model.runSync(inputs)['scaled']!.data.buffer).toBe(buffer);
  });

  test('reads an earlier output that is given as input', async () => {
    const model = await loadSample(target);
    const x = numbers(6);
    const { scaled } = model.runSync({ x, limit: 0 });
    const again = model.runSync({ x: scaled!.data, limit: 0 });
    expect([...again['scaled']!.data]).toEqual(expectedScaled(expectedScaled(x)));
  });

  test('copies outputs into arrays of the caller', async () => {
    const model = await loadSample(target);
    const mine = new Float32Array(3);
    const outputs = model.runSync({ x: [1, 1, 1], limit: 0 }, { outputs: { scaled: mine } });
    expect(outputs['scaled']!.data).toBe(mine);
    model.runSync({ x: [9, 9, 9], limit: 0 });
    expect([...mine]).toEqual(expectedScaled([1, 1, 1]));
    const small = { outputs: { scaled: new Float32Array(2) } };
    expect(() => model.runSync({ x: [1, 1, 1], limit: 0 }, small)).toThrow(
      'the output scaled (f32[batch, 3]) needs a Float32Array of 3 elements',
    );
  });

  test('describes itself', async () => {
    const model = await loadSample(target);
    expect(model).toMatchObject({ name: 'Sample', target });
    expect(model.inputs[0]).toEqual({ name: 'x', dtype: 'f32', shape: ['batch', 3] });
  });

  test('refuses a run before the one before has been awaited, whose outputs it would overwrite', async () => {
    const model = await loadSample(target);
    const first = model.run({ x: [1, 2, 3], limit: 0 });
    const busy = { code: 'busy', message: 'the model Sample is still running; await each run before the next' };
    await expect(model.run({ x: [4, 5, 6], limit: 0 })).rejects.toMatchObject(busy);
    expect([...(await first)['scaled']!.data]).toEqual(expectedScaled([1, 2, 3]));
    const second = model.run({ x: [4, 5, 6], limit: 0 });
    expect(() => model.runSync({ x: [7, 8, 9], limit: 0 })).toThrow(busy.message);
    expect([...(await second)['scaled']!.data]).toEqual(expectedScaled([4, 5, 6]));
    await expect(model.run({ x: [1], limit: 0 })).rejects.toMatchObject({ code: 'input-shape' });
    expect([...(await model.run({ x: [7, 8, 9], limit: 0 }))['scaled']!.data]).toEqual(expectedScaled([7, 8, 9]));
  });

  test('fails with a code after dispose, which may be called twice', async () => {
    const model = await loadSample(target);
    model.dispose();
    model.dispose();
    await expect(model.run({ x: [1, 2, 3], limit: 0 })).rejects.toMatchObject({ code: 'disposed' });
  });
});

describe('conditions of a program', () => {
  const failure = { code: 'dimension', message: 'index 3 is out of range: axis 0 has size batch (batch = 2)' };

  async function load(size: SizeExpr, evaluated: () => void = () => {}): Promise<Model> {
    const { js } = sampleProgram.targets;
    const condition = {
      message: 'index 3 is out of range: axis 0 has size batch',
      get size() {
        evaluated();
        return size;
      },
    };
    return createModel({
      program: {
        ...sampleProgram,
        targets: { js: { ...js!, routines: [{ ...js!.routines[0]!, conditions: [condition] }] } },
      },
      target: 'js',
      kernels: sampleKernels,
      weights: (name) => sampleWeights.get(name),
    });
  }

  const outcome = (model: Model, batch: number): unknown => {
    try {
      return [...model.runSync({ x: numbers(3 * batch), limit: 0 })['scaled']!.data];
    } catch (error) {
      expect(error).toBeInstanceOf(HeddleError);
      const { code, message } = error as HeddleError;
      return { code, message };
    }
  };

  test('fail a run with the values they depend on, and leave the model as it was', async () => {
    const model = await load(['+', 'batch', -4]);
    expect(outcome(model, 2)).toEqual(failure);
    expect(outcome(model, 4)).toEqual(expectedScaled(numbers(12)));
    expect(outcome(model, 2)).toEqual(failure);
    expect(outcome(model, 4)).toEqual(expectedScaled(numbers(12)));
  });

  test('are looked at when dimensions are bound, not in every run', async () => {
    let count = 0;
    const model = await load(['+', 'batch', -1], () => count++);
    const counts = [3, 3, 5, 5, 3, 3].map((batch) => {
      const before = count;
      outcome(model, batch);
      return count - before;
    });
    expect(counts).toEqual([1, 0, 1, 0, 0, 0]);
  });

  test('that have no value fail too', async () => {
    const model = await load(['//', 8, 'batch']);
    expect(outcome(model, 0)).toEqual({ code: 'dimension', message: 'division of a size by zero' });
    expect(outcome(model, 1)).toEqual(expectedScaled(numbers(3)));
  });
});

describe('a program that cannot be loaded is refused with a code', () => {
  const weights = (name: string): StoredTensor | undefined => sampleWeights.get(name);
  const js = { program: sampleProgram, target: 'js', kernels: sampleKernels, weights } as const;

  async function refusal(parts: Partial<ModelParts>): Promise<[code: string, message: string]> {
    const error: unknown = await createModel({ ...js, ...parts }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HeddleError);
    return [(error as HeddleError).code, (error as HeddleError).message];
  }

  test('when it was not compiled for the target', async () => {
    const program = { ...sampleProgram, targets: { js: sampleProgram.targets.js! } };
    expect(await refusal({ program, target: 'wasm' })).toEqual([
      'target',
      'Sample was not compiled for wasm, but for js',
    ]);
  });

  test('when it is of another version, or malformed', async () => {
    expect((await refusal({ program: { ...sampleProgram, version: 9 } }))[0]).toBe('program-version');
    const program = { version: PROGRAM_VERSION } as Program;
    expect(await refusal({ program })).toEqual(['program-malformed', 'name is not a string']);
    expect((await refusal({ program: null as unknown as Program }))[0]).toBe('program-malformed');
  });

  test('when weights are missing or do not fit', async () => {
    expect(await refusal({ weights: () => undefined })).toEqual(['weights-missing', 'the weights lack w (f32[3])']);
    const long = { dtype: 'F32', shape: [4], bytes: new Uint8Array(16) } as const;
    expect(await refusal({ weights: () => long })).toEqual(['weights-mismatch', 'w is F32 [4] instead of f32[3]']);
    const integer = { dtype: 'I32', shape: [3], bytes: new Uint8Array(12) } as const;
    expect(await refusal({ weights: () => integer })).toEqual(['weights-mismatch', 'w is I32 [3] instead of f32[3]']);
  });

  test('when the kernels are not its own', async () => {
    expect((await refusal({ kernels: () => [] }))[1]).toBe("the kernels module does not make the program's 4 kernels");
    const broken = (): never => {
      throw new Error('broken');
    };
    expect(await refusal({ kernels: broken })).toEqual(['program-malformed', 'the kernels cannot be made: broken']);
    const wasm = (kernels: Uint8Array<ArrayBuffer>) => refusal({ target: 'wasm', kernels });
    expect((await wasm(Uint8Array.of(1, 2, 3)))[0]).toBe('unsupported');
    expect(await wasm(await assemble('(module (func (export "run")))'))).toEqual([
      'program-malformed',
      'the WebAssembly module has no function k0',
    ]);
  });

  test('when a kernel fails at load or in a run', async () => {
    const fails =
      (at: number): ModelParts['kernels'] =>
      (...views: Parameters<JsKernelFactory>) =>
        sampleKernels(...views).map((kernel, number) =>
          number === at ? () => (undefined as unknown as { x(): void }).x() : kernel,
        );
    expect((await refusal({ kernels: fails(0) }))[0]).toBe('internal');
    const model = await createModel({ ...js, kernels: fails(2) });
    await expect(model.run({ x: [1, 2, 3], limit: 0 })).rejects.toMatchObject({ code: 'internal' });
  });
});

test('weights of half precision, and unaligned ones, are converted', async () => {
  const bytes = new Uint8Array(7);
  bytes.set(new Uint8Array(Uint16Array.of(0x3c00, 0x4000, 0x4200).buffer), 1);
  const model = await createModel({
    program: sampleProgram,
    target: 'js',
    kernels: sampleKernels,
    weights: () => ({ dtype: 'F16', shape: [3], bytes: bytes.subarray(1) }),
  });
  expect([...model.runSync({ x: [1, 1, 1], limit: 0 })['scaled']!.data]).toEqual([3, 5, 7]);
});

test('a compiled module serves several models', async () => {
  const module = await wasmApi()!.compile(await sampleModule());
  const load = () =>
    createModel({
      program: sampleProgram,
      target: 'wasm',
      kernels: module,
      weights: (name) => sampleWeights.get(name),
    });
  const [a, b] = [await load(), await load()];
  const first = a.runSync({ x: [1, 2, 3], limit: 0 });
  b.runSync({ x: [7, 7, 7], limit: 0 });
  expect([...first['scaled']!.data]).toEqual([3, 9, 19]);
});

test('staging weights may share a place, one after the other', async () => {
  const staging = (at: number): BufferSpec => ({ kind: 'staging', size: 64, first: at, last: at });
  const kept: BufferSpec = { kind: 'persistent', size: 64, first: 0, last: 0 };
  const target: TargetProgram = {
    buffers: [staging(0), staging(1), kept, kept, { kind: 'arena', size: 64, first: 0, last: 1 }],
    routines: runOf(1, {
      outputs: [{ name: 'y', dtype: 'f32', shape: [64], buffer: 4 }],
      table: { buffers: [2, 3, 4], sizes: [] },
    }),
    weights: [0, 1].map((buffer) => ({ name: `w${buffer}`, dtype: 'f32', shape: [64], buffer })),
    loadSteps: [0, 1].map((at) => ({ kernel: 0, buffers: [at, at + 2], sizes: [], origin: '' })),
    steps: [{ kernel: 1, buffers: [2, 3, 4], sizes: [], origin: '' }],
    kernels: ['copy', 'subtract'],
  };
  const kernels: JsKernelFactory = (f32) => [
    (from, to) => f32.copyWithin(to!, from!, from! + 64),
    (a, b, to) => {
      for (let i = 0; i < 64; i++) f32[to! + i] = f32[b! + i]! - f32[a! + i]!;
    },
  ];
  const weights = (name: string): StoredTensor => ({
    dtype: 'F32',
    shape: [64],
    bytes: new Uint8Array(new Float32Array(64).fill(name === 'w0' ? 1 : 5).buffer),
  });
  const program = { version: PROGRAM_VERSION, name: 'Staged', dims: [], targets: { js: target } };
  const model = await createModel({ program, target: 'js', kernels, weights });
  expect(new Set(model.runSync({})['y']!.data)).toEqual(new Set([4]));
});
