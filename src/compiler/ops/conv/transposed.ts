/**
 * `conv_transpose1d` and `conv_transpose2d`, the transposes of convolutions as maps. With stride s, every s-th element
 * of the result sees the same part of the kernel: the result's s phases are s ordinary convolutions of stride 1, which
 * run as one with s times the channels, and are then put side by side. So no zeros are inserted into x.
 */
import {
  add,
  constant,
  equal,
  floorDiv,
  isAtLeast,
  multiply,
  negate,
  ONE,
  print,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type SizeCondition, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { fails, known, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import {
  DILATION,
  intsOf,
  padded,
  PADDING,
  planeAxes,
  planeOf,
  reachOf,
  requireSize,
  STRIDE,
  windowed,
  type Ints,
  type WindowAxis,
} from '../window/axes.ts';
import {
  biasFault,
  convolutionAxes,
  GROUPS,
  groupsOf,
  kernelOf,
  operandFault,
  OPERANDS,
  perGroup,
} from './geometry.ts';
import { addBias, productOfWindows, splitChannels } from './product.ts';

type Transposed = {
  readonly stride: Ints;
  readonly padding: Ints;
  readonly output_padding: Ints;
  readonly groups: Dim | number;
  readonly dilation: Ints;
};

/** An axis with how many elements the result has more behind. */
type Axis = WindowAxis & { readonly further: number };

function axesOf(
  called: string,
  kernel: readonly Dim[],
  attributes: Transposed,
): { readonly axes: readonly Axis[] } | { readonly error: Mismatch } {
  const found = convolutionAxes(called, kernel, attributes);
  if ('error' in found) return found;
  const further = intsOf(called, 'output_padding', attributes.output_padding, kernel.length, 0);
  if ('error' in further) return further;
  const large = found.axes.findIndex(({ stride, dilation }, at) => further.ints[at]! >= Math.max(stride, dilation));
  if (large === -1) return { axes: found.axes.map((axis, at) => ({ ...axis, further: further.ints[at]! })) };
  const { stride, dilation } = found.axes[large]!;
  return fails(
    `\`output_padding\` of \`${called}\` must be less than the stride or the dilation: ` +
      `${further.ints[large]!} against ${stride} and ${dilation}`,
    { attribute: 'output_padding' },
  );
}

/** `(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1` */
function resultSize(size: Dim, axis: Axis): Dim {
  const spread = multiply(subtract(size, ONE), constant(axis.stride));
  return subtract(add(spread, reachOf(axis), constant(axis.further)), add(axis.before, axis.after));
}

function inferSizes(
  called: string,
  x: TensorType,
  axes: readonly Axis[],
  bounds: Bounds,
): { readonly sizes: readonly Dim[]; readonly conditions: readonly SizeCondition[] } | { readonly error: Mismatch } {
  const conditions: SizeCondition[] = [];
  const sizes = axes.map((axis, at) => resultSize(x.shape[2 + at]!, axis));
  for (const [at, size] of sizes.entries()) {
    const given = x.shape[2 + at]!;
    const message = `\`${called}\` makes ${print(size)} elements of the ${print(given)} along axis ${2 + at}`;
    for (const least of isAtLeast(size, given, bounds) ? [given] : [given, size]) {
      const needed = requireSize(subtract(least, ONE), message, x, bounds);
      if ('error' in needed) return needed;
      conditions.push(...needed.conditions);
    }
  }
  return { sizes, conditions };
}

function infer(
  called: string,
  inputs: readonly TensorType[],
  count: number,
  attributes: Transposed,
  bounds: Bounds,
): Inference {
  const error = operandFault(called, inputs, count);
  if (error) return { error };
  const [x, weight, bias] = inputs as [TensorType, TensorType, TensorType?];
  const found = axesOf(called, kernelOf(weight, count), attributes);
  if ('error' in found) return found;
  if (!equal(x.shape[1]!, weight.shape[0]!)) {
    return fails(`the channels of \`${called}\` do not fit: x is ${printType(x)}, the weight ${printType(weight)}`, {
      notes: [`axis 1 of x: ${print(x.shape[1]!)} against ${print(weight.shape[0]!)}`],
      operand: 0,
      hint: 'a weight is [channels of x, channels of the result / groups, kernel …]',
    });
  }
  const groups = groupsOf(attributes);
  const inner = perGroup(called, 0, x, 1, groups);
  if ('error' in inner) return inner;
  const channels = multiply(weight.shape[1]!, groups);
  const wrongBias = biasFault(called, bias, channels);
  if (wrongBias) return { error: wrongBias };
  const sized = inferSizes(called, x, found.axes, bounds);
  if ('error' in sized) return sized;
  const shape = [x.shape[0]!, channels, ...sized.sizes];
  return { types: [{ dtype: 'f32', shape }], conditions: sized.conditions };
}

/** How many elements of x a phase of the result sees along an axis. */
function tapsOf(axis: WindowAxis): Dim {
  return floorDiv(add(reachOf(axis), constant(axis.stride - 1)), constant(axis.stride));
}

/** Each axis of the kernel with its elements `dilation` apart, zeros between. */
function dilated(builder: Builder, weight: Value, axes: readonly WindowAxis[], first: number): Value {
  return axes.reduce((kernel, { dilation }, at) => {
    if (dilation === 1) return kernel;
    const axis = first + at;
    const size = kernel.type.shape[axis]!;
    const column = builder.one('unsqueeze', [kernel], { axis: axis + 1 });
    const after = [constant(dilation - 1), ...kernel.type.shape.slice(axis + 1).map(() => ZERO)];
    const before = after.map(() => ZERO);
    const spread = builder.one('pad', [column], { before, after, mode: 'constant', value: 0 });
    const merged = multiply(size, constant(dilation));
    return builder.one('reshape', [spread], { shape: kernel.type.shape.with(axis, merged) });
  }, weight);
}

/**
 * The weight [..groups, channels, out, ..kernel] as that of the phases' convolutions: [..groups, out * phases,
 * channels, ..taps], the taps in reverse, as a transposed convolution runs through x backwards.
 */
function phaseWeight(builder: Builder, weight: Value, axes: readonly WindowAxis[]): Value {
  const count = axes.length;
  const first = weight.type.shape.length - count;
  const lead = weight.type.shape.slice(0, first);
  const spread = dilated(builder, weight, axes, first);
  const whole = axes.map((axis) => multiply(tapsOf(axis), constant(axis.stride)));
  const after = whole.map((size, at) => subtract(size, spread.type.shape[first + at]!));
  const before = after.map(() => ZERO);
  const filled = builder.one('pad', [spread], { before, after, mode: 'constant', value: 0 });
  const split = builder.one('reshape', [filled], {
    shape: [...lead, ...axes.flatMap((axis) => [tapsOf(axis), constant(axis.stride)])],
  });
  const taps = axes.map((_, at) => first + 2 * at);
  const phases = taps.map((axis) => axis + 1);
  const groups = Array.from({ length: first - 2 }, (_, at) => at);
  const flipped = builder.one('flip', [split], { axis: taps });
  const permutation = [...groups, first - 1, ...phases, first - 2, ...taps];
  const ordered = builder.one('transpose', [flipped], { permutation });
  const outer = multiply(lead.at(-1)!, ...axes.map((axis) => constant(axis.stride)));
  const shape = [...lead.slice(0, -2), outer, lead.at(-2)!, ...axes.map(tapsOf)];
  return builder.one('reshape', [ordered], { shape });
}

/** Channels [out * phases] and positions put together: [batch, out, ..positions * phases]. */
function interleaved(builder: Builder, x: Value, axes: readonly WindowAxis[]): Value {
  const count = axes.length;
  const strides = axes.map((axis) => constant(axis.stride));
  const [batch, channels, ...sizes] = x.type.shape as [Dim, Dim, ...Dim[]];
  const out = floorDiv(channels, multiply(...strides));
  const split = builder.one('reshape', [x], { shape: [batch, out, ...strides, ...sizes] });
  const permutation = [0, 1, ...axes.flatMap((_, at) => [2 + count + at, 2 + at])];
  const ordered = builder.one('transpose', [split], { permutation });
  const shape = [batch, out, ...sizes.map((size, at) => multiply(size, strides[at]!))];
  return builder.one('reshape', [ordered], { shape });
}

function expand(builder: Builder, inputs: readonly Value[], called: string, attributes: Transposed): Value {
  const [x, weight, bias] = inputs as [Value, Value, Value?];
  const count = x.type.shape.length - 2;
  const { axes } = known(axesOf(called, kernelOf(weight.type, count), attributes));
  const groups = groupsOf(attributes);
  const phases = axes.map((axis): WindowAxis => {
    const taps = tapsOf(axis);
    const end = subtract(taps, ONE);
    return { kernel: taps, stride: 1, dilation: 1, before: end, after: end };
  });
  const view = windowed(builder, padded(builder, splitChannels(builder, x, 1, groups), phases, 0), phases);
  const kernel = phaseWeight(builder, splitChannels(builder, weight, 0, groups), axes);
  const product = productOfWindows(builder, view, kernel, groups);
  return addBias(builder, cropped(builder, interleaved(builder, product, axes), x.type, axes), bias);
}

/** The part of the interleaved phases that the padding leaves; `output_padding` may reach beyond them. */
function cropped(builder: Builder, all: Value, x: TensorType, axes: readonly Axis[]): Value {
  const before = axes.map((axis) => negate(axis.before));
  const after = axes.map((axis, at) => {
    const end = add(resultSize(x.shape[2 + at]!, axis), axis.before);
    return subtract(end, all.type.shape[2 + at]!);
  });
  if ([...before, ...after].every((end) => equal(end, ZERO))) return all;
  return builder.one('pad', [all], { before, after, mode: 'constant', value: 0 });
}

/** The definition: every element of x adds the weight, times itself, to the window it came from. */
function evaluate(
  [x, weight, bias]: readonly Tensor[],
  called: string,
  attributes: Transposed,
  shape: readonly number[],
  symbols: ReadonlyMap<string, number>,
): Float64Array {
  const kernel = weight!.shape.slice(2).map(constant);
  const { axes } = known(axesOf(called, kernel, attributes));
  const { kernel: k, stride, dilation, before } = planeAxes(axes);
  const [height, width] = planeOf(x!.shape.slice(2), 1);
  const [rows, columns] = planeOf(shape.slice(2), 1);
  const [batch, channels] = shape as [number, number];
  const [inner, outer] = weight!.shape as [number, number];
  const perGroup = inner / sizeOf(attributes.groups, symbols);
  const plane = rows * columns;
  const target = Float64Array.from({ length: countOf(shape) }, (_, at) =>
    bias ? bias.data[Math.floor(at / plane) % channels]! : 0,
  );
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < inner; c++)
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const element = x!.data[((b * inner + c) * height + i) * width + j]!;
          for (let o = 0; o < outer; o++)
            for (let p = 0; p < k[0]; p++)
              for (let q = 0; q < k[1]; q++) {
                const [y, z] = [
                  i * stride[0] - before[0] + p * dilation[0],
                  j * stride[1] - before[1] + q * dilation[1],
                ];
                if (y < 0 || y >= rows || z < 0 || z >= columns) continue;
                const to = (b * channels + Math.floor(c / perGroup) * outer + o) * plane + y * columns + z;
                target[to]! += element * weight!.data[((c * outer + o) * k[0] + p) * k[1] + q]!;
              }
        }
  return target;
}

