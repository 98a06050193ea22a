/** Types and attributes: printing, broadcasting, axes, defaults. */
import { describe, expect, test } from 'vitest';
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import { printShape, type Shape } from '../../src/compiler/dims/shape.ts';
import { normalizeAxes, normalizeAxis, toDims, withDefaults } from '../../src/compiler/ir/attributes.ts';
import { broadcastShapes, concreteType, printType } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';

const batch = symbol('batch');

describe('broadcasting', () => {
  const broadcast = (...shapes: readonly Shape[]): string => {
    const found = broadcastShapes(shapes);
    return 'shape' in found ? printShape(found.shape) : found.notes.join('; ');
  };

  test('aligns shapes at their last axes and repeats the number 1', () => {
    expect(broadcast(toDims([batch, 65, 4]), toDims([4]))).toBe('[batch, 65, 4]');
    expect(broadcast(toDims([3, 1]), toDims([1, 5]), [])).toBe('[3, 5]');
    expect(broadcast(toDims([0]), toDims([1]))).toBe('[0]');
    expect(broadcast()).toBe('[]');
  });

  test('takes no symbolic size for 1, and names each axis that does not fit', () => {
    expect(broadcast(toDims([batch, 65, 4]), toDims([64, 5]))).toBe('axis 1: 65 against 64; axis 2: 4 against 5');
    expect(broadcast(toDims([batch]), toDims([3]))).toBe('axis 0: batch against 3');
  });
});

test('types print as they are written, and become concrete', () => {
  const type = { dtype: 'f32', shape: [batch, constant(65)] } as const;
  expect(printType(type)).toBe('f32[batch, 65]');
  expect(concreteType(type, new Map([['batch', 2]]))).toEqual({ dtype: 'f32', shape: [2, 65] });
  expect(() => concreteType(type, new Map())).toThrow(RangeError);
});

test('axes count from either end', () => {
  expect([normalizeAxis(-1, 3), normalizeAxis(2, 3), normalizeAxis(3, 3), normalizeAxis(-4, 3)]).toEqual([
    2,
    2,
    undefined,
    undefined,
  ]);
  expect(normalizeAxes(null, 2)).toEqual({ axes: [0, 1] });
  expect(normalizeAxes(-1, 2)).toEqual({ axes: [1] });
  expect(normalizeAxes([1, 3], 2)).toEqual({ error: 'axis 3 is out of range for a tensor of rank 2' });
  expect(normalizeAxes([0, -2], 2)).toEqual({ error: 'axis -2 is named twice' });
});

test('absent attributes take their defaults', () => {
  expect(withDefaults(ops.get('sum')!, { axis: 1 })).toEqual({ axis: 1, keepdim: false });
  expect(withDefaults(ops.get('einsum')!, {})).toEqual({});
});
