/**
 * The register tile of both products of attention: `height` rows, each read element by element, by as many queries as
 * lie side by side in the scratch buffer, summed over a count.
 */
import { add, constant, type Dim } from '../../dims/dim.ts';
import { multiplyAdd, splat, variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { openScope, type ReadScope } from '../reader.ts';
import type { AttentionNest } from './nest.ts';

export interface TileSpec {
  readonly height: number;
  /** How many products are summed. */
  readonly count: Dim;
  /** Element `at` of a row. */
  row(row: number, at: Dim, scope: ReadScope): Expr;
  /** Where the scratch buffer holds element `at` of the first query. */
  column(at: Dim): Dim;
  /** What the sums start from: the queries from `query` on. */
  start(row: number, query: number): Expr;
  /** Where the sums of a row go, from its first query on. */
  result(row: number): Dim;
  /** What else becomes of the sums of a row. */
  after?(sum: Expr, query: number): readonly Statement[];
}

export function writeTile(nest: AttentionNest, spec: TileSpec): Statement[] {
  const { context, lanes } = nest;
  const rows = Array.from({ length: spec.height }, (_, row) =>
    nest.vectors.map((offset) => ({ name: context.fresh('acc'), row, offset })),
  );
  const k = context.counter('k', spec.count);
  const scope = openScope();
  const vectors = nest.vectors.map((offset) =>
    nest.let(scope, nest.load(add(spec.column(k.at), constant(offset)), lanes), 'right'),
  );
  for (const [row, accumulators] of rows.entries()) {
    const left = nest.let(scope, splat(spec.row(row, k.at, scope), lanes), 'left');
    accumulators.forEach(({ name }, vector) => {
      const value = multiplyAdd(left, vectors[vector]!, variable(name, 'f32', lanes));
      scope.statements.push({ kind: 'assign', name, value });
    });
  }
  const all = rows.flat();
  return [
    ...all.map(({ name, row, offset }): Statement => ({ kind: 'declare', name, value: spec.start(row, offset) })),
    { kind: 'loop', variable: k.name, extent: spec.count, mode: 'serial', body: scope.statements },
    ...all.flatMap(({ name, row, offset }): readonly Statement[] => {
      const sum = variable(name, 'f32', lanes);
      return [nest.store(add(spec.result(row), constant(offset)), sum), ...(spec.after?.(sum, offset) ?? [])];
    }),
  ];
}
