/**
 * Matching tensor types against the patterns of signatures and assertions. A bare name in a pattern binds the axis it
 * stands for, or must equal what it is bound to; any other size expression must equal the axis; `..name` binds a run.
 */
import type { Label } from '../base/diagnostic.ts';
import { closest } from '../base/suggest.ts';
import { shortText, textOf, type Span } from '../base/source.ts';
import {
  constantValue,
  DimensionOverflow,
  equal,
  isAtLeast,
  print,
  subtract,
  ONE,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { isCountable, printShape, sameShape } from '../dims/shape.ts';
import type { DType, TensorType } from '../ir/graph.ts';
import { MAX_RANK, printType } from '../ir/types.ts';
import type { Axis, Expr, TensorTypeExpr } from '../syntax/ast.ts';
import { evaluateExpression, lookupName } from './expressions.ts';
import { report, silently, type Frame } from './frame.ts';
import { bindingsIn } from './origins.ts';
import { describeKind, ERROR, integer, printValue, type StaticValue } from './values.ts';

const DTYPES: ReadonlySet<string> = new Set<DType>(['f32', 'i32', 'u32', 'bool']);

/** What others call them. */
const foreignDTypes: ReadonlyMap<string, DType> = new Map([
  ...['float', 'float32', 'double', 'float64', 'f64'].map((name) => [name, 'f32'] as const),
  ...['int', 'int32', 'int64', 'long', 'i64'].map((name) => [name, 'i32'] as const),
  ...['uint', 'uint32', 'u64'].map((name) => [name, 'u32'] as const),
  ...['boolean', 'i1'].map((name) => [name, 'bool'] as const),
]);

export function dtypeNamed(name: string): DType | undefined {
  return DTYPES.has(name) ? (name as DType) : undefined;
}

/** What is being matched, for messages. */
export interface Matching {
  /** `argument \`x\` of \`Linear\`` */
  readonly what: string;
  /** The argument, result or asserted expression. */
  readonly span: Span;
  /** Binds a free name and answers true; false when the name is known already. Absent in assertions. */
  readonly bind?: (name: string, value: StaticValue) => boolean;
}

/** Matches `type` against `pattern`, binding names in the frame's scope. Reports and answers false on a mismatch. */
export function matchType(frame: Frame, pattern: TensorTypeExpr, type: TensorType, matching: Matching): boolean {
  const dtype = resolveDType(frame, pattern);
  if (!dtype) return false;
  const shown = printPattern(pattern);
  const there: Label = { span: pattern.span, text: `\`${shown}\` is asked for here` };
  if (dtype !== type.dtype) {
    report(frame, 'HED2201', matching.span, `${matching.what} must be ${dtype}, found ${printType(type)}`, {
      label: printType(type),
      secondary: [there],
      hint: `convert it: \`cast(${shortText(matching.span)}, ${dtype})\``,
    });
    return false;
  }
  const widths = widthsOf(frame, pattern.axes);
  const [, second] = pattern.axes.filter((_, at) => widths[at] === undefined);
  if (second) {
    report(frame, 'HED2204', second.span, 'only one run of axes of a type may have an unknown length', {
      hint: 'a tensor before this one can bind the others',
    });
    return false;
  }
  const axes = alignAxes(pattern.axes, widths, type);
  if (!axes) {
    const least = widths.reduce((sum: number, width) => sum + (width ?? 0), 0);
    const some = widths.includes(undefined);
    const isFixed = pattern.axes.every((axis) => axis.kind === 'size');
    const plural = least === 1 ? 'axis' : 'axes';
    report(
      frame,
      'HED2202',
      matching.span,
      `${matching.what} must have ${some ? 'at least ' : ''}${least} ${plural}, found ${printType(type)}`,
      {
        label: `${type.shape.length} ${type.shape.length === 1 ? 'axis' : 'axes'}`,
        secondary: [there],
        hint: isFixed ? surplusAxis(frame, pattern, type) : undefined,
      },
    );
    return false;
  }
  // Bare names first, so that `f32[n, 2 * n]` and `f32[2 * n, n]` both work.
  const bare = axes.filter(({ axis }) => axis.kind === 'rest' || axis.value.kind === 'name');
  const computed = axes.filter(({ axis }) => axis.kind === 'size' && axis.value.kind !== 'name');
  return [...bare, ...computed].every((pair) => matchAxis(frame, pair, type, matching, there));
}

/** The one axis without which the type would have the shape asked for. */
function surplusAxis(frame: Frame, pattern: TensorTypeExpr, { shape }: TensorType): string | undefined {
  if (shape.length !== pattern.axes.length + 1) return undefined;
  const silent = silently(frame);
  const wanted = pattern.axes.map((axis) => {
    const isFree = axis.kind === 'rest' || (axis.value.kind === 'name' && !frame.scope.lookup(axis.value.text));
    const size = isFree ? undefined : evaluateExpression(silent, axis.value);
    return size?.kind === 'integer' ? size.value : undefined;
  });
  const fitting = [...shape.keys()].filter((dropped) =>
    shape.toSpliced(dropped, 1).every((size, at) => !wanted[at] || equal(size, wanted[at])),
  );
  const [axis] = fitting;
  if (axis === undefined || fitting.length > 1) return undefined;
  const first = [...Array.from({ length: axis }, () => ':'), '0'].join(', ');
  return `axis ${axis} is one too many: \`x[${first}]\` takes its first element, \`mean(x, axis: ${axis})\` the mean`;
}

function resolveDType(frame: Frame, pattern: TensorTypeExpr): DType | undefined {
  const known = dtypeNamed(pattern.dtype.text);
  if (known) return known;
  const bound = frame.scope.lookup(pattern.dtype.text)?.value;
  if (bound?.kind === 'dtype') return bound.dtype;
  const name = pattern.dtype.text;
  const similar = foreignDTypes.get(name) ?? closest(name, DTYPES);
  const listed = bound
    ? 'a hyperparameter of the type `dtype` may stand for one'
    : `dtypes are ${[...DTYPES].join(', ')}`;
  report(frame, 'HED2203', pattern.dtype.span, `\`${name}\` is not a dtype`, {
    hint: similar ? `did you mean \`${similar}\`?` : listed,
  });
  return undefined;
}

interface AxisPair {
  readonly axis: Axis;
  readonly dims: readonly Dim[];
  readonly at: number;
}

/**
 * How many axes each axis of a pattern stands for; undefined for a run that may have any length. Runs that are bound
 * have their length where there are several: `f32[..rows, ..columns]`.
 */
function widthsOf({ scope }: Frame, axes: readonly Axis[]): readonly (number | undefined)[] {
  const isOnly = axes.filter((axis) => axis.kind === 'rest').length === 1;
  return axes.map((axis) => {
    if (axis.kind === 'size') return 1;
    const bound = isOnly ? undefined : scope.lookup(axis.name.text)?.value;
    return bound?.kind === 'axes' ? bound.axes.length : undefined;
  });
}

/** Pairs pattern axes with the type's; undefined when the ranks cannot agree. An unknown width takes what is left. */
function alignAxes(
  axes: readonly Axis[],
  widths: readonly (number | undefined)[],
  type: TensorType,
): AxisPair[] | undefined {
  const spare = widths.reduce((rank: number, width) => rank - (width ?? 0), type.shape.length);
  if (spare < 0 || (spare > 0 && !widths.includes(undefined))) return undefined;
  let at = 0;
  return axes.map((axis, place) => {
    const width = widths[place] ?? spare;
    const pair = { axis, dims: type.shape.slice(at, at + width), at };
    at += width;
    return pair;
  });
}

function matchAxis(frame: Frame, pair: AxisPair, type: TensorType, matching: Matching, there: Label): boolean {
  const { axis, dims, at } = pair;
  const name = axis.kind === 'rest' ? axis.name.text : axis.value.kind === 'name' ? axis.value.text : undefined;
  const value = axis.kind === 'rest' ? ({ kind: 'axes', axes: dims } as const) : integer(dims[0]!);
  if (name !== undefined && matching.bind?.(name, value)) return true;
  const binding = name === undefined ? undefined : frame.scope.lookup(name);
  if (axis.kind === 'rest') {
    if (binding?.value.kind === 'axes') {
      if (sameShape(binding.value.axes, dims)) return true;
      return mismatch(
        frame,
        matching,
        type,
        [`..${name}: ${printShape(dims)} against ${printShape(binding.value.axes)}`],
        there,
        [{ span: binding.span, text: `\`..${name}\` was bound to ${printShape(binding.value.axes)} here` }],
      );
    }
    report(frame, 'HED2204', axis.span, `\`..${name}\` is not a run of axes here`, {
      hint: 'a run of axes is bound by a signature',
    });
    return false;
  }
  const wanted = evaluateExpression(frame, axis.value);
  if (wanted.kind === 'error') return false;
  if (wanted.kind !== 'integer') {
    report(frame, 'HED2204', axis.span, `a size must be an int, \`${printValue(wanted)}\` is ${describeKind(wanted)}`);
    return false;
  }
  const found = dims[0]!;
  if (equal(found, wanted.value)) return true;
  const sizes = `axis ${at}: ${print(found)} against ${print(wanted.value)}`;
  const undecided = areDistinct(found, wanted.value, frame.elaboration.bounds)
    ? []
    : ['these sizes agree for some values of the dimensions only'];
  return mismatch(frame, matching, type, [sizes, ...undecided], there, bindingsIn(axis.value, frame.scope));
}

/** Whether two sizes differ for every value of the symbols. */
function areDistinct(a: Dim, b: Dim, bounds: Bounds): boolean {
  const difference = constantValue(subtract(a, b));
  if (difference !== undefined) return difference !== 0;
  return isAtLeast(subtract(a, ONE), b, bounds) || isAtLeast(subtract(b, ONE), a, bounds);
}

function mismatch(
  frame: Frame,
  matching: Matching,
  type: TensorType,
  notes: readonly string[],
  there: Label,
  bindings: readonly Label[],
): false {
  // What was bound by this very argument says nothing new.
  const origin = bindings.filter((label) => label.span !== matching.span);
  report(frame, 'HED2205', matching.span, `${matching.what} does not have the shape asked for`, {
    label: printType(type),
    secondary: [there, ...origin],
    notes,
  });
  return false;
}

/** The pattern as written, on one line. */
function printPattern(pattern: TensorTypeExpr): string {
  return textOf(pattern.span);
}

/** The type a pattern spells out with known names only, for parameters and inputs; undefined after a report. */
export function evaluateType(frame: Frame, pattern: TensorTypeExpr): TensorType | undefined {
  const dtype = resolveDType(frame, pattern);
  const shape: Dim[] = [];
  let sound = dtype !== undefined;
  for (const axis of pattern.axes) {
    if (axis.kind === 'rest') {
      const bound = frame.scope.lookup(axis.name.text)?.value;
      if (bound?.kind === 'axes') shape.push(...bound.axes);
      else {
        report(frame, 'HED2204', axis.span, `\`..${axis.name.text}\` is not a run of axes here`, {
          hint: 'a run of axes is bound by a signature',
        });
        sound = false;
      }
      continue;
    }
    if (reportUndeclaredDimension(frame, axis.value)) {
      sound = false;
      continue;
    }
    const size = evaluateExpression(frame, axis.value);
    if (size.kind === 'integer' && !isNegative(size.value)) shape.push(size.value);
    else {
      if (size.kind !== 'error')
        report(frame, 'HED2204', axis.span, `a size must be an int of at least 0, found \`${printValue(size)}\``, {
          secondary: axis.value.kind === 'name' ? [] : bindingsIn(axis.value, frame.scope),
        });
      sound = false;
    }
  }
  if (!sound || !dtype) return undefined;
  if (shape.length > MAX_RANK) {
    report(frame, 'HED2202', pattern.span, `a tensor has at most ${MAX_RANK} axes, this one ${shape.length}`);
    return undefined;
  }
  // The statement reports it.
  if (!isCountable(shape)) throw new DimensionOverflow('elements');
  return { dtype, shape };
}

/** In an entry a dimension has to be declared; elsewhere a signature binds it. */
function reportUndeclaredDimension(frame: Frame, size: Expr): boolean {
  if ((frame.role !== 'model' && frame.role !== 'train') || size.kind !== 'name' || lookupName(frame, size.text))
    return false;
  const known = frame.elaboration.dims.map((dim) => dim.name);
  const similar = closest(size.text, known);
  const other = similar ?? closest(size.text, frame.scope.names());
  const declaration = `declare it: \`dims ${[...known, size.text].join(', ')}\``;
  const also = other === undefined ? declaration : `${declaration}; or did you mean \`${other}\`?`;
  report(frame, 'HED2005', size.span, `the dimension \`${size.text}\` is not declared`, {
    hint: similar ? `did you mean \`${similar}\`?` : also,
  });
  frame.scope.define({ name: size.text, value: ERROR, span: size.span, role: 'variable' });
  return true;
}

function isNegative(size: Dim): boolean {
  return (constantValue(size) ?? 0) < 0;
}
