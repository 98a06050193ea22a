/** The one layout of a spec's text. */
import { DiagnosticSink } from '../../base/diagnostic.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Source } from '../../base/source.ts';
import { lex } from '../lex.ts';
import { parseFile } from '../parse.ts';
import { fileDoc } from './declarations.ts';
import { print } from './doc.ts';
import { Writer } from './writer.ts';

/** How long a line may be, in characters. */
const lineWidth = 120;

export type Formatted =
  | { readonly text: string; readonly diagnostics?: undefined }
  | { readonly text?: undefined; readonly diagnostics: readonly Diagnostic[] };

/**
 * The text of a spec in its canonical layout: the same tree and the same comments, however they were written. A text
 * with syntax errors has none; they are returned instead.
 */
export function formatSpec(source: Source): Formatted {
  const sink = new DiagnosticSink();
  const file = parseFile(source, sink);
  if (sink.items.length > 0) return { diagnostics: sink.items };
  const { tokens, comments } = lex(source, sink);
  return { text: print(fileDoc(new Writer(tokens, comments), file), lineWidth) };
}
