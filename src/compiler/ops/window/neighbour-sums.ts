/**
 * `neighbour_sums`, the transpose of resizing along an axis. Which elements of the result have an element as their k-th
 * neighbour is a range, found from the rule by which they were placed, so that each sum is read by itself.
 */
import {
  add,
  constant,
  constantValue,
  equal,
  floorDiv,
  maximum,
  minimum,
  multiply,
  ONE,
  print,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim } from '../../ir/attributes.ts';
import { defineOp, type Op, type Sample } from '../../ir/op.ts';
import type { BodyWriter, NestWriter, Storage } from '../../ir/structured.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, compare, literal, multiplyAdd, position, select } from '../../kernel/build.ts';
import { forEachLine } from '../lines.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { concretePlace, firstNeighbour, neighbour, type Resized, type Rule } from './neighbours.ts';

type NeighbourSums = {
  readonly axis: number;
  readonly size: Dim | number;
  readonly numerator: Dim | number;
  readonly denominator: Dim | number;
  readonly rule: Rule;
};

/** The first element of the result that lies at element `at` of x or behind it; `at` is at least 1. */
function firstFrom(at: Dim, axis: Resized, rule: Rule, bounds: Bounds): Dim {
  const { numerator: n, denominator: d, size, result } = axis;
  // Nothing is resized that has no elements, and nothing is divided by their number then.
  const quotient = (dividend: Dim, divisor: Dim): Dim =>
    floorDiv(add(dividend, divisor, constant(-1)), maximum(ONE, divisor, bounds), bounds);
  const twice = (dim: Dim): Dim => multiply(constant(2), dim);
  switch (rule) {
    case 'floor':
      return quotient(multiply(at, d), n);
    case 'centre':
      return quotient(subtract(twice(multiply(at, d)), n), twice(n));
    case 'clamped':
    case 'half':
      return quotient(subtract(add(twice(multiply(at, d)), d), n), twice(n));
    case 'corners':
      return quotient(
        multiply(at, maximum(ONE, subtract(result, ONE), bounds)),
        maximum(ONE, subtract(size, ONE), bounds),
      );
  }
}

/** What is looked up: entry e is the first element of the result that lies at x's element e - taps or behind it. */
function writeStarts(body: BodyWriter, starts: Storage, taps: number, axis: Resized, rule: Rule, bounds: Bounds): void {
  // Places before the first element, which only "half" has, are as good as nowhere.
  const least = rule === 'half' ? 0 : 1;
  body.loop(starts.type.shape[0]!, 'serial', (step, entry) => {
    const at = subtract(entry, constant(taps));
    const first = minimum(firstFrom(maximum(at, constant(least), bounds), axis, rule, bounds), axis.result, bounds);
    const isBefore = compare('lt', position(at), position(constant(least)));
    step.store(starts, [entry], select(isBefore, literal(0, 'i32'), position(first)));
  });
}

function write(nest: NestWriter, attributes: NeighbourSums): void {
  const [x, weights] = nest.inputs;
  const [result] = nest.results;
  const along = attributes.axis;
  const axis = axisOf(x!.shape[along]!, attributes);
  const taps = constantValue(weights!.shape[0]!)!;
  const starts = nest.scratch({ dtype: 'i32', shape: [add(axis.size, constant(2 * taps))] });
  nest.kernel([], (body) => writeStarts(body, starts, taps, axis, attributes.rule, nest.bounds));
  const { shape } = result!.type;
  const last = shape.length - 1;
  const across = along !== last;
  /** The sum at an element, whose ranges of results are `ranges`, one for each tap. */
  const sum = (body: BodyWriter, index: readonly Dim[], ranges: readonly (readonly [Dim, Dim])[]): void => {
    const total = body.variable(literal(0));
    ranges.forEach(([from, to], tap) =>
      body.loop(subtract(to, from), 'serial', (step, offset) => {
        const at = add(from, offset);
        const weight = step.read(1, [constant(tap), at]);
        step.assign(total, multiplyAdd(weight, step.read(0, index.with(along, at)), total));
      }),
    );
    body.store(result!, index, total);
  };
  nest.kernel(
    shape.map((size, at) => (at === last ? ONE : size)),
    (body, point) => {
      if (across) {
        const ranges = rangesOf(body, starts, point[along]!, taps, axis);
        return body.loop(shape[last]!, 'vector', (inner, column) => sum(inner, point.with(last, column), ranges));
      }
      body.loop(shape[last]!, nest.isParallel ? 'vector' : 'serial', (step, at) =>
        sum(step, point.with(last, at), rangesOf(step, starts, at, taps, axis)),
      );
    },
  );
}

