/** What the forms of convolution share: their attributes, read and checked against the operands. */
import { constant, equal, floorDiv, multiply, ONE, print, subtract, ZERO, type Dim } from '../../dims/dim.ts';
import { toDim } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import type { AttributeSpec, OperandSpec } from '../../ir/op.ts';
import { printType } from '../../ir/types.ts';
import { quotient } from '../movement/reshape.ts';
import { dtypeFault, fails, unknownWord, type Mismatch } from '../rules.ts';
import { DILATION, intsOf, PADDING, STRIDE, type Ints, type WindowAxis } from '../window/axes.ts';

export type Convolution = {
  readonly stride: Ints;
  readonly padding: Ints | string;
  readonly dilation: Ints;
  readonly groups: Dim | number;
};

export const OPERANDS: readonly OperandSpec[] = [{ name: 'x' }, { name: 'weight' }, { name: 'bias', optional: true }];

export const GROUPS: AttributeSpec = {
  name: 'groups',
  kind: 'dim',
  default: 1,
  doc: 'Into how many groups the channels fall, in order; each sees its own part of x only.',
};

export const CONVOLUTION: readonly AttributeSpec[] = [
  STRIDE,
  {
    ...PADDING,
    words: ['same', 'valid'],
    doc: 'How many zeros both ends of an axis get; "valid": none; "same": as many as keep the size (stride 1 only).',
  },
  DILATION,
  GROUPS,
];

type Failure = { readonly error: Mismatch };

/** Sizes of the kernel, the last axes of the weight. */
export function kernelOf(weight: TensorType, count: number): readonly Dim[] {
  return weight.shape.slice(weight.shape.length - count);
}

function paddingOf(
  called: string,
  { padding, stride }: Convolution,
  axes: readonly Omit<WindowAxis, 'before' | 'after'>[],
): { readonly axes: readonly WindowAxis[] } | Failure {
  if (padding === 'valid') return { axes: axes.map((axis) => ({ ...axis, before: ZERO, after: ZERO })) };
  if (padding === 'same') {
    if ([stride].flat().some((step) => step !== 1))
      return fails(`\`${called}\` with padding "same" needs a stride of 1`, { attribute: 'stride' });
    // An odd number of zeros puts the last one behind, as PyTorch does.
    const same = axes.map((axis) => {
      const total = multiply(constant(axis.dilation), subtract(axis.kernel, ONE));
      const before = floorDiv(total, constant(2));
      return { ...axis, before, after: subtract(total, before) };
    });
    return { axes: same };
  }
  if (typeof padding === 'string')
    return { error: unknownWord(called, 'paddings', 'padding', padding, ['same', 'valid']) };
  const found = intsOf(called, 'padding', padding, axes.length, 0);
  if ('error' in found) return found;
  const ends = found.ints.map(constant);
  return { axes: axes.map((axis, at) => ({ ...axis, before: ends[at]!, after: ends[at]! })) };
}

/** Stride, dilation and padding of every axis of a `kernel`. */
export function convolutionAxes(
  called: string,
  kernel: readonly Dim[],
  attributes: Convolution,
): { readonly axes: readonly WindowAxis[] } | Failure {
  const stride = intsOf(called, 'stride', attributes.stride, kernel.length, 1);
  if ('error' in stride) return stride;
  const dilation = intsOf(called, 'dilation', attributes.dilation, kernel.length, 1);
  if ('error' in dilation) return dilation;
  const axes = kernel.map((size, at) => ({
    kernel: size,
    stride: stride.ints[at]!,
    dilation: dilation.ints[at]!,
  }));
  return paddingOf(called, attributes, axes);
}

/** Dtypes and ranks of x, the weight and the bias of a convolution over `count` axes. */
export function operandFault(called: string, inputs: readonly TensorType[], count: number): Mismatch | undefined {
  const dtype = dtypeFault(called, inputs, ['f32']);
  if (dtype) return dtype;
  const axes = count === 1 ? 'length' : 'height, width';
  const [x, weight] = inputs as [TensorType, TensorType];
  if (x.shape.length !== count + 2)
    return { message: `\`${called}\` takes x of [batch, channels, ${axes}], not ${printType(x)}`, operand: 0 };
  if (weight.shape.length !== count + 2) {
    const message = `\`${called}\` takes a weight of ${count + 2} axes, the last of them the kernel's, not ${printType(weight)}`;
    return { message, operand: 1 };
  }
  const empty = kernelOf(weight, count).findIndex((size) => size.terms.length === 0);
  return empty === -1 ? undefined : { message: `\`${called}\` with the empty kernel ${printType(weight)}`, operand: 1 };
}

/** `channels / groups` of an operand, or why that is no number of channels. */
export function perGroup(
  called: string,
  operand: number,
  type: TensorType,
  axis: number,
  groups: Dim,
): { readonly channels: Dim } | Failure {
  const channels = quotient(type.shape[axis]!, groups);
  if (channels) return { channels };
  return fails(
    `\`${called}\`: the ${print(type.shape[axis]!)} channels of ${printType(type)} do not fall into ${print(groups)} groups`,
    { operand, attribute: 'groups' },
  );
}

/** The bias, if there is one, has an element for each channel of the result. */
export function biasFault(called: string, bias: TensorType | undefined, channels: Dim): Mismatch | undefined {
  return !bias || (bias.shape.length === 1 && equal(bias.shape[0]!, channels))
    ? undefined
    : { message: `\`${called}\` needs a bias of f32[${print(channels)}], not ${printType(bias)}`, operand: 2 };
}

export function groupsOf({ groups }: { readonly groups: Dim | number }): Dim {
  return toDim(groups);
}

/** Whether there is one group only, known while compiling. */
export function isSingle(groups: Dim): boolean {
  return equal(groups, ONE);
}
