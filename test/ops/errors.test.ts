/** What the shape rules say of operands that do not fit. */
import { describe, expect, test } from 'vitest';
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import { toDims } from '../../src/compiler/ir/attributes.ts';
import { f32, infer, inferred, type } from './dsl.ts';

describe('pointwise ops', () => {
  test('name both shapes, and each axis that differs', () => {
    expect(inferred('add', [f32('batch', 65, 1024), f32(1, 64, 1024)])).toBe(
      '`+` needs operands of one shape: f32[batch, 65, 1024] against f32[1, 64, 1024]\n' +
        '= axis 0: batch against 1\n= axis 1: 65 against 64',
    );
    expect(inferred('maximum', [f32(3), f32(2, 3)])).toBe(
      '`maximum` needs operands of one shape: f32[3] against f32[2, 3]\n= the ranks differ: 1 against 2',
    );
  });

  test('convert nothing', () => {
    expect(inferred('mul', [f32(3), type('i32', 3)])).toBe(
      '`*` needs operands of one dtype\n= hint: convert one of them: `cast(…, f32)`',
    );
    expect(inferred('exp', [type('i32', 3)])).toBe('`exp` takes f32, not i32[3]\n= hint: convert it: `cast(…, f32)`');
    expect(inferred('neg', [type('bool', 3)])).toBe(
      '`-` takes f32 or i32, not bool[3]\n= hint: convert it: `cast(…, f32)`',
    );
    expect(inferred('where', [f32(3), f32(3), f32(3)])).toContain('`where` takes bool, not f32[3]');
    expect(infer('where', [type('bool', 3), f32(3), type('i32', 3)])).toMatchObject({ error: { operand: 2 } });
  });

  test('check their attributes', () => {
    expect(inferred('gelu', [f32(3)], { approximate: 'sigmoid' })).toBe(
      '`gelu` knows the approximations "none" and "tanh", not "sigmoid"',
    );
    expect(inferred('clamp', [f32(3)])).toBe('`clamp` needs `min` or `max`');
    expect(inferred('clamp', [type('u32', 3)], { min: -1 })).toBe('`clamp` of u32 needs limits that are u32, not -1');
  });
});

describe('axes', () => {
  test('count from either end', () => {
    expect(inferred('sum', [f32('n', 3, 4)], { axis: [-1, 0], keepdim: true })).toBe('f32[1, 3, 1]');
    expect(inferred('softmax', [f32('n', 3)], { axis: -2 })).toBe('f32[n, 3]');
  });

  test('out of range are errors that name the rank', () => {
    const found = '`softmax`: axis 2 is out of range for a tensor of rank 2\n= the tensor is f32[n, 3]';
    expect(inferred('softmax', [f32('n', 3)], { axis: 2 })).toBe(found);
    expect(inferred('mean', [f32()], { axis: 0 })).toContain('axis 0 is out of range for a scalar, which has no axes');
    expect(inferred('sum', [f32(2, 3)], { axis: [1, -1] })).toContain('axis -1 is named twice');
    expect(inferred('stack', [f32(2), f32(2)], { axis: 2 })).toContain('axis 2 is out of range for a tensor of rank 2');
  });
});