const OUTPUT_PADDING = {
  name: 'output_padding',
  kind: 'ints',
  default: 0,
  doc: 'How many elements the result gets more at the end of an axis, one int or one an axis.',
} as const;

function transposed(name: string, count: number, doc: string, samples: readonly Sample[]): Op {
  return defineOp<Transposed>({
    name,
    doc,
    operands: OPERANDS,
    attributes: [
      { ...STRIDE, doc: 'How far neighbouring elements of x are apart in the result, one int or one an axis.' },
      { ...PADDING, doc: 'How many elements the result loses at both ends of an axis, one int or one an axis.' },
      OUTPUT_PADDING,
      GROUPS,
      DILATION,
    ],
    infer: (inputs, attributes, { bounds }) => infer(name, inputs, count, attributes, bounds),
    evaluate: (inputs, attributes, [output], symbols) => [evaluate(inputs, name, attributes, output!.shape, symbols)],
    body: {
      kind: 'composite',
      expand: (builder, inputs, attributes) => [expand(builder, inputs, name, attributes)],
    },
    tolerance: { absolute: 1e-5, relative: 1e-5 },
    samples,
  });
}

const plain: Transposed = { stride: 1, padding: 0, output_padding: 0, groups: ONE, dilation: 1 };
const sample = (inputs: readonly (readonly (number | Dim)[])[], further: Partial<Transposed> = {}): Sample => ({
  inputs: inputs.map((shape) => f32(...shape)),
  attributes: { ...plain, ...further },
});

