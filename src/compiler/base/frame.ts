/** Code frames: the lines that labels point at, with what they point at underlined. */
import type { DisplayLine } from './columns.ts';
import { displayLine, printable, sliceColumns } from './columns.ts';
import type { Position, Span } from './source.ts';
import { Lines } from './source.ts';

/** How each part of a frame is painted; the identity without colour. */
export interface Paint {
  readonly gutter: (text: string) => string;
  readonly primary: (text: string) => string;
  readonly secondary: (text: string) => string;
}

export interface FrameLabel {
  readonly span: Span;
  readonly text: string;
  readonly primary: boolean;
}

/** A label's part on one line, in display columns. Only the last part of a label carries its text. */
interface Mark {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly primary: boolean;
}

/** The widest piece of code shown of a line, and how much of it stays in view before what is marked. */
const window = { width: 120, before: 40 };

/** A source text, prepared for showing lines of it. */
export class SourceView {
  readonly #lines: Lines;
  /** Several labels often lie on one line, and a line can be as long as the file. */
  #last: { readonly line: number; readonly display: DisplayLine } | undefined;

  constructor(text: string) {
    this.#lines = new Lines(text);
  }

  positionAt(offset: number): Position {
    return this.#lines.positionAt(offset);
  }

  line(number: number): string {
    return this.#lines.line(number);
  }

  display(line: number): DisplayLine {
    if (this.#last?.line !== line) this.#last = { line, display: displayLine(this.line(line)) };
    return this.#last.display;
  }
}

/** The rows of a frame over one source; `width` is that of the line numbers. */
export function frame(view: SourceView, labels: readonly FrameLabel[], width: number, paint: Paint): string[] {
  const marks = new Map<number, Mark[]>();
  for (const label of labels) {
    for (const [line, mark] of marksOf(label, view)) marks.set(line, [...(marks.get(line) ?? []), mark]);
  }
  const rows: string[] = [];
  let last: number | undefined;
  const show = (line: number): void => {
    const number = paint.gutter(`${String(line).padStart(width)} │`);
    const { code, under } = markedLine(view.display(line), marks.get(line) ?? [], paint);
    rows.push(`${number} ${code}`.trimEnd());
    for (const row of under) rows.push(`${paint.gutter(`${' '.repeat(width)} │`)} ${row}`);
  };
  for (const line of [...marks.keys()].sort((a, b) => a - b)) {
    // One line between is shown, more are a gap.
    if (last !== undefined && line === last + 2) show(last + 1);
    else if (last !== undefined && line > last + 2) rows.push(paint.gutter(`${' '.repeat(width)} ·`));
    show(line);
    last = line;
  }
  return rows;
}

/** A label's marks by line: one, or for a span of several lines one on its first and one on its last. */
function marksOf(label: FrameLabel, view: SourceView): [number, Mark][] {
  const { start, end } = label.span;
  const from = view.positionAt(start);
  let to = view.positionAt(end);
  // A span that ends with a line break ends on the line before it.
  if (to.line > from.line && to.column === 1) {
    to = { line: to.line - 1, column: view.line(to.line - 1).length + 1 };
  }
  const { primary } = label;
  const mark = (line: number, first: number, afterLast: number, text: string): [number, Mark] => {
    const { columnAt, width } = view.display(line);
    const begin = columnAt[first] ?? width;
    return [line, { start: begin, end: Math.max(columnAt[afterLast] ?? width, begin + 1), text, primary }];
  };
  if (from.line === to.line) return [mark(from.line, from.column - 1, to.column - 1, label.text)];
  const first = view.line(from.line);
  const indent = /^\s*/.exec(view.line(to.line))?.[0].length ?? 0;
  return [
    mark(from.line, from.column - 1, first.length, ''),
    mark(to.line, Math.min(indent, to.column - 1), to.column - 1, label.text),
  ];
}

/** The code of a line, and the rows of underlines and labels below it. */
function markedLine(line: DisplayLine, marks: readonly Mark[], paint: Paint): { code: string; under: string[] } {
  const clipped = clipLine(line, marks);
  if (marks.length === 0) return { code: clipped.code, under: [] };
  // Primary marks are drawn over secondary ones, and win the place behind the underline.
  const order = [...clipped.marks].sort((a, b) => Number(a.primary) - Number(b.primary));
  const style = (mark: Mark): ((text: string) => string) => (mark.primary ? paint.primary : paint.secondary);
  const underline = new Canvas();
  for (const mark of order) {
    underline.write(mark.start, (mark.primary ? '^' : '-').repeat(mark.end - mark.start), style(mark));
  }
  const rightmost = Math.max(...order.map((mark) => mark.end));
  const inline = order.findLast((mark) => mark.end === rightmost && mark.text !== '');
  if (inline) underline.write(inline.end + 1, printable(inline.text), style(inline));
  const hanging = order.filter((mark) => mark !== inline && mark.text !== '').sort((a, b) => a.start - b.start);
  const rows = [underline.toString()];
  while (hanging.length > 0) {
    const mark = hanging.pop()!;
    const row = new Canvas();
    for (const waiting of hanging) row.write(waiting.start, '│', style(waiting));
    row.write(mark.start, printable(mark.text), style(mark));
    rows.push(row.toString());
  }
  return { code: clipped.code, under: rows };
}

/** Of a very long line, the part around what is marked. */
function clipLine(line: DisplayLine, marks: readonly Mark[]): { code: string; marks: readonly Mark[] } {
  if (line.width <= window.width) return { code: line.cells.join(''), marks };
  const focus = marks.find((mark) => mark.primary) ?? marks[0];
  const from = Math.max(0, Math.min((focus?.start ?? 0) - window.before, line.width - window.width));
  const to = Math.min(line.width, from + window.width);
  const head = from > 0 ? '…' : '';
  const tail = to < line.width ? '…' : '';
  const code = head + sliceColumns(line, from + head.length, to - tail.length) + tail;
  const within = (column: number): number => Math.min(Math.max(column, from), to) - from;
  const moved = marks.map((mark) => {
    const start = Math.min(within(mark.start), to - from - 1);
    return { ...mark, start, end: Math.max(within(mark.end), start + 1) };
  });
  return { code, marks: moved };
}

/** A row of characters written in any order, each with its paint. */
class Canvas {
  readonly #cells: { character: string; paint: (text: string) => string }[] = [];

  write(at: number, text: string, paint: (text: string) => string): void {
    while (this.#cells.length < at) this.#cells.push({ character: ' ', paint: plain });
    for (const [i, character] of Array.from(text).entries()) this.#cells[at + i] = { character, paint };
  }

  toString(): string {
    let result = '';
    for (let i = 0; i < this.#cells.length;) {
      const { paint } = this.#cells[i]!;
      let run = '';
      for (; i < this.#cells.length && this.#cells[i]!.paint === paint; i++) run += this.#cells[i]!.character;
      result += paint(run);
    }
    return result;
  }
}

function plain(text: string): string {
  return text;
}
