/** JavaScript expressions as text that carries its precedence, so that only needed parentheses are written. */

export interface Text {
  readonly code: string;
  readonly level: number;
}

/** Precedence levels, binding tighter upwards. */
export const LEVEL = {
  ternary: 2,
  or: 3,
  and: 4,
  bitOr: 7,
  bitXor: 8,
  bitAnd: 9,
  equality: 10,
  relational: 11,
  shift: 12,
  additive: 13,
  multiplicative: 14,
  unary: 16,
  primary: 19,
} as const;

export function primary(code: string): Text {
  return { code, level: LEVEL.primary };
}

/** `text` where something of at least `level` may stand. */
export function at(level: number, text: Text): string {
  return text.level >= level ? text.code : `(${text.code})`;
}

/** A left-associative operator. */
export function infix(left: Text, operator: string, right: Text, level: number): Text {
  return { code: `${at(level, left)} ${operator} ${at(level + 1, right)}`, level };
}

export function call(callee: string, ...values: readonly Text[]): Text {
  return primary(`${callee}(${values.map((value) => value.code).join(', ')})`);
}

export function minus(operand: Text): Text {
  const code = at(LEVEL.unary, operand);
  return { code: code.startsWith('-') ? `-(${code})` : `-${code}`, level: LEVEL.unary };
}

export function not(operand: Text): Text {
  return { code: `!${at(LEVEL.unary, operand)}`, level: LEVEL.unary };
}

export function ternary(condition: Text, then: Text, otherwise: Text): Text {
  const level = LEVEL.ternary;
  return { code: `${at(level + 1, condition)} ? ${at(level, then)} : ${at(level, otherwise)}`, level };
}

export function number(value: number): Text {
  const code = Object.is(value, -0) ? '-0' : String(value);
  return code.startsWith('-') ? { code, level: LEVEL.unary } : primary(code);
}
