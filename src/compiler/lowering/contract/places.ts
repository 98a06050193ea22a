/**
 * Gives names to what the places of a tile's results have in common: the part that depends on the row, and what else
 * takes multiplications. Each is needed for every vector of a row, or of a column, and for every lane where neighbouring
 * columns lie apart.
 */
import { add, constant, isAtLeast, splitConstant, subtract, symbolsOf, ZERO, type Dim } from '../../dims/dim.ts';
import { fromSorted } from '../../dims/polynomial.ts';
import { position } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { definedName, mapChildren, mapStatement } from '../../kernel/rewrite.ts';
import type { KernelContext } from '../kernel-context.ts';

/** Statements without loops, with `rows` as the names of the rows. */
export function namePlaces(
  statements: readonly Statement[],
  rows: ReadonlySet<string>,
  context: KernelContext,
): Statement[] {
  const before: Statement[] = [];
  const named = new Map<string, Dim>();
  const inner = new Set(statements.map(definedName));
  const nameOf = (part: Dim): Dim => {
    if (isSimple(part) || symbolsOf(part).some((name) => inner.has(name))) return part;
    const known = named.get(part.key);
    if (known) return known;
    // An integer name stands for no less than 0.
    if (!isAtLeast(part, ZERO, context.bounds)) return part;
    const name = context.integer(position(part), before);
    named.set(part.key, name);
    return name;
  };
  const placeOf = (index: Dim): Dim => {
    const own = termsOf(index, rows);
    if (own.terms.length === 0) return index;
    const { rest, offset } = splitConstant(subtract(index, own));
    return add(nameOf(own), nameOf(rest), constant(offset));
  };
  const exprOf = (expr: Expr): Expr =>
    expr.kind === 'load' ? { ...expr, index: placeOf(expr.index) } : mapChildren(expr, exprOf);
  const body = statements.map((statement) => mapStatement(statement, { expr: exprOf, dim: placeOf }));
  return [...before, ...body];
}

/** The terms that mention any of `names`. */
function termsOf(index: Dim, names: ReadonlySet<string>): Dim {
  return fromSorted(index.terms.filter((term) => symbolsOf(fromSorted([term])).some((name) => names.has(name))));
}

/** Whether it takes no more than a sum of multiples of names. */
function isSimple(part: Dim): boolean {
  return part.terms.every(
    ({ factors }) => factors.length === 0 || (factors.length === 1 && factors[0]!.kind === 'symbol'),
  );
}
