/**
 * `window_sums`, the transpose of `windows`: what came of an element in all windows that hold it, added up. A line of
 * the result reads all that belongs to it and is written by nobody else.
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
  negate,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import type { BodyWriter, NestWriter } from '../../ir/structured.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, compare, literal, position } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { padded, planeOf, reachOf, windowed, type WindowAxis } from './axes.ts';

type WindowSums = {
  readonly sizes: readonly (Dim | number)[];
  readonly before: readonly (Dim | number)[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
};

/** Windows along one axis of `size`, the first of which begins `before` elements in front of it. */
interface Axis {
  readonly size: Dim;
  readonly before: Dim;
  readonly windows: Dim;
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
}

/** The axes of windows [..lead, windows …, kernel …]. */
function axesOf(shape: readonly Dim[], { sizes, before, stride, dilation }: WindowSums): Axis[] {
  const count = sizes.length;
  const lead = shape.length - 2 * count;
  return toDims(sizes).map((size, at) => ({
    size,
    before: toDim(before[at]!),
    windows: shape[lead + at]!,
    kernel: shape[lead + count + at]!,
    stride: stride[at]!,
    dilation: dilation[at]!,
  }));
}

/** How often a line is looked for in windows: without dilation, only in those that hold it. */
function lookups({ kernel, stride, dilation }: Axis): Dim {
  return dilation === 1 ? floorDiv(add(kernel, constant(stride - 1)), constant(stride)) : kernel;
}

/** The window that holds the element at `index` in lookup `at`, as which of its elements, and whether there is one. */
function lookedUp(
  index: Dim,
  at: Dim,
  axis: Axis,
  bounds: Bounds,
): { readonly window: Dim; readonly tap: Dim; readonly exists: Expr } {
  const stride = constant(axis.stride);
  // As many strides more that nothing negative is divided.
  const further = axis.dilation === 1 ? ZERO : multiply(constant(axis.dilation), axis.kernel);
  const start = axis.dilation === 1 ? ZERO : multiply(constant(axis.dilation), at);
  const dividend = subtract(add(index, axis.before, multiply(further, stride)), start);
  const quotient = floorDiv(dividend, stride, bounds);
  const remainder = subtract(dividend, multiply(quotient, stride));
  const window = subtract(quotient, axis.dilation === 1 ? at : further);
  const tap = axis.dilation === 1 ? add(remainder, multiply(stride, at)) : at;
  const isWhole =
    axis.dilation === 1
      ? compare('lt', position(tap), position(axis.kernel))
      : compare('eq', position(remainder), position(ZERO));
  const isWithin = binary(
    'and',
    compare('ge', position(window), position(ZERO)),
    compare('lt', position(window), position(axis.windows)),
  );
  return { window, tap, exists: binary('and', isWithin, isWhole) };
}

/** Adds element `tap` of all windows along the last axis to the line of the result where they lie. */
function addTap(
  body: BodyWriter,
  { size, before, windows, stride, dilation }: Axis,
  tap: Dim,
  bounds: Bounds,
  addTo: (inner: BodyWriter, place: Dim, window: Dim) => void,
): void {
  const step = constant(stride);
  const start = subtract(multiply(constant(dilation), tap), before);
  // Windows whose element lies in the axis; nothing negative is divided.
  const ahead = maximum(ZERO, negate(start), bounds);
  const first = floorDiv(add(ahead, constant(stride - 1)), step, bounds);
  const room = maximum(ZERO, subtract(add(size, constant(stride - 1)), start), bounds);
  const end = minimum(windows, floorDiv(room, step, bounds), bounds);
  body.loop(maximum(ZERO, subtract(end, first), bounds), 'vector', (inner, at) => {
    const window = add(first, at);
    addTo(inner, add(multiply(step, window), start), window);
  });
}

