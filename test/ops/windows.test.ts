/** Convolutions, pools and interpolation: what their shape rules say, and values small enough to be checked by hand. */
import { describe, expect, test } from 'vitest';
import { constant, print } from '../../src/compiler/dims/dim.ts';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import type { Attributes, TensorType } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { tensorOf } from '../support/tensors.ts';
import { evaluated, f32, infer, inferred } from './dsl.ts';

/** What a run's sizes have to offer, as `condition: message`. */
function conditions(name: string, inputs: readonly TensorType[], attributes: Attributes = {}): string[] {
  const found = infer(name, inputs, attributes);
  if ('error' in found) throw new Error(found.error.message);
  return (found.conditions ?? []).map(({ atLeastZero, message }) => `${print(atLeastZero)}: ${message}`);
}

const groups = (count: number): Attributes => ({ groups: constant(count) });

describe('sizes', () => {
  const x = f32('n', 3, 'h', 9);

  test('of convolutions', () => {
    expect(inferred('conv2d', [x, f32(8, 3, 3, 2)])).toBe('f32[n, 8, h - 2, 8]');
    expect(inferred('conv2d', [x, f32(8, 3, 3, 2)], { stride: 2, padding: [1, 0] })).toBe(
      'f32[n, 8, floordiv(h + 1, 2), 4]',
    );
    expect(inferred('conv2d', [x, f32(8, 3, 3, 4)], { padding: 'same', dilation: 2 })).toBe('f32[n, 8, h, 9]');
    expect(inferred('conv1d', [f32('n', 'c', 9), f32('c', 1, 3)], { groups: f32('c').shape[0]! })).toBe('f32[n, c, 7]');
  });

  test('of transposed convolutions', () => {
    expect(inferred('conv_transpose2d', [x, f32(3, 8, 3, 2), f32(8)], { stride: [2, 3] })).toBe(
      'f32[n, 8, 2*h + 1, 26]',
    );
    expect(inferred('conv_transpose1d', [f32('n', 6, 5), f32(6, 2, 4)], { stride: 3, ...groups(3) })).toBe(
      'f32[n, 6, 16]',
    );
    const further = { stride: 2, padding: 1, output_padding: 1 };
    expect(inferred('conv_transpose2d', [x, f32(3, 8, 3, 3)], further)).toBe('f32[n, 8, 2*h, 18]');
  });

  test('of pools', () => {
    expect(inferred('max_pool2d', [x], { kernel_size: 2 })).toBe('f32[n, 3, floordiv(h, 2), 4]');
    expect(inferred('max_pool2d', [f32(9, 9)], { kernel_size: 2, ceil_mode: true })).toBe('f32[5, 5]');
    // The last window would begin in the padding.
    expect(inferred('max_pool1d', [f32(4)], { kernel_size: 2, stride: 3, padding: 1, ceil_mode: true })).toBe('f32[2]');
    expect(inferred('adaptive_avg_pool2d', [x], { output_size: toDims([7]) })).toBe('f32[n, 3, 7, 7]');
  });

  test('of windows and interpolation', () => {
    expect(inferred('unfold', [x], { kernel_size: 3, padding: 1, stride: 2 })).toBe('f32[n, 27, 5*floordiv(h + 1, 2)]');
    expect(inferred('interpolate', [x], { scale_factor: 1.5 })).toBe('f32[n, 3, floordiv(h, 2) + h, 13]');
    expect(inferred('interpolate', [x], { size: toDims([4]), mode: 'bicubic' })).toBe('f32[n, 3, 4, 4]');
  });
});

