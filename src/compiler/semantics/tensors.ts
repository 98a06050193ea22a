/** Ops on tensors from operators and calls: numbers become constants, operands are broadcast, errors get their place. */
import type { Label } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import { print } from '../dims/dim.ts';
import { sameShape } from '../dims/shape.ts';
import type { Attributes, DType, Value } from '../ir/graph.ts';
import type { Op, TypeError } from '../ir/op.ts';
import { broadcastShapes, printType } from '../ir/types.ts';
import type { BinaryExpr, BinaryOperator } from '../syntax/ast.ts';
import { demand, report, type Frame } from './frame.ts';
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
  const op = frame.elaboration.builder.op(operatorOps[expr.operator]);
  const operands = [
    { value: left, span: expr.left.span },
    { value: right, span: expr.right.span },
  ];
  return applyOp(
    frame,
    op,
    operands,
    {},
    { name: expr.operator, span: expr.span, operands: operands.map((operand) => operand.span), attributes: new Map() },
  );
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
      return reportTypeError(frame, { message, notes: broadcast.notes }, values, site);
    }
    ready = broadcast.values;
  }
  const applied = builder.tryApply(op, ready, attributes);
  if ('error' in applied) return reportTypeError(frame, applied.error, ready, site);
  demandSizes(frame, applied.values, site);
  for (const { atLeastZero, message } of applied.conditions) demand(frame, atLeastZero, message, site.span);
  return applied.values.length === 1 && !op.several
    ? tensor(applied.values[0]!)
    : { kind: 'tuple', elements: applied.values.map(tensor) };
}

/** Sizes that subtract dimensions, as in `split(x, [n - 3, 3])`, must not become negative in a run. */
function demandSizes(frame: Frame, values: readonly Value[], { name, span }: CallSite): void {
  for (const size of values.flatMap((value) => value.type.shape)) {
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
    if (value.kind === 'float' && own !== 'f32' && !Number.isInteger(number)) {
      report(frame, 'HED2206', span, `${printValue(value)} is not an ${own}`, {
        hint: 'convert the tensor with `cast(…, f32)`',
      });
      return undefined;
    }
    return builder.one('constant', [], { dtype: own, shape: [], data: [number] });
  }
  if (value.kind === 'integer') return builder.one('size', [], { size: value.value, dtype });
  report(frame, 'HED2207', span, `\`${site.name}\` takes tensors, found ${describeKind(value)}`, {
    label: printValue(value),
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
  return {
    values: values.map((value) =>
      sameShape(value.type.shape, common.shape) ? value : builder.one('expand', [value], { shape: common.shape }),
    ),
  };
}

/** Points at the operand or attribute to blame, and names the shapes of the others. */
function reportTypeError(frame: Frame, error: TypeError, values: readonly Value[], site: CallSite): StaticValue {
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
            end: Math.min(attribute.end, attribute.start + 2 + error.at),
          };
    return report(frame, 'HED2210', at, error.message, { ...details, secondary: types });
  }
  const blamed = error.operand ?? (types.length > 1 ? types.length - 1 : 0);
  const primary = types[blamed];
  if (!primary) return report(frame, 'HED2210', site.span, error.message, details);
  return report(frame, 'HED2210', primary.span, error.message, {
    ...details,
    label: primary.text,
    secondary: types.filter((_, at) => at !== blamed),
  });
}