function write(nest: NestWriter, attributes: WindowSums): void {
  const [x] = nest.inputs;
  const [result] = nest.results;
  const { shape } = result!.type;
  const axes = axesOf(x!.shape, attributes);
  const lead = shape.length - axes.length;
  const last = axes.at(-1)!;
  nest.kernel(shape.slice(0, -1), (body, point) => {
    body.loop(last.size, 'vector', (inner, at) => inner.store(result!, [...point, at], literal(0)));
    const line = (list: BodyWriter, windows: readonly Dim[], taps: readonly Dim[]): void =>
      list.loop(last.kernel, 'serial', (step, tap) =>
        addTap(step, last, tap, nest.bounds, (inner, place, window) => {
          const element = inner.read(0, [...point.slice(0, lead), ...windows, window, ...taps, tap]);
          const to = [...point, place];
          inner.store(result!, to, binary('add', inner.load(result!, to), element));
        }),
      );
    const [first] = axes;
    if (axes.length === 1) return line(body, [], []);
    body.loop(lookups(first!), 'serial', (step, at) => {
      const { window, tap, exists } = lookedUp(point[lead]!, at, first!, nest.bounds);
      step.when(exists, (inside) => line(inside, [window], [tap]));
    });
  });
}

/** `write` element by element: each looks for the windows that hold it along every axis. */
function writeAtOnce(nest: NestWriter, attributes: WindowSums): void {
  const [x] = nest.inputs;
  const [result] = nest.results;
  const { shape } = result!.type;
  const axes = axesOf(x!.shape, attributes);
  const lead = shape.length - axes.length;
  nest.kernel(shape.slice(0, -1), (body, point) =>
    body.loop(shape.at(-1)!, 'vector', (each, column) => {
      const index = [...point, column];
      const sum = each.variable(literal(0));
      const look = (list: BodyWriter, windows: readonly Dim[], taps: readonly Dim[]): void => {
        const axis = axes[windows.length];
        if (!axis)
          return list.assign(sum, binary('add', sum, list.read(0, [...index.slice(0, lead), ...windows, ...taps])));
        list.loop(lookups(axis), 'serial', (step, at) => {
          const { window, tap, exists } = lookedUp(index[lead + windows.length]!, at, axis, nest.bounds);
          step.when(exists, (inside) => look(inside, [...windows, window], [...taps, tap]));
        });
      };
      look(each, [], []);
      each.store(result!, index, sum);
    }),
  );
}

function evaluate(x: Tensor, attributes: WindowSums, shape: readonly number[], symbols: ReadonlyMap<string, number>) {
  const count = attributes.sizes.length;
  const before = attributes.before.map((dim) => sizeOf(dim, symbols));
  const [windows, kernel] = [planeOf(x.shape.slice(-2 * count, -count), 1), planeOf(x.shape.slice(-count), 1)];
  const [height, width] = planeOf(shape.slice(-count), 1);
  const [stride, dilation] = [planeOf(attributes.stride, 1), planeOf(attributes.dilation, 1)];
  const [above, left] = planeOf(before, 0);
  const target = new Float64Array(countOf(shape));
  let from = 0;
  for (let plane = 0; plane < countOf(shape.slice(0, -count)); plane++)
    for (let i = 0; i < windows[0]; i++)
      for (let j = 0; j < windows[1]; j++)
        for (let p = 0; p < kernel[0]; p++)
          for (let q = 0; q < kernel[1]; q++) {
            const [y, z] = [i * stride[0] + p * dilation[0] - above, j * stride[1] + q * dilation[1] - left];
            const element = x.data[from++]!;
            if (y >= 0 && y < height && z >= 0 && z < width) target[(plane * height + y) * width + z]! += element;
          }
  return target;
}

