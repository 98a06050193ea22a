/** Concrete to abstract syntax: bodies and statements. What could not be read becomes an error statement. */
import type { CstNode } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type {
  Argument,
  Body,
  ConstStatement,
  ErrorStatement,
  Expr,
  IfStatement,
  Name,
  OptimizerGroup,
  Statement,
} from './ast.ts';
import type { BuildContext } from './cst.ts';
import { after, has, isNode, nameOf, nodeOf, nodes, spanOf, tokenOf, tokensOf } from './cst.ts';
import { argumentsOf, iteration, wholeExpression } from './expressions.ts';
import { skippedNames } from './token-facts.ts';
import { tokenSpan } from './lex.ts';
import { textLiteral } from './literals.ts';
import { tensorType } from './types.ts';

export function bodyOf(context: BuildContext, node: CstNode | undefined, fallback: Span): Body {
  if (!node) return { statements: [], span: after(fallback) };
  const span = spanOf(context, node, after(fallback));
  const inner = nodeOf(node, 'statements');
  const statements = inner ? nodes(inner, 'statement') : [];
  return { statements: statements.map((child) => statementOf(context, child, after(span))), span };
}

function statementOf(context: BuildContext, node: CstNode, fallback: Span): Statement {
  const span = spanOf(context, node, fallback);
  const skipped = tokenOf(node, t.Skipped);
  if (skipped) return errorStatement(span, skippedNames(skipped));
  const inner = Object.values(node.children)
    .flat()
    .filter(isNode)
    .find((child) => child.name !== 'leftover');
  if (!inner) return errorStatement(span, []);
  switch (inner.name) {
    case 'assignStatement':
      return assignStatement(context, inner, span);
    case 'paramStatement':
      return paramStatement(context, inner, span);
    case 'inputStatement':
      return inputStatement(context, inner, span);
    case 'outputStatement':
      return outputStatement(context, inner, span);
    case 'constStatement':
      return constStatement(context, inner, span) ?? errorStatement(span, []);
    case 'requireStatement':
      return requireStatement(context, inner, span);
    case 'dimsStatement':
      return dimsStatement(context, inner, span);
    case 'ifStatement':
      return ifStatement(context, inner, span);
    case 'forStatement':
      return forStatement(context, inner, span);
    case 'returnStatement':
      return returnStatement(context, inner, span);
    case 'stateStatement':
      return stateStatement(context, inner, span);
    case 'nextStatement':
      return namedStatement(context, inner, span, 'next');
    case 'auxStatement':
      return namedStatement(context, inner, span, 'aux');
    case 'metricStatement':
      return namedStatement(context, inner, span, 'metric');
    case 'lossStatement':
      return { kind: 'loss', value: valueOf(context, inner, span), span };
    case 'optimizerStatement':
      return optimizerStatement(context, inner, span);
    default:
      return generateStatement(context, inner, span);
  }
}

/** `names` are what the statement would have bound, so that later stages do not miss them. */
function errorStatement(span: Span, names: readonly Name[]): ErrorStatement {
  return { kind: 'error', names, span };
}

function declaredName(context: BuildContext, node: CstNode): Name | undefined {
  const token = tokenOf(node, t.Identifier);
  return token && nameOf(context, token);
}

function valueOf(context: BuildContext, node: CstNode, span: Span): Expr {
  return wholeExpression(context, nodeOf(node, 'expression'), after(span));
}

function assignStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const targets = tokensOf(node, 'targets').map((token) => nameOf(context, token));
  const typeNode = nodeOf(node, 'tensorType');
  const type = tensorType(context, typeNode);
  if (type && targets.length > 1) {
    context.sink.report(
      diagnostic('HED1017', type.span, 'a type can only stand behind a single name', {
        hint: 'assert the shapes in statements of their own: `y: f32[n] = y`',
      }),
    );
  }
  const value = valueOf(context, node, span);
  return { kind: 'assign', targets, ...(type && targets.length === 1 && { type }), value, span };
}

function paramStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const name = declaredName(context, node);
  const type = tensorType(context, nodeOf(node, 'tensorType'));
  if (!name || !type) return errorStatement(span, name ? [name] : []);
  const initializer = has(node, t.Equal) ? valueOf(context, node, span) : undefined;
  return { kind: 'param', name, type, ...(initializer && { initializer }), span };
}

function inputStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const name = declaredName(context, node);
  const type = tensorType(context, nodeOf(node, 'tensorType'));
  if (!name || !type) return errorStatement(span, name ? [name] : []);
  return { kind: 'input', name, optional: has(node, t.Question), type, span };
}

function outputStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const name = declaredName(context, node);
  if (!name) return errorStatement(span, []);
  const type = tensorType(context, nodeOf(node, 'tensorType'));
  return { kind: 'output', name, ...(type && { type }), value: valueOf(context, node, span), span };
}

/** Absent where even the name is missing. */
export function constStatement(context: BuildContext, node: CstNode, span: Span): ConstStatement | undefined {
  const name = declaredName(context, node);
  return name && { kind: 'const', name, value: valueOf(context, node, span), span };
}

function requireStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const text = tokenOf(node, t.Text);
  const message = text && textLiteral(context, text);
  return { kind: 'require', condition: valueOf(context, node, span), ...(message && { message }), span };
}

function dimsStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const dims = nodes(node, 'dim').flatMap((dim) => {
    const name = declaredName(context, dim);
    if (!name) return [];
    const max = has(dim, t.LessEqual) ? valueOf(context, dim, span) : undefined;
    return [{ name, ...(max && { max }) }];
  });
  return { kind: 'dims', dims, span };
}

/** The branches are a flat list, which becomes a nest from its end on: the chain may be longer than the stack is deep. */
function ifStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  let otherwise: Body | undefined;
  for (const element of nodes(node, 'branches').toReversed()) {
    const branch = element.name === 'branch' ? element : nodeOf(element, 'branch');
    if (!branch) {
      otherwise = bodyOf(context, nodeOf(element, 'body'), spanOf(context, element, after(span)));
      continue;
    }
    const place = spanOf(context, branch, after(span));
    const inner = branchStatement(context, branch, otherwise, {
      ...place,
      end: Math.max(place.end, otherwise?.span.end ?? 0),
    });
    otherwise = { statements: [inner], span: inner.span };
  }
  const [statement] = otherwise?.statements ?? [];
  return statement?.kind === 'if' ? { ...statement, span } : errorStatement(span, []);
}

function branchStatement(context: BuildContext, node: CstNode, otherwise: Body | undefined, span: Span): IfStatement {
  const header = nodeOf(node, 'condition');
  const condition = header ? valueOf(context, header, span) : { kind: 'error' as const, span: after(span) };
  const then = bodyOf(context, nodeOf(node, 'body'), span);
  // `then` is the language's word; syntax trees are never awaited.
  // oxlint-disable-next-line unicorn/no-thenable
  return { kind: 'if', condition, then, ...(otherwise && { else: otherwise }), span };
}

function forStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const header = nodeOf(node, 'loopHeader');
  const { variable, over, path } = iteration(context, header && nodeOf(header, 'iteration'), span);
  if (!variable) return errorStatement(span, []);
  const body = bodyOf(context, nodeOf(node, 'body'), span);
  return { kind: 'for', variable, over, ...(path && { path }), body, span };
}

function returnStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const values = nodes(node, 'expression').map((value) => wholeExpression(context, value, after(span)));
  const word = tokenOf(node, t.ReturnKeyword);
  const missing = after(word ? tokenSpan(context.source, word) : span);
  return { kind: 'return', values: values.length > 0 ? values : [{ kind: 'error', span: missing }], span };
}

function stateStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const name = declaredName(context, node);
  const type = tensorType(context, nodeOf(node, 'tensorType'));
  if (!name || !type) return errorStatement(span, name ? [name] : []);
  const initializer = has(node, t.Equal) ? valueOf(context, node, span) : undefined;
  return { kind: 'state', name, type, ...(initializer && { initializer }), span };
}

function namedStatement(context: BuildContext, node: CstNode, span: Span, kind: 'next' | 'aux' | 'metric'): Statement {
  const name = declaredName(context, node);
  return name ? { kind, name, value: valueOf(context, node, span), span } : errorStatement(span, []);
}

function optimizerStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const header = nodeOf(node, 'optimizerHeader');
  const name = header && declaredName(context, header);
  if (!name) return errorStatement(span, []);
  const list = nodeOf(node, 'groups');
  const inner = list && nodeOf(list, 'groupList');
  const groups = (inner ? nodes(inner, 'groupSlot') : []).flatMap((slot) => {
    const group = nodeOf(slot, 'parameterGroup');
    return (group && groupOf(context, group, span)) ?? [];
  });
  return { kind: 'optimizer', name, arguments: settingsOf(context, header, span), groups, span };
}

/** Absent where it could not be read. */
function groupOf(context: BuildContext, node: CstNode, fallback: Span): OptimizerGroup | undefined {
  const span = spanOf(context, node, fallback);
  const list = nodeOf(node, 'patterns');
  const patterns = (list ? tokensOf(list, t.Text.name) : []).map((token) => textLiteral(context, token));
  if (patterns.length === 0) return undefined;
  return { patterns, settings: settingsOf(context, node, span), span };
}

/** Those that could not be read are error nodes, as other values of a statement are. */
function settingsOf(context: BuildContext, owner: CstNode, span: Span): Argument[] {
  const list = nodeOf(owner, 'arguments');
  const found = list ? argumentsOf(context, list, span) : [];
  return found.map((item) => {
    const broken = context.breaks(item.span.start);
    return broken ? { ...item, value: { kind: 'error', span: item.value.span } } : item;
  });
}

function generateStatement(context: BuildContext, node: CstNode, span: Span): Statement {
  const [input, along, from] = ['input', 'along', 'from'].map((label) => {
    const token = tokensOf(node, label)[0];
    return token && nameOf(context, token);
  });
  return input && along && from ? { kind: 'generate', input, along, from, span } : errorStatement(span, []);
}
