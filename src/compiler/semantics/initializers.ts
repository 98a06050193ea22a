/** The initialiser a parameter names, checked against the records, as a distribution. Drawing from it is the runtime's work. */
import type { Distribution } from '../../program/training.ts';
import { closest } from '../base/suggest.ts';
import type { TensorType } from '../ir/graph.ts';
import type { Argument, CallExpr, Expr, Name } from '../syntax/ast.ts';
import { evaluateCondition, evaluateExpression } from './expressions.ts';
import { distributionOf } from './distributions.ts';
import { report, type Frame } from './frame.ts';
import { initializerRecords } from './initializer-records.ts';
import { describeType, fitSetting, type ArgumentRecord, type CallableRecord } from './optimizers/arguments.ts';
import type { Setting, Settings } from './optimizers/optimizer.ts';
import { numberOf, printValue } from './values.ts';

/** `normal(std: 0.02)`, a bare `zeros` or a choice of such for a parameter of that type; undefined after a report. */
export function evaluateInitializer(frame: Frame, expr: Expr, type: TensorType): Distribution | undefined {
  if (expr.kind === 'error') return undefined;
  if (expr.kind === 'if') {
    const condition = evaluateCondition(frame, expr.condition);
    if (condition === undefined) return undefined;
    return evaluateInitializer(frame, condition ? expr.then : expr.else, type);
  }
  const callee = expr.kind === 'call' ? expr.callee : expr;
  const record = callee.kind === 'name' && initializerRecords.find(({ name }) => name === callee.text);
  if (record) {
    const settings = bindArguments(frame, record, callee, expr.kind === 'call' ? expr : undefined);
    const drawn = settings && distributionOf(record.name, settings, type);
    if (drawn === undefined || !('fault' in drawn)) return drawn;
    report(frame, 'HED2516', expr.span, drawn.fault);
    return undefined;
  }
  const names = initializerRecords.map(({ name }) => name);
  const similar = callee.kind === 'name' ? closest(callee.text, names) : undefined;
  report(frame, 'HED2515', callee.span, 'a parameter starts from an initialiser', {
    hint: similar ? `did you mean \`${similar}\`?` : `initialisers are ${names.join(', ')}`,
  });
  return undefined;
}

function bindArguments(
  frame: Frame,
  record: CallableRecord,
  callee: Name,
  call: CallExpr | undefined,
): Settings | undefined {
  const values: { [name: string]: Setting } = {};
  for (const [at, argument] of (call?.arguments ?? []).entries()) {
    const wanted = argument.name
      ? record.arguments.find(({ name }) => name === argument.name?.text)
      : record.arguments[at];
    if (!wanted) {
      reportSurplus(frame, record, argument);
      return undefined;
    }
    if (Object.hasOwn(values, wanted.name)) {
      report(frame, 'HED2305', argument.span, `\`${wanted.name}\` of \`${record.name}\` is given twice`);
      return undefined;
    }
    const value = evaluateArgument(frame, record, wanted, argument);
    if (value === undefined) return undefined;
    values[wanted.name] = value;
  }
  const missing = record.arguments.find((one) => one.default === undefined && !Object.hasOwn(values, one.name));
  if (!missing) return { ...defaultsOf(record), ...values };
  report(frame, 'HED2516', (call ?? callee).span, `\`${record.name}\` needs \`${missing.name}\``);
  return undefined;
}

function defaultsOf(record: CallableRecord): Settings {
  return Object.fromEntries(
    record.arguments.flatMap((one) => (one.default === undefined ? [] : [[one.name, one.default]])),
  );
}

function reportSurplus(frame: Frame, record: CallableRecord, { name, span }: Argument): void {
  const names = record.arguments.map((one) => one.name);
  const similar = name && closest(name.text, names);
  const takes = `\`${record.name}\` takes ${names.length === 0 ? 'no arguments' : names.join(', ')}`;
  report(frame, 'HED2516', name?.span ?? span, takes, { hint: similar && `did you mean \`${similar}\`?` });
}

function evaluateArgument(
  frame: Frame,
  record: CallableRecord,
  { name, type }: ArgumentRecord,
  { value: expr }: Argument,
): number | string | undefined {
  const value = evaluateExpression(frame, expr);
  if (value.kind === 'error') return undefined;
  const fitted = fitSetting(type, value.kind === 'string' ? value.text : numberOf(value));
  if (typeof fitted === 'number' || typeof fitted === 'string') return fitted;
  const wanted = `${describeType(type)}${type.kind === 'float' ? ' known at compile time' : ''}`;
  const message = `\`${name}\` of \`${record.name}\` must be ${wanted}, found \`${printValue(value)}\``;
  report(frame, 'HED2516', expr.span, message);
  return undefined;
}
