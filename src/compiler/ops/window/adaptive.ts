/**
 * `adaptive_avg_pool1d/2d` and `adaptive_max_pool1d/2d`: as many windows as asked for, window i of an axis from
 * floor(i size / windows) to ceil((i + 1) size / windows).
 */
import {
  add,
  constant,
  equal,
  floorDiv,
  multiply,
  ONE,
  print,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type SizeCondition, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, compare, convert, literal, position, select } from '../../kernel/build.ts';
import { MOVED } from '../movement/define.ts';
import { broadcast, SUM_TOLERANCE } from '../reduce/composite.ts';
import { dtypeFault, fails, gives, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { planeOf, requireSize, windowsBehind } from './axes.ts';

/** The first element of window `at`, and the one behind its last. */
function rangeOf(at: Dim, size: Dim, windows: Dim, bounds: Bounds): { readonly start: Dim; readonly end: Dim } {
  const start = multiply(at, size);
  return {
    start: floorDiv(start, windows, bounds),
    end: floorDiv(add(start, size, windows, constant(-1)), windows, bounds),
  };
}

function concreteRange(at: number, size: number, windows: number): readonly [number, number] {
  return [Math.floor((at * size) / windows), Math.ceil(((at + 1) * size) / windows)];
}

/** No window has more elements: ceil(size / windows) and one more, as both ends may lie inside an element's share. */
function widest(size: Dim, windows: Dim): Dim {
  return add(floorDiv(subtract(size, ONE), windows), constant(2));
}

function dividesEvenly(size: Dim, windows: Dim): boolean {
  return equal(multiply(floorDiv(size, windows), windows), size);
}

type AdaptiveWindows = { readonly windows: readonly (Dim | number)[]; readonly value: number };

const adaptiveWindows: Op = defineOp<AdaptiveWindows>({
  name: 'adaptive_windows',
  doc:
    'The elements of as many windows as asked for over the last axes of x (f32): [..lead, size] becomes [..lead, ' +
    'windows, widest], filled up with `value` where a window has fewer elements.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'windows', kind: 'shape', doc: 'How many windows, for each of the last axes.' },
    { name: 'value', kind: 'float', doc: 'What stands behind the last element of a window.' },
  ],
  infer([x], { windows }) {
    const counts = toDims(windows);
    const lead = x!.shape.length - counts.length;
    if (lead < 0 || counts.some((count) => equal(count, ZERO)))
      return fails(`\`adaptive_windows\` do not fit ${printType(x!)}`);
    const widths = counts.map((count, at) => widest(x!.shape[lead + at]!, count));
    return gives({ dtype: x!.dtype, shape: [...x!.shape.slice(0, lead), ...counts, ...widths] });
  },
  evaluate([x], { windows, value }, [output], symbols) {
    const count = windows.length;
    const counts = planeOf(
      windows.map((each) => sizeOf(each, symbols)),
      1,
    );
    const [height, width] = planeOf(x!.shape.slice(x!.shape.length - count), 1);
    const [tall, wide] = planeOf(output!.shape.slice(output!.shape.length - count), 1);
    const target = new Float64Array(countOf(output!.shape)).fill(value);
    const planes = countOf(x!.shape.slice(0, x!.shape.length - count));
    for (let plane = 0; plane < planes; plane++)
      for (let i = 0; i < counts[0]; i++)
        for (let j = 0; j < counts[1]; j++) {
          const [top, bottom] = concreteRange(i, height, counts[0]);
          const [left, right] = concreteRange(j, width, counts[1]);
          const first = ((plane * counts[0] + i) * counts[1] + j) * tall * wide;
          for (let y = top; y < bottom; y++)
            for (let z = left; z < right; z++)
              target[first + (y - top) * wide + z - left] = x!.data[(plane * height + y) * width + z]!;
        }
    return [target];
  },
  body: {
    kind: 'movement',
    overlaps: true,
    element([read], index, { windows, value }, { inputs, bounds }) {
      const [x] = inputs;
      const count = windows.length;
      const lead = x!.shape.length - count;
      const places = windows.map((each, at) => {
        const { start, end } = rangeOf(index[lead + at]!, x!.shape[lead + at]!, toDim(each), bounds);
        return { at: add(start, index[lead + count + at]!), end };
      });
      const inside = places.map(({ at, end }) => compare('lt', position(at), position(end)));
      return select(
        inside.reduce((all, one) => binary('and', all, one)),
        read!([...index.slice(0, lead), ...places.map(({ at }) => at)]),
        literal(value, x!.dtype),
      );
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, n)], attributes: { windows: toDims([3]), value: 0.5 } },
    { inputs: [f32(n, 7, 5)], attributes: { windows: toDims([3, 2]), value: 0 } },
    { inputs: [f32(2, 9)], attributes: { windows: [n], value: -1 } },
  ],
});

