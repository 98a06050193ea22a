/** The softmax of a block of scores, as far as it is known; queries are lanes. */
import { add, constant, constantValue, ZERO, type Dim } from '../../dims/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { binary, compare, literal, position, select, unary, variable } from '../../kernel/build.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { openScope, type ReadScope } from '../reader.ts';
import type { Attention } from './analyse.ts';
import type { AttentionNest, Block, Place } from './nest.ts';

/** Whether scores change between the product and the softmax, so that their largest is not known with the product. */
export function isMasked({ mask, causal }: Attention): boolean {
  return mask !== undefined || causal;
}

/** Scores become exponentials, less the largest score so far. */
export function writeSoftmax(nest: AttentionNest, place: Place, block: Block): Statement {
  const { layout } = nest;
  const { start } = place;
  return nest.loop('vector', lanesToCompute(nest, place), (lane) => {
    const scope = openScope();
    const at = (slot: (start: Dim) => Dim): Dim => add(slot(start), lane);
    const before = block.isOnly ? undefined : nest.let(scope, nest.load(at(layout.largest)));
    const most = isMasked(nest.attention)
      ? writeMasks(nest, place, block, lane, before, scope)
      : nest.let(scope, nest.load(at(layout.found)));
    // While every key is masked there is nothing to subtract: -inf - -inf would make NaN of the zeros so far.
    const isNone = compare('eq', most, literal(-Infinity));
    const shift = nest.let(scope, select(isNone, literal(0), most));
    const correction = before && nest.let(scope, unary('exp', binary('sub', before, shift)));
    const sum = nest.context.fresh('sum');
    const earlier = correction ? binary('mul', nest.load(at(layout.denominator)), correction) : literal(0);
    scope.statements.push(
      { kind: 'declare', name: sum, value: earlier },
      nest.loop('serial', block.count, (key) => {
        const inner = openScope(scope);
        const score = add(layout.score(start, key), lane);
        const power = nest.let(inner, unary('exp', binary('sub', nest.load(score), shift)));
        inner.statements.push(nest.store(score, power), {
          kind: 'assign',
          name: sum,
          value: binary('add', variable(sum, 'f32'), power),
        });
        return inner.statements;
      }),
      nest.store(at(layout.denominator), variable(sum, 'f32')),
      nest.store(at(layout.largest), most),
      ...(correction ? [nest.store(at(layout.correction), correction)] : []),
    );
    return scope.statements;
  });
}

/** Lanes without a query are computed as well, unless there is a mask with a row for each query: it has none for them. */
function lanesToCompute({ attention, columns }: AttentionNest, { count }: Place): Dim {
  const rows = attention.mask?.type.shape.at(-2);
  return rows === undefined || constantValue(rows) === 1 ? constant(columns) : count;
}

/** Applies the masks to the scores; the largest of them and `before`. */
function writeMasks(
  nest: AttentionNest,
  place: Place,
  block: Block,
  lane: Dim,
  before: Expr | undefined,
  scope: ReadScope,
): Expr {
  const most = nest.context.fresh('most');
  const largest = variable(most, 'f32');
  const loop = nest.loop('serial', block.count, (key) => {
    const inner = openScope(scope);
    const at = add(nest.layout.score(place.start, key), lane);
    const score = masked(nest, place, lane, add(block.first, key), nest.let(inner, nest.load(at)), inner);
    inner.statements.push(nest.store(at, score));
    inner.statements.push({ kind: 'assign', name: most, value: larger(score, largest) });
    return inner.statements;
  });
  scope.statements.push({ kind: 'declare', name: most, value: before ?? literal(-Infinity) }, loop);
  return nest.let(scope, largest);
}

/** The larger of a score and what was found so far. A NaN need not get into it: its exponential makes the sum NaN. */
export function larger(score: Expr, soFar: Expr): Expr {
  return select(compare('gt', score, soFar), score, soFar);
}

/** The score of a key, -inf where it is not seen. */
function masked(nest: AttentionNest, place: Place, lane: Dim, key: Dim, score: Expr, scope: ReadScope): Expr {
  const { mask, causal } = nest.attention;
  const query = add(place.query, lane);
  const index = [...place.batch, place.head, query, key];
  const behind = mask ? behindMask(nest, score, mask, index, scope) : score;
  if (!causal) return behind;
  const isSeen = compare('le', position(key), position(query));
  return nest.let(scope, select(isSeen, behind, literal(-Infinity)));
}

function behindMask(nest: AttentionNest, score: Expr, mask: Value, index: readonly Dim[], scope: ReadScope): Expr {
  // A let of its own: a mask that chooses where to load from must not be asked to guard the score.
  const element = nest.let(scope, nest.buffers.before.read(mask, maskIndex(mask, index), scope));
  return nest.let(scope, underMask(score, element));
}

/** Where the mask has what is for the score at `index`: it repeats its axes of size 1. */
export function maskIndex({ type: { shape } }: Value, index: readonly Dim[]): readonly Dim[] {
  const own = index.slice(index.length - shape.length);
  return own.map((here, axis) => (constantValue(shape[axis]!) === 1 ? ZERO : here));
}

/** What an element of a mask makes of a score; of both there may be several, in lanes. */
export function underMask(score: Expr, element: Expr): Expr {
  return element.type === 'bool' ? select(element, score, literal(-Infinity)) : binary('add', score, element);
}
