/** Ops on tensors from operators and calls: numbers become constants, operands are broadcast, errors get their place. */
import type { Label } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import { isAtLeast, print } from '../dims/dim.ts';
import { elementCount, isCountable, sameShape } from '../dims/shape.ts';
import type { Attributes, DType, Value } from '../ir/graph.ts';
import type { Op, SizeCondition, TypeError } from '../ir/op.ts';
import { broadcastShapes, isOne, printType } from '../ir/types.ts';
import type { BinaryExpr, BinaryOperator } from '../syntax/ast.ts';
import { demand, report, type Frame } from './frame.ts';
import { originsOf, symbolsOfSizes, type Place } from './origins.ts';
import { conversionOf, exchangeOf, repairOf } from './repairs.ts';
import { suggestApplication } from './suggestions.ts';
import { describeKind, ERROR, numberOf, printValue, tensor, type StaticValue } from './values.ts';

const operatorOps: Readonly<Record<BinaryOperator, string>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'mod',
  '**': 'pow',
  '@': 'matmul',
  '==': 'equal',
  '!=': 'not_equal',
  '<': 'less',
  '<=': 'less_equal',
  '>': 'greater',
  '>=': 'greater_equal',
  and: 'and',
  or: 'or',
};

/** An operand with the place it was written at. */
export interface Operand {
  readonly value: StaticValue;
  readonly span: Span;
}

/** Where the parts of a call stand, so that a type error can point at the one to blame. */
export interface CallSite {
  /** How the user spelled the op: `+`, `softmax`. */
  readonly name: string;
  readonly span: Span;
  readonly operands: readonly Span[];
  readonly attributes: ReadonlyMap<string, Span>;
}

export function applyOperator(frame: Frame, expr: BinaryExpr, left: StaticValue, right: StaticValue): StaticValue {
  const operands = [
    { value: left, span: expr.left.span },
    { value: right, span: expr.right.span },
  ] as const;
  return applyBinary(frame, expr.operator, ...operands, expr.span);
}

export function applyBinary(
  frame: Frame,
  operator: BinaryOperator,
  left: Operand,
  right: Operand,
  span: Span,
): StaticValue {
  const site = { name: operator, span, operands: [left.span, right.span], attributes: new Map() };
  return applyOp(frame, frame.elaboration.builder.op(operatorOps[operator]), [left, right], {}, site);
}

export function applyUnaryOperator(frame: Frame, operator: '-' | '+' | 'not', value: Value, span: Span): StaticValue {
  if (operator === '+') return tensor(value);
  const op = frame.elaboration.builder.op(operator === '-' ? 'neg' : 'not');
  return applyOp(
    frame,
    op,
    [{ value: tensor(value), span }],
    {},
    { name: operator, span, operands: [span], attributes: new Map() },
  );
}

/** Applies an op to operands that may be numbers; a single result is the tensor itself, several are a tuple. */
export function applyOp(
  frame: Frame,
  op: Op,
  operands: readonly Operand[],
  attributes: Attributes,
  site: CallSite,
): StaticValue {
  const dtype = commonDType(operands);
  const values: Value[] = [];
  for (const operand of operands) {
    const value = asTensor(frame, operand, dtype, site);
    if (!value) return ERROR;
    values.push(value);
  }
  const { builder } = frame.elaboration;
  builder.origin = { path: frame.path, span: site.span };
  let ready: readonly Value[] = values;
  if (op.body.kind === 'pointwise') {
    const broadcast = broadcastAll(frame, values);
    if ('notes' in broadcast) {
      const message = `\`${site.name}\` needs broadcastable shapes`;
      const hint = repairOf(frame.elaboration, { op, values, attributes, texts: textsOf(site) });
      const error = { message, notes: broadcast.notes, ...(hint !== undefined && { hint }) };
      return reportTypeError(frame, error, values, site, sizeLabels(frame, values, hint));
    }
    ready = broadcast.values;
  }
  const applied = builder.tryApply(op, ready, attributes);
  if ('error' in applied) {
    const { error } = applied;
    const misfit = { op, values, attributes, texts: textsOf(site) };
    const types = ready.map((value) => value.type);
    const { elaboration } = frame;
    const conversion = exchangeOf(elaboration, misfit, types) ?? conversionOf(elaboration, misfit, types);
    const hint = conversion ?? error.hint ?? repairOf(elaboration, misfit);
    const labels = originsOf(frame.elaboration, values.flatMap(axesOf));
    return reportTypeError(frame, { ...error, ...(hint !== undefined && { hint }) }, values, site, labels);
  }
  if (!applied.values.every((value) => isCountable(value.type.shape)))
    return report(frame, 'HED2210', site.span, `the result of \`${site.name}\` has more than 2^45 elements`);
  for (const { atLeastZero, message } of applied.conditions) demand(frame, atLeastZero, message, site.span);
  demandSizes(frame, applied, ready, site);
  return applied.values.length === 1 && !op.several
    ? tensor(applied.values[0]!)
    : { kind: 'tuple', elements: applied.values.map(tensor) };
}

/**
 * Sizes that subtract dimensions, as in `split(x, [n - 3, 3])`, must not become negative in a run. Those of operands
 * have been seen to, and some follow from what the op itself demands.
 */