type AdaptiveCount = { readonly size: Dim | number; readonly windows: Dim | number };

const adaptiveCount: Op = defineOp<AdaptiveCount>({
  name: 'adaptive_count',
  doc: 'How many elements of an axis each of its adaptive windows has, as f32.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'size', kind: 'dim', doc: 'The size of the axis.' },
    { name: 'windows', kind: 'dim', doc: 'How many windows there are.' },
  ],
  infer: (_, { windows }) => gives({ dtype: 'f32', shape: [toDim(windows)] }),
  evaluate(_, { size }, [output], symbols) {
    const windows = output!.shape[0]!;
    return [
      Float64Array.from({ length: windows }, (_, at) => {
        const [start, end] = concreteRange(at, sizeOf(size, symbols), windows);
        return end - start;
      }),
    ];
  },
  body: {
    kind: 'movement',
    element(_, [at], { size, windows }, { bounds }) {
      const { start, end } = rangeOf(at!, toDim(size), toDim(windows), bounds);
      return convert(position(subtract(end, start)), 'f32');
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [], attributes: { size: n, windows: constant(3) } },
    { inputs: [], attributes: { size: constant(7), windows: n } },
  ],
});

type Adaptive = { readonly output_size: readonly (Dim | number)[] };

/** How many windows each of the last `count` axes gets: one number for all, or one for each. */
function windowsOf(
  called: string,
  count: number,
  { output_size }: Adaptive,
): { readonly windows: readonly Dim[] } | { readonly error: Mismatch } {
  const given = toDims(output_size);
  if (given.length !== 1 && given.length !== count)
    return fails(`\`${called}\` takes one size or ${count}, not ${given.length}`, { attribute: 'output_size' });
  return { windows: given.length === 1 ? Array.from({ length: count }, () => given[0]!) : given };
}

function infer(called: string, x: TensorType, count: number, attributes: Adaptive, bounds: Bounds): Inference {
  const error = dtypeFault(called, [x], ['f32']);
  if (error) return { error };
  const first = x.shape.length - count;
  if (first < 0)
    return fails(`\`${called}\` needs ${count === 1 ? 'an axis' : `${count} axes`}, and x is ${printType(x)}`);
  const found = windowsOf(called, count, attributes);
  if ('error' in found) return found;
  const conditions: SizeCondition[] = [];
  for (const axis of Array.from({ length: count }, (_, at) => first + at)) {
    const size = x.shape[axis]!;
    const message = `\`${called}\` needs an element of axis ${axis}, which has ${print(size)}`;
    const needed = requireSize(subtract(size, ONE), message, x, bounds);
    if ('error' in needed) return needed;
    conditions.push(...needed.conditions);
  }
  for (const windows of found.windows) {
    const needed = requireSize(subtract(windows, ONE), `\`${called}\` to ${print(windows)} elements`, x, bounds);
    if ('error' in needed) return needed;
    conditions.push(...needed.conditions);
  }
  return { types: [{ dtype: 'f32', shape: [...x.shape.slice(0, first), ...found.windows] }], conditions };
}

/** Windows that do not overlap, as axes of their own: [..lead, windows, each, …], and the axes inside them. */
function evenWindows(builder: Builder, x: Value, windows: readonly Dim[]): { value: Value; axes: number[] } {
  const { shape } = x.type;
  const first = shape.length - windows.length;
  const split = windows.flatMap((count, at) => [count, floorDiv(shape[first + at]!, count)]);
  const value = builder.one('reshape', [x], { shape: [...shape.slice(0, first), ...split] });
  return { value, axes: windows.map((_, at) => first + 2 * at + 1) };
}

interface Kind {
  readonly reduction: string;
  readonly primitive: string;
  readonly fill: number;
}

const AVERAGE: Kind = { reduction: 'mean', primitive: 'reduce_sum', fill: 0 };
const MAXIMUM: Kind = { reduction: 'max', primitive: 'reduce_max', fill: -Infinity };

