/** The initialisers a parameter may name, with their arguments. Drawing the values is the runtime's work. */
import { closest } from '../base/suggest.ts';
import type { Attribute, Initializer } from '../ir/graph.ts';
import type { Expr } from '../syntax/ast.ts';
import { evaluateExpression } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { numberOf, printValue } from './values.ts';

/** Argument names in positional order, PyTorch's (`torch.nn.init`). */
const initializers: Readonly<Record<string, readonly string[]>> = {
  zeros: [],
  ones: [],
  constant: ['value'],
  normal: ['mean', 'std'],
  trunc_normal: ['mean', 'std', 'a', 'b'],
  uniform: ['a', 'b'],
  xavier_uniform: ['gain'],
  xavier_normal: ['gain'],
  kaiming_uniform: ['a', 'mode', 'nonlinearity'],
  kaiming_normal: ['a', 'mode', 'nonlinearity'],
};

/** The arguments that are words; all others are numbers. */
const words: ReadonlySet<string> = new Set(['mode', 'nonlinearity']);

/** `normal(std: 0.02)` or a bare `zeros`; undefined after a report. */
export function evaluateInitializer(frame: Frame, expr: Expr): Initializer | undefined {
  const callee = expr.kind === 'call' ? expr.callee : expr;
  if (expr.kind === 'error') return undefined;
  if (callee.kind !== 'name' || !Object.hasOwn(initializers, callee.text)) {
    const similar = callee.kind === 'name' ? closest(callee.text, Object.keys(initializers)) : undefined;
    report(frame, 'HED2515', callee.span, 'a parameter starts from an initialiser', {
      hint: similar ? `did you mean \`${similar}\`?` : `initialisers are ${Object.keys(initializers).join(', ')}`,
    });
    return undefined;
  }
  const names = initializers[callee.text]!;
  const values: { [name: string]: Attribute } = {};
  for (const [at, argument] of (expr.kind === 'call' ? expr.arguments : []).entries()) {
    const name = argument.name?.text ?? names[at];
    const value = evaluateExpression(frame, argument.value);
    if (value.kind === 'error') return undefined;
    if (name === undefined || !names.includes(name)) {
      report(
        frame,
        'HED2516',
        argument.span,
        `\`${callee.text}\` takes ${names.length === 0 ? 'no arguments' : names.join(', ')}`,
      );
      return undefined;
    }
    const plain = !words.has(name) ? numberOf(value) : value.kind === 'string' ? value.text : undefined;
    if (plain === undefined) {
      report(
        frame,
        'HED2516',
        argument.value.span,
        `\`${name}\` of \`${callee.text}\` must be ${words.has(name) ? 'a string' : 'a number known at compile time'}, found \`${printValue(value)}\``,
      );
      return undefined;
    }
    values[name] = plain;
  }
  return { name: callee.text, arguments: values };
}
