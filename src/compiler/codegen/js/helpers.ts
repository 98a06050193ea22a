/** Small functions that an emitted module defines when its kernels need them. */

export const HELPERS = {
  // Adding 1.5 * 2^52 leaves no bits for a fraction, so that the addition itself rounds to the nearest even integer.
  roundEven: `// To nearest, ties to even.
function roundEven(x) {
  if (!(Math.abs(x) < 2251799813685248)) return x;
  const rounded = x + 6755399441055744 - 6755399441055744;
  return rounded === 0 ? x * 0 : rounded;
}`,
  toI32: `// Truncates and saturates; NaN gives 0.
function toI32(x) {
  return Math.min(Math.max(x, -2147483648), 2147483647) | 0;
}`,
  toU32: `// Truncates and saturates; NaN gives 0.
function toU32(x) {
  return Math.min(Math.max(x, 0), 4294967295) >>> 0;
}`,
  pow: `// As in C: 1 to any power and -1 to an infinite one are 1.
function pow(x, y) {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y);
}`,
  mod: `// With the sign of the divisor, and smaller than it also where it rounds.
function mod(x, y) {
  const rest = x % y;
  if (rest === 0 || rest < 0 === y < 0) return rest;
  const sum = Math.fround(rest + y);
  return sum === y ? Math.fround(y * 0.9999999403953552) : sum;
}`,
  dot4: `// sum and the products of four signed bytes with four of 0 to 127.
function dot4(a, b, sum) {
  return (
    sum +
    ((a << 24) >> 24) * (b & 255) +
    ((a << 16) >> 24) * ((b >> 8) & 255) +
    ((a << 8) >> 24) * ((b >> 16) & 255) +
    (a >> 24) * (b >> 24) | 0
  );
}`,
  bitsOfF32: `function bitsOfF32(x) {
  scratchF32[0] = x;
  return scratchI32[0];
}`,
  f32OfBits: `function f32OfBits(bits) {
  scratchI32[0] = bits;
  return scratchF32[0];
}`,
} as const;

export type HelperName = keyof typeof HELPERS;

/** Scratch memory of the two bit conversions. */
export const SCRATCH = `const scratchF32 = new Float32Array(1);
const scratchI32 = new Int32Array(scratchF32.buffer);`;
