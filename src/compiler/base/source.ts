/** Source texts and positions in them. Knows nothing of the language. */

/** One text the compiler was given: a spec, a standard library file, a JSON map or a command-line flag. */
export interface Source {
  /** How the user names it: a path, `std/nn`, or `--set`. */
  readonly path: string;
  readonly text: string;
}

/** A half-open range of UTF-16 offsets, `start <= end`, in one source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** One-based line and column of an offset. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export function spanning(from: Span, to: Span): Span {
  return { source: from.source, start: Math.min(from.start, to.start), end: Math.max(from.end, to.end) };
}

export function positionAt(source: Source, offset: number): Position {
  const before = source.text.slice(0, offset);
  const lastBreak = before.lastIndexOf('\n');
  let line = 1;
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line++;
  return { line, column: offset - lastBreak };
}
