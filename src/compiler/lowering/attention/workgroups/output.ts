/** The results of a workgroup's attention: sums by their denominators with what follows, and logarithms. */
import { add, constant, constantValue, equal, multiply, subtract, ZERO, type Dim } from '../../../dims/dim.ts';
import { linearize } from '../../../dims/shape.ts';
import { binary, compare, lane, literal, position, select, splat, unary } from '../../../kernel/build.ts';
import type { Expr, Statement } from '../../../kernel/ir.ts';
import { isMultiple } from '../../contract/pack.ts';
import { followTo } from '../../followers.ts';
import { fourLanes } from '../../four-lanes.ts';
import { openScope, type ReadScope } from '../../reader.ts';
import { QUAD } from './blocking.ts';
import type { Place, WorkgroupNest } from './nest.ts';

/** `sums`: of each of the invocation's queries, its quads of a value. `denominators`: of its queries. */
export function writeOutput(
  nest: WorkgroupNest,
  place: Place,
  sums: readonly (readonly Expr[])[],
  denominators: Expr,
): Statement[] {
  const { attention, blocking } = nest;
  if (!attention.final || blocking.depth === 0) return [];
  const scope = openScope();
  // Without a key the sum of nothing is 0, where masking all of them gives NaN.
  const isNone = compare('eq', position(attention.keys), literal(0, 'i32'));
  const ones = splat(literal(1), QUAD);
  const inverses = nest.let(scope, binary('div', ones, select(isNone, ones, denominators)));
  sums.forEach((ofQuery, at) => {
    const query = nest.query(place, at);
    const body = ofQuery.flatMap((sum, part) => {
      const inner = openScope(scope);
      const quotients = nest.let(inner, binary('mul', sum, lane(inverses, at)));
      const own = add(nest.column, constant(part * blocking.columns));
      const quad = add(multiply(place.depthBlock, constant(blocking.depth)), own);
      const statements = [...inner.statements, ...writeQuad(nest, place, query, quad, quotients, inner)];
      return guarded(own, constant(blocking.depth), blocking.depth % blocking.columns === 0, statements);
    });
    scope.statements.push(...forQuery(nest, query, body));
  });
  return scope.statements;
}

/** Four neighbours of a query's result, with what follows them. */
function writeQuad(
  nest: WorkgroupNest,
  place: Place,
  query: Dim,
  quad: Dim,
  quotients: Expr,
  outer: ReadScope,
): Statement[] {
  const { region, node, final, depth } = nest.attention;
  const { after, output } = { after: nest.buffers.after, output: nest.buffers.output(final!) };
  const scope = openScope(outer);
  const first = multiply(quad, constant(QUAD));
  const elements = Array.from({ length: QUAD }, (_, at) => {
    const column = add(first, constant(at));
    const inner = openScope(scope);
    after.sources.set(node.results[0]!, () => lane(quotients, at));
    const from = [...place.batch, place.head, query, column];
    const index = followTo(region, node.results[0]!, final!, from, nest.context.bounds);
    const value = after.read(final!, index, inner);
    return { column, statements: inner.statements, index: linearize(index, final!.type.shape), value };
  });
  const isWhole = isMultiple(depth, QUAD);
  const start = elements[0]!.index;
  const areNeighbours = elements.every(({ index }, at) => constantValue(subtract(index, start)) === at);
  if (isWhole && areNeighbours) {
    const value = fourLanes(elements.map((element) => element.value));
    const store: Statement = { kind: 'store', buffer: output, index: start, value };
    return guarded(first, depth, coversDepth(nest), [...elements.flatMap(({ statements }) => statements), store]);
  }
  return elements.flatMap(({ column, statements, index, value }) =>
    guarded(column, depth, isWhole && coversDepth(nest), [
      ...statements,
      { kind: 'store', buffer: output, index, value },
    ]),
  );
}

/** Whether the quads of all workgroups together are no more than those of a value. */
function coversDepth({ attention, blocking }: WorkgroupNest): boolean {
  return isMultiple(attention.depth, QUAD * blocking.depth);
}

/** log(sum(exp(scores))) of the invocation's queries, by one of those that know it. */
export function writeLogarithms(nest: WorkgroupNest, place: Place, most: Expr, denominators: Expr): Statement[] {
  const { logSumExp } = nest.attention;
  if (!logSumExp) return [];
  const scope = openScope();
  const logarithms = nest.let(scope, binary('add', most, unary('log', denominators)));
  for (let at = 0; at < QUAD; at++) {
    const query = nest.query(place, at);
    const index = linearize([...place.batch, place.head, query], logSumExp.type.shape);
    const store: Statement = {
      kind: 'store',
      buffer: nest.buffers.output(logSumExp),
      index,
      value: lane(logarithms, at),
    };
    scope.statements.push(...forQuery(nest, query, [store]));
  }
  const isFirst = equal(place.depthBlock, ZERO) ? nest.column : add(nest.column, place.depthBlock);
  return guarded(isFirst, constant(1), false, scope.statements);
}

/** Only where there is such a query. */
function forQuery(nest: WorkgroupNest, query: Dim, body: readonly Statement[]): Statement[] {
  const { attention, blocking } = nest;
  return guarded(query, attention.queries, isMultiple(attention.queries, blocking.rows * QUAD), body);
}

/** `body` where `at` is below `end`, as it may always be. */
function guarded(at: Dim, end: Dim, isCertain: boolean, body: readonly Statement[]): Statement[] {
  if (isCertain) return [...body];
  return [{ kind: 'if', condition: compare('lt', position(at), position(end)), then: body, else: [] }];
}
