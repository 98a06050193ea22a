/** `conv1d` and `conv2d`: contractions of the weight with all windows of x, which are read where they lie. */
import { constant, equal, multiply, ONE, print, type Dim } from '../../dims/dim.ts';
import { sizeOf } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, ShapeContext, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { fails, known } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { padded, planeAxes, planeOf, windowed, windowedShape, type WindowAxis } from '../window/axes.ts';
import {
  biasFault,
  CONVOLUTION,
  convolutionAxes,
  groupsOf,
  kernelOf,
  operandFault,
  OPERANDS,
  perGroup,
  type Convolution,
} from './geometry.ts';
import { biasGradient, weightGradient } from './gradients.ts';
import { transposedProduct } from './phases.ts';
import { addBias, productOfWindows, splitChannels } from './product.ts';

function infer(
  called: string,
  inputs: readonly TensorType[],
  count: number,
  attributes: Convolution,
  { bounds }: ShapeContext,
): Inference {
  const error = operandFault(called, inputs, count);
  if (error) return { error };
  const [x, weight, bias] = inputs as [TensorType, TensorType, TensorType?];
  const found = convolutionAxes(called, kernelOf(weight, count), attributes);
  if ('error' in found) return found;
  const groups = groupsOf(attributes);
  const outer = perGroup(called, 1, weight, 0, groups);
  if ('error' in outer) return outer;
  const wanted = multiply(weight.shape[1]!, groups);
  if (!equal(x.shape[1]!, wanted)) {
    const per = equal(groups, ONE) ? '' : ` (${print(groups)} groups of ${print(weight.shape[1]!)})`;
    return fails(`the channels of \`${called}\` do not fit: x is ${printType(x)}, the weight ${printType(weight)}`, {
      notes: [`axis 1 of x: ${print(x.shape[1]!)} against ${print(wanted)}${per}`],
      operand: 0,
      hint: 'a weight is [channels of the result, channels of x / groups, kernel …]',
    });
  }
  const channels = weight.shape[0]!;
  const wrongBias = biasFault(called, bias, channels);
  if (wrongBias) return { error: wrongBias };
  const windows = windowedShape(called, x, found.axes, bounds);
  if ('error' in windows) return windows;
  const shape = [x.shape[0]!, channels, ...windows.shape.slice(2)];
  return { types: [{ dtype: 'f32', shape }], conditions: windows.conditions };
}

/** How the windows over x lie, and their elements, [batch, groups, channels of one, ..windows, ..kernel]. */
function viewOf(
  builder: Builder,
  [x, weight]: readonly Value[],
  called: string,
  attributes: Convolution,
): { readonly axes: readonly WindowAxis[]; readonly view: Value } {
  const { axes } = known(convolutionAxes(called, kernelOf(weight!.type, x!.type.shape.length - 2), attributes));
  const split = splitChannels(builder, x!, 1, groupsOf(attributes));
  return { axes, view: windowed(builder, padded(builder, split, axes, 0), axes) };
}

function expand(builder: Builder, inputs: readonly Value[], called: string, attributes: Convolution): Value {
  const groups = groupsOf(attributes);
  const { view } = viewOf(builder, inputs, called, attributes);
  const product = productOfWindows(builder, view, splitChannels(builder, inputs[1]!, 0, groups), groups);
  return addBias(builder, product, inputs[2]);
}

function gradients(builder: Builder, node: Node, cotangent: Value): readonly (Value | undefined)[] {
  const [x, weight, bias] = node.inputs as [Value, Value, Value?];
  const attributes = node.attributes as Convolution;
  const groups = groupsOf(attributes);
  const { axes, view } = viewOf(builder, node.inputs, node.op.name, attributes);
  return [
    transposedProduct(builder, cotangent, weight, { axes, groups, sizes: x.type.shape.slice(2) }),
    weightGradient(builder, view, cotangent, groups, weight.type.shape),
    biasGradient(builder, bias, cotangent),
  ];
}

