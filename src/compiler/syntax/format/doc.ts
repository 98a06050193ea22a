/** A text with its possible line breaks, and the printer that decides about them. */
import { indentation, Page } from './page.ts';

export type Doc = string | readonly Doc[] | Line | HardLine | Indent | Group | Fill | FillRest | IfBroken | Comment;

/** A newline where the group around it is broken; otherwise a space, or nothing. */
interface Line {
  readonly kind: 'line';
  readonly flat: ' ' | '';
}

interface HardLine {
  readonly kind: 'hardLine';
  readonly blank: boolean;
}

interface Indent {
  readonly kind: 'indent';
  readonly content: Doc;
}

/** What stands on one line if it fits there. */
export interface Group {
  readonly kind: 'group';
  readonly content: Doc;
  /** Broken in any case. */
  readonly broken: boolean;
  /** Broken before any group that follows on its line. */
  readonly before: boolean;
}

/** Spaces between the parts; in a broken group newlines where a part does not fit, and around those of several lines. */
interface Fill {
  readonly kind: 'fill';
  readonly parts: readonly Group[];
}

/** What is left of a fill whose last part began on the given line of the page. */
interface FillRest {
  readonly kind: 'fillRest';
  readonly parts: readonly Group[];
  readonly from: number;
  readonly line: number;
}

/** Only where the group around it is broken. */
interface IfBroken {
  readonly kind: 'ifBroken';
  readonly text: string;
}

/** Ends its line. `trailing` belongs behind what was printed last, also where a newline was printed since. */
interface Comment {
  readonly kind: 'comment';
  readonly text: string;
  readonly trailing: boolean;
}

export const line: Doc = { kind: 'line', flat: ' ' };
export const softLine: Doc = { kind: 'line', flat: '' };
export const hardLine: Doc = { kind: 'hardLine', blank: false };
export const blankLine: Doc = { kind: 'hardLine', blank: true };
/** Never at the start or the end of a line. */
export const space: Doc = ' ';

export function indent(content: Doc): Doc {
  return { kind: 'indent', content };
}

export function group(content: Doc, broken = false, before = false): Group {
  return { kind: 'group', content, broken, before };
}

export function fill(parts: readonly Group[]): Doc {
  return { kind: 'fill', parts };
}

export function ifBroken(text: string): Doc {
  return { kind: 'ifBroken', text };
}

export function comment(text: string, trailing: boolean): Doc {
  return { kind: 'comment', text, trailing };
}

/** The documents with `separator` between them. */
export function join(docs: readonly Doc[], separator: Doc): Doc {
  return docs.flatMap((doc, i) => (i === 0 ? [doc] : [separator, doc]));
}

/** A document that waits to be printed. */
interface Task {
  readonly doc: Doc;
  readonly indent: number;
  readonly broken: boolean;
}

/**
 * Lines of at most `width` columns where the breaks allow that: a group is broken if it does not fit on the rest of its
 * line together with what follows it there (Oppen 1980, "Prettyprinting"; Wadler 2003, "A prettier printer").
 */
export function print(doc: Doc, width: number): string {
  const page = new Page();
  const tasks: Task[] = [{ doc, indent: 0, broken: true }];
  for (let task = tasks.pop(); task; task = tasks.pop()) {
    const { doc: current, indent: depth, broken } = task;
    if (typeof current === 'string') {
      page.write(current);
    } else if (isList(current)) {
      for (let i = current.length - 1; i >= 0; i--) tasks.push({ doc: current[i]!, indent: depth, broken });
    } else {
      switch (current.kind) {
        case 'line':
          if (broken) page.breakLine(depth);
          else page.write(current.flat);
          break;
        case 'hardLine':
          page.breakLine(depth);
          if (current.blank) page.breakLine(depth);
          break;
        case 'indent':
          tasks.push({ doc: current.content, indent: depth + indentation, broken });
          break;
        case 'group': {
          const flat = { doc: current.content, indent: depth, broken: false };
          const fits = !broken || (!current.broken && fitsOn(width - page.column, flat, tasks, current.before));
          tasks.push({ ...flat, broken: !fits });
          break;
        }
        case 'fill':
          tasks.push(
            { doc: { kind: 'fillRest', parts: current.parts, from: 1, line: page.lineCount }, indent: depth, broken },
            { doc: current.parts[0] ?? '', indent: depth, broken },
          );
          break;
        case 'fillRest': {
          const { parts, from } = current;
          const part = parts[from];
          if (!part) break;
          const rest = from + 1 < parts.length ? [{ doc: line, indent: depth, broken: true }] : tasks;
          const flat = { doc: part.content, indent: depth, broken: false };
          const goesOn = !part.broken && page.lineCount === current.line;
          if (!broken || (goesOn && fitsOn(width - page.column - 1, flat, rest, true))) page.write(' ');
          else page.breakLine(depth);
          tasks.push(
            { doc: { kind: 'fillRest', parts, from: from + 1, line: page.lineCount }, indent: depth, broken },
            { doc: part, indent: depth, broken },
          );
          break;
        }
        case 'ifBroken':
          if (broken) page.write(current.text);
          break;
        case 'comment':
          page.comment(current.text, current.trailing, depth);
          break;
        default:
          current satisfies never;
      }
    }
  }
  return page.text();
}

function isList(doc: Exclude<Doc, string>): doc is readonly Doc[] {
  return Array.isArray(doc);
}

/** Whether `first`, and what follows it up to the next newline, is no longer than `columns`. */
function fitsOn(columns: number, first: Task, rest: readonly Task[], whole: boolean): boolean {
  const ruler = new Ruler(columns, whole);
  let goesOn = ruler.measure(first.doc, first.broken);
  for (let i = rest.length - 1; goesOn && i >= 0; i--) goesOn = ruler.measure(rest[i]!.doc, rest[i]!.broken);
  return ruler.left >= 0;
}

/** Adds up what comes before the next newline. */
class Ruler {
  /** Columns that are left; below zero where what was measured is too long. */
  left: number;
  /** Groups are taken as flat, also where they may be broken. */
  readonly #whole: boolean;

  constructor(columns: number, whole: boolean) {
    this.left = columns;
    this.#whole = whole;
  }

  /** Whether the line goes on behind the document. */
  measure(doc: Doc, broken: boolean): boolean {
    if (typeof doc === 'string') {
      this.left -= doc.length;
      return this.left >= 0;
    }
    if (isList(doc)) return doc.every((part) => this.measure(part, broken));
    switch (doc.kind) {
      case 'line':
        return !broken && this.measure(doc.flat, broken);
      case 'hardLine':
        return false;
      case 'indent':
        return this.measure(doc.content, broken);
      case 'group':
        return this.measure(doc.content, !this.#whole && (doc.broken || broken));
      case 'fill':
        return doc.parts.every((part, i) => (i === 0 || this.measure(line, broken)) && this.measure(part, broken));
      case 'fillRest':
        return (
          doc.from === doc.parts.length || (this.measure(line, broken) && this.measure(doc.parts[doc.from]!, broken))
        );
      case 'ifBroken':
        return !broken || this.measure(doc.text, broken);
      case 'comment':
        return true;
      default:
        return doc satisfies never;
    }
  }
}
