/**
 * The transpose of a convolution as a map, without zeros put into x. With stride s, every s-th element of the result sees
 * the same part of the kernel: its s phases are convolutions of stride 1, which are then put side by side. Phases that see
 * equally many elements run as one convolution with so many times the channels; along an axis there are two kinds at most.
 */
import {
  add,
  constant,
  constantValue,
  equal,
  floorDiv,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { isOne } from '../../ir/types.ts';
import { padded, reachOf, windowed, type WindowAxis } from '../window/axes.ts';
import { productOfWindows, splitChannels } from './product.ts';

/** Neighbouring phases of an axis, each of which sees `taps` elements of x. */
interface Phases {
  readonly first: number;
  readonly count: number;
  readonly taps: Dim;
}

export interface Placing {
  readonly axes: readonly WindowAxis[];
  readonly groups: Dim;
  /** The sizes of the result behind its channels. */
  readonly sizes: readonly Dim[];
}

/** The most elements of x that a phase sees along an axis; with one phase they are as far apart as the kernel's. */
function tapsOf(axis: WindowAxis): Dim {
  if (axis.stride === 1) return axis.kernel;
  return floorDiv(add(reachOf(axis), constant(axis.stride - 1)), constant(axis.stride));
}

function phasesOf(axis: WindowAxis): readonly Phases[] {
  const { stride } = axis;
  const reach = constantValue(reachOf(axis));
  const all = { first: 0, count: stride, taps: tapsOf(axis) };
  if (stride === 1 || reach === undefined || reach % stride === 0) return [all];
  const full = reach % stride;
  return [
    { ...all, count: full },
    { first: full, count: stride - full, taps: constant(Math.floor(reach / stride)) },
  ];
}

/** The weight with its elements `dilation` apart along the axes from `first` on, zeros between and behind. */
function dilated(builder: Builder, weight: Value, axes: readonly Pick<WindowAxis, 'dilation'>[], first: number): Value {
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

/** The weight [..groups, channels, out, ..kernel] by phases: [..groups, channels, out, taps, phases, …]. */
function byPhases(builder: Builder, weight: Value, axes: readonly WindowAxis[]): Value {
  const first = weight.type.shape.length - axes.length;
  // Where there is one phase, it takes elements of x as far apart as those of the kernel.
  const apart = axes.map(({ dilation, stride }) => ({ dilation: stride === 1 ? 1 : dilation }));
  const spread = dilated(builder, weight, apart, first);
  const whole = axes.map((axis) => multiply(tapsOf(axis), constant(axis.stride)));
  const after = whole.map((size, at) => subtract(size, spread.type.shape[first + at]!));
  const before = after.map(() => ZERO);
  const filled = builder.one('pad', [spread], { before, after, mode: 'constant', value: 0 });
  return builder.one('reshape', [filled], {
    shape: [...weight.type.shape.slice(0, first), ...axes.flatMap((axis) => [tapsOf(axis), constant(axis.stride)])],
  });
}

/**
 * Of a weight by phases that of the convolution of some of them: [..groups, out * phases, channels, ..taps], the taps in
 * reverse, as a transposed convolution runs through x backwards.
 */
function phaseWeight(builder: Builder, weight: Value, parts: readonly Phases[]): Value {
  const { shape } = weight.type;
  const first = shape.length - 2 * parts.length;
  const before = parts.flatMap((part) => [ZERO, constant(-part.first)]);
  const after = parts.flatMap((part, at) => [
    subtract(part.taps, shape[first + 2 * at]!),
    subtract(constant(part.first + part.count), shape[first + 2 * at + 1]!),
  ]);
  const own = builder.one('pad', [weight], { before, after, mode: 'constant', value: 0 });
  const taps = parts.map((_, at) => first + 2 * at);
  const phases = taps.map((axis) => axis + 1);
  const groups = Array.from({ length: first - 2 }, (_, at) => at);
  const flipped = builder.one('flip', [own], { axis: taps });
  const permutation = [...groups, first - 1, ...phases, first - 2, ...taps];
  const ordered = builder.one('transpose', [flipped], { permutation });
  const outer = multiply(shape[first - 1]!, ...parts.map((part) => constant(part.count)));
  return builder.one('reshape', [ordered], {
    shape: [...shape.slice(0, first - 2), outer, shape[first - 2]!, ...parts.map((part) => part.taps)],
  });
}

/** Where an element of each phase is needed along an axis of the result of `size`: from `first` on, `count` of them. */
function positionsOf(axis: WindowAxis, size: Dim): { readonly first: Dim; readonly count: Dim } {
  const stride = constant(axis.stride);
  const first = floorDiv(axis.before, stride);
  return { first, count: subtract(add(floorDiv(subtract(add(axis.before, size), ONE), stride), ONE), first) };
}

/** Every choice of one part for each axis, those of the last axis next to each other. */
function choices<T>(parts: readonly (readonly T[])[]): readonly (readonly T[])[] {
  return parts.reduce<readonly (readonly T[])[]>(
    (found, axis) => found.flatMap((choice) => axis.map((part) => [...choice, part])),
    [[]],
  );
}

/**
 * Every element of x [batch, channels, …] times the weight [channels, out / groups, ..kernel], added up where its window
 * lies in the result [batch, out, ..sizes].
 */
export function transposedProduct(builder: Builder, x: Value, weight: Value, placing: Placing): Value {
  const isAlone = placing.axes.map((_, at) => isOne(x.type.shape[2 + at]!));
  return isAlone.includes(true) ? spreadAlone(builder, x, weight, placing, isAlone) : slid(builder, x, weight, placing);
}

/**
 * Along an axis on which x has one element no window slides: an element of the result is a tap, and the taps are channels
 * of a convolution over the axes that are left.
 */
function spreadAlone(
  builder: Builder,
  x: Value,
  weight: Value,
  { axes, groups, sizes }: Placing,
  isAlone: readonly boolean[],
): Value {
  const places = axes.map((_, at) => at);
  const alone = places.filter((at) => isAlone[at]);
  const sliding = places.filter((at) => !isAlone[at]);
  const [channels, inner] = weight.type.shape as [Dim, Dim];
  const laid = builder.one('transpose', [laidOut(builder, weight, axes, sizes, isAlone)], {
    permutation: [0, 1, ...[...alone, ...sliding].map((at) => 2 + at)],
  });
  const taps = alone.map((at) => sizes[at]!);
  const merged = builder.one('reshape', [laid], {
    shape: [channels, multiply(inner, ...taps), ...laid.type.shape.slice(2 + alone.length)],
  });
  const [batch, ...others] = x.type.shape as [Dim, ...Dim[]];
  const line = builder.one('reshape', [x], {
    shape: [batch, others[0]!, ...sliding.map((at) => others[1 + at]!)],
  });
  const rest = { axes: sliding.map((at) => axes[at]!), groups, sizes: sliding.map((at) => sizes[at]!) };
  const product =
    sliding.length > 0 ? slid(builder, line, merged, rest) : productOfElements(builder, line, merged, groups);
  const split = builder.one('reshape', [product], { shape: [batch, multiply(inner, groups), ...taps, ...rest.sizes] });
  const found = [...alone, ...sliding];
  return builder.one('transpose', [split], { permutation: [0, 1, ...places.map((at) => 2 + found.indexOf(at))] });
}

/** The weight with its taps along the axes of one element where they lie in the result, whatever is not there cut off. */
function laidOut(
  builder: Builder,
  weight: Value,
  axes: readonly WindowAxis[],
  sizes: readonly Dim[],
  isAlone: readonly boolean[],
): Value {
  const apart = axes.map((axis, at) => (isAlone[at] ? axis : { ...axis, dilation: 1 }));
  const spread = dilated(builder, weight, apart, 2);
  const before = axes.map((axis, at) => (isAlone[at] ? subtract(ZERO, axis.before) : ZERO));
  const after = axes.map((axis, at) =>
    isAlone[at] ? subtract(add(sizes[at]!, axis.before), spread.type.shape[2 + at]!) : ZERO,
  );
  if ([...before, ...after].every((end) => equal(end, ZERO))) return spread;
  return builder.one('pad', [spread], { before, after, mode: 'constant', value: 0 });
}

/** x [batch, channels] times the weight [channels, out / groups], group by group. */
function productOfElements(builder: Builder, x: Value, weight: Value, groups: Dim): Value {
  const kernel = splitChannels(builder, weight, 0, groups);
  const rank = kernel.type.shape.length;
  const permutation = [...(rank === 3 ? [0] : []), rank - 1, rank - 2];
  const turned = builder.one('transpose', [kernel], { permutation });
  return productOfWindows(builder, splitChannels(builder, x, 1, groups), turned, groups);
}

/** The product where windows slide along all axes. */
function slid(builder: Builder, x: Value, weight: Value, placing: Placing): Value {
  const { axes, groups, sizes } = placing;
  const split = splitChannels(builder, x, 1, groups);
  const kernel = byPhases(builder, splitChannels(builder, weight, 0, groups), axes);
  const out = multiply(weight.type.shape[1]!, groups);
  const positions = axes.map((axis, at) => positionsOf(axis, sizes[at]!));
  const product = (parts: readonly Phases[]): Value => {
    const counts = parts.map((part) => constant(part.count));
    const shape = [x.type.shape[0]!, out, ...counts, ...positions.map(({ count }) => count)];
    if (parts.some(({ taps }) => equal(taps, ZERO))) return builder.one('zeros', [], { shape });
    const windows = parts.map(({ taps }, at): WindowAxis => {
      const { stride, dilation } = axes[at]!;
      const { first, count } = positions[at]!;
      const spacing = stride === 1 ? dilation : 1;
      const before = subtract(multiply(constant(spacing), subtract(taps, ONE)), first);
      const after = subtract(add(first, count), x.type.shape[2 + at]!);
      return { kernel: taps, stride: 1, dilation: spacing, before, after };
    });
    const view = windowed(builder, padded(builder, split, windows, 0), windows);
    const result = productOfWindows(builder, view, phaseWeight(builder, kernel, parts), groups);
    return builder.one('reshape', [result], { shape });
  };
  const products = choices(axes.map(phasesOf)).map(product);
  return cropped(builder, interleaved(builder, together(builder, products, axes), axes), placing, positions);
}

/** The products of all choices of parts as one, [batch, out, ..phases, ..positions]. */
function together(builder: Builder, products: readonly Value[], axes: readonly WindowAxis[]): Value {
  return axes.reduceRight((values, axis, at) => {
    const { length } = phasesOf(axis);
    if (length === 1) return values;
    return Array.from({ length: values.length / length }, (_, of) =>
      builder.one('concat', values.slice(of * length, (of + 1) * length), { axis: 2 + at }),
    );
  }, products)[0]!;
}

/** Phases and positions put together: [batch, out, ..positions * phases]. */
function interleaved(builder: Builder, x: Value, axes: readonly WindowAxis[]): Value {
  const count = axes.length;
  const [batch, out, ...sizes] = x.type.shape as [Dim, Dim, ...Dim[]];
  const permutation = [0, 1, ...axes.flatMap((_, at) => [2 + count + at, 2 + at])];
  const ordered = builder.one('transpose', [x], { permutation });
  const shape = [batch, out, ...axes.map((axis, at) => multiply(sizes[count + at]!, constant(axis.stride)))];
  return builder.one('reshape', [ordered], { shape });
}

/** What the padding in front and the sizes leave of all positions. */
function cropped(
  builder: Builder,
  all: Value,
  { axes, sizes }: Placing,
  positions: readonly { readonly first: Dim }[],
): Value {
  const before = axes.map((axis, at) => subtract(multiply(positions[at]!.first, constant(axis.stride)), axis.before));
  const after = sizes.map((size, at) => subtract(size, add(before[at]!, all.type.shape[2 + at]!)));
  if ([...before, ...after].every((end) => equal(end, ZERO))) return all;
  return builder.one('pad', [all], { before, after, mode: 'constant', value: 0 });
}
