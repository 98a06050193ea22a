/**
 * WGSL expressions as text that carries its precedence. WGSL leaves many pairs of operators without an order, and what is
 * made of literals alone is computed by the compiler, which rejects overflow, infinities and NaN.
 */

export interface Text {
  readonly code: string;
  readonly level: number;
  /** Whether it is made of literals alone. */
  readonly constant: boolean;
}

/** Precedence levels, binding tighter upwards. Comparisons, shifts and bit operations take no operator beside them. */
export const LEVEL = { single: 1, additive: 2, multiplicative: 3, unary: 4, primary: 5 } as const;

export function primary(code: string): Text {
  return { code, level: LEVEL.primary, constant: false };
}

/** `text` where something of at least `level` may stand. */
export function at(level: number, text: Text): string {
  return text.level >= level ? text.code : `(${text.code})`;
}

/** A sum or product; left-associative. */
export function infix(left: Text, operator: string, right: Text, level: number): Text {
  const code = `${at(level, left)} ${operator} ${at(level + 1, right)}`;
  return { code, level, constant: left.constant && right.constant };
}

/** A comparison of sums and products. */
export function comparison(left: Text, operator: string, right: Text): Text {
  const code = `${at(LEVEL.additive, left)} ${operator} ${at(LEVEL.additive, right)}`;
  return { code, level: LEVEL.single, constant: left.constant && right.constant };
}

/** A shift, or an operation on bits or bools: no other operator may stand beside it. */
export function bitwise(left: Text, operator: string, right: Text): Text {
  const code = `${at(LEVEL.unary, left)} ${operator} ${at(LEVEL.unary, right)}`;
  return { code, level: LEVEL.single, constant: left.constant && right.constant };
}

export function call(callee: string, ...values: readonly Text[]): Text {
  const constant = values.every((value) => value.constant);
  // From `a < b` to `c > d`, values side by side would be a list of template parameters.
  const code = values.map((value) => (/[<>]/.test(value.code) ? at(LEVEL.additive, value) : value.code)).join(', ');
  return { code: `${callee}(${code})`, level: LEVEL.primary, constant };
}

export function prefix(operator: '-' | '!' | '~', operand: Text): Text {
  const code = at(LEVEL.unary, operand);
  // Two signs in a row are another token.
  const spaced = code.startsWith(operator) ? `(${code})` : code;
  return { code: operator + spaced, level: LEVEL.unary, constant: operand.constant };
}

export function integer(value: number, type: 'i32' | 'u32' = 'i32'): Text {
  if (type === 'u32') return { code: `${value}u`, level: LEVEL.primary, constant: true };
  // Its magnitude is no i32.
  if (value === -(2 ** 31)) return { code: 'i32(-2147483648)', level: LEVEL.primary, constant: true };
  return { code: `${value}i`, level: value < 0 ? LEVEL.unary : LEVEL.primary, constant: true };
}

/** A finite single. */
export function single(value: number): Text {
  const code = `${Object.is(value, -0) ? '-0' : String(value)}f`;
  return { code, level: code.startsWith('-') ? LEVEL.unary : LEVEL.primary, constant: true };
}