/** The definition: every element of every window by the weight, windows beyond x being zero. */
function evaluate(
  [x, weight, bias]: readonly Tensor[],
  called: string,
  attributes: Convolution,
  shape: readonly number[],
  symbols: ReadonlyMap<string, number>,
): Float64Array {
  const kernel = weight!.shape.slice(2).map(constant);
  const { axes } = known(convolutionAxes(called, kernel, attributes));
  const { kernel: k, stride, dilation, before } = planeAxes(axes);
  const [height, width] = planeOf(x!.shape.slice(2), 1);
  const [rows, columns] = planeOf(shape.slice(2), 1);
  const [batch, channels] = shape as [number, number];
  const inner = weight!.shape[1]!;
  const perGroup = channels / sizeOf(attributes.groups, symbols);
  const target = new Float64Array(countOf(shape));
  let to = 0;
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < channels; o++)
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          let sum = bias ? bias.data[o]! : 0;
          const first = Math.floor(o / perGroup) * inner;
          for (let c = 0; c < inner; c++)
            for (let p = 0; p < k[0]; p++)
              for (let q = 0; q < k[1]; q++) {
                const [y, z] = [
                  i * stride[0] - before[0] + p * dilation[0],
                  j * stride[1] - before[1] + q * dilation[1],
                ];
                if (y < 0 || y >= height || z < 0 || z >= width) continue;
                const element = x!.data[((b * x!.shape[1]! + first + c) * height + y) * width + z]!;
                sum += element * weight!.data[((o * inner + c) * k[0] + p) * k[1] + q]!;
              }
          target[to++] = sum;
        }
  return target;
}

function convolution(name: string, count: number, doc: string, samples: readonly Sample[]): Op {
  return defineOp<Convolution>({
    name,
    doc,
    operands: OPERANDS,
    attributes: CONVOLUTION,
    infer: (inputs, attributes, context) => infer(name, inputs, count, attributes, context),
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

const plain: Convolution = { stride: 1, padding: 0, dilation: 1, groups: constant(1) };
const sample = (inputs: readonly (readonly (number | Dim)[])[], further: Partial<Convolution> = {}): Sample => {
  return { inputs: inputs.map((shape) => f32(...shape)), attributes: { ...plain, ...further } };
};
const twice = multiply(constant(2), n);

export const convolutions: readonly Op[] = [
  convolution(
    'conv1d',
    1,
    'Cross-correlation along the last axis, as PyTorch: x [batch, channels, length], weight [out, channels / groups, ' +
      'kernel], bias [out]. The length becomes floordiv(length + 2 padding - dilation (kernel - 1) - 1, stride) + 1 (f32).',
    [
      sample([[2, 3, n], [5, 3, 3], [5]], { padding: 1 }),
      sample(
        [
          [n, 4, 9],
          [8, 2, 2],
        ],
        { stride: 2, groups: constant(2) },
      ),
      sample([[1, n, 11], [9, n, 3], [9]], { dilation: 2, padding: 'same' }),
      sample([[2, n, 6], [n, 1, 3], [n]], { groups: n, padding: [2], dilation: [2], stride: [3] }),
      sample([
        [3, 4, 8],
        [n, 4, 1],
      ]),
      sample(
        [
          [2, 2, 6],
          [n, 2, 3],
        ],
        { stride: 3, padding: 1, dilation: 3 },
      ),
    ],
  ),
  convolution(
    'conv2d',
    2,
    'Cross-correlation along the last two axes, as PyTorch: x [batch, channels, height, width], weight [out, channels ' +
      '/ groups, height, width], bias [out]. A size becomes floordiv(size + 2 padding - dilation (kernel - 1) - 1, ' +
      'stride) + 1 (f32).',
    [
      sample([[2, 3, n, 6], [4, 3, 3, 3], [4]], { padding: 1 }),
      sample(
        [
          [1, 2, n, n],
          [9, 2, 3, 2],
        ],
        { stride: [2, 1], padding: [1, 2], dilation: [1, 2] },
      ),
      sample([[n, 6, 5, 7], [9, 2, 2, 3], [9]], { groups: constant(3), padding: 'valid' }),
      sample([[1, n, 4, 9], [n, 1, 3, 3], [n]], { groups: n, padding: 'same' }),
      sample(
        [
          [2, n, 5, 5],
          [twice, 1, 3, 3],
        ],
        { groups: n, stride: 2, padding: 1 },
      ),
      sample(
        [
          [2, n, 5, 4],
          [3, n, 1, 1],
        ],
        { stride: [1, 2] },
      ),
      sample(
        [
          [2, 3, 8, 8],
          [n, 3, 4, 4],
        ],
        { stride: 4 },
      ),
      sample(
        [
          [1, n, 6, 3],
          [1, n, 3, 3],
        ],
        { padding: [0, 1] },
      ),
      sample([
        [2, 1, 7, n],
        [5, 1, 3, n],
      ]),
      sample(
        [
          [n, 4, 3, 3],
          [6, 2, 2, 3],
        ],
        { stride: 2, dilation: [2, 1], groups: constant(2) },
      ),
    ],
  ),
];
