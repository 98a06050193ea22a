/**
 * Matching tensor types against the patterns of signatures and assertions. A bare name in a pattern binds the axis it
 * stands for, or must equal what it is bound to; any other size expression must equal the axis; `..name` binds a run.
 */
import type { Label } from '../base/diagnostic.ts';
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { constantValue, equal, isAtLeast, print, subtract, ONE, type Bounds, type Dim } from '../dims/dim.ts';
import { elementCount, printShape, sameShape } from '../dims/shape.ts';
import type { DType, TensorType } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type { Axis, Expr, TensorTypeExpr } from '../syntax/ast.ts';
import { evaluateExpression, lookupName } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import type { Binding } from './scope.ts';
import { describeKind, integer, printValue } from './values.ts';

const DTYPES: ReadonlySet<string> = new Set<DType>(['f32', 'i32', 'u32', 'bool']);

export function dtypeNamed(name: string): DType | undefined {
  return DTYPES.has(name) ? (name as DType) : undefined;
}

/** What is being matched, for messages. */
export interface Matching {
  /** `argument \`x\` of \`Linear\`` */
  readonly what: string;
  /** The argument, result or asserted expression. */
  readonly span: Span;
  /** Whether free names bind; in assertions they must be known. */
  readonly binds: boolean;
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
      hint: `convert it with \`cast(…, ${dtype})\``,
    });
    return false;
  }
  const axes = alignAxes(pattern.axes, type);
  if (!axes) {
    const least = pattern.axes.filter((axis) => axis.kind === 'size').length;
    const some = least !== pattern.axes.length;
    const plural = least === 1 ? 'axis' : 'axes';
    report(
      frame,
      'HED2202',
      matching.span,
      `${matching.what} must have ${some ? 'at least ' : ''}${least} ${plural}, found ${printType(type)}`,
      {
        label: `${type.shape.length} ${type.shape.length === 1 ? 'axis' : 'axes'}`,
        secondary: [there],
      },
    );
    return false;
  }
  // Bare names first, so that `f32[n, 2 * n]` and `f32[2 * n, n]` both work.
  const bare = axes.filter(({ axis }) => axis.kind === 'rest' || axis.value.kind === 'name');
  const computed = axes.filter(({ axis }) => axis.kind === 'size' && axis.value.kind !== 'name');
  return [...bare, ...computed].every((pair) => matchAxis(frame, pair, type, matching, there));
}

export function resolveDType(frame: Frame, pattern: TensorTypeExpr): DType | undefined {
  const known = dtypeNamed(pattern.dtype.text);
  if (known) return known;
  const bound = frame.scope.lookup(pattern.dtype.text)?.value;
  if (bound?.kind === 'dtype') return bound.dtype;
  report(frame, 'HED2203', pattern.dtype.span, `\`${pattern.dtype.text}\` is not a dtype`, {
    hint: `dtypes are ${[...DTYPES].join(', ')}`,
  });
  return undefined;
}

interface AxisPair {
  readonly axis: Axis;
  readonly dims: readonly Dim[];
  readonly at: number;
}

/** Pairs pattern axes with the type's; undefined when the ranks cannot agree. One `..rest` takes what is left. */
function alignAxes(axes: readonly Axis[], type: TensorType): AxisPair[] | undefined {
  const rests = axes.filter((axis) => axis.kind === 'rest').length;
  const spare = type.shape.length - (axes.length - rests);
  if (spare < 0 || (rests === 0 && spare > 0)) return undefined;
  let at = 0;
  return axes.map((axis) => {
    const width = axis.kind === 'rest' ? spare : 1;
    const pair = { axis, dims: type.shape.slice(at, at + width), at };
    at += width;
    return pair;
  });
}

function matchAxis(frame: Frame, pair: AxisPair, type: TensorType, matching: Matching, there: Label): boolean {
  const { axis, dims, at } = pair;
  const name = axis.kind === 'rest' ? axis.name.text : axis.value.kind === 'name' ? axis.value.text : undefined;
  const binding = name === undefined ? undefined : frame.scope.lookup(name);
  if (name !== undefined && !binding && matching.binds) {
    const value = axis.kind === 'rest' ? ({ kind: 'axes', axes: dims } as const) : integer(dims[0]!);
    frame.scope.define({ name, value, span: matching.span, role: 'dimension' });
    return true;
  }
  if (axis.kind === 'rest') {
    if (binding?.value.kind === 'axes') {
      if (sameShape(binding.value.axes, dims)) return true;
      return mismatch(
        frame,
        matching,
        type,
        [`..${name}: ${printShape(dims)} against ${printShape(binding.value.axes)}`],
        there,
        binding,
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
  return mismatch(frame, matching, type, [sizes, ...undecided], there, binding);
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
  binding: Binding | undefined,
): false {
  const origin =
    binding && binding.span !== matching.span
      ? [{ span: binding.span, text: `\`${binding.name}\` was bound to ${printValue(binding.value)} here` }]
      : [];
  report(frame, 'HED2205', matching.span, `${matching.what} does not have the shape asked for`, {
    label: printType(type),
    secondary: [there, ...origin],
    notes,
  });
  return false;
}

/** The pattern as written, on one line. */
export function printPattern(pattern: TensorTypeExpr): string {
  const { source, start, end } = pattern.span;
  return source.text.slice(start, end).replace(/\s+/g, ' ');
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
        report(frame, 'HED2204', axis.span, `a size must be an int of at least 0, found \`${printValue(size)}\``);
      sound = false;
    }
  }
  if (!sound || !dtype) return undefined;
  // Throws DimensionOverflow, which the statement reports, where the elements cannot be counted.
  elementCount(shape);
  return { dtype, shape };
}

/** In a model a dimension has to be declared; elsewhere a signature binds it. */
function reportUndeclaredDimension(frame: Frame, size: Expr): boolean {
  if (frame.role !== 'model' || size.kind !== 'name' || lookupName(frame, size.text)) return false;
  const known = frame.elaboration.dims.map((dim) => dim.name);
  const similar = closest(size.text, [...known, ...frame.scope.names()]);
  report(frame, 'HED2005', size.span, `the dimension \`${size.text}\` is not declared`, {
    hint: similar ? `did you mean \`${similar}\`?` : `declare it: \`dims ${[...known, size.text].join(', ')}\``,
  });
  return true;
}

function isNegative(size: Dim): boolean {
  return (constantValue(size) ?? 0) < 0;
}
