/** Singles as numbers of 16 bits. */

/** An f32, given as its bits and its value, as the bits of an f16: to nearest, ties to even; beyond its range infinite. */
export function halfOf(bits: number, value: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Below 2⁻¹⁴ an f16 counts 2⁻²⁴. Adding 2⁵² · 2⁻²⁴ in f64 rounds to that.
  if (magnitude < 0x38800000) return sign | ((Math.abs(value) + 2 ** 28 - 2 ** 28) * 2 ** 24);
  // To nearest: half a unit, less a bit where the last one kept is 0. A carry goes into the exponent as it should.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** Writes `values` into `halves` from `at` on. */
export function writeHalves(halves: Uint16Array, at: number, values: Float32Array): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) halves[at + i] = halfOf(bits[i]!, values[i]!);
}