describe('conditions on a run', () => {
  test('are that windows fit', () => {
    const x = f32('n', 3, 'h', 9);
    expect(conditions('conv2d', [x, f32(8, 3, 3, 3)], { padding: 1 })).toEqual([
      'h - 1: `conv2d` needs 3 elements of axis 2 for one window, and there are h + 2 with the padding',
    ]);
    expect(conditions('conv2d', [x, f32(8, 3, 3, 3)], { padding: 'same' })).toEqual([
      'h - 1: `conv2d` needs 3 elements of axis 2 for one window, and there are h + 2 with the padding',
    ]);
    expect(conditions('conv2d', [x, f32(8, 3, 1, 3)])).toEqual([
      'h - 1: `conv2d` needs 1 element of axis 2 for one window, and there are h',
    ]);
  });

  test('are that there is something to resize', () => {
    expect(conditions('interpolate', [f32(1, 1, 'h')], { size: toDims([3]) })).toEqual([
      'h - 1: `interpolate` of axis 2 from h to 3 elements',
    ]);
    expect(conditions('adaptive_max_pool1d', [f32('h')], { output_size: toDims([3]) })).toEqual([
      'h - 1: `adaptive_max_pool1d` needs an element of axis 0, which has h',
    ]);
  });
});

describe('mistakes', () => {
  const image = f32('n', 3, 9, 9);
  const weight = f32(8, 3, 3, 3);

  test('a kernel larger than the image', () => {
    expect(inferred('conv2d', [f32('n', 3, 2, 9), f32(8, 3, 5, 3)], { padding: 1 })).toBe(
      '`conv2d` needs 5 elements of axis 2 for one window, and there are 4 with the padding\n= x is f32[n, 3, 2, 9]',
    );
    expect(inferred('max_pool1d', [f32('n', 2)], { kernel_size: 3 })).toBe(
      '`max_pool1d` needs 3 elements of axis 1 for one window, and there are 2\n= x is f32[n, 2]',
    );
  });

  test('channels that do not fit', () => {
    expect(inferred('conv2d', [image, f32(8, 4, 3, 3)], groups(2))).toBe(
      'the channels of `conv2d` do not fit: x is f32[n, 3, 9, 9], the weight f32[8, 4, 3, 3]\n' +
        '= axis 1 of x: 3 against 8 (2 groups of 4)\n' +
        '= hint: a weight is [channels of the result, channels of x / groups, kernel …]',
    );
    expect(inferred('conv_transpose2d', [image, f32(8, 3, 3, 3)])).toContain('axis 1 of x: 3 against 8');
    expect(inferred('conv2d', [image, weight], groups(3))).toContain(
      'the 8 channels of f32[8, 3, 3, 3] do not fall into 3 groups',
    );
    expect(inferred('conv2d', [image, weight, f32(3)])).toBe('`conv2d` needs a bias of f32[8], not f32[3]');
  });

  test.each<[string, Attributes, string]>([
    ['conv2d', { padding: 'same', stride: 2 }, '`conv2d` with padding "same" needs a stride of 1'],
    ['conv2d', { padding: 'full' }, '`conv2d` knows the paddings "same" and "valid", not "full"'],
    ['conv2d', { padding: -1 }, '`padding` of `conv2d` must be at least 0, not -1'],
    ['conv2d', { stride: [1, 2, 3] }, '`conv2d` takes one int or 2 for `stride`, not 3'],
    ['conv2d', { dilation: 0 }, '`dilation` of `conv2d` must be at least 1, not 0'],
  ])('%s with %o', (name, attributes, message) => {
    expect(inferred(name, [image, weight], attributes)).toBe(message);
  });

  test.each<[string, Attributes, string]>([
    ['max_pool2d', { kernel_size: 3, padding: 2 }, 'must be at most half of the window: 2 for a window over 3'],
    ['avg_pool2d', { kernel_size: 3, divisor_override: 0 }, '`avg_pool2d` with a divisor of 0'],
    ['adaptive_avg_pool2d', { output_size: toDims([1, 2, 3]) }, '`adaptive_avg_pool2d` takes one size or 2, not 3'],
    ['adaptive_max_pool2d', { output_size: toDims([0]) }, '`adaptive_max_pool2d` to 0 elements'],
    ['interpolate', {}, '`interpolate` needs either `size` or `scale_factor`'],
    ['interpolate', { scale_factor: 2, mode: 'linear' }, '"linear" takes x of [batch, channels, length]'],
    ['interpolate', { scale_factor: 2, mode: 'cubic' }, 'not "cubic"'],
    ['interpolate', { scale_factor: 2, align_corners: true }, 'has no corners to align'],
    [
      'interpolate',
      { scale_factor: Math.PI },
      'no positive fraction of small integers\n= hint: give the `size` instead',
    ],
    ['interpolate', { scale_factor: 0.1 }, '`interpolate` of axis 2 from 9 to 0 elements'],
  ])('%s with %o', (name, attributes, message) => {
    expect(inferred(name, [image], attributes)).toContain(message);
  });

  test('a padding that leaves nothing of a transposed convolution', () => {
    expect(inferred('conv_transpose1d', [f32(1, 1, 1), f32(1, 1, 3)], { padding: 2 })).toBe(
      '`conv_transpose1d` makes -1 elements of the 1 along axis 2\n= x is f32[1, 1, 1]',
    );
    expect(inferred('conv_transpose1d', [f32(1, 1, 1), f32(1, 1, 3)], { output_padding: 1 })).toContain(
      'must be less than the stride or the dilation: 1 against 1 and 1',
    );
  });
});

