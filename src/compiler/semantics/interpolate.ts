/** `{expression}` in the message of a `require`. */
import { DiagnosticSink } from '../base/diagnostic.ts';
import { parseValue } from '../syntax/parse.ts';
import { evaluateExpression } from './expressions.ts';
import { silently, type Frame } from './frame.ts';
import { printValue } from './values.ts';

/** Braces whose text does not evaluate are left as they are. */
export function interpolate(frame: Frame, message: string): string {
  return message.replace(/\{([^{}]*)\}/g, (whole, text: string) => {
    const sink = new DiagnosticSink();
    const expr = parseValue({ path: 'message', text }, sink);
    const value = sink.hasErrors ? undefined : evaluateExpression(silently(frame), expr);
    return !value || value.kind === 'error' ? whole : value.kind === 'string' ? value.text : printValue(value);
  });
}
