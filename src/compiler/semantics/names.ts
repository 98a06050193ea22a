/** Names in text that the parser could not make sense of. */
import type { Span } from '../base/source.ts';

/** Every word in the span that could be a name. */
export function namesInText({ source, start, end }: Span): string[] {
  return source.text.slice(start, end).match(/[A-Za-z_][A-Za-z0-9_]*/g) ?? [];
}
