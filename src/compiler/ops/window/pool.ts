/** `max_pool1d/2d` and `avg_pool1d/2d`: reductions of windows over the last one or two axes. */
import { add, constant, constantValue, ONE, subtract, type Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type AttributeSpec, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { broadcast, scalar, SUM_TOLERANCE } from '../reduce/composite.ts';
import { dtypeFault, fails, known, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import {
  DILATION,
  intsOf,
  KERNEL,
  padded,
  PADDING,
  planeAxes,
  planeOf,
  requireSize,
  roundedUp,
  windowed,
  windowedShape,
  windowsAlong,
  windowsBehind,
  type Ints,
  type WindowAxis,
} from './axes.ts';
import { atMaximum } from './maximum.ts';
import { windowCount } from './window-count.ts';
import { sumOfWindows } from './window-sums.ts';

type Pool = {
  readonly kernel_size: Ints;
  readonly stride: Ints | null;
  readonly padding: Ints;
  readonly dilation?: Ints;
  readonly ceil_mode: boolean;
};

const STRIDE_OR_KERNEL: AttributeSpec = {
  name: 'stride',
  kind: 'ints',
  default: null,
  doc: 'The distance of neighbouring windows, one int or one an axis; none for the kernel size.',
};
const CEIL_MODE: AttributeSpec = {
  name: 'ceil_mode',
  kind: 'bool',
  default: false,
  doc: 'Whether elements left behind the last whole window get a window of their own.',
};

const SIZES =
  'A size becomes floordiv(size + 2 padding - dilation (kernel_size - 1) - 1, stride) + 1; axes before the last stay.';

/** The axes of a pool over the last `sizes.length` axes, padding for `ceil_mode` included. */
function poolAxes(
  called: string,
  sizes: readonly Dim[],
  { kernel_size, stride, padding, dilation = 1, ceil_mode }: Pool,
  bounds: ReadonlyMap<string, Dim>,
): { readonly axes: readonly WindowAxis[] } | { readonly error: Mismatch } {
  const count = sizes.length;
  const kernels = intsOf(called, 'kernel_size', kernel_size, count, 1);
  if ('error' in kernels) return kernels;
  const strides = intsOf(called, 'stride', stride ?? kernel_size, count, 1);
  if ('error' in strides) return strides;
  const paddings = intsOf(called, 'padding', padding, count, 0);
  if ('error' in paddings) return paddings;
  const dilations = intsOf(called, 'dilation', dilation, count, 1);
  if ('error' in dilations) return dilations;
  const reaches = kernels.ints.map((kernel, at) => dilations.ints[at]! * (kernel - 1) + 1);
  const wide = paddings.ints.findIndex((pad, at) => 2 * pad > reaches[at]!);
  if (wide !== -1) {
    const found = `${paddings.ints[wide]!} for a window over ${reaches[wide]!}`;
    return fails(`\`padding\` of \`${called}\` must be at most half of the window: ${found}`, { attribute: 'padding' });
  }
  const axes = sizes.map((size, at): WindowAxis => {
    const end = constant(paddings.ints[at]!);
    const kernel = constant(kernels.ints[at]!);
    const axis = { kernel, stride: strides.ints[at]!, dilation: dilations.ints[at]!, before: end, after: end };
    return ceil_mode ? roundedUp(size, axis, bounds) : axis;
  });
  return { axes };
}

function infer(
  called: string,
  x: TensorType,
  count: number,
  attributes: Pool,
  bounds: ReadonlyMap<string, Dim>,
): Inference {
  const error = dtypeFault(called, [x], ['f32']);
  if (error) return { error };
  if (x.shape.length < count)
    return fails(`\`${called}\` needs ${count === 1 ? 'an axis' : `${count} axes`}, and x is ${printType(x)}`);
  const sizes = x.shape.slice(x.shape.length - count);
  const whole = poolAxes(called, sizes, { ...attributes, ceil_mode: false }, bounds);
  if ('error' in whole) return whole;
  if (!attributes.ceil_mode) {
    const fits = windowedShape(called, x, whole.axes, bounds);
    return 'error' in fits ? fits : { types: [{ dtype: 'f32', shape: fits.shape }], conditions: fits.conditions };
  }
  // Rounded up, the last window may reach as far beyond the end as a stride less one; the first has to begin in x.
  const wider = whole.axes.map((axis) => ({ ...axis, after: add(axis.after, constant(axis.stride - 1)) }));
  const fits = windowedShape(called, x, wider, bounds);
  if ('error' in fits) return fits;
  const conditions = [...fits.conditions];
  for (const [at, size] of sizes.entries()) {
    const message = `\`${called}\` rounds up the windows along axis ${x.shape.length - count + at}, which is empty`;
    const needed = requireSize(subtract(add(size, whole.axes[at]!.before), ONE), message, x, bounds);
    if ('error' in needed) return needed;
    conditions.push(...needed.conditions);
  }
  const { axes } = known(poolAxes(called, sizes, attributes, bounds));
  const shape = [...x.shape.slice(0, -count), ...sizes.map((size, at) => windowsAlong(size, axes[at]!, bounds))];
  return { types: [{ dtype: 'f32', shape }], conditions };
}

function spatial(x: TensorType, count: number): readonly Dim[] {
  return x.shape.slice(x.shape.length - count);
}

/** `primitive` over each window: the reduced axes are still there, with size 1, before those of windows. */
function reduceWindows(
  builder: Builder,
  x: Value,
  axes: readonly WindowAxis[],
  primitive: string,
  fill: number,
): Value {
  const count = axes.length;
  const all = windowsBehind(builder, windowed(builder, padded(builder, x, axes, fill), axes), count);
  const first = all.type.shape.length - 2 * count;
  return builder.one(primitive, [all], { axes: axes.map((_, at) => first + at) });
}

/** Drops the axes inside windows, which have size 1. */
function withoutKernel(builder: Builder, kept: Value, count: number): Value {
  const { shape } = kept.type;
  const first = shape.length - 2 * count;
  return builder.one('reshape', [kept], { shape: shape.toSpliced(first, count) });
}

/** Calls `visit` with the elements of each window that lie in x: the plain definition of a pool. */
function forEachWindow(
  x: Tensor,
  axes: readonly WindowAxis[],
  shape: readonly number[],
  visit: (window: number, elements: readonly number[], row: number, column: number) => void,
): void {
  const { kernel, stride, dilation, before } = planeAxes(axes);
  const [height, width] = planeOf(x.shape.slice(x.shape.length - axes.length), 1);
  const [rows, columns] = planeOf(shape.slice(shape.length - axes.length), 1);
  const planes = countOf(shape.slice(0, shape.length - axes.length));
  for (let plane = 0; plane < planes; plane++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const elements: number[] = [];
        for (let p = 0; p < kernel[0]; p++)
          for (let q = 0; q < kernel[1]; q++) {
            const [y, z] = [i * stride[0] - before[0] + p * dilation[0], j * stride[1] - before[1] + q * dilation[1]];
            if (y >= 0 && y < height && z >= 0 && z < width) elements.push(x.data[(plane * height + y) * width + z]!);
          }
        visit((plane * rows + i) * columns + j, elements, i, j);
      }
}

function concreteAxes(called: string, x: Tensor, count: number, attributes: Pool): readonly WindowAxis[] {
  const sizes = x.shape.slice(x.shape.length - count).map(constant);
  return known(poolAxes(called, sizes, attributes, new Map())).axes;
}

function maximumGradient(builder: Builder, { op, inputs, attributes }: Node, count: number, cotangent: Value): Value {
  const x = inputs[0]!;
  const sizes = spatial(x.type, count);
  const { axes } = known(poolAxes(op.name, sizes, attributes as Pool, builder.bounds));
  const view = windowed(builder, padded(builder, x, axes, -Infinity), axes);
  return sumOfWindows(builder, atMaximum(builder, view, count, cotangent), sizes, axes);
}

function maxPool(name: string, count: number, samples: readonly Sample[]): Op {
  return defineOp<Pool>({
    name,
    doc:
      `The maximum of every window over the last ${count === 1 ? 'axis' : 'two axes'}, as PyTorch: padding counts as ` +
      `-infinity; NaN if any element is (f32). ${SIZES}`,
    operands: [{ name: 'x' }],
    attributes: [KERNEL, STRIDE_OR_KERNEL, PADDING, DILATION, CEIL_MODE],
    infer: ([x], attributes, { bounds }) => infer(name, x!, count, attributes, bounds),
    evaluate([x], attributes, [output]) {
      const target = new Float64Array(countOf(output!.shape));
      forEachWindow(x!, concreteAxes(name, x!, count, attributes), output!.shape, (at, elements) => {
        target[at] = Math.max(...elements);
      });
      return [target];
    },
    body: {
      kind: 'composite',
      expand(builder, [x], attributes) {
        const { axes } = known(poolAxes(name, spatial(x!.type, count), attributes, builder.bounds));
        return [withoutKernel(builder, reduceWindows(builder, x!, axes, 'reduce_max', -Infinity), count)];
      },
    },
    vjp: (builder, node, [cotangent]) => [maximumGradient(builder, node, count, cotangent!)],
    tolerance: { absolute: 0, relative: 1e-6 },
    samples,
  });
}

type Average = Pool & { readonly count_include_pad: boolean; readonly divisor_override: number | null };

/** The divisor of every window, in a shape that broadcasts to the reduced windows [.., 1 …, ..windows]. */
function divisors(
  builder: Builder,
  x: TensorType,
  axes: readonly WindowAxis[],
  kept: Value,
  { count_include_pad, divisor_override, ceil_mode }: Average,
): Value {
  const { shape } = kept.type;
  const numbers = axes.map((axis) => constantValue(axis.kernel)!);
  const isUniform = !ceil_mode && (count_include_pad || axes.every((axis) => constantValue(axis.before) === 0));
  const fixed = divisor_override ?? (isUniform ? countOf(numbers) : undefined);
  if (fixed !== undefined) return broadcast(builder, scalar(builder, fixed), shape);
  const counts = axes.map((axis, at) => {
    const place = shape.length - axes.length + at;
    const windows = shape[place]!;
    const count = builder.one('window_count', [], {
      size: x.shape[x.shape.length - axes.length + at]!,
      windows,
      kernel: numbers[at]!,
      stride: axis.stride,
      padding: constantValue(axis.before)!,
      include: count_include_pad,
    });
    const column = [windows, ...shape.slice(place + 1).map(() => constant(1))];
    return broadcast(builder, builder.one('reshape', [count], { shape: column }), shape);
  });
  return counts.reduce((product, count) => builder.one('mul', [product, count]));
}

function evaluateAverage(called: string, x: Tensor, count: number, attributes: Average, shape: readonly number[]) {
  const axes = concreteAxes(called, x, count, attributes);
  const { kernel, stride, before } = planeAxes(axes);
  const [height, width] = planeOf(x.shape.slice(x.shape.length - count), 1);
  const target = new Float64Array(countOf(shape));
  /** Elements of the window in the axis and its padding. */
  const inside = (axis: 0 | 1, at: number, size: number): number => {
    const start = at * stride[axis] - before[axis];
    return Math.min(start + kernel[axis], size + before[axis]) - start;
  };
  forEachWindow(x, axes, shape, (at, elements, i, j) => {
    const sum = elements.reduce((total, element) => total + element, 0);
    const padded = inside(0, i, height) * inside(1, j, width);
    target[at] = sum / (attributes.divisor_override ?? (attributes.count_include_pad ? padded : elements.length));
  });
  return target;
}

function averagePool(name: string, count: number, samples: readonly Sample[]): Op {
  return defineOp<Average>({
    name,
    doc: `The mean of every window over the last ${count === 1 ? 'axis' : 'two axes'}, as PyTorch (f32). ${SIZES}`,
    operands: [{ name: 'x' }],
    attributes: [
      KERNEL,
      STRIDE_OR_KERNEL,
      PADDING,
      CEIL_MODE,
      {
        name: 'count_include_pad',
        kind: 'bool',
        default: true,
        doc: 'Whether the zeros of the padding count as elements.',
      },
      {
        name: 'divisor_override',
        kind: 'int',
        default: null,
        doc: 'What sums are divided by instead of the number of elements.',
      },
    ],
    infer([x], attributes, { bounds }) {
      if (attributes.divisor_override === 0)
        return fails(`\`${name}\` with a divisor of 0`, { attribute: 'divisor_override' });
      return infer(name, x!, count, attributes, bounds);
    },
    evaluate: ([x], attributes, [output]) => [evaluateAverage(name, x!, count, attributes, output!.shape)],
    body: {
      kind: 'composite',
      expand(builder, [x], attributes) {
        const { axes } = known(poolAxes(name, spatial(x!.type, count), attributes, builder.bounds));
        const sums = reduceWindows(builder, x!, axes, 'reduce_sum', 0);
        const mean = builder.one('div', [sums, divisors(builder, x!.type, axes, sums, attributes)]);
        return [withoutKernel(builder, mean, count)];
      },
    },
    tolerance: SUM_TOLERANCE,
    samples,
  });
}

const plain: Pool = { kernel_size: 2, stride: null, padding: 0, ceil_mode: false };
const max = (shape: readonly (number | Dim)[], given: Partial<Pool> = {}): Sample => ({
  inputs: [f32(...shape)],
  attributes: { ...plain, dilation: 1, ...given },
});
const average = (shape: readonly (number | Dim)[], given: Partial<Average> = {}): Sample => ({
  inputs: [f32(...shape)],
  attributes: { ...plain, count_include_pad: true, divisor_override: null, ...given },
});

export const pools: readonly Op[] = [
  windowCount,
  maxPool('max_pool1d', 1, [
    max([2, 3, n]),
    max([n, 9], { kernel_size: 3, stride: 2, padding: 1 }),
    max([2, n], { kernel_size: [3], stride: [2], padding: [1], ceil_mode: true }),
    max([2, n, 7], { dilation: 2, stride: 1 }),
  ]),
  maxPool('max_pool2d', 2, [
    max([2, 3, n, 6]),
    max([1, n, 7, 9], { kernel_size: 3, stride: 2, padding: 1 }),
    max([2, n, n], { kernel_size: [2, 3], stride: [3, 2], padding: [0, 1], ceil_mode: true }),
    max([n, 8, 5], { kernel_size: 2, dilation: [3, 1], stride: 1 }),
  ]),
  averagePool('avg_pool1d', 1, [
    average([2, 3, n]),
    average([n, 9], { kernel_size: 3, stride: 2, padding: 1, count_include_pad: false }),
    average([2, n], { kernel_size: 3, stride: 2, padding: 1, ceil_mode: true }),
    average([n, 5], { divisor_override: 3 }),
  ]),
  averagePool('avg_pool2d', 2, [
    average([2, 3, n, 6]),
    average([1, n, 7, 9], { kernel_size: 3, stride: 2, padding: 1 }),
    average([1, 2, n, n], { kernel_size: 3, stride: 2, padding: 1, count_include_pad: false }),
    average([2, n, 8], { kernel_size: [2, 3], stride: [3, 2], padding: [1, 0], ceil_mode: true }),
    average([2, 7, n], { kernel_size: 2, stride: 2, ceil_mode: true, count_include_pad: false }),
    average([n, 4, 4], { divisor_override: 3 }),
  ]),
];
