/** `interpolate`: images and sequences in other sizes, as PyTorch resizes them. */
import { constant, floorDiv, multiply, ONE, print, subtract, ZERO, type Bounds, type Dim } from '../../dims/dim.ts';
import { sizeOf, toDims } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type SizeCondition, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { broadcast, scalar, scalarOf } from '../reduce/composite.ts';
import { dtypeFault, fails, known, unknownWord, type Mismatch } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { planeOf, requireSize, windowsBehind } from './axes.ts';
import { concretePlace, divisorOf, neighbour, type Resized, type Rule } from './neighbours.ts';

type Interpolate = {
  readonly size: readonly (Dim | number)[] | null;
  readonly scale_factor: number | null;
  readonly mode: string;
  readonly align_corners: boolean | null;
};

/** How a mode weighs neighbours: how many there are, and over how many axes it works. */
interface Mode {
  readonly taps: 1 | 2 | 4;
  readonly axes: readonly number[];
}

const MODES: { readonly [mode: string]: Mode } = {
  nearest: { taps: 1, axes: [1, 2] },
  'nearest-exact': { taps: 1, axes: [1, 2] },
  linear: { taps: 2, axes: [1] },
  bilinear: { taps: 2, axes: [2] },
  bicubic: { taps: 4, axes: [2] },
};

function ruleOf({ mode, align_corners }: Interpolate): Rule {
  switch (mode) {
    case 'nearest':
      return 'floor';
    case 'nearest-exact':
      return 'centre';
    default:
      return align_corners ? 'corners' : mode === 'bicubic' ? 'half' : 'clamped';
  }
}

/** A scale as a fraction of small integers, which every scale in use is. */
function fractionOf(scale: number): { readonly over: number; readonly under: number } | undefined {
  for (let under = 1; under <= 256; under++)
    if (Number.isSafeInteger(scale * under)) return { over: scale * under, under };
  return undefined;
}

type Failure = { readonly error: Mismatch };

function resizedAxes(
  sizes: readonly Dim[],
  { size, scale_factor }: Interpolate,
): { readonly axes: readonly Resized[] } | Failure {
  if ((size === null) === (scale_factor === null))
    return fails('`interpolate` needs either `size` or `scale_factor`', { attribute: 'scale_factor' });
  if (size !== null) {
    const given = toDims(size);
    if (given.length !== 1 && given.length !== sizes.length)
      return fails(`\`interpolate\` takes one size or ${sizes.length}, not ${given.length}`, { attribute: 'size' });
    const axes = sizes.map((from, at) => {
      const result = given[given.length === 1 ? 0 : at]!;
      return { size: from, result, numerator: from, denominator: result };
    });
    return { axes };
  }
  const fraction = scale_factor! > 0 ? fractionOf(scale_factor!) : undefined;
  if (!fraction)
    return fails(`\`interpolate\` by ${scale_factor}, which is no positive fraction of small integers`, {
      attribute: 'scale_factor',
      hint: 'give the `size` instead',
    });
  const [over, under] = [constant(fraction.over), constant(fraction.under)];
  const axes = sizes.map((from) => ({
    size: from,
    result: floorDiv(multiply(from, over), under),
    numerator: under,
    denominator: over,
  }));
  return { axes };
}

function modeFault(count: number, { mode, align_corners }: Interpolate): Mismatch | undefined {
  const known = Object.hasOwn(MODES, mode) ? MODES[mode] : undefined;
  if (!known) return unknownWord('interpolate', 'modes', 'mode', mode, Object.keys(MODES));
  if (!known.axes.includes(count)) {
    const axes = known.axes.map((each) =>
      each === 1 ? '[batch, channels, length]' : '[batch, channels, height, width]',
    );
    return { message: `\`interpolate\` with mode "${mode}" takes x of ${axes.join(' or ')}`, attribute: 'mode' };
  }
  return align_corners && known.taps === 1
    ? { message: `\`interpolate\` with mode "${mode}" has no corners to align`, attribute: 'align_corners' }
    : undefined;
}

function infer(x: TensorType, attributes: Interpolate, bounds: Bounds): Inference {
  const error = dtypeFault('interpolate', [x], ['f32']);
  if (error) return { error };
  const count = x.shape.length - 2;
  if (count < 1 || count > 2)
    return fails(
      `\`interpolate\` takes x of [batch, channels, height, width] or [batch, channels, length], not ${printType(x)}`,
      {
        operand: 0,
      },
    );
  const fault = modeFault(count, attributes);
  if (fault) return { error: fault };
  const found = resizedAxes(x.shape.slice(2), attributes);
  if ('error' in found) return found;
  const conditions: SizeCondition[] = [];
  for (const [at, { size, result }] of found.axes.entries()) {
    for (const least of [size, result]) {
      const message = `\`interpolate\` of axis ${2 + at} from ${print(size)} to ${print(result)} elements`;
      const needed = requireSize(subtract(least, ONE), message, x, bounds);
      if ('error' in needed) return needed;
      conditions.push(...needed.conditions);
    }
  }
  const shape = [...x.shape.slice(0, 2), ...found.axes.map((axis) => axis.result)];
  return { types: [{ dtype: 'f32', shape }], conditions };
}

