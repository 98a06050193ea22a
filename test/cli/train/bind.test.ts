/** How tensors of the data meet the inputs of an entry. */
import { describe, expect, it } from 'vitest';
import { bindFields, inputsOf } from '../../../src/cli/train/bind.ts';
import { Failure } from '../../../src/cli/errors.ts';
import type { Field } from '../../../src/data/dataset.ts';
import type { TensorInfo } from '../../../src/runtime/tensors.ts';

const IMAGE: Field = { name: 'image', aliases: ['img', 'x'], dtype: 'f32', shape: [1, 2, 3] };
const LABEL: Field = { name: 'label', aliases: ['target', 'y'], dtype: 'i32', shape: [] };
const FIELDS = [IMAGE, LABEL];
const input = (name: string, dtype: TensorInfo['dtype'], ...shape: TensorInfo['shape']): TensorInfo => ({
  name,
  dtype,
  shape,
});

function failure(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('inputs', () => {
  it('take the tensor of their name, or one that is known by it', () => {
    const binding = bindFields([input('y', 'i32', 'batch'), input('image', 'f32', 'batch', 1, 'h', 3)], FIELDS, [], 4);
    expect(binding).toEqual([
      { input: 'y', field: 1, shape: [] },
      { input: 'image', field: 0, shape: [1, 2, 3] },
    ]);
    const arrays = [new Float32Array(12), new Int32Array(2)];
    expect(inputsOf(binding, { epoch: 0, size: 2, arrays })).toEqual({
      y: { data: arrays[1], shape: [2] },
      image: { data: arrays[0], shape: [2, 1, 2, 3] },
    });
  });

  it('take what is bound to them first', () => {
    const other: Field = { ...IMAGE, name: 'x' };
    const inputs = [input('x', 'f32', 'batch', 1, 2, 3)];
    expect(bindFields(inputs, [...FIELDS, other], [], 1)[0]!.field).toBe(2);
    expect(bindFields(inputs, [...FIELDS, other], [{ input: 'x', tensor: 'image' }], 1)[0]!.field).toBe(0);
  });

  it('of one axis take the elements of any shape', () => {
    expect(bindFields([input('x', 'f32', 'batch', 6)], FIELDS, [], 1)[0]!.shape).toEqual([6]);
  });

  const wrong: [what: string, inputs: TensorInfo[], message: string][] = [
    ['no tensor', [input('z', 'f32', 'batch')], 'the data have no tensor for the input z'],
    [
      'another type',
      [input('image', 'i32', 'batch', 1, 2, 3)],
      'the input image: i32[batch, 1, 2, 3] does not take the tensor image: f32[1, 2, 3]',
    ],
    [
      'another size',
      [input('image', 'f32', 'batch', 1, 2, 4)],
      'the input image: f32[batch, 1, 2, 4] does not take the tensor image: f32[1, 2, 3]',
    ],
    [
      'more axes',
      [input('label', 'i32', 'batch', 'time')],
      'the input label: i32[batch, time] does not take the tensor label: i32[]',
    ],
    ['no axes', [input('label', 'i32')], 'the input label: i32[] does not take the tensor label: i32[]'],
  ];
  it.each(wrong)('are refused with both sides: %s', (_, inputs, message) => {
    const { message: text, notes, hint } = failure(() => bindFields(inputs, FIELDS, [], 4));
    expect(text).toBe(message);
    expect(notes[0]).toContain(`inputs of the entry: ${inputs[0]!.name}`);
    expect(notes[1]).toBe('tensors of the data, per example: image: f32[1, 2, 3], label: i32[]');
    expect(hint).toBe('bind them by name: --bind INPUT=TENSOR');
  });

  it('are named by bindings that exist', () => {
    const inputs = [input('x', 'f32', 'batch', 6)];
    expect(failure(() => bindFields(inputs, FIELDS, [{ input: 'q', tensor: 'image' }], 1)).message).toBe(
      '--bind names the input q, which the entry does not have',
    );
    expect(failure(() => bindFields(inputs, FIELDS, [{ input: 'x', tensor: 'q' }], 1)).message).toBe(
      'the data have no tensor q, to which --bind binds the input x',
    );
    const fixed = [input('x', 'f32', 8, 6)];
    expect(failure(() => bindFields(fixed, FIELDS, [], 4)).message).toBe(
      'the input x: f32[8, 6] takes 8 examples at once, but --batch is 4',
    );
  });
});
