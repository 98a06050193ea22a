/**
 * `adaptive_avg_pool1d/2d` and `adaptive_max_pool1d/2d`: reductions of as many windows as asked for, window i of an axis
 * from floor(i size / windows) to ceil((i + 1) size / windows).
 */
import { equal, floorDiv, multiply, ONE, print, subtract, type Bounds, type Dim } from '../../dims/dim.ts';
import { toDims } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type SizeCondition, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { broadcast, SUM_TOLERANCE } from '../reduce/composite.ts';
import { dtypeFault, fails, known, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { adaptiveCount, adaptiveSums, adaptiveWindows, concreteRange } from './adaptive-windows.ts';
import { planeOf, requireSize, windowsBehind } from './axes.ts';
import { atMaximum } from './maximum.ts';

function dividesEvenly(size: Dim, windows: Dim): boolean {
  return equal(multiply(floorDiv(size, windows), windows), size);
}

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

/** Through the same views, each of which is undone. */
function maximumGradient(
  builder: Builder,
  { op, inputs: [x], attributes }: Node,
  count: number,
  cotangent: Value,
): Value {
  const { shape } = x!.type;
  const first = shape.length - count;
  const { windows } = known(windowsOf(op.name, count, attributes as Adaptive));
  if (!windows.every((each, at) => dividesEvenly(shape[first + at]!, each))) {
    const view = builder.one('adaptive_windows', [x!], { windows, value: -Infinity });
    const given = atMaximum(builder, view, count, cotangent);
    return builder.one('adaptive_sums', [given], { sizes: shape.slice(first) });
  }
  const even = evenWindows(builder, x!, windows);
  const lead = Array.from({ length: first }, (_, at) => at);
  const outer = [...lead, ...even.axes.map((axis) => axis - 1), ...even.axes];
  const view = builder.one('transpose', [even.value], { permutation: outer });
  const given = atMaximum(builder, view, count, cotangent);
  const inverse = outer.map((_, axis) => outer.indexOf(axis));
  return builder.one('reshape', [builder.one('transpose', [given], { permutation: inverse })], { shape });
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
        return [expand(builder, x!, known(windowsOf(name, count, attributes)).windows, kind)];
      },
    },
    ...(kind === MAXIMUM && {
      vjp: (builder, node, [cotangent]) => [maximumGradient(builder, node, count, cotangent!)],
    }),
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
  adaptiveSums,
  adaptiveCount,
  adaptive('adaptive_avg_pool1d', 1, AVERAGE, one),
  adaptive('adaptive_avg_pool2d', 2, AVERAGE, two),
  adaptive('adaptive_max_pool1d', 1, MAXIMUM, one),
  adaptive('adaptive_max_pool2d', 2, MAXIMUM, two),
];
