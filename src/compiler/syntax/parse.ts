/**
 * Text to syntax tree. Total: any text gives a tree, and what could not be read is reported and left out or stands as
 * an error node.
 */
import type { CstNode } from 'chevrotain';
import { Comma } from '../../../grammar/tokens.ts';
import { parseTokens } from '../../../grammar/parser.ts';
import type { RuleName } from '../../../grammar/parser.ts';
import { diagnostic, DiagnosticSink } from '../base/diagnostic.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Expr, File } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { has, nodes, spanOf } from './cst.ts';
import { fileOf } from './declarations.ts';
import { checkBraces, checkDepth } from './depth.ts';
import { docLookup } from './docs.ts';
import { wholeExpression } from './expressions.ts';
import { layOut } from './layout.ts';
import type { LaidOut } from './layout.ts';
import { lex, tokenSpan } from './lex.ts';
import { tellFailures } from './syntax-errors.ts';
import { notText, tooLong, tooMany } from './text.ts';

/** Parses a `.model` file. */
export function parseFile(source: Source, sink: DiagnosticSink): File {
  const nothing: File = { source, imports: [], declarations: [], missing: [] };
  const unreadable = notText(source) ?? tooLong(source);
  if (unreadable) {
    sink.report(unreadable);
    return nothing;
  }
  return inOrder(sink, (ordered) => {
    const lexed = lex(source, ordered);
    const many = tooMany(lexed.tokens.length, (at) => tokenSpan(source, lexed.tokens[at]!));
    if (many) {
      ordered.report(many);
      return nothing;
    }
    if (!checkBraces(lexed.tokens, source, ordered)) return nothing;
    const laidOut = layOut(lexed.tokens, source, ordered);
    const input = { ...laidOut, mistakes: [...lexed.mistakes, ...laidOut.mistakes], gaps: lexed.gaps };
    const docAbove = docLookup(source, lexed.comments);
    const file = parse('file', input, source, ordered, (cst, common) => fileOf({ ...common, docAbove }, cst));
    return file ?? nothing;
  });
}

/** Parses one value, as given to a command: an expression, or several separated by commas, which make a tuple. */
export function parseValue(source: Source, sink: DiagnosticSink): Expr {
  const everything = { source, start: 0, end: source.text.length };
  return inOrder(sink, (ordered) => {
    const { tokens, mistakes, gaps } = lex(source, ordered);
    const input: ParserInput = { tokens: [...tokens], mistakes, gaps, failures: [] };
    const value = parse('value', input, source, ordered, (cst, common): Expr => {
      const context: BuildContext = { ...common, docAbove: () => '' };
      const span = spanOf(context, cst, everything);
      const elements = nodes(cst, 'expression').map((node) => wholeExpression(context, node, span));
      const [first] = elements;
      if (first && elements.length === 1 && !has(cst, Comma)) return first;
      return first ? { kind: 'tuple', elements, span } : { kind: 'error', span };
    });
    return value ?? { kind: 'error', span: everything };
  });
}

interface ParserInput extends LaidOut {
  readonly gaps: readonly number[];
}

/** Absent where the text is nested too deeply to be parsed at all. */
function parse<T>(
  rule: RuleName,
  input: ParserInput,
  source: Source,
  sink: DiagnosticSink,
  build: (cst: CstNode, common: Omit<BuildContext, 'docAbove'>) => T,
): T | undefined {
  if (!checkDepth(input.tokens, source, sink)) return undefined;
  const { cst, failures } = parseTokens(rule, input.tokens);
  const end = rule === 'file' ? 'the end of the file' : 'the end';
  const told = tellFailures([...failures, ...input.failures], { source, ...input, end });
  for (const item of told.diagnostics) sink.report(item);
  // What the builder finds in a statement that could not be read is rather a consequence.
  const found = new DiagnosticSink();
  const result = build(cst, { source, sink: found, breaks: told.breaks });
  for (const item of found.items) if (!told.covers(item.primary?.span.start ?? 0)) sink.report(item);
  return result;
}

/** More errors than this in one file are counted, not told. */
const reportLimit = 100;

/** The steps report as they go; a reader wants the mistakes from the top of the file to its end, and not too many. */
function inOrder<T>(sink: DiagnosticSink, step: (ordered: DiagnosticSink) => T): T {
  const found = new DiagnosticSink();
  const result = step(found);
  const place = (item: Diagnostic): number => item.primary?.span.start ?? 0;
  const items = found.items.toSorted((a, b) => place(a) - place(b));
  for (const item of items.slice(0, reportLimit)) sink.report(item);
  const next = items[reportLimit];
  if (next) {
    const more = items.length - reportLimit;
    const message = `${more} more syntax ${more === 1 ? 'error' : 'errors'} from here on`;
    sink.report(diagnostic('HED1021', next.primary?.span, message));
  }
  return result;
}