/** Keys (1981)'s cubic convolution, with the a that PyTorch takes. */
const CUBIC = -0.75;

/** The weight of a neighbour at a distance. */
function weightAt(distance: number, taps: number): number {
  if (taps === 2) return 1 - distance;
  const [d, a] = [distance, CUBIC];
  return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/** The weights of all neighbours of each element along an axis: [taps, result]. */
function weights(builder: Builder, axis: Resized, rule: Rule, taps: number): Value {
  const shape = [constant(taps), axis.result];
  const spread = (x: Value): Value => broadcast(builder, x, shape);
  const number = (value: number): Value => spread(scalar(builder, value));
  const binary = (op: string, a: Value, b: Value): Value => builder.one(op, [a, b]);
  const remainder = builder.one('neighbour_remainder', [], { ...axis, rule });
  const divisor = scalarOf(builder, divisorOf(axis, rule, builder.bounds));
  // Divided before it is repeated for each neighbour, so that a fraction is worked out once.
  const fraction = binary('div', remainder, broadcast(builder, divisor, [axis.result]));
  const tap = builder.one('arange', [], { stop: constant(taps), start: ZERO, step: 1, dtype: 'f32' });
  const column = builder.one('reshape', [tap], { shape: [constant(taps), ONE] });
  const distance = builder.one('abs', [
    binary('sub', binary('add', spread(fraction), number(taps / 2 - 1)), spread(column)),
  ]);
  if (taps === 2) return binary('sub', number(1), distance);
  const a = CUBIC;
  const near = [a + 2, -(a + 3), 0, 1];
  const far = [a, -5 * a, 8 * a, -4 * a];
  const polynomial = (coefficients: readonly number[]): Value =>
    coefficients
      .slice(1)
      .reduce(
        (sum, coefficient) => binary('add', binary('mul', sum, distance), number(coefficient)),
        number(coefficients[0]!),
      );
  const isNear = binary('less_equal', distance, number(1));
  return builder.one('where', [isNear, polynomial(near), polynomial(far)]);
}

function expand(builder: Builder, x: Value, attributes: Interpolate): Value {
  const { axes } = known(resizedAxes(x.type.shape.slice(2), attributes));
  const { taps } = MODES[attributes.mode]!;
  const rule = ruleOf(attributes);
  const count = axes.length;
  const view = builder.one('neighbours', [x], {
    results: axes.map((axis) => axis.result),
    numerators: axes.map((axis) => axis.numerator),
    denominators: axes.map((axis) => axis.denominator),
    rule,
    taps,
  });
  const shape = [...x.type.shape.slice(0, 2), ...axes.map((axis) => axis.result)];
  if (taps === 1) return builder.one('reshape', [view], { shape });
  const all = windowsBehind(builder, view, count);
  const weighted = axes.reduce((product, axis, at) => {
    const own = Array.from({ length: 2 * count }, () => ONE)
      .with(at, constant(taps))
      .with(count + at, axis.result);
    const column = builder.one('reshape', [weights(builder, axis, rule, taps)], { shape: own });
    return builder.one('mul', [product, broadcast(builder, column, all.type.shape)]);
  }, all);
  const sum = builder.one('reduce_sum', [weighted], { axes: axes.map((_, at) => 2 + at) });
  return builder.one('reshape', [sum], { shape });
}

/** Axis by axis: resizing an image is resizing its columns and then its rows. */
function gradient(builder: Builder, x: TensorType, cotangent: Value, attributes: Interpolate): Value {
  const { axes } = known(resizedAxes(x.shape.slice(2), attributes));
  const { taps } = MODES[attributes.mode]!;
  const rule = ruleOf(attributes);
  return axes.reduce((given, axis, at) => {
    const weight =
      taps === 1 ? builder.one('ones', [], { shape: [ONE, axis.result] }) : weights(builder, axis, rule, taps);
    const { size, numerator, denominator } = axis;
    return builder.one('neighbour_sums', [given, weight], { axis: 2 + at, size, numerator, denominator, rule });
  }, cotangent);
}

/** The definition: every neighbour of an element's place in x by its weight. */
function evaluate(
  x: Tensor,
  attributes: Interpolate,
  shape: readonly number[],
  symbols: ReadonlyMap<string, number>,
): Float64Array {
  const { axes } = known(resizedAxes(x.shape.slice(2).map(constant), attributes));
  const { taps } = MODES[attributes.mode]!;
  const rule = ruleOf(attributes);
  const [height, width] = planeOf(x.shape.slice(2), 1);
  const [rows, columns] = planeOf(shape.slice(2), 1);
  /** The neighbours of each element along an axis with their weights; the only one of an axis there is not. */
  const along = (axis: Resized | undefined, result: number): (readonly [number, number])[][] => {
    if (!axis) return [[[0, 1]]];
    const [size, numerator, denominator] = [axis.size, axis.numerator, axis.denominator].map((dim) =>
      sizeOf(dim, symbols),
    );
    const concrete = { size: size!, result, numerator: numerator!, denominator: denominator! };
    return Array.from({ length: result }, (_, at) => {
      const { dividend, divisor } = concretePlace(at, concrete, rule);
      const floor = Math.floor(dividend / divisor);
      const fraction = dividend / divisor - floor;
      return Array.from({ length: taps }, (_, k) => {
        const weight = taps === 1 ? 1 : weightAt(Math.abs(fraction + taps / 2 - 1 - k), taps);
        return [neighbour(floor, k, taps, size!), weight] as const;
      });
    });
  };
  const tall = along(axes.length === 1 ? undefined : axes[0], rows);
  const wide = along(axes.at(-1), columns);
  return Float64Array.from({ length: countOf(shape) }, (_, at) => {
    const plane = Math.floor(at / (rows * columns));
    let sum = 0;
    for (const [y, top] of tall[Math.floor(at / columns) % rows]!)
      for (const [z, left] of wide[at % columns]!) sum += x.data[(plane * height + y) * width + z]! * top * left;
    return sum;
  });
}

export const interpolate: Op = defineOp<Interpolate>({
  name: 'interpolate',
  doc:
    'x [batch, channels, length] or [batch, channels, height, width] with its last axes resized, as PyTorch: to `size`, ' +
    'or to floor(size * scale_factor); one of the two is given. Modes: "nearest", "nearest-exact", "linear" (one axis), "bilinear" and ' +
    '"bicubic" (two). Without `align_corners` elements have an extent, and their middles are put in proportion (f32).',
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'size', kind: 'shape', default: null, doc: 'The new sizes, one for all axes or one for each.' },
    { name: 'scale_factor', kind: 'float', default: null, doc: 'How many times as large each axis becomes.' },
    { name: 'mode', kind: 'string', default: 'nearest', doc: 'How elements are made from their neighbours.' },
    { name: 'align_corners', kind: 'bool', default: null, doc: 'Whether the outermost elements keep their places.' },
  ],
  infer: ([x], attributes, { bounds }) => infer(x!, attributes, bounds),
  evaluate: ([x], attributes, [output], symbols) => [evaluate(x!, attributes, output!.shape, symbols)],
  body: { kind: 'composite', expand: (builder, [x], attributes) => [expand(builder, x!, attributes)] },
  vjp: (builder, { inputs: [x], attributes }, [cotangent]) => [
    gradient(builder, x!.type, cotangent!, attributes as Interpolate),
  ],
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(2, 3, n, 4)], attributes: given({ size: toDims([5, 7]) }) },
    { inputs: [f32(1, n, 5)], attributes: given({ scale_factor: 2 }) },
    { inputs: [f32(2, 1, n)], attributes: given({ scale_factor: 1.5, mode: 'linear' }) },
    { inputs: [f32(1, 2, n, n)], attributes: given({ scale_factor: 2, mode: 'bilinear' }) },
    { inputs: [f32(1, n, 6, 5)], attributes: given({ size: toDims([3, 8]), mode: 'bilinear', align_corners: true }) },
    { inputs: [f32(1, 1, 4, 7)], attributes: given({ size: [n], mode: 'bilinear', align_corners: false }) },
    { inputs: [f32(1, 2, n, 3)], attributes: given({ size: toDims([5, 4]), mode: 'bicubic' }) },
    { inputs: [f32(n, 1, 5, 3)], attributes: given({ size: toDims([2, 6]), mode: 'bicubic', align_corners: true }) },
    { inputs: [f32(1, 1, n, 5)], attributes: given({ scale_factor: 0.5, mode: 'nearest-exact' }) },
  ],
});

function given(further: Partial<Interpolate>): Interpolate {
  return { size: null, scale_factor: null, mode: 'nearest', align_corners: null, ...further };
}
