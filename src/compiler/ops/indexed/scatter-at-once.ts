/** Writing at positions where elements are written side by side: each place looks for what goes there, in its order. */
import { ONE, type Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { BodyWriter, NestWriter, Storage } from '../../ir/structured.ts';
import { binary, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { placeOf } from './place.ts';

const NONE = literal(-1, 'i32');

/** A shape or an index with something else on the last axis. */
function withLast(dims: readonly Dim[], last: Dim): readonly Dim[] {
  return [...dims.slice(0, -1), last];
}

/** Copies operand 0 to the first result. */
function writeCopy(nest: NestWriter): void {
  const [result] = nest.results;
  nest.kernel(withLast(result!.type.shape, ONE), (body, index) =>
    body.loop(result!.type.shape.at(-1)!, 'vector', (step, at) => {
      const place = withLast(index, at);
      step.store(result!, place, step.read(0, place));
    }),
  );
}

/**
 * Along the last axis: `combine` with what is there, in order. `isWithin` tells whether a line is one of the indices', if
 * not all are.
 */
export function writeScatterAtOnce(
  nest: NestWriter,
  combine: (old: () => Expr, given: Expr) => Expr,
  isWithin: (line: readonly Dim[]) => Expr | undefined,
): void {
  const [x, index] = nest.inputs as [TensorType, TensorType];
  const [result] = nest.results;
  const [size, count] = [x.shape.at(-1)!, index.shape.at(-1)!];
  const places = nest.scratch(index);
  nest.kernel(withLast(index.shape, ONE), (body, line) =>
    body.loop(count, 'vector', (step, from) => {
      const { at, inside } = placeOf(step.let(step.read(1, withLast(line, from))), size, step);
      step.store(places, withLast(line, from), select(inside, position(at), NONE));
    }),
  );
  nest.kernel(withLast(x.shape, ONE), (body, line) =>
    body.loop(size, 'vector', (each, at) => {
      const to = withLast(line, at);
      const value = each.variable(nest.isInPlace ? each.load(result!, to) : each.read(0, to));
      const take = (list: BodyWriter): void =>
        list.loop(count, 'serial', (step, from) => {
          const source = withLast(line, from);
          step.when(compare('eq', step.load(places, source), position(at)), (own) =>
            own.assign(
              value,
              combine(() => value, own.read(2, source)),
            ),
          );
        });
      const condition = isWithin(line);
      if (condition) each.when(condition, take);
      else take(each);
      each.store(result!, to, value);
    }),
  );
}

/** What is known of each index of a list: its place, or none, the next one that names the same, and how many do from it on. */
interface Chains {
  readonly places: Storage;
  readonly next: Storage;
  /** 0 for all but the first of a place. */
  readonly counts: Storage;
}

function writeChains(nest: NestWriter, size: Dim): Chains {
  const list = nest.inputs[1]!;
  const count = list.shape[0]!;
  const [places, next, counts] = [nest.scratch(list), nest.scratch(list), nest.scratch(list)];
  const placeAt = (list: BodyWriter, at: Dim): Expr => {
    const place = placeOf(list.let(list.read(1, [at])), size, list);
    return select(place.inside, position(place.at), NONE);
  };
  nest.kernel([], (body) =>
    body.loop(count, 'vector', (each, own) => {
      const place = each.let(placeAt(each, own));
      const earlier = each.variable(literal(0, 'i32'));
      const following = each.variable(literal(0, 'i32'));
      const nearest = each.variable(NONE);
      each.loop(count, 'serial', (step, other) => {
        const isSame = compare('eq', placeAt(step, other), place);
        step.when(isSame, (same) => {
          const isLater = same.let(compare('gt', position(other), position(own)));
          const isFirstLater = binary('and', isLater, compare('lt', nearest, literal(0, 'i32')));
          same.assign(nearest, select(isFirstLater, position(other), nearest));
          same.assign(following, binary('add', following, select(isLater, literal(1, 'i32'), literal(0, 'i32'))));
          const isEarlier = compare('lt', position(other), position(own));
          same.assign(earlier, select(isEarlier, literal(1, 'i32'), earlier));
        });
      });
      const isFirst = binary('and', compare('ge', place, literal(0, 'i32')), compare('eq', earlier, literal(0, 'i32')));
      each.store(places, [own], place);
      each.store(next, [own], nearest);
      each.store(counts, [own], select(isFirst, binary('add', following, literal(1, 'i32')), literal(0, 'i32')));
    }),
  );
  return { places, next, counts };
}

/**
 * Adds slices along `axis`: the first index of each place goes through the others of its place, so that nothing is written
 * twice, and sums have the order of the indices.
 */
export function writeIndexAddAtOnce(nest: NestWriter, axis: number): void {
  const [x, indices] = nest.inputs as [TensorType, TensorType];
  const [result] = nest.results;
  const { places, next, counts } = writeChains(nest, x.shape[axis]!);
  writeCopy(nest);
  const count = indices.shape[0]!;
  const last = x.shape.length - 1;
  const grid = x.shape.map((size, at) => (at === axis ? count : size));
  nest.kernel(withLast(grid, ONE), (body, point) =>
    body.loop(grid[last]!, 'vector', (each, column) => {
      const source = point.with(last, column);
      const own = source[axis]!;
      const length = each.integer(each.load(counts, [own]));
      each.when(compare('gt', position(length), literal(0, 'i32')), (first) => {
        const to = source.with(axis, first.position(first.load(places, [own]), x.shape[axis]!));
        const sum = first.variable(first.load(result!, to));
        const current = first.variable(position(own));
        first.loop(length, 'serial', (step) => {
          const from = step.position(current, count);
          step.assign(sum, binary('add', sum, step.read(2, source.with(axis, from))));
          step.assign(current, step.load(next, [from]));
        });
        first.store(result!, to, sum);
      });
    }),
  );
}
