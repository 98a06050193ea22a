/**
 * Operators of WGSL on texts of scalars and vectors, with the meanings of kernel IR. It must not know expressions.
 */
import type { ReductionOp } from '../../kernel/arithmetic.ts';
import type { Lanes, ScalarType } from '../../kernel/ir.ts';
import type { HelperName } from './helpers.ts';
import { bitwise, call, infix, integer, LEVEL, type Text } from './text.ts';

/** Asks for a helper function; its name. */
export type Ask = (name: HelperName) => string;

const VECTORS: Readonly<Record<ScalarType, string>> = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u', bool: 'vec4<bool>' };

export const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

export function typeText(type: ScalarType, lanes: Lanes): string {
  return lanes === 1 ? type : VECTORS[type];
}

/** `scalar` in every lane. */
export function splatText(scalar: Text, type: ScalarType, lanes: Lanes): Text {
  return lanes === 1 ? scalar : call(VECTORS[type], scalar);
}

/** A bool as 0 or 1. */
export function bit(value: Text, type: 'i32' | 'u32', lanes: Lanes): Text {
  return call('select', splatText(integer(0, type), type, lanes), splatText(integer(1, type), type, lanes), value);
}

/** `a op b` where the order of operands does not matter. */
export function combineText(ask: Ask, op: ReductionOp, type: ScalarType, lanes: Lanes, a: Text, b: Text): Text {
  switch (op) {
    case 'add':
      return infix(a, '+', b, LEVEL.additive);
    case 'mul':
      return infix(a, '*', b, LEVEL.multiplicative);
    case 'min':
    case 'max':
      if (type === 'bool') return bitwise(a, op === 'min' ? '&' : '|', b);
      return call(type === 'f32' ? ask(lanes === 1 ? `${op}_single` : `${op}_singles`) : op, a, b);
    case 'and':
      return bitwise(a, '&', b);
    case 'or':
      return bitwise(a, '|', b);
  }
}
