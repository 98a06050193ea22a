/** Safetensors as examples and as sequences of batches. */
import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../src/program/safetensors-writer.ts';
import { elementCount, type StoredTensor } from '../../src/program/safetensors.ts';
import { dataFolder, example } from './support.ts';

const folder = dataFolder();

function floats(shape: number[], ...values: number[]): StoredTensor {
  const data = Float32Array.from({ length: elementCount(shape) }, (_, at) => values[at % values.length]!);
  return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) };
}

function wholes(shape: number[], ...values: number[]): StoredTensor {
  const data = BigInt64Array.from({ length: elementCount(shape) }, (_, at) => BigInt(values[at % values.length]!));
  return { dtype: 'I64', shape, bytes: new Uint8Array(data.buffer) };
}

function write(name: string, tensors: { readonly [name: string]: StoredTensor }): void {
  folder.write(name, writeSafetensors(Object.entries(tensors)));
}

describe('tensors with a common first axis', () => {
  it('are examples', async () => {
    write('data.safetensors', { x: floats([3, 2], 1, 2, 3, 4, 5, 6), y: wholes([3], 7, 8, 9) });
    const { train } = await folder.examples({ paths: ['data.safetensors'] });
    expect(train.fields.map(({ name, dtype, shape }) => `${name}: ${dtype}[${shape.join()}]`).sort()).toEqual([
      'x: f32[2]',
      'y: i32[]',
    ]);
    const at = train.fields.findIndex(({ name }) => name === 'x');
    expect([example(train, 1)[at], example(train, 1)[1 - at]]).toEqual([[3, 4], [8]]);
  });

  it('must agree in their number', async () => {
    write('odd.safetensors', { a: floats([3, 2], 0), b: floats([4], 0) });
    await expect(folder.open({ paths: ['odd.safetensors'] })).rejects.toThrow('but a is [3, 2] and b is [4]');
    write('scalar.safetensors', { a: floats([], 0) });
    await expect(folder.open({ paths: ['scalar.safetensors'] })).rejects.toThrow('counts examples');
  });

  it('may be chosen by a prefix', async () => {
    write('both.safetensors', { 'in.x': floats([2], 1, 2), w: floats([5], 0) });
    const { train } = await folder.examples({ paths: ['both.safetensors'], prefix: 'in.' });
    expect(train.fields.map(({ name }) => name)).toEqual(['x']);
    await expect(folder.open({ paths: ['both.safetensors'], prefix: 'out.' })).rejects.toThrow('begins with `out.`');
  });

  it('are no tensors where the file is none', async () => {
    folder.write('none.safetensors', 'text');
    await expect(folder.open({ paths: ['none.safetensors'] })).rejects.toThrow(
      'none.safetensors is no sound safetensors file',
    );
  });
});

describe('a sequence of batches', () => {
  it('comes in the order of its numbers, whatever they begin with', async () => {
    const batch = (value: number): StoredTensor => floats([1, 2], value);
    const tensors = Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`in.s${at + 1}.x`, batch(at)]));
    write('case.safetensors', { ...tensors, 'param.w': floats([4], 0) });
    const opened = await folder.open({ paths: ['case.safetensors'] });
    if (opened.kind !== 'sequence') throw new Error('this is a sequence');
    expect(opened.sequence.batches.map((one) => one.get('x')!.data[0])).toEqual(
      Array.from({ length: 11 }, (_, at) => at),
    );
    expect(opened.sequence.batches[0]!.get('x')).toMatchObject({ dtype: 'f32', shape: [1, 2] });
    write('zero.safetensors', { 's0.a.b': floats([1], 3) });
    const other = await folder.open({ paths: ['zero.safetensors'] });
    expect(other).toMatchObject({ kind: 'sequence', sequence: { batches: [new Map([['a.b', expect.anything()]])] } });
  });

  it('has no gaps, and the same tensors in each step', async () => {
    write('gap.safetensors', { 's0.x': floats([1], 0), 's2.x': floats([1], 0) });
    await expect(folder.open({ paths: ['gap.safetensors'] })).rejects.toThrow('step s1 is missing between s0 and s2');
    write('more.safetensors', { 's0.x': floats([1], 0), 's1.x': floats([1], 0), 's1.y': floats([1], 0) });
    await expect(folder.open({ paths: ['more.safetensors'] })).rejects.toThrow('step s1 has x, y, but step s0 has x');
  });
});
