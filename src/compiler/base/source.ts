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

/** The text of a span, on one line. */
export function textOf({ source, start, end }: Span): string {
  return source.text.slice(start, end).replace(/\s+/g, ' ');
}

/** The same as the argument of a call in a hint: `…` where it would be long. */
export function shortText(span: Span): string {
  const text = textOf(span);
  return text.length <= 30 ? text : '…';
}

/** Where the lines of a text begin; found once, so that each of many positions costs a binary search. */
export class Lines {
  readonly #text: string;
  readonly #starts: readonly number[];

  constructor(text: string) {
    const starts = [0];
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
    this.#text = text;
    this.#starts = starts;
  }

  positionAt(offset: number): Position {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return { line: low, column: offset - this.#starts[low - 1]! + 1 };
  }

  /** A line by its number, without its line break; empty where there is none. */
  line(number: number): string {
    const start = this.#starts[number - 1];
    if (start === undefined) return '';
    const next = this.#starts[number];
    return this.#text.slice(start, next === undefined ? undefined : next - 1).replace(/\r$/, '');
  }
}

/** A single position; whoever needs several of a text keeps its `Lines`. */
export function positionAt(source: Source, offset: number): Position {
  return new Lines(source.text).positionAt(offset);
}
