/**
 * The loop nest of `sample_token`. Nothing is sorted: which tokens are among the most likely is told by a threshold,
 * which is found by bisection, each step of which reads the row once, in lanes.
 */
import { add, constant, floorDiv, minimum, multiply, subtract, type Dim } from '../../dims/dim.ts';
import type { BodyWriter, NestWriter, Variable } from '../../ir/structured.ts';
import { binary, bitcast, compare, convert, literal, position, select, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { i32, LEAST_I32, MOST_I32, ROUNDS, type Choosing, type Measure, type Row } from './sampling-row.ts';
import { atOnce } from './sample-at-once.ts';

/** Tokens whose weights are added up by themselves, so that rounding errors do not grow with the vocabulary. */
const CHUNK = 256;
/** Names of operands by place. */
const [LOGITS, SEEN, TEMPERATURE, TOP_K, TOP_P, PENALTY, UNIFORM] = [0, 1, 2, 3, 4, 5, 6] as const;

export function writeSampling(nest: NestWriter): void {
  const { shape } = nest.inputs[0]!;
  const [batch, vocabulary] = shape as [Dim, Dim];
  const choosing = nest.isParallel ? atOnce : inOrder;
  const weights = nest.scratch({ dtype: 'f32', shape });
  const keys = nest.scratch({ dtype: 'i32', shape });
  nest.kernel([batch], (body, [b]) => {
    const row: Row = { b: b!, vocabulary, weights, keys };
    // What decides where a workgroup goes has to be among the first buffers, which have bindings of their own.
    if (nest.isParallel) for (const operand of [TEMPERATURE, TOP_K, TOP_P, PENALTY]) body.let(body.read(operand, []));
    const token = body.variable(i32(0));
    const most = writeLogits(body, row);
    const temperature = body.let(body.read(TEMPERATURE, []));
    body.when(
      compare('gt', temperature, literal(0)),
      (drawn) => {
        writeWeights(drawn, row, most, temperature);
        limitCount(drawn, row, choosing);
        limitShare(drawn, row, choosing);
        drawShare(drawn, row, token, choosing);
      },
      (greedy) => findFirst(greedy, row, most, token),
    );
    const last = binary('sub', position(vocabulary), i32(1));
    body.store(nest.results[0]!, [b!], binary('max', binary('min', token, last), i32(0)));
  });
}

/** Stores the logits behind the penalty; returns the largest. */
function writeLogits(body: BodyWriter, { b, vocabulary, weights }: Row): Expr {
  const most = body.variable(literal(-Infinity));
  const penalty = body.let(body.read(PENALTY, []));
  const all = (list: BodyWriter, fine: (step: BodyWriter, logit: Expr, at: Dim) => Expr): void =>
    list.loop(vocabulary, 'vector', (step, at) => {
      // Adding 0 makes 0 of -0, which is no less.
      const logit = step.let(binary('add', fine(step, step.let(step.read(LOGITS, [b, at])), at), literal(0)));
      step.store(weights, [b, at], logit);
    });
  body.when(
    compare('eq', penalty, literal(1)),
    (plain) => all(plain, (_, logit) => logit),
    (fined) =>
      all(fined, (step, logit, at) => {
        const isSeen = compare('gt', step.read(SEEN, [b, at]), literal(0));
        const less = select(
          compare('gt', logit, literal(0)),
          binary('div', logit, penalty),
          binary('mul', logit, penalty),
        );
        return select(isSeen, less, logit);
      }),
  );
  // By itself, a loop has several maxima under way.
  body.loop(vocabulary, 'vector', (step, at) => step.reduce(most, 'max', step.load(weights, [b, at])));
  return body.let(most);
}

/** The lowest index of the largest logit. */
function findFirst(body: BodyWriter, { b, vocabulary, weights }: Row, most: Expr, token: Variable): void {
  const first = body.variable(i32(MOST_I32));
  body.loop(vocabulary, 'vector', (step, at) => {
    const isMost = compare('eq', step.load(weights, [b, at]), most);
    step.reduce(first, 'min', select(isMost, position(at), i32(MOST_I32)));
  });
  body.assign(token, first);
}

/** Makes weights and keys of the logits. */
function writeWeights(body: BodyWriter, { b, vocabulary, weights, keys }: Row, most: Expr, temperature: Expr): void {
  body.loop(vocabulary, 'vector', (step, at) => {
    const logit = step.let(step.load(weights, [b, at]));
    const bits = step.let(bitcast(logit, 'i32'));
    // The bits of negative numbers count down.
    const key = binary('xor', bits, binary('and', binary('shr', bits, i32(31)), i32(MOST_I32)));
    step.store(keys, [b, at], key);
    step.store(weights, [b, at], unary('exp', binary('div', binary('sub', logit, most), temperature)));
  });
}

/** Calls `write` for all tokens in chunks, with the start of each. */
function inChunks(body: BodyWriter, vocabulary: Dim, write: (body: BodyWriter, extent: Dim, first: Dim) => void): void {
  const chunks = floorDiv(add(vocabulary, constant(CHUNK - 1)), constant(CHUNK));
  body.loop(chunks, 'serial', (chunk, at) => {
    const first = multiply(constant(CHUNK), at);
    write(chunk, minimum(constant(CHUNK), subtract(vocabulary, first)), first);
  });
}

/** How much the tokens with keys above `key` measure, and how many they are. */
function above(
  body: BodyWriter,
  row: Row,
  key: Expr,
  measure: Measure,
): { readonly total: Expr; readonly count: Expr } {
  const total = body.variable(literal(0));
  const count = body.variable(i32(0));
  inChunks(body, row.vocabulary, (chunk, extent, first) => {
    const part = chunk.variable(literal(0));
    chunk.loop(extent, 'vector', (step, offset) => {
      const at = add(first, offset);
      const isAbove = step.let(compare('gt', step.load(row.keys, [row.b, at]), key));
      step.reduce(part, 'add', select(isAbove, step.let(measure(step, at)), literal(0)));
      step.reduce(count, 'add', select(isAbove, i32(1), i32(0)));
    });
    chunk.assign(total, binary('add', total, part));
  });
  return { total: body.let(total), count: body.let(count) };
}

/** The threshold is the least key with less than the goal above it. */
function keepUpTo(body: BodyWriter, row: Row, goal: Expr, measure: Measure): void {
  const low = body.variable(i32(LEAST_I32));
  const high = body.variable(i32(MOST_I32));
  // Of the tokens above `high`, and of all that are at least `low`.
  const [total, count] = [body.variable(literal(0)), body.variable(i32(0))];
  const least = body.variable(position(row.vocabulary));
  body.loop(constant(ROUNDS), 'serial', (round) => {
    round.when(binary('and', compare('lt', low, high), compare('gt', binary('sub', least, count), i32(1))), (step) => {
      const half = step.let(binary('shr', binary('xor', low, high), i32(1)));
      const middle = step.let(binary('add', binary('and', low, high), half));
      const found = above(step, row, middle, measure);
      step.when(
        compare('lt', found.total, goal),
        (less) => {
          less.assign(high, middle);
          less.assign(total, found.total);
          less.assign(count, found.count);
        },
        (more) => {
          more.assign(low, binary('add', middle, i32(1)));
          more.assign(least, found.count);
        },
      );
    });
  });
  const end = body.variable(position(row.vocabulary));
  body.when(compare('gt', binary('sub', least, count), i32(1)), (several) =>
    several.assign(end, endOfTies(several, row, { low, high, total, goal, measure })),
  );
  body.loop(row.vocabulary, 'vector', (step, at) => {
    const key = step.let(step.load(row.keys, [row.b, at]));
    const weight = step.let(step.load(row.weights, [row.b, at]));
    const isTied = binary('and', compare('ge', key, low), compare('lt', position(at), end));
    const isKept = step.let(binary('or', compare('gt', key, high), isTied));
    step.store(row.keys, [row.b, at], select(isKept, key, i32(LEAST_I32)));
    step.store(row.weights, [row.b, at], select(isKept, weight, literal(0)));
  });
}

interface Threshold {
  readonly low: Expr;
  readonly high: Expr;
  /** What lies above. */
  readonly total: Expr;
  readonly goal: Expr;
  readonly measure: Measure;
}

/** The index from which on tokens at the threshold are out. */
function endOfTies(body: BodyWriter, { b, vocabulary, keys }: Row, threshold: Threshold): Expr {
  const { low, high, total, goal, measure } = threshold;
  const end = body.variable(i32(0));
  const before = body.variable(total);
  body.loop(vocabulary, 'serial', (step, at) => {
    const key = step.let(step.load(keys, [b, at]));
    const isTied = binary('and', compare('ge', key, low), compare('le', key, high));
    step.when(binary('and', isTied, compare('lt', before, goal)), (tied) => {
      tied.assign(before, binary('add', before, measure(tied, at)));
      tied.assign(end, binary('add', position(at), i32(1)));
    });
  });
  return body.let(end);
}

const inOrder: Choosing = {
  total: (body, row, measure) => above(body, row, i32(LEAST_I32), measure).total,
  keepUpTo,
  draw,
};

function limitCount(body: BodyWriter, row: Row, { keepUpTo }: Choosing): void {
  const count = body.let(body.read(TOP_K, []));
  const isLess = compare('lt', count, position(row.vocabulary));
  body.when(binary('and', compare('gt', count, i32(0)), isLess), (limited) =>
    keepUpTo(limited, row, limited.let(convert(count, 'f32')), () => literal(1)),
  );
}

function limitShare(body: BodyWriter, row: Row, choosing: Choosing): void {
  const share = body.let(body.read(TOP_P, []));
  body.when(compare('lt', share, literal(1)), (limited) => {
    const weight: Measure = (step, at) => step.load(row.weights, [row.b, at]);
    const total = choosing.total(limited, row, weight);
    // At least the most likely token is kept.
    const goal = limited.let(binary('max', binary('mul', share, total), literal(1e-30)));
    choosing.keepUpTo(limited, row, goal, weight);
  });
}

/** A token by the share of all weights that is drawn. */
function drawShare(body: BodyWriter, row: Row, token: Variable, choosing: Choosing): void {
  const total = choosing.total(body, row, (step, at) => step.load(row.weights, [row.b, at]));
  choosing.draw(body, row, body.let(binary('mul', body.read(UNIFORM, [row.b]), total)), token);
}

function draw(body: BodyWriter, { b, vocabulary, weights }: Row, goal: Expr, token: Variable): void {
  const weight: Measure = (step, at) => step.load(weights, [b, at]);
  const before = body.variable(literal(0));
  const isOpen = body.variable(literal(1, 'bool'));
  inChunks(body, vocabulary, (chunk, extent, first) =>
    chunk.when(isOpen, (open) => {
      const part = open.variable(literal(0));
      open.loop(extent, 'vector', (step, offset) => step.reduce(part, 'add', weight(step, add(first, offset))));
      const after = open.let(binary('add', before, part));
      open.when(compare('gt', after, goal), (here) => {
        const sum = here.variable(before);
        here.loop(extent, 'serial', (step, offset) => {
          const own = step.let(weight(step, add(first, offset)));
          step.when(binary('and', isOpen, compare('gt', own, literal(0))), (possible) => {
            possible.assign(sum, binary('add', sum, own));
            possible.assign(token, position(add(first, offset)));
            possible.when(compare('gt', sum, goal), (found) => found.assign(isOpen, literal(0, 'bool')));
          });
        });
        here.assign(isOpen, literal(0, 'bool'));
      });
      open.assign(before, after);
    }),
  );
  body.when(isOpen, (none) => {
    const last = none.variable(i32(0));
    none.loop(vocabulary, 'vector', (step, at) =>
      step.reduce(last, 'max', select(compare('gt', weight(step, at), literal(0)), position(at), i32(0))),
    );
    none.assign(token, last);
  });
}
