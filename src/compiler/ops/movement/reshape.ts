/** `reshape`: the same elements in row-major order, in axes of other sizes. */
import {
  constant,
  constantValue,
  equal,
  floorDiv,
  isAtLeast,
  multiply,
  ONE,
  print,
  product,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { delinearize, elementCount, linearize, printShape, type Shape } from '../../dims/shape.ts';
import { toDims } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { fails, gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { MOVED } from './define.ts';

type Reshape = { readonly shape: readonly (Dim | number)[] };

/** The new shape with a size of -1 worked out from the others. */
function shapeOf(x: TensorType, given: Reshape['shape']): { readonly shape: Shape } | { readonly error: Mismatch } {
  const shape = toDims(given);
  const open = shape.flatMap((dim, axis) => (constantValue(dim) === -1 ? [axis] : []));
  const fixed = shape.filter((_, axis) => !open.includes(axis));
  const negative = fixed.find((dim) => isAtLeast(constant(-1), dim));
  const attribute = 'shape';
  if (negative) return fails(`\`reshape\` to the negative size ${print(negative)}`, { attribute });
  if (open.length > 1) return fails('`reshape` can work out one size only, but two are -1', { attribute });
  const [count, rest] = [elementCount(x.shape), product(fixed)];
  if (open.length === 1) {
    const size = quotient(count, rest);
    if (!size) {
      return fails(`\`reshape\` cannot work out a size: ${print(count)} elements by ${print(rest)} is not exact`, {
        notes: [`the tensor is ${printType(x)}`],
        attribute,
      });
    }
    shape[open[0]!] = size;
  } else if (!equal(count, rest)) {
    return fails(`\`reshape\` of ${printType(x)} to ${printShape(shape)} changes the number of elements`, {
      notes: [`${print(count)} elements against ${print(rest)}`],
      attribute,
    });
  }
  return { shape };
}

/** `a / b` where that is exact and b is not 0. */
export function quotient(a: Dim, b: Dim): Dim | undefined {
  if (constantValue(b) === 0) return undefined;
  const size = floorDiv(a, b);
  return equal(multiply(size, b), a) ? size : undefined;
}

/**
 * Cuts two shapes of equally many elements into the smallest runs of axes that hold equally many, so that an index is
 * worked out within its run: positions in other axes never enter the divisions.
 */
function alignedRuns(
  a: Shape,
  b: Shape,
): { readonly a: readonly [number, number]; readonly b: readonly [number, number] }[] {
  const ends = new Map<string, number>();
  let count = ONE;
  for (let axis = 0; axis < b.length; axis++) {
    count = multiply(count, b[axis]!);
    if (!ends.has(count.key)) ends.set(count.key, axis + 1);
  }
  const runs: { a: readonly [number, number]; b: readonly [number, number] }[] = [];
  let [fromA, fromB] = [0, 0];
  count = ONE;
  for (let axis = 0; axis < a.length; axis++) {
    count = multiply(count, a[axis]!);
    const end = ends.get(count.key);
    if (end === undefined || end <= fromB) continue;
    runs.push({ a: [fromA, axis + 1], b: [fromB, end] });
    [fromA, fromB] = [axis + 1, end];
  }
  if (fromA < a.length || fromB < b.length) runs.push({ a: [fromA, a.length], b: [fromB, b.length] });
  return runs;
}

/** The position in `to` of the element at `index` of `from`. */
function reindex(index: readonly Dim[], from: Shape, to: Shape, bounds: Bounds): readonly Dim[] {
  return alignedRuns(from, to).flatMap(({ a, b }) => {
    const inner = from.slice(...a);
    return delinearize(linearize(index.slice(...a), inner), to.slice(...b), bounds);
  });
}

const twice = multiply(constant(2), n);

export const reshape: Op = defineOp<Reshape>({
  name: 'reshape',
  doc:
    'The same elements, in row-major order, with another shape (any dtype). One size may be -1: it is worked out ' +
    'from the others where the division is exact.',
  operands: [{ name: 'x' }],
  attributes: [{ name: 'shape', kind: 'shape', doc: 'The sizes of the result.' }],
  infer([x], { shape }) {
    const found = shapeOf(x!, shape);
    return 'error' in found ? found : gives({ dtype: x!.dtype, shape: found.shape });
  },
  evaluate: ([x]) => [x!.data],
  body: {
    kind: 'movement',
    element: ([read], index, _, { inputs, outputs, bounds }) =>
      read!(reindex(index, outputs[0]!.shape, inputs[0]!.shape, bounds)),
    destination: (index, _, { inputs, outputs, bounds }) => reindex(index, inputs[0]!.shape, outputs[0]!.shape, bounds),
  },
  vjp: (builder, { inputs: [x] }, [cotangent]) => [builder.one('reshape', [cotangent!], { shape: x!.type.shape })],
  tolerance: MOVED,
  samples: [
    { inputs: [f32(n, 6)], attributes: { shape: toDims([n, 2, 3]) } },
    { inputs: [f32(n, 4, 3)], attributes: { shape: [multiply(constant(4), n), constant(3)] } },
    { inputs: [f32(2, n, 3)], attributes: { shape: [constant(3), twice] } },
    { inputs: [f32(2, 3, n)], attributes: { shape: toDims([6, n, 1]) } },
    { inputs: [f32(n, 4)], attributes: { shape: toDims([n, 2, -1]) } },
    { inputs: [tensor('i32', 1, n, 1)], attributes: { shape: [n] } },
    { inputs: [f32(1, 1)], attributes: { shape: [] } },
    { inputs: [tensor('bool')], attributes: { shape: toDims([1, 1]) } },
  ],
});
