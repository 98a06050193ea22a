/** Four scalars as one vector: those that are computed alike of neighbouring elements are computed as vectors. */
import { constantValue, subtract } from '../dims/dim.ts';
import { combine, splat } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';
import { childrenOf } from '../kernel/rewrite.ts';

/** `parts` are four, of one type. */
export function fourLanes(parts: readonly Expr[]): Expr {
  return merged(parts) ?? combine(parts, 4);
}

/** Undefined where only taking them together one by one is left. */
function merged(parts: readonly Expr[]): Expr | undefined {
  const [first, ...others] = parts as readonly [Expr, ...Expr[]];
  if (others.some(({ kind, type }) => kind !== first.kind || type !== first.type)) return undefined;
  switch (first.kind) {
    case 'literal':
      return alike(parts, (part) => part.kind === 'literal' && Object.is(part.value, first.value));
    case 'variable':
      return alike(parts, (part) => part.kind === 'variable' && part.name === first.name);
    case 'load':
      return loaded(parts, first);
    case 'lane':
      return lanesOf(parts, first);
    case 'unary':
    case 'convert':
    case 'bitcast':
      return isOp(parts, first) ? { ...first, lanes: 4, operand: fourLanes(each(parts, 0)) } : undefined;
    case 'binary':
    case 'compare': {
      if (!isOp(parts, first)) return undefined;
      return { ...first, lanes: 4, left: fourLanes(each(parts, 0)), right: fourLanes(each(parts, 1)) };
    }
    case 'multiplyAdd': {
      const [left, right, addend] = [0, 1, 2].map((at) => fourLanes(each(parts, at))) as [Expr, Expr, Expr];
      return { ...first, lanes: 4, left, right, addend };
    }
    // A select of vectors evaluates both arms, and an arm may load what is only there if it is taken.
    case 'select':
    case 'position':
    case 'dot4':
    case 'threefry':
    case 'splat':
    case 'combine':
    case 'reduceLanes':
      return undefined;
  }
}

function each(parts: readonly Expr[], child: number): Expr[] {
  return parts.map((part) => childrenOf(part)[child]!);
}

/** Whether all compute the same of their operands. */
function isOp(parts: readonly Expr[], first: Expr): boolean {
  const nameOf = (part: Expr): string => ('op' in part ? part.op : part.kind);
  return parts.every((part) => nameOf(part) === nameOf(first)) && operandTypes(parts).size === 1;
}

function operandTypes(parts: readonly Expr[]): Set<string> {
  return new Set(
    parts.map((part) =>
      childrenOf(part)
        .map(({ type }) => type)
        .join(),
    ),
  );
}

function alike(parts: readonly Expr[], isSame: (part: Expr) => boolean): Expr | undefined {
  return parts.every(isSame) ? splat(parts[0]!, 4) : undefined;
}

/** Neighbours, or one element for all. */
function loaded(parts: readonly Expr[], first: Expr & { kind: 'load' }): Expr | undefined {
  const steps = parts.map((part) =>
    part.kind === 'load' && part.buffer === first.buffer ? constantValue(subtract(part.index, first.index)) : undefined,
  );
  if (steps.every((step, at) => step === at)) return { ...first, lanes: 4 };
  return steps.every((step) => step === 0) ? splat(first, 4) : undefined;
}

/** All lanes of one vector, or one lane for all. */
function lanesOf(parts: readonly Expr[], first: Expr & { kind: 'lane' }): Expr | undefined {
  const { operand } = first;
  const lanes = parts.map((part) => (part.kind === 'lane' && isSameVariable(part.operand, operand) ? part.lane : -1));
  if (lanes.every((lane, at) => lane === at)) return operand;
  return lanes[0] !== -1 && lanes.every((lane) => lane === lanes[0]) ? splat(first, 4) : undefined;
}

function isSameVariable(a: Expr, b: Expr): boolean {
  return a.kind === 'variable' && b.kind === 'variable' && a.name === b.name;
}
