/** Transposes, cuts and joins stored tensors, whatever their element type. Shapes are checked by the caller. */
import { ELEMENT_BYTES, elementCount, type StoredTensor } from '../../program/safetensors.ts';

/** Axis `i` of the result is axis `axes[i]` of the tensor; `axes` is a permutation. */
export function transposed(tensor: StoredTensor, axes: readonly number[]): StoredTensor {
  if (axes.every((axis, at) => axis === at)) return tensor;
  const shape = axes.map((axis) => tensor.shape[axis]!);
  const strides = tensor.shape.map((_, axis) => elementCount(tensor.shape.slice(axis + 1)));
  const steps = axes.map((axis) => strides[axis]!);
  const size = ELEMENT_BYTES[tensor.dtype];
  const bytes = new Uint8Array(tensor.bytes.length);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < bytes.length; to += size) {
    for (let i = 0; i < size; i++) bytes[to + i] = tensor.bytes[from * size + i]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return { dtype: tensor.dtype, shape, bytes };
}

/** The permutation that undoes `axes`. */
export function inversePermutation(axes: readonly number[]): number[] {
  return axes.map((_, at) => axes.indexOf(at));
}

/** Cuts along `axis` into parts of the given sizes, which sum up to the axis. */
export function cut(tensor: StoredTensor, axis: number, sizes: readonly number[]): StoredTensor[] {
  const { outer, inner } = around(tensor, axis);
  const whole = tensor.shape[axis]! * inner;
  let begin = 0;
  return sizes.map((size) => {
    const bytes = new Uint8Array(outer * size * inner);
    for (let row = 0; row < outer; row++) {
      const from = row * whole + begin * inner;
      bytes.set(tensor.bytes.subarray(from, from + size * inner), row * size * inner);
    }
    begin += size;
    return { dtype: tensor.dtype, shape: tensor.shape.with(axis, size), bytes };
  });
}

/** Joins along `axis`; the parts have one type and agree in all other axes. */
export function joined(parts: readonly StoredTensor[], axis: number): StoredTensor {
  const [first] = parts;
  const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const shape = first!.shape.with(axis, total);
  const { outer, inner } = around(first!, axis);
  const bytes = new Uint8Array(outer * total * inner);
  let begin = 0;
  for (const part of parts) {
    const size = part.shape[axis]! * inner;
    for (let row = 0; row < outer; row++) {
      bytes.set(part.bytes.subarray(row * size, (row + 1) * size), row * total * inner + begin);
    }
    begin += size;
  }
  return { dtype: first!.dtype, shape, bytes };
}

/** Elements before `axis`, and bytes of one step along it. */
function around(tensor: StoredTensor, axis: number): { readonly outer: number; readonly inner: number } {
  return {
    outer: elementCount(tensor.shape.slice(0, axis)),
    inner: elementCount(tensor.shape.slice(axis + 1)) * ELEMENT_BYTES[tensor.dtype],
  };
}
