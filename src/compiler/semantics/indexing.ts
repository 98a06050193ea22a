/** `x[:, 0]`, `x[..., none]`, `pair[1]`: elements of tuples and lists, slices of tensors. NumPy's meaning. */
import type { Span } from '../base/source.ts';
import {
  add,
  constant,
  constantValue,
  isAtLeast,
  maximum,
  minimum,
  ONE,
  print,
  subtract,
  ZERO,
  floorDiv,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import type { Value } from '../ir/graph.ts';
import { MAX_RANK, printType } from '../ir/types.ts';
import type { Expr, IndexExpr, Subscript } from '../syntax/ast.ts';
import { evaluateExpression } from './expressions.ts';
import { demand, report, type Frame } from './frame.ts';
import { bindingsIn, originsOf } from './origins.ts';
import { describeKind, ERROR, integer, printValue, tensor, type StaticValue } from './values.ts';

export function evaluateSubscripts(frame: Frame, expr: IndexExpr): StaticValue {
  const base = evaluateExpression(frame, expr.base);
  switch (base.kind) {
    case 'error':
      return ERROR;
    case 'tensor':
      return sliceTensor(frame, base.value, expr);
    case 'tuple':
    case 'list':
      return elementOf(frame, expr, base.elements);
    case 'axes':
      return elementOf(frame, expr, base.axes.map(integer));
    default:
      return report(frame, 'HED2601', expr.base.span, `${describeKind(base)} has no elements`, {
        label: printValue(base),
      });
  }
}

function elementOf(frame: Frame, expr: IndexExpr, elements: readonly StaticValue[]): StaticValue {
  const [subscript] = expr.subscripts;
  if (expr.subscripts.length !== 1 || subscript?.kind !== 'index')
    return report(frame, 'HED2602', expr.span, 'one element is read at a time: `pair[0]`');
  const index = evaluateExpression(frame, subscript.value);
  if (index.kind === 'error') return ERROR;
  const at = index.kind === 'integer' ? constantValue(index.value) : undefined;
  if (at === undefined)
    return report(
      frame,
      'HED2602',
      subscript.span,
      `an index must be an int known at compile time, found \`${printValue(index)}\``,
    );
  const element = elements[at < 0 ? elements.length + at : at];
  return (
    element ??
    report(frame, 'HED2603', subscript.span, `index ${at} is out of range: there are ${elements.length} elements`)
  );
}

type IndexSubscript = Extract<Subscript, { readonly kind: 'index' }>;

/** One axis of the sliced tensor, before integer positions are dropped. */
interface AxisSlice {
  readonly start: Dim;
  readonly stop: Dim;
  /** Above 0. */
  readonly step: number;
  /** Whether the positions count from the end of the axis backwards. */
  readonly isReversed?: boolean;
}

function sliceTensor(frame: Frame, value: Value, expr: IndexExpr): StaticValue {
  const { shape } = value.type;
  const consumed = expr.subscripts.filter((one) => one.kind === 'index' || one.kind === 'slice').length;
  const ellipses = expr.subscripts.filter((one) => one.kind === 'ellipsis').length;
  if (ellipses > 1) return report(frame, 'HED2604', expr.span, '`...` stands at most once in a subscript');
  if (consumed > shape.length) {
    return report(
      frame,
      'HED2604',
      expr.span,
      `${consumed} subscripts on ${printType(value.type)}, which has ${shape.length} axes`,
      { secondary: [{ span: expr.base.span, text: printType(value.type) }] },
    );
  }
  const subscripts = spreadEllipsis(expr, shape.length - consumed);
  const slices: AxisSlice[] = [];
  const kept: Dim[] = [];
  let axis = 0;
  for (const subscript of subscripts) {
    if (subscript.kind === 'newAxis') {
      kept.push(ONE);
      continue;
    }
    const slice = sliceAxis(frame, subscript, { value, axis, span: expr.base.span });
    if (!slice) return ERROR;
    slices.push(slice);
    if (subscript.kind !== 'index') kept.push(sliceLength(slice, frame.elaboration.bounds));
    axis++;
  }
  if (kept.length > MAX_RANK)
    return report(
      frame,
      'HED2604',
      expr.span,
      `a tensor has at most ${MAX_RANK} axes, this one would have ${kept.length}`,
    );
  const { builder } = frame.elaboration;
  builder.origin = { path: frame.path, span: expr.span };
  const whole = slices.every(
    (slice, at) => slice.step === 1 && slice.start.key === '0' && slice.stop.key === shape[at]!.key,
  );
  const reversed = slices.flatMap((slice, at) => (slice.isReversed ? [at] : []));
  const turned = reversed.length === 0 ? value : builder.one('flip', [value], { axis: reversed });
  const sliced = whole
    ? turned
    : builder.one('slice', [turned], {
        starts: slices.map((slice) => slice.start),
        stops: slices.map((slice) => slice.stop),
        steps: slices.map((slice) => slice.step),
      });
  return tensor(
    kept.length === shape.length && subscripts.every((one) => one.kind === 'slice')
      ? sliced
      : builder.one('reshape', [sliced], { shape: kept }),
  );
}

/** `...` (or the end of the list) stands for as many full slices as there are axes left. */
function spreadEllipsis(expr: IndexExpr, missing: number): readonly Subscript[] {
  const fill = Array.from({ length: missing }, (): Subscript => ({ kind: 'slice', span: expr.span }));
  const at = expr.subscripts.findIndex((one) => one.kind === 'ellipsis');
  return at === -1 ? [...expr.subscripts, ...fill] : expr.subscripts.toSpliced(at, 1, ...fill);
}

function sliceLength({ start, stop, step }: AxisSlice, bounds: Bounds): Dim {
  const length = subtract(stop, start);
  return step === 1 ? length : floorDiv(add(length, constant(step - 1)), constant(step), bounds);
}

/** An axis of a tensor that a subscript reads, and where the tensor stands. */
interface ReadAxis {
  readonly value: Value;
  readonly axis: number;
  readonly span: Span;
}

function sliceAxis(frame: Frame, subscript: Subscript, read: ReadAxis): AxisSlice | undefined {
  if (subscript.kind === 'index') return indexAxis(frame, subscript, read);
  if (subscript.kind !== 'slice') return undefined;
  const { bounds } = frame.elaboration;
  const size = read.value.type.shape[read.axis]!;
  const step = subscript.step ? stepOf(frame, subscript.step) : 1;
  const isReversed = step !== undefined && step < 0;
  const place = (expr: Expr): Dim | undefined => boundOf(frame, expr, size, isReversed);
  const from = subscript.start ? place(subscript.start) : ZERO;
  const to = subscript.stop ? place(subscript.stop) : size;
  if (step === undefined || !from || !to) return undefined;
  const start = clamped(from, size, bounds);
  return { start, stop: add(start, distance(from, to, size, bounds)), step: Math.abs(step), isReversed };
}

/**
 * How many places lie from one end of a slice to the other, on the axis. Neighbouring and shifted slices of a symbolic
 * axis have to agree (`x[1:]` with `x[:-1]`, and the parts of an axis with the axis), so they are told by maxima.
 */
function distance(from: Dim, to: Dim, size: Dim, bounds: Bounds): Dim {
  const isOnAxis = isAtLeast(from, ZERO, bounds) && isAtLeast(size, to, bounds);
  const length =
    isOnAxis && constantValue(size) === undefined
      ? subtract(to, from)
      : subtract(clamped(to, size, bounds), clamped(from, size, bounds));
  return maximum(length, ZERO, bounds);
}

/** The place on the axis next to `place`: `min(max(place, 0), size)`. */
function clamped(place: Dim, size: Dim, bounds: Bounds): Dim {
  const positive = maximum(place, ZERO, bounds);
  if (constantValue(size) !== undefined || isAtLeast(size, positive, bounds)) return minimum(positive, size, bounds);
  return subtract(size, maximum(subtract(size, positive), ZERO, bounds));
}

/** One position of an axis. Where the dimensions decide whether it lies inside, a run will check it. */
function indexAxis(frame: Frame, subscript: IndexSubscript, { value, axis, span }: ReadAxis): AxisSlice | undefined {
  const { bounds } = frame.elaboration;
  const size = value.type.shape[axis]!;
  const index = evaluateSize(frame, subscript.value);
  if (!index) return undefined;
  const at = fromEnd(index, size);
  const message = `index ${print(index)} is out of range: axis ${axis} has size ${print(size)}`;
  // How many positions there are in front of it and behind it.
  const around = [at, subtract(subtract(size, ONE), at)];
  if (around.some((count) => isAtLeast(constant(-1), count, bounds))) {
    const secondary = [
      { span, text: printType(value.type) },
      ...bindingsIn(subscript.value, frame.scope),
      ...originsOf(frame.elaboration, [[value, axis]]),
    ];
    report(frame, 'HED2603', subscript.span, message, { secondary });
    return undefined;
  }
  for (const count of around) demand(frame, count, message, subscript.span);
  return { start: at, stop: add(at, ONE), step: 1 };
}

function stepOf(frame: Frame, expr: Expr): number | undefined {
  const size = evaluateSize(frame, expr);
  const step = size && constantValue(size);
  if (size && !step)
    report(
      frame,
      'HED2605',
      expr.span,
      `a step must be an int other than 0 known at compile time, found ${print(size)}`,
    );
  return step || undefined;
}

/** A slice's end, counted from the end if negative; the axis may be read backwards. */
function boundOf(frame: Frame, expr: Expr, size: Dim, isReversed: boolean): Dim | undefined {
  const value = evaluateSize(frame, expr);
  if (!value) return undefined;
  const at = fromEnd(value, size);
  return isReversed ? subtract(subtract(size, ONE), at) : at;
}

function fromEnd(index: Dim, size: Dim): Dim {
  const value = constantValue(index);
  return value !== undefined && value < 0 ? add(size, index) : index;
}

function evaluateSize(frame: Frame, expr: Expr): Dim | undefined {
  const value: StaticValue = evaluateExpression(frame, expr);
  if (value.kind === 'integer') return value.value;
  if (value.kind !== 'error') reportIndex(frame, expr.span, value);
  return undefined;
}

function reportIndex(frame: Frame, span: Span, value: StaticValue): void {
  report(frame, 'HED2602', span, `an index must be an int, found ${describeKind(value)}`, {
    hint: value.kind === 'tensor' ? '`gather` reads positions held in a tensor' : undefined,
  });
}