function expand(builder: Builder, x: Value, windows: readonly Dim[], kind: Kind): Value {
  const { shape } = x.type;
  const count = windows.length;
  const first = shape.length - count;
  if (windows.every((each, at) => dividesEvenly(shape[first + at]!, each))) {
    const even = evenWindows(builder, x, windows);
    return builder.one(kind.reduction, [even.value], { axis: even.axes, keepdim: false });
  }
  const view = builder.one('adaptive_windows', [x], { windows, value: kind.fill });
  const all = windowsBehind(builder, view, count);
  const kept = builder.one(kind.primitive, [all], { axes: windows.map((_, at) => first + at) });
  const result = kind === AVERAGE ? divided(builder, kept, x.type, windows) : kept;
  return builder.one('reshape', [result], { shape: [...shape.slice(0, first), ...windows] });
}

function divided(builder: Builder, sums: Value, x: TensorType, windows: readonly Dim[]): Value {
  const { shape } = sums.type;
  const counts = windows.map((each, at) => {
    const size = x.shape[x.shape.length - windows.length + at]!;
    const column = builder.one('reshape', [builder.one('adaptive_count', [], { size, windows: each })], {
      shape: [each, ...windows.slice(at + 1).map(() => ONE)],
    });
    return broadcast(builder, column, shape);
  });
  return builder.one('div', [sums, counts.reduce((product, each) => builder.one('mul', [product, each]))]);
}

/** The definition: the elements of each window, one after the other. */
function evaluate(
  x: Tensor,
  count: number,
  shape: readonly number[],
  combine: (elements: readonly number[]) => number,
) {
  const [height, width] = planeOf(x.shape.slice(x.shape.length - count), 1);
  const [rows, columns] = planeOf(shape.slice(shape.length - count), 1);
  return Float64Array.from({ length: countOf(shape) }, (_, at) => {
    const plane = Math.floor(at / (rows * columns));
    const [top, bottom] = concreteRange(Math.floor(at / columns) % rows, height, rows);
    const [left, right] = concreteRange(at % columns, width, columns);
    const elements: number[] = [];
    for (let y = top; y < bottom; y++)
      for (let z = left; z < right; z++) elements.push(x.data[(plane * height + y) * width + z]!);
    return combine(elements);
  });
}

function adaptive(name: string, count: number, kind: Kind, samples: readonly Sample[]): Op {
  const what = kind === AVERAGE ? 'mean' : 'maximum';
  const combine = (elements: readonly number[]): number =>
    kind === AVERAGE ? elements.reduce((sum, element) => sum + element, 0) / elements.length : Math.max(...elements);
  return defineOp<Adaptive>({
    name,
    doc:
      `The ${what} of as many windows as asked for over the last ${count === 1 ? 'axis' : 'two axes'}, as PyTorch: ` +
      'window i goes from floor(i size / windows) to ceil((i + 1) size / windows) (f32).',
    operands: [{ name: 'x' }],
    attributes: [
      {
        name: 'output_size',
        kind: 'shape',
        doc: 'How many windows there are, one int or one an axis.',
      },
    ],
    infer: ([x], attributes, { bounds }) => infer(name, x!, count, attributes, bounds),
    evaluate: ([x], _, [output]) => [evaluate(x!, count, output!.shape, combine)],
    body: {
      kind: 'composite',
      expand(builder, [x], attributes) {
        const found = windowsOf(name, count, attributes);
        if ('error' in found) throw new Error(`internal: ${found.error.message}`);
        return [expand(builder, x!, found.windows, kind)];
      },
    },
    tolerance: kind === AVERAGE ? SUM_TOLERANCE : { absolute: 0, relative: 1e-6 },
    samples,
  });
}

const one: readonly Sample[] = [
  { inputs: [f32(2, 3, n)], attributes: { output_size: toDims([3]) } },
  { inputs: [f32(n, 8)], attributes: { output_size: toDims([4]) } },
  { inputs: [f32(2, 7)], attributes: { output_size: [n] } },
];
const two: readonly Sample[] = [
  { inputs: [f32(2, 3, n, 5)], attributes: { output_size: toDims([1]) } },
  { inputs: [f32(1, n, 7, 5)], attributes: { output_size: toDims([3, 2]) } },
  { inputs: [f32(2, n, n)], attributes: { output_size: toDims([2, 5]) } },
];

export const adaptivePools: readonly Op[] = [
  adaptiveWindows,
  adaptiveCount,
  adaptive('adaptive_avg_pool1d', 1, AVERAGE, one),
  adaptive('adaptive_avg_pool2d', 2, AVERAGE, two),
  adaptive('adaptive_max_pool1d', 1, MAXIMUM, one),
  adaptive('adaptive_max_pool2d', 2, MAXIMUM, two),
];