function demandSizes(
  frame: Frame,
  { values, conditions }: { readonly values: readonly Value[]; readonly conditions: readonly SizeCondition[] },
  operands: readonly Value[],
  { name, span }: CallSite,
): void {
  const { bounds } = frame.elaboration;
  const known = new Set(operands.flatMap((operand) => operand.type.shape.map((size) => size.key)));
  for (const size of values.flatMap((value) => value.type.shape)) {
    if (known.has(size.key) || conditions.some(({ atLeastZero }) => isAtLeast(size, atLeastZero, bounds))) continue;
    demand(frame, size, `a size of \`${name}\` is negative: ${print(size)}`, span);
  }
}

/** Literals take the dtype of the tensors beside them. */
function commonDType(operands: readonly Operand[]): DType {
  for (const { value } of operands)
    if (value.kind === 'tensor' && value.value.type.dtype !== 'bool') return value.value.type.dtype;
  return 'f32';
}

function asTensor(frame: Frame, operand: Operand, dtype: DType, site: CallSite): Value | undefined {
  const { value, span } = operand;
  if (value.kind === 'tensor') return value.value;
  if (value.kind === 'error') return undefined;
  const { builder } = frame.elaboration;
  builder.origin = { path: frame.path, span };
  const number = value.kind === 'bool' ? Number(value.value) : numberOf(value);
  if (number !== undefined) {
    const own = value.kind === 'bool' ? 'bool' : dtype;
    const applied = builder.tryApply(builder.op('constant'), [], { dtype: own, shape: [], data: [number] });
    if ('values' in applied) return applied.values[0]!;
    report(frame, 'HED2206', span, `${printValue(value)} is not ${own === 'i32' ? 'an' : 'a'} ${own}`, {
      hint: 'convert the tensor with `cast(…, f32)`',
    });
    return undefined;
  }
  if (value.kind === 'integer') return builder.one('size', [], { size: value.value, dtype });
  report(frame, 'HED2207', span, `\`${site.name}\` takes tensors, found ${describeKind(value)}`, {
    label: printValue(value),
    hint: suggestApplication(value, span),
  });
  return undefined;
}

function broadcastAll(
  frame: Frame,
  values: readonly Value[],
): { values: readonly Value[] } | { notes: readonly string[] } {
  const common = broadcastShapes(values.map((value) => value.type.shape));
  if ('notes' in common) return common;
  const { builder } = frame.elaboration;
  // Throws DimensionOverflow, which the statement reports, where they cannot be counted at all.
  elementCount(common.shape);
  return {
    values: values.map((value) =>
      sameShape(value.type.shape, common.shape) ? value : builder.one('expand', [value], { shape: common.shape }),
    ),
  };
}

/** The operands as they are written, where that is short. */
function textsOf({ operands }: CallSite): string[] {
  return operands.map(({ source, start, end }) => {
    const text = source.text.slice(start, end);
    return /^[\w.]+$/.test(text) ? text : text.length <= 30 && !text.includes('\n') ? `(${text})` : '…';
  });
}

/** Where the sizes come from that do not agree; with a hint, the declarations of dimensions would only distract. */
function sizeLabels(frame: Frame, values: readonly Value[], hint: string | undefined): Label[] {
  const [a, b] = values;
  if (!a || !b || values.length !== 2) return [];
  const depth = Math.min(a.type.shape.length, b.type.shape.length);
  const places = Array.from({ length: depth }, (_, from) => from + 1).flatMap((back) => {
    const pair = [a, b].map((value): Place => [value, value.type.shape.length - back]);
    const [left, right] = pair.map(([value, axis]) => value.type.shape[axis]!);
    return left!.key === right!.key || isOne(left!) || isOne(right!) ? [] : pair;
  });
  const origins = originsOf(frame.elaboration, places);
  const isAboutDims = hint === undefined || hint.includes('`dims ');
  return isAboutDims ? [...origins, ...symbolsOfSizes(frame.elaboration, places)] : origins;
}

/** That of the word, or the one sign, at an offset in a pattern. */
function wordLength({ source, start, end }: Span, at: number): number {
  return /^\w+/.exec(source.text.slice(start + 1 + at, end))?.[0].length ?? 1;
}

function axesOf(value: Value): Place[] {
  return value.type.shape.map((_, axis) => [value, axis]);
}

/** Points at the operand or attribute to blame, and names the shapes of the others. */
function reportTypeError(
  frame: Frame,
  error: TypeError,
  values: readonly Value[],
  site: CallSite,
  origins: readonly Label[],
): StaticValue {
  const attribute = error.attribute === undefined ? undefined : site.attributes.get(error.attribute);
  const types = values.map((value, at): Label => ({
    span: site.operands[at] ?? site.span,
    text: printType(value.type),
  }));
  const details = { notes: error.notes ?? [], hint: error.hint };
  if (attribute) {
    // A pattern's text starts one quote after its span.
    const at =
      error.at === undefined
        ? attribute
        : {
            ...attribute,
            start: attribute.start + 1 + error.at,
            end: Math.min(attribute.end, attribute.start + 1 + error.at + wordLength(attribute, error.at)),
          };
    return report(frame, 'HED2210', at, error.message, { ...details, secondary: [...types, ...origins] });
  }
  const blamed = error.operand ?? (types.length > 1 ? types.length - 1 : 0);
  const primary = types[blamed];
  if (!primary) return report(frame, 'HED2210', site.span, error.message, details);
  return report(frame, 'HED2210', primary.span, error.message, {
    ...details,
    label: primary.text,
    secondary: [...types.filter((_, at) => at !== blamed), ...origins],
  });
}
