/** The initialiser a parameter names, checked against the records. Drawing the values is the runtime's work. */
import { closest } from '../base/suggest.ts';
import type { Attribute, Initializer } from '../ir/graph.ts';
import type { Argument, CallExpr, Expr, Name } from '../syntax/ast.ts';
import { evaluateExpression } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { initializerRecords } from './initializer-records.ts';
import { describeType, fitSetting, type ArgumentRecord, type CallableRecord } from './optimizers/arguments.ts';
import { numberOf, printValue } from './values.ts';

/** `normal(std: 0.02)` or a bare `zeros`; undefined after a report. */
export function evaluateInitializer(frame: Frame, expr: Expr): Initializer | undefined {
  if (expr.kind === 'error') return undefined;
  const callee = expr.kind === 'call' ? expr.callee : expr;
  const record = callee.kind === 'name' && initializerRecords.find(({ name }) => name === callee.text);
  if (record) return bindArguments(frame, record, callee, expr.kind === 'call' ? expr : undefined);
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
): Initializer | undefined {
  const values: { [name: string]: Attribute } = {};
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
  if (!missing) return { name: record.name, arguments: values };
  report(frame, 'HED2516', (call ?? callee).span, `\`${record.name}\` needs \`${missing.name}\``);
  return undefined;
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
