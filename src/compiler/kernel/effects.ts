/** What statements change, and which expressions may fail when they are evaluated early. */
import { constantValue, type Dim } from '../dims/dim.ts';
import type { Expr, Kernel, Statement } from './ir.ts';
import { definedName, forEachStatement, refersItself, someExpr } from './rewrite.ts';

export interface Effects {
  /** Names that the statements define, and variables that they assign. */
  readonly names: Set<string>;
  /** Of these, the variables that they assign after their definition. */
  readonly assigned: Set<string>;
  /** Buffers that the statements store to, or whose contents change at their barriers. */
  readonly buffers: Set<string>;
}

/** `written` are the buffers that the kernel stores to anywhere: what other invocations wrote shows at a barrier. */
export function effectsOf(statements: readonly Statement[], written: ReadonlySet<string>): Effects {
  const effects: Effects = { names: new Set(), assigned: new Set(), buffers: new Set() };
  forEachStatement(statements, (statement) => {
    const name = definedName(statement);
    if (name !== undefined) effects.names.add(name);
    if (statement.kind === 'assign') {
      effects.names.add(statement.name);
      effects.assigned.add(statement.name);
    }
    if (statement.kind === 'store') effects.buffers.add(statement.buffer);
    if (statement.kind === 'barrier') for (const buffer of written) effects.buffers.add(buffer);
  });
  return effects;
}

/** The buffers that the statements store to. */
export function writtenBy(statements: readonly Statement[]): ReadonlySet<string> {
  const buffers = new Set<string>();
  forEachStatement(statements, (statement) => {
    if (statement.kind === 'store') buffers.add(statement.buffer);
  });
  return buffers;
}

/** Whether the kernel counts multiply-adds. */
export function countsWork({ body }: Kernel): boolean {
  let found = false;
  forEachStatement(body, ({ kind }) => (found ||= kind === 'count'));
  return found;
}

/** Whether `expr` has the same value before the effects as after any of them. */
export function isUntouched(expr: Expr, effects: Effects): boolean {
  return !someExpr(expr, (part) => isTouchedItself(part, effects));
}

/** Whether the effects change what the node alone reads, without its parts. */
export function isTouchedItself(expr: Expr, effects: Effects): boolean {
  return refersItself(expr, effects.names) || (expr.kind === 'load' && effects.buffers.has(expr.buffer));
}

/** Whether `expr` may go out of range, or divide by zero, where the program would not have evaluated it. */
export function mayFail(expr: Expr): boolean {
  return someExpr(expr, failsItself);
}

/** `mayFail` of the operation alone, without its parts. */
export function failsItself(expr: Expr): boolean {
  if (expr.kind === 'load') return true;
  if (expr.kind === 'position') return dividesBySymbol(expr.index);
  return expr.kind === 'binary' && expr.op === 'div' && expr.type !== 'f32' && expr.right.kind !== 'literal';
}

function dividesBySymbol(dim: Dim): boolean {
  return dim.terms.some((item) =>
    item.factors.some(
      (atom) =>
        atom.kind !== 'symbol' &&
        ((atom.kind === 'floordiv' && constantValue(atom.right) === undefined) ||
          dividesBySymbol(atom.left) ||
          dividesBySymbol(atom.right)),
    ),
  );
}

/** Whether computing `expr` again costs more than keeping its value. */
export function isWork(expr: Expr): boolean {
  switch (expr.kind) {
    case 'literal':
    case 'variable':
    case 'position':
    case 'lane':
      return false;
    case 'splat':
      return expr.operand.kind !== 'literal';
    case 'combine':
      return !expr.parts.every((part) => part.kind === 'literal');
    case 'bitcast':
      return isWork(expr.operand);
    case 'load':
    case 'unary':
    case 'binary':
    case 'multiplyAdd':
    case 'dot4':
    case 'threefry':
    case 'compare':
    case 'select':
    case 'convert':
    case 'reduceLanes':
      return true;
  }
}
