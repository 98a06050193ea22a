/** Tensor types: comparison, printing, broadcasting, sizes and their limits. Knows no ops and no attributes. */
import { constant, constantValue, equal, evaluate, ONE, print, type Bounds, type Dim } from '../dims/dim.ts';
import { printShape, sameShape, type Shape } from '../dims/shape.ts';
import type { DimDeclaration, DType, TensorType } from './graph.ts';
import type { ConcreteType } from './op.ts';

export const DTYPES: readonly DType[] = ['f32', 'i32', 'u32', 'bool'];

/** Axes of a tensor, as in NumPy. */
export const MAX_RANK = 64;

/** `f32[batch, 65]` */
export function printType(type: TensorType): string {
  return type.dtype + printShape(type.shape);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}

export function concreteShape(shape: Shape, symbols: ReadonlyMap<string, number>): number[] {
  return shape.map((dim) => evaluate(dim, symbols));
}

/** The type with every symbol replaced by its value. Throws RangeError when one is unbound. */
export function concreteType(type: TensorType, symbols: ReadonlyMap<string, number>): ConcreteType {
  return { dtype: type.dtype, shape: concreteShape(type.shape, symbols) };
}

/** The number of elements of a concrete shape. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** The limits of declared dims, for proofs about shapes. */
export function boundsOf({ dims }: { readonly dims: readonly DimDeclaration[] }): Bounds {
  return new Map(dims.flatMap(({ name, max }) => (max === undefined ? [] : [[name, constant(max)] as const])));
}

export function isOne(dim: Dim): boolean {
  return constantValue(dim) === 1;
}

/** `axis 1: 65 against 64`, for every axis in which two shapes of one rank differ. */
export function axisDifferences(a: Shape, b: Shape): string[] {
  return a.flatMap((dim, axis) => (equal(dim, b[axis]!) ? [] : [axisNote(axis, dim, b[axis]!)]));
}

function axisNote(axis: number, a: Dim, b: Dim): string {
  return `axis ${axis}: ${print(a)} against ${print(b)}`;
}

/**
 * The common shape of several, aligned at their last axes, as NumPy broadcasts: sizes agree or are the number 1. A
 * symbolic size is never taken for 1. `notes` names each axis (of the longer shape) that does not fit.
 */
export function broadcastShapes(
  shapes: readonly Shape[],
): { readonly shape: Shape } | { readonly notes: readonly string[] } {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const notes: string[] = [];
  const shape = Array.from({ length: rank }, (_, axis) => {
    let common = ONE;
    for (const part of shapes) {
      const dim = part[axis - rank + part.length];
      if (dim === undefined || isOne(dim) || equal(dim, common)) continue;
      if (isOne(common)) common = dim;
      else notes.push(axisNote(axis, common, dim));
    }
    return common;
  });
  return notes.length > 0 ? { notes } : { shape };
}
