/** Whether iterations that are shared out can be taken four at a time, so that a device loads and stores whole vectors. */
import { affineIn, constantValue, symbolsOf, type Dim } from '../../dims/dim.ts';
import type { Kernel, Statement } from '../../kernel/ir.ts';
import { dimOf, forEachExpr, forEachStatement, valueOf } from '../../kernel/rewrite.ts';
import { planLanes } from '../../kernel/vector/analysis.ts';
import { sharedLoops, type Loop } from './shared-loops.ts';

export const LANES = 4;

/** Whether all loops that are shared out may be: each has at least `least` iterations, a multiple of four. */
export function isWide({ body }: Kernel, least: number): boolean {
  const loops = sharedLoops(body);
  const isLong = loops.every(({ extent }) => isVectors(extent) && (constantValue(extent) ?? 0) >= least);
  return loops.length > 0 && isLong && areVectors(loops, withoutLoops(body, new Set(loops)));
}

/** Whether a size is a multiple of four, whatever its dimensions are. */
export function isVectors(size: Dim): boolean {
  return size.terms.every(({ coefficient }) => coefficient % LANES === 0);
}

/**
 * Whether four iterations of each loop can be one of vectors, and each buffer is touched by aligned vectors alone or by
 * single elements alone: a binding is an array of either.
 */
export function areVectors(loops: readonly Loop[], outside: readonly Statement[]): boolean {
  if (!loops.every((loop) => loop.body.every(isFlat) && planLanes(loop)?.perLane.size === 0)) return false;
  const vectors = new Set<string>();
  const singles = new Set<string>();
  const isAligned = (inner: readonly Statement[], variable: string | undefined): boolean => {
    let aligned = true;
    forEachAccess(inner, (buffer, index) => {
      const isFixed = variable === undefined || !symbolsOf(index).includes(variable);
      (isFixed ? singles : vectors).add(buffer);
      aligned &&= isFixed || beginsVector(index, variable);
    });
    return aligned;
  };
  if (!loops.every((loop) => isAligned(loop.body, loop.variable)) || !isAligned(outside, undefined)) return false;
  return [...vectors].every((buffer) => !singles.has(buffer));
}

function isFlat(statement: Statement): boolean {
  return statement.kind === 'let' || statement.kind === 'assign' || statement.kind === 'store';
}

/** Whether an index is `variable` and a multiple of four. */
function beginsVector(index: Dim, variable: string): boolean {
  const parts = affineIn(index, variable);
  if (!parts || constantValue(parts.coefficient) !== 1) return false;
  return isVectors(parts.rest);
}

function withoutLoops(statements: readonly Statement[], loops: ReadonlySet<Statement>): Statement[] {
  return statements.flatMap((statement): Statement[] => {
    if (loops.has(statement)) return [];
    if (statement.kind === 'loop') return [{ ...statement, body: withoutLoops(statement.body, loops) }];
    if (statement.kind !== 'if') return [statement];
    return [{ ...statement, then: withoutLoops(statement.then, loops), else: withoutLoops(statement.else, loops) }];
  });
}

function forEachAccess(statements: readonly Statement[], see: (buffer: string, index: Dim) => void): void {
  forEachStatement(statements, (statement) => {
    const value = valueOf(statement);
    if (value)
      forEachExpr(value, (part) => {
        if (part.kind === 'load') see(part.buffer, part.index);
      });
    if (statement.kind === 'store') see(statement.buffer, dimOf(statement)!);
  });
}