describe('movements', () => {
  test('reshape keeps the number of elements, and works out one size', () => {
    const x = f32('n', 6);
    expect(inferred('reshape', [x], { shape: [constant(-1), constant(3)] })).toBe('f32[2*n, 3]');
    expect(inferred('reshape', [x], { shape: toDims([4, 2]) })).toBe(
      '`reshape` of f32[n, 6] to [4, 2] changes the number of elements\n= 6*n elements against 8',
    );
    expect(inferred('reshape', [x], { shape: toDims([4, -1]) })).toBe(
      '`reshape` cannot work out a size: 6*n elements by 4 is not exact\n= the tensor is f32[n, 6]',
    );
    expect(inferred('reshape', [x], { shape: toDims([-1, -1]) })).toContain('one size only');
    expect(inferred('reshape', [f32(0)], { shape: toDims([0, -1]) })).toContain('0 elements by 0 is not exact');
    expect(inferred('reshape', [x], { shape: toDims([-2, 3]) })).toBe('`reshape` to the negative size -2');
  });

  test('expand repeats the number 1 only', () => {
    expect(inferred('expand', [f32(1, 3)], { shape: [symbol('n'), constant(3)] })).toBe('f32[n, 3]');
    expect(inferred('expand', [f32(1, 3)], { axis: 0, size: symbol('n') })).toBe('f32[n, 3]');
    expect(inferred('expand', [f32('n', 3)], { shape: toDims([2, 3]) })).toBe(
      '`expand` cannot bring f32[n, 3] to [2, 3]\n= axis 0: n against 2',
    );
    expect(inferred('expand', [f32(2, 3)], { shape: toDims([3]) })).toContain('the result has fewer axes');
    expect(inferred('expand', [f32('n', 1)], { shape: toDims([2, -1, 4]) })).toBe('f32[2, n, 4]');
    expect(inferred('expand', [f32(3)], { shape: toDims([-1, -1]) })).toContain('a size of -1 is negative');
    expect(inferred('expand', [f32(1)], { axis: 0 })).toBe('`expand` takes either `shape` or both `axis` and `size`');
  });

  test('concat and stack name the axes that differ', () => {
    expect(inferred('concat', [f32('n', 1, 4), f32('n', 65, 5)], { axis: 1 })).toBe(
      '`concat` needs tensors that agree in all axes but 1: f32[n, 1, 4] against f32[n, 65, 5]\n= axis 2: 4 against 5',
    );
    expect(inferred('concat', [f32(2), f32(2, 2)], { axis: 0 })).toContain(
      'tensors of one rank: f32[2] against f32[2, 2]',
    );
    expect(inferred('stack', [f32(2), f32(3)])).toContain('tensors of one shape: f32[2] against f32[3]');
    expect(inferred('concat', [f32('n', 4), f32('m', 4)], { axis: 0 })).toBe('f32[m + n, 4]');
  });

  test('unstack needs a number, chunk a multiple', () => {
    expect(inferred('unstack', [f32('n', 2)], { axis: 1 })).toBe('f32[n] f32[n]');
    expect(inferred('unstack', [f32('n', 2)])).toContain('axis 0 of f32[n, 2] has the symbolic size n');
    expect(inferred('chunk', [f32('n', 2)], { chunks: 2 })).toContain(
      'cannot tell that axis 0 of f32[n, 2] is a multiple of 2',
    );
    expect(inferred('split', [f32(5)], { sizes: toDims([2, 2]) })).toBe(
      'the parts of `split` do not add up to axis 0 of f32[5]\n= 4 against 5',
    );
  });

  test('slices lie within the axis', () => {
    const slice = (start: number, stop: number): string =>
      inferred('slice', [f32(4)], { starts: toDims([start]), stops: toDims([stop]), steps: toDims([1]) });
    expect(slice(1, 4)).toBe('f32[3]');
    expect(slice(1, 5)).toBe('a slice does not fit axis 0 of f32[4]\n= the stop 5 is beyond the size 4');
    expect(slice(-1, 4)).toContain('the start -1 is negative');
    expect(slice(3, 2)).toContain('the stop 2 is before the start 3');
  });

  test('pad checks modes and sizes', () => {
    const pad = (size: number, before: number, after: number, mode: string): string =>
      inferred('pad', [f32(size)], { before: toDims([before]), after: toDims([after]), mode });
    expect(pad(3, 1, 2, 'constant')).toBe('f32[6]');
    expect(pad(3, -1, -2, 'constant')).toBe('f32[0]');
    expect(pad(3, -2, -2, 'constant')).toBe('`pad` leaves axis 0 of f32[3] the size -1');
    expect(pad(3, 3, 0, 'reflect')).toContain('has too few elements in f32[3]\n= 3 against 2 elements of axis 0');
    expect(pad(0, 1, 0, 'replicate')).toContain('has too few elements');
    expect(pad(3, 1, 0, 'wrap')).toContain('knows the modes');
    expect(pad(3, -1, 0, 'reflect')).toContain('takes no negative sizes');
  });

  test('transpose names every axis once', () => {
    expect(inferred('transpose', [f32(2, 3)], { permutation: [1] })).toBe(
      '`transpose` names 1 of the 2 axes of f32[2, 3]',
    );
    expect(inferred('transpose', [f32(2, 3)], { permutation: [1, 1] })).toContain('axis 1 is named twice');
  });
});

describe('generators', () => {
  test('keep values to their dtype', () => {
    expect(inferred('full', [], { shape: [constant(2)], value: 0.5, dtype: 'i32' })).toBe('0.5 is not a value of i32');
    expect(inferred('arange', [], { stop: symbol('n'), step: 0 })).toBe('`arange` with a step of 0');
    expect(inferred('arange', [], { stop: symbol('n') })).toBe('i32[n]');
    expect(inferred('zeros', [], { shape: [constant(-1)] })).toBe('`zeros` with the negative size -1');
  });
});

describe('matmul', () => {
  test('names the axes that do not fit', () => {
    expect(inferred('matmul', [f32('b', 3, 4), f32(5, 6)])).toBe(
      '`matmul` of f32[b, 3, 4] and f32[5, 6] does not fit\n= the last axis of the first is 4, the second last axis of the second 5',
    );
    expect(inferred('matmul', [f32(2, 3, 4), f32('b', 4, 6)])).toBe(
      '`matmul` of f32[2, 3, 4] and f32[b, 4, 6] needs batch axes that broadcast\n= batch axis 0: 2 against b',
    );
    expect(inferred('matmul', [f32(), f32(3)])).toContain('multiplies matrices, not scalars');
  });
});
