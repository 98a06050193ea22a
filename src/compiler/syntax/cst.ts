/**
 * Reading chevrotain's concrete trees. After recovery any child may be missing, so everything here may be absent; a
 * token that the parser made up counts as missing.
 */
import type { CstElement, CstNode, IToken, TokenType } from 'chevrotain';
import type { DiagnosticSink } from '../base/diagnostic.ts';
import type { Source, Span } from '../base/source.ts';
import type { Name } from './ast.ts';
import { tokenSpan } from './lex.ts';

/** What the builders of the syntax tree share. */
export interface BuildContext {
  readonly source: Source;
  readonly sink: DiagnosticSink;
  /** Whether part of the statement at an offset could not be read. */
  readonly breaks: (offset: number) => boolean;
  /** The comment directly above the token at an offset; see `docs.ts`. */
  readonly docAbove: (offset: number) => string;
}

function isNode(element: CstElement): element is CstNode {
  return 'children' in element;
}

function isWritten(element: CstElement): boolean {
  return isNode(element) || element.isInsertedInRecovery !== true;
}

/** All children under a label, in order. */
export function children(node: CstNode, label: string): CstElement[] {
  return (node.children[label] ?? []).filter(isWritten);
}

export function nodes(node: CstNode, label: string): CstNode[] {
  return children(node, label).filter(isNode);
}

export function nodeOf(node: CstNode, label: string): CstNode | undefined {
  return nodes(node, label)[0];
}

export function tokensOf(node: CstNode, label: string): IToken[] {
  return children(node, label).filter((element): element is IToken => !isNode(element));
}

export function tokenOf(node: CstNode, type: TokenType): IToken | undefined {
  return tokensOf(node, type.name)[0];
}

export function has(node: CstNode, type: TokenType): boolean {
  return tokenOf(node, type) !== undefined;
}

/** What the node covers; `fallback` where it covers nothing. */
export function spanOf(context: BuildContext, node: CstNode, fallback: Span): Span {
  const start = node.location?.startOffset ?? Number.NaN;
  const end = node.location?.endOffset ?? Number.NaN;
  if (Number.isNaN(start) || Number.isNaN(end)) return fallback;
  return { source: context.source, start, end: end + 1 };
}

/** The empty span at the end of `span`: where something is missing. */
export function after(span: Span): Span {
  return { source: span.source, start: span.end, end: span.end };
}

export function nameOf(context: BuildContext, token: IToken): Name {
  return { text: token.image, span: tokenSpan(context.source, token) };
}

export { isNode };
