/** What the compiler tells a user: a code, a place, a sentence, and where possible a fix. */
import type { Code } from './catalog.ts';
import type { Span } from './source.ts';

export type Severity = 'error' | 'warning';

/** A place with a few words that belong to it. */
export interface Label {
  readonly span: Span;
  readonly text: string;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  /** One sentence of what is wrong, with the concrete names and shapes. No final full stop. */
  readonly message: string;
  /** Where; absent only when no text is at fault (a missing file, a flag). `text` may be empty. */
  readonly primary?: Label;
  readonly secondary: readonly Label[];
  /** Further facts, one a line: `axis 1: 65 against 64`. */
  readonly notes: readonly string[];
  /** What to do about it. */
  readonly hint?: string;
}

export interface DiagnosticDetails {
  /** A few words printed under the primary span, usually what was found there. */
  readonly label?: string;
  readonly secondary?: readonly Label[];
  readonly notes?: readonly string[];
  readonly hint?: string | undefined;
  readonly severity?: Severity;
}

/** Makes an error (or a warning, by `details.severity`) at `span`. */
export function diagnostic(
  code: Code,
  span: Span | undefined,
  message: string,
  details: DiagnosticDetails = {},
): Diagnostic {
  return {
    code,
    severity: details.severity ?? 'error',
    message,
    ...(span && { primary: { span, text: details.label ?? '' } }),
    secondary: details.secondary ?? [],
    notes: details.notes ?? [],
    ...(details.hint !== undefined && { hint: details.hint }),
  };
}

/** Collects diagnostics of one compilation. Every stage is given one; none throws on user input. */
export class DiagnosticSink {
  readonly items: Diagnostic[] = [];

  report(item: Diagnostic): void {
    this.items.push(item);
  }

  get hasErrors(): boolean {
    return this.items.some((item) => item.severity === 'error');
  }
}
