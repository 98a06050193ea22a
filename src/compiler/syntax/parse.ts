/**
 * Text to syntax tree. Total: any text gives a tree, and what could not be read is reported and left out or stands as
 * an error node.
 */
import type { CstNode } from 'chevrotain';
import { parseTokens } from '../../../grammar/parser.ts';
import type { RuleName } from '../../../grammar/parser.ts';
import { DiagnosticSink } from '../base/diagnostic.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Source } from '../base/source.ts';
import type { Expr, File } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { nodes, spanOf } from './cst.ts';
import { fileOf } from './declarations.ts';
import { checkDepth } from './depth.ts';
import { docLookup } from './docs.ts';
import { expression } from './expressions.ts';
import { layOut } from './layout.ts';
import type { LaidOut } from './layout.ts';
import { lex } from './lex.ts';
import { explainFailures } from './syntax-errors.ts';

/** Parses a `.model` file. */
export function parseFile(source: Source, sink: DiagnosticSink): File {
  return inOrder(sink, (ordered) => {
    const lexed = lex(source, ordered);
    const laidOut = layOut(lexed.tokens, source, ordered);
    const mistakes = [...lexed.mistakes, ...laidOut.mistakes];
    const cst = parse('file', { ...laidOut, mistakes }, source, ordered);
    if (!cst) return { source, imports: [], declarations: [] };
    return fileOf({ source, sink: ordered, docAbove: docLookup(source, lexed.comments) }, cst);
  });
}

/** Parses one value, as given to a command: an expression, or several separated by commas, which make a tuple. */
export function parseValue(source: Source, sink: DiagnosticSink): Expr {
  return inOrder(sink, (ordered) => {
    const { tokens, mistakes } = lex(source, ordered);
    const everything = { source, start: 0, end: source.text.length };
    const cst = parse('value', { tokens: [...tokens], mistakes, failures: [] }, source, ordered);
    if (!cst) return { kind: 'error', span: everything };
    const context: BuildContext = { source, sink: ordered, docAbove: () => '' };
    const span = spanOf(context, cst, everything);
    const elements = nodes(cst, 'expression').map((node) => expression(context, node, span));
    const [first] = elements;
    if (first && elements.length === 1) return first;
    return first ? { kind: 'tuple', elements, span } : { kind: 'error', span };
  });
}

function parse(rule: RuleName, laidOut: LaidOut, source: Source, sink: DiagnosticSink): CstNode | undefined {
  if (!checkDepth(laidOut.tokens, source, sink)) return undefined;
  const { cst, failures } = parseTokens(rule, laidOut.tokens);
  const end = rule === 'file' ? 'the end of the file' : 'the end';
  const told = explainFailures([...failures, ...laidOut.failures], { source, ...laidOut, end });
  for (const item of told) sink.report(item);
  return cst;
}

/** The steps report as they go; a reader wants the mistakes from the top of the file to its end. */
function inOrder<T>(sink: DiagnosticSink, step: (ordered: DiagnosticSink) => T): T {
  const found = new DiagnosticSink();
  const result = step(found);
  const place = (item: Diagnostic): number => item.primary?.span.start ?? 0;
  for (const item of found.items.toSorted((a, b) => place(a) - place(b))) sink.report(item);
  return result;
}
