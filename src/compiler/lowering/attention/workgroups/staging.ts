/** Copies queries, keys and values into workgroup memory, a quad at a time; neighbouring invocations take neighbours. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  ONE,
  subtract,
  type Dim,
} from '../../../dims/dim.ts';
import type { Value } from '../../../ir/graph.ts';
import { compare, literal, position, select, splat } from '../../../kernel/build.ts';
import type { Expr, Statement } from '../../../kernel/ir.ts';
import { isMultiple } from '../../contract/pack.ts';
import { fourLanes } from '../../four-lanes.ts';
import { openScope, type ReadScope } from '../../reader.ts';
import { QUAD } from './blocking.ts';
import type { Place, WorkgroupNest } from './nest.ts';

/** Rows of a tensor that are copied: `quads` of each row from the quad `first` on, to rows that lie `step` quads apart. */
interface Rows {
  readonly count: number;
  readonly quads: number;
  readonly first: Dim;
  readonly to: number;
  readonly step: number;
}

/** A chunk of the workgroup's queries; those beyond the last are copies of it. */
export function stageQueries(nest: WorkgroupNest, place: Place, chunk: Dim): Statement {
  const { attention, blocking } = nest;
  const { q, queries } = attention;
  const count = blocking.rows * QUAD;
  const rows = {
    count,
    quads: blocking.chunk,
    first: firstOf(blocking.chunk, chunk),
    to: 0,
    step: blocking.places.step,
  };
  return stage(nest, rows, (row, quad, scope) => {
    const query = within(nest, add(place.query, row), queries, count);
    return readQuad(nest, q, [...place.batch, place.head, query], quad, scope);
  });
}

/** A chunk of the keys from `first` on; those beyond the last are copies of it. */
export function stageKeys(nest: WorkgroupNest, place: Place, first: Dim, chunk: Dim): Statement {
  const { attention, blocking } = nest;
  const { step, keysAt } = blocking.places;
  const rows = { count: blocking.keys, quads: blocking.chunk, first: firstOf(blocking.chunk, chunk), to: keysAt, step };
  return stage(nest, rows, (row, quad, scope) => {
    const key = within(nest, add(first, row), attention.keys, blocking.keys);
    return readQuad(nest, attention.k, [...place.batch, place.keyHead, key], quad, scope);
  });
}

/** The values of `staged` keys from `first` on; zeros beyond the last, as even a factor of 0 makes NaN of an infinity. */
export function stageValues(nest: WorkgroupNest, place: Place, first: Dim): Statement {
  const { attention, blocking } = nest;
  const { depth, staged, places } = blocking;
  const { keys, v } = attention;
  const rows = {
    count: staged,
    quads: depth,
    first: firstOf(depth, place.depthBlock),
    to: places.valuesAt,
    step: depth,
  };
  return stage(nest, rows, (row, quad, scope) => {
    const key = add(first, row);
    const at = within(nest, key, keys, blocking.keys);
    const value = readQuad(nest, v, [...place.batch, place.keyHead, at], quad, scope);
    return isMultiple(keys, blocking.keys) ? value : orZero(compare('lt', position(key), position(keys)), value);
  });
}

function firstOf(size: number, at: Dim): Dim {
  return multiply(at, constant(size));
}

function stage(
  nest: WorkgroupNest,
  { count, quads, first, to, step }: Rows,
  read: (row: Dim, quad: Dim, scope: ReadScope) => Expr,
): Statement {
  const total = count * quads;
  return nest.loop(constant(Math.ceil(total / nest.size)), (turn) => {
    const scope = openScope();
    const slot = add(multiply(turn, constant(nest.size)), nest.invocation);
    const inner = openScope(scope);
    const row = nest.named(inner, floorDiv(slot, constant(quads), nest.context.bounds), constant(count));
    const quad = nest.named(inner, subtract(slot, multiply(row, constant(quads))), constant(quads));
    const value = read(row, add(first, quad), inner);
    inner.statements.push(nest.put(nest.staging, add(constant(to), multiply(row, constant(step)), quad), value));
    if (total % nest.size === 0) return inner.statements;
    const condition = compare('lt', position(slot), literal(total, 'i32'));
    return [{ kind: 'if', condition, then: inner.statements, else: [] }];
  });
}

/** `at`, or the last of `size` where it is beyond; blocks of `block` leave none where they divide it. */
function within(nest: WorkgroupNest, at: Dim, size: Dim, block: number): Dim {
  return isMultiple(size, block) ? at : minimum(at, subtract(size, ONE), nest.context.bounds);
}

/** Four elements of a row, zeros beyond its end. */
function readQuad(nest: WorkgroupNest, value: Value, row: readonly Dim[], quad: Dim, scope: ReadScope): Expr {
  const size = value.type.shape.at(-1)!;
  const { bounds } = nest.context;
  const first = multiply(quad, constant(QUAD));
  // Unbound, so that loads stay loads, whoever else uses the value.
  const read = (column: Dim): Expr => nest.buffers.before.readGuarded(value, [...row, column], scope);
  // Of an unknown width there may be nothing to read at all.
  if (constantValue(size) !== undefined && isMultiple(size, QUAD)) {
    const at = minimum(first, subtract(size, constant(QUAD)), bounds);
    const whole = fourLanes(Array.from({ length: QUAD }, (_, lane) => read(add(at, constant(lane)))));
    return at.key === first.key ? whole : orZero(compare('lt', position(first), position(size)), whole);
  }
  const parts = Array.from({ length: QUAD }, (_, lane) => {
    const column = add(first, constant(lane));
    return select(compare('lt', position(column), position(size)), read(column), literal(0));
  });
  return fourLanes(parts);
}

function orZero(condition: Expr, value: Expr): Expr {
  return select(condition, value, splat(literal(0), QUAD));
}
