/** `conv_transpose1d` and `conv_transpose2d`, the transposes of convolutions as maps. */
import {
  add,
  constant,
  equal,
  isAtLeast,
  multiply,
  ONE,
  print,
  subtract,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, TensorType, Value } from '../../ir/graph.ts';
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
import { biasGradient, weightGradient } from './gradients.ts';
import { transposedProduct } from './phases.ts';
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

function expand(builder: Builder, inputs: readonly Value[], called: string, attributes: Transposed): Value {
  const [x, weight, bias] = inputs as [Value, Value, Value?];
  const count = x.type.shape.length - 2;
  const { axes } = known(axesOf(called, kernelOf(weight.type, count), attributes));
  const sizes = axes.map((axis, at) => resultSize(x.type.shape[2 + at]!, axis));
  const product = transposedProduct(builder, x, weight, { axes, groups: groupsOf(attributes), sizes });
  return addBias(builder, product, bias);
}

/** That of x is the convolution of which this is the transpose, and its windows are what the weight was spread over. */
function gradients(builder: Builder, node: Node, cotangent: Value): readonly (Value | undefined)[] {
  const [x, weight, bias] = node.inputs as [Value, Value, Value?];
  const attributes = node.attributes as Transposed;
  const groups = groupsOf(attributes);
  const { axes } = known(axesOf(node.op.name, kernelOf(weight.type, x.type.shape.length - 2), attributes));
  const whole = axes.map((axis, at): WindowAxis => {
    const spread = multiply(subtract(x.type.shape[2 + at]!, ONE), constant(axis.stride));
    const behind = add(cotangent.type.shape[2 + at]!, axis.before);
    return { ...axis, after: subtract(add(spread, reachOf(axis)), behind) };
  });
  const split = splitChannels(builder, cotangent, 1, groups);
  const view = windowed(builder, padded(builder, split, whole, 0), whole);
  return [
    productOfWindows(builder, view, splitChannels(builder, weight, 0, groups), groups),
    weightGradient(builder, view, x, groups, weight.type.shape),
    biasGradient(builder, bias, cotangent),
  ];
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
    vjp: (builder, node, [cotangent]) => gradients(builder, node, cotangent!),
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
      sample([[2, 4, n, 1], [4, 3, 2, 3], [6]], {
        stride: 2,
        padding: [0, 1],
        output_padding: 1,
        dilation: [1, 2],
        groups: constant(2),
      }),
    ],
  ),
];
