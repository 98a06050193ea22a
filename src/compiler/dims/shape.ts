/** Shapes: row-major lists of dimensions, their strides, and index arithmetic over them. */
import {
  add,
  constantValue,
  equal,
  floorDiv,
  modulo,
  multiply,
  ONE,
  print,
  product,
  ZERO,
  type Bounds,
  type Dim,
} from './dim.ts';

export type Shape = readonly Dim[];

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => equal(dim, b[axis]!));
}

export function elementCount(shape: Shape): Dim {
  return product(shape);
}

/** More elements than any memory holds. What is computed on the way to fewer can still be counted exactly. */
export const MAX_ELEMENTS = 2 ** 45;

/** Whether the elements are no more than that, as far as is known. Throws DimensionOverflow far beyond. */
export function isCountable(shape: Shape): boolean {
  return elementCount(shape).terms.every((term) => term.coefficient <= MAX_ELEMENTS);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): Dim[] {
  const strides: Dim[] = [];
  let step = ONE;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step = multiply(step, shape[axis]!);
  }
  return strides;
}

/** The row-major position of `index` in `shape`. */
export function linearize(index: readonly Dim[], shape: Shape): Dim {
  const strides = stridesOf(shape);
  return add(ZERO, ...index.map((at, axis) => multiply(at, strides[axis]!)));
}

/** The multi-index of a row-major position. Size-1 axes are 0; the first other axis needs no modulo. */
export function delinearize(position: Dim, shape: Shape, bounds: Bounds): Dim[] {
  const strides = stridesOf(shape);
  const first = shape.findIndex((dim) => constantValue(dim) !== 1);
  return shape.map((dim, axis) => {
    if (constantValue(dim) === 1) return ZERO;
    const above = floorDiv(position, strides[axis]!, bounds);
    return axis === first ? above : modulo(above, dim, bounds);
  });
}

/** `[batch, 65, 1024]` */
export function printShape(shape: Shape): string {
  return `[${shape.map(print).join(', ')}]`;
}
