/**
 * How `sample_token` chooses where a row is shared out: bisections that read the whole row in every step, and that go the
 * same way whatever the row holds.
 */
import { constant, constantValue, type Dim } from '../../dims/dim.ts';
import type { BodyWriter, Variable } from '../../ir/structured.ts';
import { binary, compare, convert, literal, position, select, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { i32, LEAST_I32, MOST_I32, ROUNDS, type Choosing, type Measure, type Row } from './sampling-row.ts';

/** The sum over the row of what `write` gives for each token. */
function sum(body: BodyWriter, { vocabulary }: Row, zero: Expr, write: (step: BodyWriter, at: Dim) => Expr): Expr {
  const all = body.variable(zero);
  body.loop(vocabulary, 'vector', (step, at) => step.reduce(all, 'add', write(step, at)));
  return body.let(all);
}

/**
 * The least i32 from `first` to `last` for which `holds`, which stays true from there on; `last` where it never does. Takes
 * `rounds` steps, of which each halves what is left.
 */
function leastThat(
  body: BodyWriter,
  [first, last]: readonly [Expr, Expr],
  rounds: number,
  holds: (step: BodyWriter, middle: Expr) => Expr,
): Expr {
  const [low, high] = [body.variable(first), body.variable(last)];
  body.loop(constant(rounds), 'serial', (step) => {
    const half = step.let(binary('shr', binary('xor', low, high), i32(1)));
    const middle = step.let(binary('add', binary('and', low, high), half));
    const found = step.let(holds(step, middle));
    const above = step.let(select(compare('lt', middle, high), binary('add', middle, i32(1)), high));
    step.assign(high, select(found, middle, high));
    step.assign(low, select(found, low, above));
  });
  return body.let(high);
}

/** Steps of a bisection over the places of a row. */
function roundsOver(vocabulary: Dim): number {
  return Math.ceil(Math.log2((constantValue(vocabulary) ?? MOST_I32) + 1));
}

function lastOf({ vocabulary }: Row): Expr {
  return binary('sub', position(vocabulary), i32(1));
}

function keepUpTo(body: BodyWriter, row: Row, goal: Expr, measure: Measure): void {
  const keyAt = (step: BodyWriter, at: Dim): Expr => step.load(row.keys, [row.b, at]);
  const above = (list: BodyWriter, key: Expr): Expr =>
    sum(list, row, literal(0), (step, at) =>
      select(compare('gt', keyAt(step, at), key), step.let(measure(step, at)), literal(0)),
    );
  const threshold = leastThat(body, [i32(LEAST_I32), i32(MOST_I32)], ROUNDS, (step, middle) =>
    compare('lt', above(step, middle), goal),
  );
  const end = endOfTies(body, row, threshold, { goal, total: above(body, threshold), measure });
  body.loop(row.vocabulary, 'vector', (step, at) => {
    const key = step.let(keyAt(step, at));
    const weight = step.let(step.load(row.weights, [row.b, at]));
    const isTied = binary('and', compare('eq', key, threshold), compare('le', position(at), end));
    const isKept = step.let(binary('or', compare('gt', key, threshold), isTied));
    step.store(row.keys, [row.b, at], select(isKept, key, i32(LEAST_I32)));
    step.store(row.weights, [row.b, at], select(isKept, weight, literal(0)));
  });
}

interface Tied {
  readonly goal: Expr;
  /** What the tokens above the threshold measure. */
  readonly total: Expr;
  readonly measure: Measure;
}

/** The last place of the tokens at the threshold that are kept. They measure the same, so it is known how many those are. */
function endOfTies(body: BodyWriter, row: Row, threshold: Expr, { goal, total, measure }: Tied): Expr {
  const isTied = (step: BodyWriter, at: Dim): Expr => compare('eq', step.load(row.keys, [row.b, at]), threshold);
  const each = body.variable(literal(0));
  body.loop(row.vocabulary, 'vector', (step, at) =>
    step.reduce(each, 'max', select(isTied(step, at), step.let(measure(step, at)), literal(0))),
  );
  const missing = unary('ceil', binary('div', binary('sub', goal, total), each));
  const all = position(row.vocabulary);
  // Tokens without any weight never fill the goal.
  const wanted = body.let(select(compare('gt', each, literal(0)), convert(missing, 'i32'), all));
  return leastThat(body, [i32(0), lastOf(row)], roundsOver(row.vocabulary), (list, middle) => {
    const kept = sum(list, row, i32(0), (step, at) => {
      const isUpTo = binary('and', isTied(step, at), compare('le', position(at), middle));
      return select(isUpTo, i32(1), i32(0));
    });
    return compare('ge', kept, wanted);
  });
}

function draw(body: BodyWriter, row: Row, goal: Expr, token: Variable): void {
  const weightAt = (step: BodyWriter, at: Dim): Expr => step.load(row.weights, [row.b, at]);
  const first = leastThat(body, [i32(0), lastOf(row)], roundsOver(row.vocabulary), (list, middle) => {
    const upTo = sum(list, row, literal(0), (step, at) =>
      select(compare('le', position(at), middle), step.let(weightAt(step, at)), literal(0)),
    );
    return compare('gt', upTo, goal);
  });
  const last = body.variable(i32(0));
  body.loop(row.vocabulary, 'vector', (step, at) =>
    step.reduce(last, 'max', select(compare('gt', weightAt(step, at), literal(0)), position(at), i32(0))),
  );
  body.assign(token, binary('min', first, last));
}

export const atOnce: Choosing = {
  total: (body, row, measure) => sum(body, row, literal(0), measure),
  keepUpTo,
  draw,
};