/** For each tap, which elements of the result have the element `at` there; beyond the ends the outermost one is. */
function rangesOf(body: BodyWriter, starts: Storage, at: Dim, taps: number, axis: Resized): (readonly [Dim, Dim])[] {
  const isFirst = compare('eq', position(at), position(ZERO));
  const isLast = compare('eq', position(at), position(subtract(axis.size, ONE)));
  return Array.from({ length: taps }, (_, tap) => {
    const entry = add(at, constant(taps - tap - firstNeighbour(taps)));
    const from = body.integer(select(isFirst, literal(0, 'i32'), body.load(starts, [entry])));
    const end = select(isLast, position(axis.result), body.load(starts, [add(entry, ONE)]));
    return [from, body.integer(binary('max', end, position(from)))];
  });
}

function axisOf(result: Dim, { size, numerator, denominator }: NeighbourSums): Resized {
  return { size: toDim(size), result, numerator: toDim(numerator), denominator: toDim(denominator) };
}

export const neighbourSums: Op = defineOp<NeighbourSums>({
  name: 'neighbour_sums',
  doc:
    'The transpose of resizing an axis of `size`: each of its elements with the sum of the elements of x (f32) that have ' +
    'it among their neighbours, times their weights there, f32[taps, result].',
  internal: true,
  operands: [{ name: 'x' }, { name: 'weights' }],
  attributes: [
    { name: 'axis', kind: 'axis', doc: 'The axis of x, counted from the front.' },
    { name: 'size', kind: 'dim', doc: 'The size of the axis before it was resized.' },
    { name: 'numerator', kind: 'dim', doc: 'How many elements it had …' },
    { name: 'denominator', kind: 'dim', doc: '… for so many elements of x.' },
    { name: 'rule', kind: 'string', doc: 'Where elements of x lie in it.' },
  ],
  infer(inputs, { axis, size }) {
    const error = dtypeFault('neighbour_sums', inputs, ['f32']);
    if (error) return { error };
    const [x, weights] = inputs;
    const fits = weights!.shape.length === 2 && x!.shape[axis] && equal(weights!.shape[1]!, x!.shape[axis]);
    if (!fits || constantValue(weights!.shape[0]!) === undefined || equal(toDim(size), ZERO))
      return fails(`\`neighbour_sums\` of ${inputs.map(printType).join(' and ')} to ${print(toDim(size))} do not fit`);
    return gives({ dtype: 'f32', shape: x!.shape.with(axis, toDim(size)) });
  },
  evaluate([x, weights], { axis, numerator, denominator, rule }, [output], symbols) {
    const [size, result] = [output!.shape[axis]!, x!.shape[axis]!];
    const taps = weights!.shape[0]!;
    const resized = { size, result, numerator: sizeOf(numerator, symbols), denominator: sizeOf(denominator, symbols) };
    const lines: number[] = [];
    forEachLine(output!.shape, axis, (first) => lines.push(first));
    const data = new Float64Array(countOf(output!.shape));
    forEachLine(x!.shape, axis, (first, count, step) => {
      const to = lines.shift()!;
      for (let at = 0; at < count; at++) {
        const { dividend, divisor } = concretePlace(at, resized, rule);
        for (let tap = 0; tap < taps; tap++) {
          const place = neighbour(Math.floor(dividend / divisor), tap, taps, size);
          data[to + place * step]! += weights!.data[tap * result + at]! * x!.data[first + at * step]!;
        }
      }
    });
    return [data];
  },
  body: { kind: 'structured', write },
  noGradient: 'it stands in backward passes alone',
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    resizing([2, n], 1, 1, constant(7), 'floor'),
    resizing([n, 5], 1, 1, n, 'centre'),
    resizing([2, n, 3], 1, 2, constant(5), 'clamped'),
    resizing([3, 11], 1, 2, n, 'clamped'),
    resizing([n, 3], 0, 4, constant(6), 'half'),
    resizing([2, 4], 1, 4, n, 'half'),
    resizing([n, 9], 1, 2, constant(4), 'corners'),
    resizing([1, n], 1, 4, n, 'corners'),
  ],
});

function resizing(shape: readonly (Dim | number)[], axis: number, taps: number, size: Dim, rule: Rule): Sample {
  const denominator = toDim(shape[axis]!);
  return {
    inputs: [f32(...shape), f32(taps, denominator)],
    attributes: { axis, size, numerator: size, denominator, rule },
  };
}