export const windowSums: Op = defineOp<WindowSums>({
  name: 'window_sums',
  doc:
    'The sum of what each element of the last one or two axes is in all windows over them: f32[..lead, windows, kernel] ' +
    'becomes f32[..lead, size], the transpose of `windows`; with two axes all windows come before all kernels.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'sizes', kind: 'shape', doc: 'How many elements each of the windowed axes has.' },
    { name: 'before', kind: 'shape', doc: 'How many elements in front of it the first window begins.' },
    { name: 'stride', kind: 'ints', doc: 'The distance of neighbouring windows, for each of them.' },
    { name: 'dilation', kind: 'ints', doc: 'The distance of the elements of a window, for each of them.' },
  ],
  infer([x], attributes) {
    const error = dtypeFault('window_sums', [x!], ['f32']);
    if (error) return { error };
    const count = attributes.sizes.length;
    const lead = x!.shape.length - 2 * count;
    if (lead < 0 || count < 1 || count > 2) return fails(`\`window_sums\` does not fit ${printType(x!)}`);
    return gives({ dtype: 'f32', shape: [...x!.shape.slice(0, lead), ...toDims(attributes.sizes)] });
  },
  evaluate: ([x], attributes, [output], symbols) => [evaluate(x!, attributes, output!.shape, symbols)],
  body: {
    kind: 'structured',
    once: [0],
    write: (nest, attributes) => (nest.isParallel ? writeAtOnce : write)(nest, attributes),
  },
  vjp(builder, { inputs: [x], attributes }, [cotangent]) {
    const given = attributes as WindowSums;
    const axes = axesOf(x!.type.shape, given).map((axis): WindowAxis => {
      const reach = add(
        multiply(constant(axis.stride), subtract(axis.windows, ONE)),
        reachOf({ ...axis, after: ZERO }),
      );
      return { ...axis, after: subtract(reach, add(axis.size, axis.before)) };
    });
    return [windowed(builder, padded(builder, cotangent!, axes, 0), axes)];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(2, n, 3)], attributes: along([add(n, constant(2))], 1) },
    { inputs: [f32(2, n, 4, 3, 2)], attributes: along([multiply(constant(2), n), constant(9)], 2, 1, 1) },
    { inputs: [f32(3, add(n, ONE), 2)], attributes: along([multiply(constant(3), add(n, ONE))], 3) },
    { inputs: [f32(n, 5, 2, 2)], attributes: along([add(n, ONE), constant(12)], 2, 3) },
    { inputs: [f32(1, n, n, 3, 3)], attributes: along([n, n], 1, 1, 1) },
    { inputs: [f32(2, n, 3)], attributes: along([add(n, constant(3))], 1, 2, 1) },
    { inputs: [f32(2, 4, n)], attributes: along([add(n, constant(3))], 1) },
  ],
});

function along(sizes: readonly Dim[], stride: number, dilation = 1, before = 0): WindowSums {
  const all = (value: number): number[] => sizes.map(() => value);
  return { sizes, before: all(before), stride: all(stride), dilation: all(dilation) };
}

/**
 * The sums of x, [..lead, windows …, kernel …], over axes of `sizes` with windows as in `axes`. Windows that lie side by
 * side and do not overlap are only moved.
 */
export function sumOfWindows(
  builder: Builder,
  x: Value,
  sizes: readonly Dim[],
  axes: readonly Omit<WindowAxis, 'after'>[],
): Value {
  const before = axes.map((axis) => axis.before);
  if (axes.every(({ kernel, stride, dilation }) => dilation === 1 && constantValue(kernel) === stride))
    return sideBySide(builder, x, sizes, before);
  const [stride, dilation] = [axes.map((axis) => axis.stride), axes.map((axis) => axis.dilation)];
  return builder.one('window_sums', [x], { sizes, before, stride, dilation });
}

function sideBySide(builder: Builder, x: Value, sizes: readonly Dim[], before: readonly Dim[]): Value {
  const count = sizes.length;
  const { shape } = x.type;
  const lead = shape.length - 2 * count;
  const pairs = sizes.flatMap((_, at) => [lead + at, lead + count + at]);
  const permutation = [...Array.from({ length: lead }, (_, at) => at), ...pairs];
  const whole = sizes.map((_, at) => multiply(shape[lead + at]!, shape[lead + count + at]!));
  const merged = builder.one('reshape', [builder.one('transpose', [x], { permutation })], {
    shape: [...shape.slice(0, lead), ...whole],
  });
  const after = sizes.map((size, at) => subtract(add(size, before[at]!), whole[at]!));
  if ([...before, ...after].every((end) => equal(end, ZERO))) return merged;
  return builder.one('pad', [merged], { before: before.map(negate), after, mode: 'constant', value: 0 });
}
