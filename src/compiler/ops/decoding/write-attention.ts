/**
 * The loop nest of `decode_attention`. Query heads that share keys and values are computed together where there are
 * several, so that those are read once for all of them. Sums are made in an order that depends on sizes alone.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { BodyWriter, NestWriter, Storage, Variable } from '../../ir/structured.ts';
import { binary, convert, literal, multiplyAdd, position, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';

const LANES = 4;
/** Sums that are open at once: enough not to wait for each other, and few enough for registers. */
const SUMS = 8;
/** Products of a score that are added within a lane before the lanes are: they are written out. */
const PRODUCTS = 16;
/** Query heads of a point. Measured on wasm, 32 heads of 64 on 8 and 2048 keys: 0.64 ms, by two 0.69, one by one 0.89. */
const HEADS = 4;

/** Places of values, with several keys each, that are added up at once where loops are shared out. */
const AT_ONCE = 256;

/** What one point of the grid works on. */
interface Point {
  readonly b: Dim;
  readonly heads: readonly Dim[];
  /** The head of keys and values. */
  readonly shared: Dim;
  /** How many keys are seen. */
  readonly count: Dim;
  readonly scores: Storage;
}

/** 0 … count - 1. */
function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

/** The largest divisor of a size that is at most `most`; 1 where the size is not known. */
function divisorOf(size: number | undefined, most: number): number {
  if (size === undefined) return 1;
  let divisor = Math.min(size, most);
  while (divisor > 1 && size % divisor !== 0) divisor--;
  return Math.max(divisor, 1);
}

/** How many whole vectors a size has; undefined where it does not have so many whole ones. */
function vectorsIn(size: Dim): number | undefined {
  const known = constantValue(size);
  return known !== undefined && known % LANES === 0 ? known / LANES : undefined;
}

export function writeAttention(nest: NestWriter, scale: number | null): void {
  const [q, k] = nest.inputs as [TensorType, TensorType];
  const [batch, heads] = q.shape as [Dim, Dim];
  const [, keyHeads, size] = k.shape as [Dim, Dim, Dim];
  const sharing = floorDiv(heads, keyHeads, nest.bounds);
  const together = divisorOf(constantValue(sharing), HEADS);
  const scores = nest.scratch({ dtype: 'f32', shape: [batch, heads, size] });
  const parts = nest.isParallel ? partsOf(nest) : undefined;
  nest.kernel([batch, floorDiv(heads, constant(together))], (body, [b, group]) => {
    const first = multiply(constant(together), group!);
    const past = body.position(body.read(3, [b!]), size);
    const point: Point = {
      b: b!,
      heads: range(together).map((at) => add(first, constant(at))),
      shared: floorDiv(group!, floorDiv(sharing, constant(together)), nest.bounds),
      count: minimum(add(past, ONE), size, nest.bounds),
      scores,
    };
    if (nest.isParallel) writeScoresAtOnce(nest, body, point);
    else writeScores(nest, body, point);
    const sums = point.heads.map((head) => writePowers(body, point, head, factorOf(nest, body, scale)));
    if (parts) writeValuesInParts(nest, body, point, sums, parts);
    else writeValues(nest, body, point, sums);
  });
}

function factorOf(nest: NestWriter, body: BodyWriter, scale: number | null): Expr {
  if (scale !== null) return literal(scale);
  const width = nest.inputs[0]!.shape[3]!;
  const known = constantValue(width);
  if (known !== undefined) return literal(1 / Math.sqrt(known));
  return body.let(binary('div', literal(1), unary('sqrt', convert(position(width), 'f32'))));
}

/** Stores the products of queries and keys. */
function writeScores(nest: NestWriter, body: BodyWriter, { b, heads, shared, count, scores }: Point): void {
  const width = nest.inputs[0]!.shape[3]!;
  const products = divisorOf(vectorsIn(width), PRODUCTS);
  const part = floorDiv(width, constant(products));
  body.loop(count, 'serial', (each, key) => {
    const totals = heads.map(() => each.variable(literal(0)));
    each.loop(part, 'vector', (step, at) => {
      const places = range(products).map((product) => add(multiply(constant(product), part), at));
      const keys = places.map((place) => step.let(step.read(1, [b, shared, key, place])));
      heads.forEach((head, i) => {
        const terms = places.map((place, product) => ({
          query: step.read(0, [b, head, ZERO, place]),
          key: keys[product]!,
        }));
        step.reduce(totals[i]!, 'add', sumOfProducts(terms));
      });
    });
    heads.forEach((head, i) => each.store(scores, [b, head, key], totals[i]!));
  });
}

/** `writeScores` by iterations that take a key each. */
function writeScoresAtOnce(nest: NestWriter, body: BodyWriter, { b, heads, shared, count, scores }: Point): void {
  body.loop(count, 'vector', (each, key) => {
    const totals = heads.map(() => each.variable(literal(0)));
    each.loop(nest.inputs[0]!.shape[3]!, 'serial', (step, at) => {
      const factor = step.let(step.read(1, [b, shared, key, at]));
      heads.forEach((head, i) =>
        step.assign(totals[i]!, multiplyAdd(step.read(0, [b, head, ZERO, at]), factor, totals[i]!)),
      );
    });
    heads.forEach((head, i) => each.store(scores, [b, head, key], totals[i]!));
  });
}

interface Term {
  readonly query: Expr;
  readonly key: Expr;
}

