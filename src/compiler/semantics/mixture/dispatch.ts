/** How the rows of a mixture come to its experts and back: grouped, gathered, weighed and summed. */
import { add, multiply, ONE, type Dim } from '../../dims/dim.ts';
import type { Attributes, Value } from '../../ir/graph.ts';
import { isOne } from '../../ir/types.ts';
import type { Routing } from './arguments.ts';

/** Adds an op to the graph. */
export type Apply = (name: string, inputs: readonly Value[], attributes?: Attributes) => Value;

/** The assignments of tokens to experts in the order of the experts; see `group_rows` for the first four. */
export interface Dispatch {
  readonly order: Value;
  readonly place: Value;
  readonly group: Value;
  readonly offsets: Value;
  /** i32[rows]: the token of each row, -1 where there is none. */
  readonly token: Value;
  /** How many rows there are: one for each expert that a token names. */
  readonly rows: Dim;
  readonly count: number;
}

export function dispatchOf(
  apply: Apply,
  applyAll: (name: string, inputs: readonly Value[], attributes: Attributes) => readonly Value[],
  { index, count, capacity }: Routing,
): Dispatch {
  const [order, place, group, offsets] = applyAll('group_rows', [index], { count, capacity: capacity ?? null });
  const grouping = { order: order!, place: place!, group: group!, offsets: offsets! };
  const [tokens, choices] = index.type.shape as [Dim, Dim];
  const rows = multiply(tokens, choices);
  if (isOne(choices)) return { ...grouping, token: grouping.order, rows, count };
  // The tokens are counted from 1 on, as rows of no assignment are read as 0.
  const numbers = apply('arange', [], { start: ONE, stop: add(tokens, ONE), step: 1, dtype: 'i32' });
  const column = apply('reshape', [numbers], { shape: [tokens, ONE] });
  const table = apply('reshape', [apply('expand', [column], { shape: [tokens, choices] })], { shape: [rows] });
  const counted = apply('gather_rows', [table, order!, assignments(apply, grouping, rows)]);
  const one = apply('constant', [], { dtype: 'i32', shape: [], data: [1] });
  const token = apply('sub', [counted, apply('expand', [one], { shape: [rows] })]);
  return { ...grouping, token, rows, count };
}

/** i32[rows, 1]: the row of each assignment, as the inverse of `order`. */
function assignments(apply: Apply, { place }: Pick<Dispatch, 'place'>, rows: Dim): Value {
  return apply('reshape', [place], { shape: [rows, ONE] });
}

/** f32[n, d]: what the experts give for each token, weighed by the gates; nothing for what has no row. */
export function combine(apply: Apply, { gate }: Routing, { order, place, rows }: Dispatch, result: Value): Value {
  const [tokens, choices] = gate.type.shape as [Dim, Dim];
  const shape = [tokens, choices, result.type.shape[1]!];
  const places = apply('reshape', [place], { shape: [rows] });
  const inverse = apply('reshape', [order], { shape: [rows, ONE] });
  const chosen = apply('reshape', [apply('gather_rows', [result, places, inverse])], { shape });
  const weights = apply('reshape', [gate], { shape: [tokens, choices, ONE] });
  const weighed = apply('mul', [apply('expand', [weights], { shape }), chosen]);
  return apply('sum', [weighed], { axis: 1, keepdim: false });
}
