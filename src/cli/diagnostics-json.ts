/** Diagnostics as a document for other programs. Its form is described in docs/errors.md. */
import { type Diagnostic, type Label, Lines, type Source } from '../compiler/index.ts';

/** A place: `line` and `column` count from 1, columns in UTF-16 units; the end is that of the first place behind it. */
export interface JsonLabel {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The words under the place; may be empty. */
  readonly text: string;
}

export interface JsonDiagnostic {
  /** Null for what is wrong with the command or a file as a whole and has no code. */
  readonly code: string | null;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** Null where no text is at fault. */
  readonly primary: JsonLabel | null;
  readonly secondary: readonly JsonLabel[];
  readonly notes: readonly string[];
  readonly hint: string | null;
}

/** What `--json` prints of mistakes. A change that could break a reader gives it another `version`. */
export interface JsonReport {
  readonly version: 1;
  readonly errors: number;
  readonly warnings: number;
  readonly diagnostics: readonly JsonDiagnostic[];
}

export function jsonReport(diagnostics: readonly JsonDiagnostic[]): string {
  const errors = diagnostics.filter((item) => item.severity === 'error').length;
  const report: JsonReport = { version: 1, errors, warnings: diagnostics.length - errors, diagnostics };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** The sources of several diagnostics, each cut into lines once. */
export function toJson(diagnostics: readonly Diagnostic[]): JsonDiagnostic[] {
  const sources = new Map<Source, Lines>();
  const label = ({ span, text }: Label): JsonLabel => {
    const lines = sources.get(span.source) ?? new Lines(span.source.text);
    sources.set(span.source, lines);
    const [start, end] = [lines.positionAt(span.start), lines.positionAt(span.end)];
    const { line, column } = start;
    return { path: span.source.path, line, column, endLine: end.line, endColumn: end.column, text };
  };
  return diagnostics.map(({ code, severity, message, primary, secondary, notes, hint }) => ({
    code,
    severity,
    message,
    primary: primary ? label(primary) : null,
    secondary: secondary.map(label),
    notes,
    hint: hint ?? null,
  }));
}

/** A mistake that has no code and no place. */
export function uncodedError(message: string, notes: readonly string[], hint: string | undefined): JsonDiagnostic {
  return { code: null, severity: 'error', message, primary: null, secondary: [], notes, hint: hint ?? null };
}
