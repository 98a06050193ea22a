/**
 * The register tile of both products of attention: `height` rows, each read element by element, by as many queries as
 * lie side by side in the scratch buffer, summed over a count.
 */
import { add, constant, type Dim } from '../../dims/dim.ts';
import { binary, load, splat, variable } from '../../kernel/build.ts';
import type { Expr, Lanes, Statement } from '../../kernel/ir.ts';
import type { KernelContext } from '../kernel-context.ts';
import { openScope, type ReadScope } from '../reader.ts';

export interface TileSpec {
  readonly height: number;
  /** Queries side by side. */
  readonly columns: number;
  readonly lanes: Lanes;
  /** How many products are summed. */
  readonly count: Dim;
  /** Element `at` of a row. */
  row(row: number, at: Dim, scope: ReadScope): Expr;
  /** The scratch buffer, and where it holds element `at` of the first query. */
  readonly scratch: string;
  column(at: Dim): Dim;
  /** What the sums start from: `lanes` queries from `query` on. */
  start(row: number, query: number): Expr;
  /** What becomes of the sums. */
  finish(sum: Expr): Expr;
  /** Where the sums of a row go, from its first query on. */
  result(row: number): Dim;
}

export function writeTile(context: KernelContext, spec: TileSpec): Statement[] {
  const { height, columns, lanes, scratch } = spec;
  const offsets = Array.from({ length: columns / lanes }, (_, vector) => vector * lanes);
  const rows = Array.from({ length: height }, (_, row) =>
    offsets.map((offset) => ({ name: context.fresh('acc'), row, offset })),
  );
  const k = context.counter('k', spec.count);
  const scope = openScope();
  const vectors = offsets.map((offset) => {
    const name = context.fresh('right');
    const value = load(scratch, add(spec.column(k.at), constant(offset)), 'f32', lanes);
    scope.statements.push({ kind: 'let', name, value });
    return variable(name, 'f32', lanes);
  });
  for (const [row, accumulators] of rows.entries()) {
    const name = context.fresh('left');
    scope.statements.push({ kind: 'let', name, value: splat(spec.row(row, k.at, scope), lanes) });
    accumulators.forEach((accumulator, vector) => {
      const product = binary('mul', variable(name, 'f32', lanes), vectors[vector]!);
      const value = binary('add', variable(accumulator.name, 'f32', lanes), product);
      scope.statements.push({ kind: 'assign', name: accumulator.name, value });
    });
  }
  const all = rows.flat();
  return [
    ...all.map(({ name, row, offset }): Statement => ({ kind: 'declare', name, value: spec.start(row, offset) })),
    { kind: 'loop', variable: k.name, extent: spec.count, mode: 'serial', body: scope.statements },
    ...all.map(({ name, row, offset }): Statement => {
      const index = add(spec.result(row), constant(offset));
      return { kind: 'store', buffer: scratch, index, value: spec.finish(variable(name, 'f32', lanes)) };
    }),
  ];
}
