/** Writes out the loops that a kernel marks as unrolled, so that an emitter sees longer lists instead of loops. */
import { constant, constantValue } from '../dims/dim.ts';
import type { Kernel, Statement } from '../kernel/ir.ts';
import { definedNames, FreshNames, renameDefinitions } from '../kernel/names.ts';
import { forEachStatement, mapStatement, replaceInStatements, withBody } from '../kernel/rewrite.ts';

export function unrollLoops(kernel: Kernel): Kernel {
  let found = false;
  forEachStatement(kernel.body, (statement) => (found ||= isUnrolled(statement)));
  if (!found) return kernel;
  const names = new FreshNames(definedNames(kernel));
  const expand = (statements: readonly Statement[]): readonly Statement[] =>
    statements.flatMap((statement) => {
      const inner = mapStatement(statement, { body: expand });
      return isUnrolled(inner) ? copies(inner, names) : [inner];
    });
  return withBody(kernel, expand(kernel.body));
}

type Loop = Extract<Statement, { kind: 'loop' }>;

function isUnrolled(statement: Statement): statement is Loop {
  return statement.kind === 'loop' && statement.mode === 'unrolled' && constantValue(statement.extent) !== undefined;
}

/** The body once for every value of the loop variable, with names of its own each time. */
function copies(loop: Loop, names: FreshNames): Statement[] {
  return Array.from({ length: Math.max(0, constantValue(loop.extent)!) }, (_, at) => {
    const body = replaceInStatements(loop.body, {
      integer: (name) => (name === loop.variable ? constant(at) : undefined),
    });
    return renameDefinitions(body, (name) => names.fresh(name));
  }).flat();
}