describe('values', () => {
  const row = (...data: number[]): Tensor => tensorOf('f32', [1, 1, data.length], data);

  test('a convolution is a correlation, its kernel is not mirrored', () => {
    expect(evaluated('conv1d', [row(1, 2, 3, 4), row(1, 10)])).toEqual([[21, 32, 43]]);
    expect(evaluated('conv1d', [row(1, 2, 3, 4), row(1, 10)], { padding: 'same' })).toEqual([[21, 32, 43, 4]]);
    expect(evaluated('conv1d', [row(1, 2, 3, 4), row(1, 10)], { dilation: 2, stride: 2, padding: 1 })).toEqual([
      [20, 42],
    ]);
  });

  test('a transposed one lays a kernel down for each element', () => {
    expect(evaluated('conv_transpose1d', [row(1, 2), row(1, 10, 100)], { stride: 2 })).toEqual([[1, 10, 102, 20, 200]]);
    expect(evaluated('conv_transpose1d', [row(1, 2), row(1, 10)], { stride: 3, output_padding: 1 })).toEqual([
      [1, 10, 0, 2, 20, 0],
    ]);
  });

  test('padding is no maximum, and counts in a mean if asked', () => {
    expect(evaluated('max_pool1d', [row(-1, -2, -3)], { kernel_size: 3, stride: 2, padding: 1 })).toEqual([[-1, -2]]);
    const halves = { kernel_size: 2, stride: 2, padding: 1 };
    expect(evaluated('avg_pool1d', [row(2, 4)], halves)).toEqual([[1, 2]]);
    expect(evaluated('avg_pool1d', [row(2, 4)], { ...halves, count_include_pad: false })).toEqual([[2, 4]]);
    expect(evaluated('avg_pool1d', [row(2, 4, 6)], { kernel_size: 2, ceil_mode: true })).toEqual([[3, 6]]);
  });

  test('NaN is the maximum of its windows', () => {
    expect(evaluated('max_pool1d', [row(1, Number.NaN, 3, 4)], { kernel_size: 2 })).toEqual([[Number.NaN, 4]]);
  });

  test('adaptive windows share elements where they do not divide', () => {
    expect(evaluated('adaptive_avg_pool1d', [row(1, 2, 3, 4, 5)], { output_size: toDims([3]) })).toEqual([
      [1.5, 3, 4.5],
    ]);
  });

  test('neighbours of a resized axis', () => {
    const twice = { scale_factor: 2, mode: 'linear' };
    expect(evaluated('interpolate', [row(0, 4)], twice)).toEqual([[0, 1, 3, 4]]);
    expect(evaluated('interpolate', [row(0, 4)], { size: toDims([5]), mode: 'linear', align_corners: true })).toEqual([
      [0, 1, 2, 3, 4],
    ]);
    expect(evaluated('interpolate', [row(1, 2, 3)], { size: toDims([5]) })).toEqual([[1, 1, 2, 2, 3]]);
  });
});
