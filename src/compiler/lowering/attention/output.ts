/** What attention leaves of a tile of queries: its sums by their denominators, with what follows, and the logarithms. */
import { add, constant, type Dim } from '../../dims/dim.ts';
import { linearize } from '../../dims/shape.ts';
import { binary, compare, literal, position, select, unary } from '../../kernel/build.ts';
import type { Statement } from '../../kernel/ir.ts';
import { followTo } from '../followers.ts';
import { openScope } from '../reader.ts';
import type { AttentionNest, Place } from './nest.ts';

/** The sums by their denominators and what follows the attention, query by query. */
export function writeOutput(nest: AttentionNest, place: Place): Statement[] {
  const { attention, buffers, context, layout } = nest;
  const { final, node, region, depth, keys } = attention;
  if (!final) return [];
  const output = buffers.output(final);
  const inverses = nest.loop('vector', constant(nest.columns), (lane) => {
    const at = add(layout.denominator(place.start), lane);
    // Without a key the sum of nothing is 0, where masking all of them gives NaN.
    const isNone = compare('eq', position(keys), literal(0, 'i32'));
    const inverse = binary('div', literal(1), select(isNone, literal(1), nest.load(at)));
    return [nest.store(add(layout.inverse(place.start), lane), inverse)];
  });
  const write = nest.loop('serial', place.count, (lane) => {
    const outer = openScope();
    const inverse = nest.let(outer, nest.load(add(layout.inverse(place.start), lane)));
    const columns = nest.loop('vector', depth, (column) => {
      const scope = openScope(outer);
      const sum = nest.load(add(layout.sum(place.start, column), lane));
      const quotient = nest.let(scope, binary('mul', sum, inverse));
      buffers.after.sources.set(node.results[0]!, () => quotient);
      const from = [...place.batch, place.head, add(place.query, lane), column];
      const index = followTo(region, node.results[0]!, final, from, context.bounds);
      const value = buffers.after.read(final, index, scope);
      return [...scope.statements, { kind: 'store', buffer: output, index: linearize(index, final.type.shape), value }];
    });
    return [...outer.statements, columns];
  });
  return [inverses, write];
}

export function writeLogarithms(nest: AttentionNest, place: Place): Statement[] {
  const { logSumExp } = nest.attention;
  if (!logSumExp) return [];
  const { layout } = nest;
  const at = (slot: (start: Dim) => Dim, lane: Dim): Dim => add(slot(place.start), lane);
  const write = nest.loop('vector', place.count, (lane) => {
    const index = linearize([...place.batch, place.head, add(place.query, lane)], logSumExp.type.shape);
    const value = binary(
      'add',
      nest.load(at(layout.largest, lane)),
      unary('log', nest.load(at(layout.denominator, lane))),
    );
    return [{ kind: 'store', buffer: nest.buffers.output(logSumExp), index, value }];
  });
  return [write];
}
