/** Functions that the emitted module contains where a kernel calls them. */

export interface Helper {
  readonly code: string;
  /** Helpers that it calls. */
  readonly needs: readonly HelperName[];
}

export type HelperName =
  | 'is_nan'
  | 'are_nan'
  | 'single_of_bits'
  | 'min_single'
  | 'max_single'
  | 'min_singles'
  | 'max_singles'
  | 'i32_of_single'
  | 'u32_of_single'
  | 'i32_of_singles'
  | 'u32_of_singles'
  | 'quotient_i32'
  | 'quotient_u32'
  | 'quotients_i32'
  | 'quotients_u32'
  | 'floor_quotient'
  | 'dot4'
  | 'dot4s';

/** In the order in which they are written. */
export const HELPERS: Readonly<Record<HelperName, Helper>> = {
  // Drivers may take a comparison of a value with itself for always true.
  is_nan: {
    needs: [],
    code: `fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  },
  are_nan: {
    needs: [],
    code: `fn are_nan(x: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}`,
  },
  // WGSL has no literals of infinities and NaN.
  single_of_bits: {
    needs: [],
    code: `fn single_of_bits(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}`,
  },
  // The built-in functions may answer with the other operand where one is NaN.
  min_single: {
    needs: ['is_nan'],
    code: `fn min_single(a: f32, b: f32) -> f32 {
  return select(select(min(a, b), b, is_nan(b)), a, is_nan(a));
}`,
  },
  max_single: {
    needs: ['is_nan'],
    code: `fn max_single(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan(b)), a, is_nan(a));
}`,
  },
  min_singles: {
    needs: ['are_nan'],
    code: `fn min_singles(a: vec4f, b: vec4f) -> vec4f {
  return select(select(min(a, b), b, are_nan(b)), a, are_nan(a));
}`,
  },
  max_singles: {
    needs: ['are_nan'],
    code: `fn max_singles(a: vec4f, b: vec4f) -> vec4f {
  return select(select(max(a, b), b, are_nan(b)), a, are_nan(a));
}`,
  },
  i32_of_single: {
    needs: ['is_nan'],
    code: `// Truncates and saturates; NaN gives 0.
fn i32_of_single(x: f32) -> i32 {
  if (is_nan(x)) { return 0i; }
  if (x >= 2147483648f) { return 2147483647i; }
  if (x <= -2147483648f) { return i32(-2147483648); }
  return i32(x);
}`,
  },
  u32_of_single: {
    needs: ['is_nan'],
    code: `// Truncates and saturates; NaN gives 0.
fn u32_of_single(x: f32) -> u32 {
  if (is_nan(x) || x <= 0f) { return 0u; }
  if (x >= 4294967296f) { return 4294967295u; }
  return u32(x);
}`,
  },
  i32_of_singles: {
    needs: ['i32_of_single'],
    code: `fn i32_of_singles(x: vec4f) -> vec4i {
  return vec4i(i32_of_single(x.x), i32_of_single(x.y), i32_of_single(x.z), i32_of_single(x.w));
}`,
  },
  u32_of_singles: {
    needs: ['u32_of_single'],
    code: `fn u32_of_singles(x: vec4f) -> vec4u {
  return vec4u(u32_of_single(x.x), u32_of_single(x.y), u32_of_single(x.z), u32_of_single(x.w));
}`,
  },
  quotient_i32: {
    needs: [],
    code: `// 0 where the divisor is 0.
fn quotient_i32(a: i32, b: i32) -> i32 {
  if (b == 0i) { return 0i; }
  return a / b;
}`,
  },
  quotient_u32: {
    needs: [],
    code: `// 0 where the divisor is 0.
fn quotient_u32(a: u32, b: u32) -> u32 {
  if (b == 0u) { return 0u; }
  return a / b;
}`,
  },
  quotients_i32: {
    needs: [],
    code: `// 0 where the divisor is 0.
fn quotients_i32(a: vec4i, b: vec4i) -> vec4i {
  let is_zero = b == vec4i(0i);
  return select(a / select(b, vec4i(1i), is_zero), vec4i(0i), is_zero);
}`,
  },
  quotients_u32: {
    needs: [],
    code: `// 0 where the divisor is 0.
fn quotients_u32(a: vec4u, b: vec4u) -> vec4u {
  let is_zero = b == vec4u(0u);
  return select(a / select(b, vec4u(1u), is_zero), vec4u(0u), is_zero);
}`,
  },
  floor_quotient: {
    needs: [],
    code: `// Rounded down, where the division itself truncates.
fn floor_quotient(a: i32, b: i32) -> i32 {
  let quotient = a / b;
  return select(quotient, quotient - 1i, (a ^ b) < 0i && quotient * b != a);
}`,
  },
  // Not dot4I8Packed, which is a language feature that a device may lack.
  dot4: {
    needs: [],
    code: `// sum and the products of four signed bytes with four of 0 to 127.
fn dot4(a: i32, b: i32, sum: i32) -> i32 {
  let shifts = vec4<u32>(24u, 16u, 8u, 0u);
  let products = ((vec4<i32>(a) << shifts) >> vec4<u32>(24u)) * ((vec4<i32>(b) << shifts) >> vec4<u32>(24u));
  return sum + products.x + products.y + products.z + products.w;
}`,
  },
  dot4s: {
    needs: ['dot4'],
    code: `fn dot4s(a: vec4i, b: vec4i, sum: vec4i) -> vec4i {
  return vec4i(dot4(a.x, b.x, sum.x), dot4(a.y, b.y, sum.y), dot4(a.z, b.z, sum.z), dot4(a.w, b.w, sum.w));
}`,
  },
};

/** `names` with all that they need, in the order of the table. */
export function withNeeded(names: ReadonlySet<HelperName>): HelperName[] {
  const all = new Set(names);
  for (const name of all) HELPERS[name].needs.forEach((needed) => all.add(needed));
  return (Object.keys(HELPERS) as HelperName[]).filter((name) => all.has(name));
}
