/** Walking over concrete row-major tensors with strides, for evaluations in f64. Knows no ops. */

/** Row-major strides of a concrete shape. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides: number[] = Array.from(shape, () => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/**
 * Visits every position of all axes but the last, in row-major order, with the offsets that two sets of strides give
 * it. A scalar has one row; a tensor with an empty axis has none.
 */
export function forEachRow(
  shape: readonly number[],
  stridesA: readonly number[],
  stridesB: readonly number[],
  visit: (offsetA: number, offsetB: number) => void,
): void {
  if (shape.includes(0)) return;
  const outer = Math.max(shape.length - 1, 0);
  const index = Array.from({ length: outer }, () => 0);
  let [a, b] = [0, 0];
  for (;;) {
    visit(a, b);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      a += stridesA[axis]!;
      b += stridesB[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      a -= stridesA[axis]! * shape[axis]!;
      b -= stridesB[axis]! * shape[axis]!;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Merges neighbouring axes that both walks cross as if they were one, so that inner loops are long. */
export function coalesce(
  shape: readonly number[],
  stridesA: readonly number[],
  stridesB: readonly number[],
): { shape: number[]; stridesA: number[]; stridesB: number[] } {
  const merged = { shape: [] as number[], stridesA: [] as number[], stridesB: [] as number[] };
  for (let axis = 0; axis < shape.length; axis++) {
    const [size, a, b] = [shape[axis]!, stridesA[axis]!, stridesB[axis]!];
    if (size === 1) continue;
    const last = merged.shape.length - 1;
    if (last >= 0 && merged.stridesA[last] === a * size && merged.stridesB[last] === b * size) {
      merged.shape[last]! *= size;
      merged.stridesA[last] = a;
      merged.stridesB[last] = b;
    } else {
      merged.shape.push(size);
      merged.stridesA.push(a);
      merged.stridesB.push(b);
    }
  }
  return merged;
}

/** `target`, of `shape` and row-major, filled from `source` at `offset` with `strides` (0 repeats, negative reverses). */
export function copyStrided(
  source: Float64Array,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array {
  const target = new Float64Array(shape.reduce((count, size) => count * size, 1));
  const walk = coalesce(shape, strides, rowMajor(shape));
  const length = walk.shape.at(-1) ?? 1;
  const step = walk.stridesA.at(-1) ?? 0;
  forEachRow(walk.shape, walk.stridesA, walk.stridesB, (from, to) => {
    let at = offset + from;
    if (step === 1) target.set(source.subarray(at, at + length), to);
    else
      for (let i = to; i < to + length; i++) {
        target[i] = source[at]!;
        at += step;
      }
  });
  return target;
}
