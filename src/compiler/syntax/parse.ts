/**
 * Text to syntax tree. Total: any text gives a tree, and what could not be read is reported and left out or stands as
 * an error node.
 */
import type { CstNode } from 'chevrotain';
import { Comma } from '../../../grammar/tokens.ts';
import { parseTokens } from '../../../grammar/parser.ts';
import type { RuleName } from '../../../grammar/parser.ts';
import { DiagnosticSink } from '../base/diagnostic.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Expr, File } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { has, nodes, spanOf } from './cst.ts';
import { fileOf } from './declarations.ts';
import { checkDepth } from './depth.ts';
import { docLookup } from './docs.ts';
import { expression } from './expressions.ts';
import { layOut } from './layout.ts';
import type { LaidOut } from './layout.ts';
import { lex } from './lex.ts';
import { tellFailures } from './syntax-errors.ts';

/** Parses a `.model` file. */
export function parseFile(source: Source, sink: DiagnosticSink): File {
  return inOrder(sink, (ordered) => {
    const lexed = lex(source, ordered);
    const laidOut = layOut(lexed.tokens, source, ordered);
    const mistakes = [...lexed.mistakes, ...laidOut.mistakes];
    const docAbove = docLookup(source, lexed.comments);
    const file = parse('file', { ...laidOut, mistakes }, source, ordered, (cst, builderSink) =>
      fileOf({ source, sink: builderSink, docAbove }, cst),
    );
    return file ?? { source, imports: [], declarations: [] };
  });
}

/** Parses one value, as given to a command: an expression, or several separated by commas, which make a tuple. */
export function parseValue(source: Source, sink: DiagnosticSink): Expr {
  const everything = { source, start: 0, end: source.text.length };
  return inOrder(sink, (ordered) => {
    const { tokens, mistakes } = lex(source, ordered);
    const laidOut: LaidOut = { tokens: [...tokens], mistakes, failures: [] };
    const value = parse('value', laidOut, source, ordered, (cst, builderSink): Expr => {
      const context: BuildContext = { source, sink: builderSink, docAbove: () => '' };
      const span = spanOf(context, cst, everything);
      const elements = nodes(cst, 'expression').map((node) => expression(context, node, span));
      const [first] = elements;
      if (first && elements.length === 1 && !has(cst, Comma)) return first;
      return first ? { kind: 'tuple', elements, span } : { kind: 'error', span };
    });
    return value ?? { kind: 'error', span: everything };
  });
}

/** Absent where the text is nested too deeply to be parsed at all. */
function parse<T>(
  rule: RuleName,
  laidOut: LaidOut,
  source: Source,
  sink: DiagnosticSink,
  build: (cst: CstNode, sink: DiagnosticSink) => T,
): T | undefined {
  if (!checkDepth(laidOut.tokens, source, sink)) return undefined;
  const { cst, failures } = parseTokens(rule, laidOut.tokens);
  const end = rule === 'file' ? 'the end of the file' : 'the end';
  const told = tellFailures([...failures, ...laidOut.failures], { source, ...laidOut, end });
  for (const item of told.diagnostics) sink.report(item);
  // What the builder finds in a statement that could not be read is rather a consequence.
  const found = new DiagnosticSink();
  const result = build(cst, found);
  for (const item of found.items) if (!told.covers(item.primary?.span.start ?? 0)) sink.report(item);
  return result;
}

/** The steps report as they go; a reader wants the mistakes from the top of the file to its end. */
function inOrder<T>(sink: DiagnosticSink, step: (ordered: DiagnosticSink) => T): T {
  const found = new DiagnosticSink();
  const result = step(found);
  const place = (item: Diagnostic): number => item.primary?.span.start ?? 0;
  for (const item of found.items.toSorted((a, b) => place(a) - place(b))) sink.report(item);
  return result;
}
