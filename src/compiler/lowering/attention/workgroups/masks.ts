/** The scores of an invocation's queries and a key behind the masks. */
import { minimum, ONE, subtract, type Dim } from '../../../dims/dim.ts';
import { combine, compare, literal, position, select, splat } from '../../../kernel/build.ts';
import type { Expr } from '../../../kernel/ir.ts';
import { isMultiple } from '../../contract/pack.ts';
import { fourLanes } from '../../four-lanes.ts';
import type { ReadScope } from '../../reader.ts';
import { maskIndex, underMask } from '../softmax.ts';
import { QUAD } from './blocking.ts';
import type { Place, WorkgroupNest } from './nest.ts';

/** `scores` are of all queries of the invocation. Keys beyond the last have -inf, as those that are not seen. */
export function maskScores(nest: WorkgroupNest, place: Place, scores: Expr, key: Dim, scope: ReadScope): Expr {
  const { mask, causal, keys } = nest.attention;
  const masked = splat(literal(-Infinity), QUAD);
  const queries = Array.from({ length: QUAD }, (_, at) => nest.query(place, at));
  // A let of its own: a mask that chooses where to load from must not be asked to guard the scores.
  const given = mask ? underMask(scores, nest.let(scope, readMask(nest, place, queries, key, scope))) : scores;
  const isSeen = queries.map((query) => compare('le', position(key), position(query)));
  const seen = causal ? select(combine(isSeen, QUAD), given, masked) : given;
  if (isMultiple(keys, nest.blocking.keys)) return seen;
  return select(compare('lt', position(key), position(keys)), seen, masked);
}

/** What the mask has for each query; those beyond the last are masked like it, for nobody. */
function readMask(nest: WorkgroupNest, place: Place, queries: readonly Dim[], key: Dim, scope: ReadScope): Expr {
  const { attention, buffers, context } = nest;
  const mask = attention.mask!;
  const within = (at: Dim, size: Dim): Dim => minimum(at, subtract(size, ONE), context.bounds);
  const elements = queries.map((query) => {
    const index = [...place.batch, place.head, within(query, attention.queries), within(key, attention.keys)];
    return buffers.before.read(mask, maskIndex(mask, index), scope);
  });
  return fourLanes(elements);
}
