/** Did-you-mean for names of a spec. */
import { shortText, type Span } from '../base/source.ts';
import { closest } from '../base/suggest.ts';
import type { Frame } from './frame.ts';
import { hintForWord } from './habits.ts';
import { staticFunctionNames } from './static-functions.ts';
import type { StaticValue } from './values.ts';

/** For something where a tensor should stand: one that was not given, or what would be one if it were applied. */
export function suggestApplication({ kind }: StaticValue, span: Span): string | undefined {
  if (kind === 'none') return `what may be missing needs a choice: \`if given(${shortText(span)}) then … else …\``;
  const isCallable = ['instance', 'block', 'model', 'function', 'op', 'staticFunction'].includes(kind);
  return isCallable ? `apply it to a tensor: \`x |> ${shortText(span)}\`` : undefined;
}

/** After so many mistakes no more names are compared: where everything is unknown, that takes long and helps nobody. */
export const MAX_SUGGESTIONS = 100;

export function suggestName(frame: Frame, name: string): string | undefined {
  const known = hintForWord(name);
  if (known) return known;
  const ops = [...frame.elaboration.ops.values()].filter((op) => !op.internal).map((op) => op.name);
  const similar = closest(name, [...frame.scope.names(), ...ops, ...staticFunctionNames]);
  return similar && `did you mean \`${similar}\`?`;
}