export const transposedConvolutions: readonly Op[] = [
  transposed(
    'conv_transpose1d',
    1,
    'The transpose of `conv1d`, as PyTorch: x [batch, channels, length], weight [channels, out / groups, kernel], bias ' +
      '[out]. The length becomes (length - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 (f32).',
    [
      sample([[2, 3, n], [3, 4, 4], [4]], { stride: 2, padding: 1 }),
      sample(
        [
          [n, 4, 5],
          [4, 3, 3],
        ],
        { stride: 3, output_padding: 2, groups: constant(2) },
      ),
      sample([[1, n, 5], [n, 9, 3], [9]], { dilation: 2, padding: [2] }),
      sample([[2, n, 6], [n, 1, 2], [n]], { groups: n, stride: [2], dilation: [3], output_padding: [1] }),
      sample(
        [
          [1, 2, n],
          [2, 1, 1],
        ],
        { stride: 2 },
      ),
    ],
  ),
  transposed(
    'conv_transpose2d',
    2,
    'The transpose of `conv2d`, as PyTorch: x [batch, channels, height, width], weight [channels, out / groups, height, ' +
      'width], bias [out]. A size becomes (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1 (f32).',
    [
      sample([[2, 3, n, 4], [3, 4, 2, 2], [4]], { stride: 2 }),
      sample(
        [
          [1, 2, n, n],
          [2, 9, 3, 4],
        ],
        { stride: [2, 1], padding: [1, 2], output_padding: [1, 0], dilation: [1, 2] },
      ),
      sample([[n, 6, 3, 2], [6, 3, 3, 3], [9]], { groups: constant(3), stride: 2, padding: 1, output_padding: 1 }),
      sample(
        [
          [1, n, 3, 5],
          [n, 1, 3, 3],
        ],
        { groups: n, padding: 1 },
      ),
    ],
  ),
];
