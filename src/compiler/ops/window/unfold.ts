/** `unfold`: the windows of images as columns. */
import { constant, multiply, product, type Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { MOVED } from '../movement/define.ts';
import { dtypeFault, fails, known, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import {
  DILATION,
  intsOf,
  KERNEL,
  padded,
  PADDING,
  planeAxes,
  STRIDE,
  windowed,
  windowedShape,
  windowsBehind,
  type Ints,
  type WindowAxis,
} from './axes.ts';

type Unfold = {
  readonly kernel_size: Ints;
  readonly dilation: Ints;
  readonly padding: Ints;
  readonly stride: Ints;
};

function axesOf(attributes: Unfold): { readonly axes: readonly WindowAxis[] } | { readonly error: Mismatch } {
  const least = { kernel_size: 1, dilation: 1, padding: 0, stride: 1 };
  const found: { [name: string]: readonly number[] } = {};
  for (const [name, limit] of Object.entries(least)) {
    const list = intsOf('unfold', name, attributes[name as keyof Unfold], 2, limit);
    if ('error' in list) return list;
    found[name] = list.ints;
  }
  const axes = [0, 1].map((at): WindowAxis => {
    const end = constant(found['padding']![at]!);
    const kernel = constant(found['kernel_size']![at]!);
    return { kernel, stride: found['stride']![at]!, dilation: found['dilation']![at]!, before: end, after: end };
  });
  return { axes };
}

function columnsShape(x: TensorType, axes: readonly WindowAxis[], windows: readonly Dim[]): Dim[] {
  const rows = multiply(x.shape[1]!, ...axes.map((axis) => axis.kernel));
  return [x.shape[0]!, rows, product(windows)];
}

/** The definition: row (c, p, q), column (i, j) of the result is one element of x, or padding. */
function evaluate(x: Tensor, attributes: Unfold, shape: readonly number[]): Float64Array {
  const { kernel, stride, dilation, before } = planeAxes(known(axesOf(attributes)).axes);
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const columns = Math.floor((width + 2 * before[1] - dilation[1] * (kernel[1] - 1) - 1) / stride[1]) + 1;
  const taps = kernel[0] * kernel[1];
  const windows = shape[2]!;
  return Float64Array.from({ length: countOf(shape) }, (_, at) => {
    const [row, window] = [Math.floor(at / windows), at % windows];
    const [plane, tap] = [Math.floor(row / taps), row % taps];
    const y = Math.floor(window / columns) * stride[0] - before[0] + Math.floor(tap / kernel[1]) * dilation[0];
    const z = (window % columns) * stride[1] - before[1] + (tap % kernel[1]) * dilation[1];
    const isInside = y >= 0 && y < height && z >= 0 && z < width && plane < batch * channels;
    return isInside ? x.data[(plane * height + y) * width + z]! : 0;
  });
}

const plain: Unfold = { kernel_size: 2, dilation: 1, padding: 0, stride: 1 };

export const unfold: Op = defineOp<Unfold>({
  name: 'unfold',
  doc:
    'The windows of x [batch, channels, height, width] as columns [batch, channels * kernel height * kernel width, ' +
    'windows], channels slowest in a column, windows row by row, as PyTorch (f32).',
  operands: [{ name: 'x' }],
  attributes: [KERNEL, DILATION, PADDING, STRIDE],
  infer([x], attributes, { bounds }) {
    const error = dtypeFault('unfold', [x!], ['f32']);
    if (error) return { error };
    if (x!.shape.length !== 4)
      return fails(`\`unfold\` takes x of [batch, channels, height, width], not ${printType(x!)}`, { operand: 0 });
    const found = axesOf(attributes);
    if ('error' in found) return found;
    const windows = windowedShape('unfold', x!, found.axes, bounds);
    if ('error' in windows) return windows;
    const shape = columnsShape(x!, found.axes, windows.shape.slice(2));
    return { types: [{ dtype: 'f32', shape }], conditions: windows.conditions };
  },
  evaluate: ([x], attributes, [output]) => [evaluate(x!, attributes, output!.shape)],
  body: {
    kind: 'composite',
    expand(builder, [x], attributes) {
      const { axes } = known(axesOf(attributes));
      const all = windowsBehind(builder, windowed(builder, padded(builder, x!, axes, 0), axes), 2);
      return [builder.one('reshape', [all], { shape: columnsShape(x!.type, axes, all.type.shape.slice(4)) })];
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, 3, n, 5)], attributes: plain },
    { inputs: [f32(1, n, 6, 7)], attributes: { ...plain, kernel_size: [2, 3], stride: 2, padding: 1 } },
    { inputs: [f32(n, 2, n, n)], attributes: { ...plain, kernel_size: [3, 1], dilation: 2, padding: [1, 0] } },
  ],
});