/** Two sums in turn, so that half as many additions wait for each other. */
function sumOfProducts(terms: readonly Term[]): Expr {
  const chain = (some: readonly Term[]): Expr =>
    some
      .slice(1)
      .reduce<Expr>((sum, { query, key }) => multiplyAdd(query, key, sum), binary('mul', some[0]!.query, some[0]!.key));
  if (terms.length === 1) return chain(terms);
  return binary('add', chain(terms.filter((_, at) => at % 2 === 0)), chain(terms.filter((_, at) => at % 2 === 1)));
}

/** Turns scores into powers; returns their sum, which the largest makes at least 1, or 1 without any key. */
function writePowers(body: BodyWriter, { b, count, scores }: Point, head: Dim, factor: Expr): Expr {
  const score = (step: BodyWriter, key: Dim): Expr => binary('mul', step.load(scores, [b, head, key]), factor);
  const most = body.variable(literal(-Infinity));
  body.loop(count, 'vector', (step, key) => step.reduce(most, 'max', score(step, key)));
  const sum = body.variable(literal(0));
  body.loop(count, 'vector', (step, key) => {
    const power = step.let(unary('exp', binary('sub', score(step, key), most)));
    step.store(scores, [b, head, key], power);
    step.reduce(sum, 'add', power);
  });
  return body.let(binary('max', sum, literal(1)));
}

/** The weighted values: neighbouring parts of rows side by side, for several keys at once where rows are short. */
function writeValues(nest: NestWriter, body: BodyWriter, point: Point, sums: readonly Expr[]): void {
  const depth = nest.inputs[2]!.shape[3]!;
  const vectors = vectorsIn(depth);
  const most = Math.floor(SUMS / point.heads.length);
  const parts = divisorOf(vectors, most);
  const block = vectors === undefined ? depth : constant(LANES * parts);
  body.loop(floorDiv(depth, block), 'serial', (outer, at) => {
    outer.loop(floorDiv(block, constant(parts)), 'vector', (lanes, lane) => {
      const places = range(parts).map((p) => add(multiply(block, at), constant(LANES * p), lane));
      const totals = addValues(lanes, point, places, Math.floor(most / parts));
      point.heads.forEach((head, i) =>
        places.forEach((place, p) => {
          const value = binary('div', totals[i]![p]!, sums[i]!);
          lanes.store(nest.results[0]!, [point.b, head, ZERO, place], value);
        }),
      );
    });
  });
}

/** The sums over keys of each head at each place; `ways` keys at a time have sums of their own. */
function addValues(body: BodyWriter, point: Point, places: readonly Dim[], ways: number): Expr[][] {
  const { b, heads, shared, count, scores } = point;
  const sums: Variable[][][] = range(ways).map(() => heads.map(() => places.map(() => body.variable(literal(0)))));
  const addKey = (list: BodyWriter, key: Dim, way: number): void => {
    const powers = heads.map((head) => list.let(list.load(scores, [b, head, key])));
    places.forEach((place, p) => {
      const value = list.let(list.read(2, [b, shared, key, place]));
      powers.forEach((power, i) => {
        const sum = sums[way]![i]![p]!;
        list.assign(sum, multiplyAdd(power, value, sum));
      });
    });
  };
  const rounds = floorDiv(count, constant(ways));
  const done = multiply(constant(ways), rounds);
  body.loop(rounds, 'serial', (round, at) =>
    sums.forEach((_, way) => addKey(round, add(multiply(constant(ways), at), constant(way)), way)),
  );
  if (ways > 1) body.loop(subtract(count, done), 'serial', (rest, at) => addKey(rest, add(done, at), 0));
  return heads.map((_, i) =>
    places.map((__, p) => sums.slice(1).reduce<Expr>((sum, way) => binary('add', sum, way[i]![p]!), sums[0]![i]![p]!)),
  );
}

/** Sums of weighted values for every so many keys, before these are added: f32[b, h, parts, f]. */
function partsOf(nest: NestWriter): Storage {
  const [batch, heads] = nest.inputs[0]!.shape as [Dim, Dim];
  const depth = nest.inputs[2]!.shape[3]!;
  const count = Math.max(1, Math.floor(AT_ONCE / (constantValue(depth) ?? AT_ONCE)));
  return nest.scratch({ dtype: 'f32', shape: [batch, heads, constant(count), depth] });
}

/** The weighted values by iterations that take a place in them each, for every so many keys. */
function writeValuesInParts(
  nest: NestWriter,
  body: BodyWriter,
  { b, heads, shared, count, scores }: Point,
  sums: readonly Expr[],
  parts: Storage,
): void {
  const [, , ways, depth] = parts.type.shape as [Dim, Dim, Dim, Dim];
  body.loop(multiply(ways, depth), 'vector', (each, at) => {
    const way = floorDiv(at, depth, nest.bounds);
    const place = subtract(at, multiply(way, depth));
    const totals = heads.map(() => each.variable(literal(0)));
    const rounds = floorDiv(subtract(add(count, subtract(ways, ONE)), way), ways, nest.bounds);
    each.loop(rounds, 'serial', (step, round) => {
      const key = add(multiply(ways, round), way);
      const value = step.let(step.read(2, [b, shared, key, place]));
      heads.forEach((head, i) =>
        step.assign(totals[i]!, multiplyAdd(step.load(scores, [b, head, key]), value, totals[i]!)),
      );
    });
    heads.forEach((head, i) => each.store(parts, [b, head, way, place], totals[i]!));
  });
  body.loop(depth, 'vector', (each, place) =>
    heads.forEach((head, i) => {
      const total = each.variable(literal(0));
      each.loop(ways, 'serial', (step, way) =>
        step.assign(total, binary('add', total, step.load(parts, [b, head, way, place]))),
      );
      each.store(nest.results[0]!, [b, head, ZERO, place], binary('div', total, sums[i]!));
    }),
  );
}
