/** Concrete to abstract syntax: expressions. Total: what is missing becomes an error node. */
import type { CstNode, IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import { spanning } from '../base/source.ts';
import type { Span } from '../base/source.ts';
import type { Argument, Expr, Name, Path, Subscript } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { after, children, has, isNode, nameOf, nodeOf, nodes, spanOf, tokenOf, tokensOf } from './cst.ts';
import { tokenSpan } from './lex.ts';
import { numberLiteral, textLiteral } from './literals.ts';
import { combine, isBinaryOperator, isPrefixOperator } from './operators.ts';
import type { Part } from './operators.ts';

/**
 * A value of a statement, or a default. Where something is wrong in its statement, it is an error node as a whole: what
 * was read of it may mean anything, and what follows from it would only repeat the mistake.
 */
export function wholeExpression(context: BuildContext, node: CstNode | undefined, fallback: Span): Expr {
  const span = node ? spanOf(context, node, fallback) : fallback;
  return context.breaks(span.start) ? errorAt(span) : expression(context, node, fallback);
}

/** The expression at `node`, or an error node at `fallback` where there is none. */
export function expression(context: BuildContext, node: CstNode | undefined, fallback: Span): Expr {
  const conditional = node && nodeOf(node, 'conditional');
  if (conditional) return conditionalExpression(context, conditional, fallback);
  const pipe = node && nodeOf(node, 'pipe');
  if (pipe) return pipeExpression(context, pipe, fallback);
  return { kind: 'error', span: node ? spanOf(context, node, fallback) : fallback };
}

function conditionalExpression(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const whole = spanOf(context, node, fallback);
  const part = (owner: CstNode, label: string): Expr => expression(context, nodeOf(owner, label), after(whole));
  const arms = nodeOf(node, 'arms');
  return (arms ? nodes(arms, 'arm') : []).reduceRight<Expr>(
    (otherwise, arm) => {
      const span = { ...whole, start: spanOf(context, arm, whole).start };
      // `then` is the language's word; syntax trees are never awaited.
      // oxlint-disable-next-line unicorn/no-thenable
      return { kind: 'if', condition: part(arm, 'condition'), then: part(arm, 'then'), else: otherwise, span };
    },
    part(node, 'else'),
  );
}

function pipeExpression(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const first = nodeOf(node, 'operation');
  let value = first ? operation(context, first, fallback) : errorAt(fallback);
  for (const stage of nodes(node, 'stage')) {
    const span = spanOf(context, stage, after(value.span));
    const applied = postfixed(context, nodeOf(stage, 'postfixed'), after(span));
    if (!isStage(applied)) {
      const hint = applied.kind === 'index' ? 'index the result in a statement of its own' : undefined;
      context.sink.report(
        diagnostic('HED1015', applied.span, 'a stage of `|>` is a name or a call', { ...(hint && { hint }) }),
      );
    }
    const path = pathOf(context, nodeOf(stage, 'path'));
    value = { kind: 'pipe', value, stage: applied, ...(path && { path }), span: spanning(value.span, span) };
  }
  return value;
}

/** A name or a call of one, or of a member of one; an error node was reported already. */
function isStage(expr: Expr): boolean {
  switch (expr.kind) {
    case 'name':
    case 'error':
      return true;
    case 'call':
      return isStage(expr.callee);
    case 'member':
      return isStage(expr.base);
    default:
      return false;
  }
}

/** `as a.b`; absent where the path could not be read. */
function pathOf(context: BuildContext, node: CstNode | undefined): Path | undefined {
  const names = node ? tokensOf(node, t.Segment.name) : [];
  return names.length > 0 ? names.map((token) => nameOf(context, token)) : undefined;
}

function operation(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const parts: Part[] = [];
  let span = spanOf(context, node, fallback);
  let wantsOperand = true;
  for (const part of children(node, 'parts')) {
    if (isNode(part)) {
      parts.push({ kind: 'operand', value: postfixed(context, part, after(span)) });
      wantsOperand = false;
    } else {
      span = tokenSpan(context.source, part);
      if (wantsOperand) {
        if (isPrefixOperator(part.image)) parts.push({ kind: 'prefix', text: part.image, span });
      } else if (isBinaryOperator(part.image)) {
        parts.push({ kind: 'operator', text: part.image, span });
        wantsOperand = true;
      }
    }
  }
  return parts.length > 0 ? combine(parts, context.sink) : errorAt(span);
}

function postfixed(context: BuildContext, node: CstNode | undefined, fallback: Span): Expr {
  if (!node) return errorAt(fallback);
  const first = nodeOf(node, 'atom');
  let value = first ? atom(context, first, fallback) : errorAt(fallback);
  for (const suffix of nodes(node, 'suffixes')) {
    const span = spanning(value.span, spanOf(context, suffix, value.span));
    switch (suffix.name) {
      case 'arguments':
        value = { kind: 'call', callee: value, arguments: argumentsOf(context, suffix, span), span };
        break;
      case 'subscripts':
        value = { kind: 'index', base: value, subscripts: subscriptsOf(context, suffix, span), span };
        break;
      default: {
        const name = tokenOf(suffix, t.Segment);
        const member: Name = name ? nameOf(context, name) : { text: '', span: after(span) };
        value = name ? { kind: 'member', base: value, member, span } : errorAt(span);
      }
    }
  }
  return value;
}

function atom(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const group = nodeOf(node, 'group');
  if (group) return groupExpression(context, group, fallback);
  const list = nodeOf(node, 'list');
  if (list) return listExpression(context, list, fallback);
  const mixture = nodeOf(node, 'mixture');
  if (mixture) return mixtureExpression(context, mixture, fallback);
  const token = Object.values(node.children)
    .flat()
    .find((element): element is IToken => !isNode(element) && element.isInsertedInRecovery !== true);
  return token ? literal(context, token) : errorAt(spanOf(context, node, fallback));
}

function literal(context: BuildContext, token: IToken): Expr {
  const span = tokenSpan(context.source, token);
  switch (token.tokenType) {
    case t.Integer:
    case t.Float:
      return numberLiteral(context, token);
    case t.Text:
    case t.UnterminatedText:
    case t.SingleQuotedText:
      return textLiteral(context, token);
    case t.True:
    case t.False:
      return { kind: 'bool', value: token.tokenType === t.True, span };
    case t.None:
      return { kind: 'none', span };
    case t.Training:
      return { kind: 'training', span };
    case t.Identifier:
      return wordOfPython(context, token, span) ?? { kind: 'name', text: token.image, span };
    default:
      // A malformed number or skipped text, both reported.
      return errorAt(span);
  }
}

const pythonWords: Readonly<Record<string, (span: Span) => Expr>> = {
  True: (span) => ({ kind: 'bool', value: true, span }),
  False: (span) => ({ kind: 'bool', value: false, span }),
  None: (span) => ({ kind: 'none', span }),
};

/** `True`, `False` and `None` are reported and taken for what they mean in Python. */
function wordOfPython(context: BuildContext, { image }: IToken, span: Span): Expr | undefined {
  const meant = Object.hasOwn(pythonWords, image) ? pythonWords[image] : undefined;
  if (!meant) return undefined;
  const hint = `did you mean \`${image.toLowerCase()}\`?`;
  context.sink.report(diagnostic('HED1002', span, `there is no value \`${image}\``, { hint }));
  return meant(span);
}

/** `(e)` is `e`, with the parentheses in its span; anything else is a tuple. */
function groupExpression(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const span = spanOf(context, node, fallback);
  const elements = nodes(node, 'expression').map((element) => expression(context, element, after(span)));
  const [first] = elements;
  if (node.recoveredNode === true && elements.length === 0) return errorAt(span);
  if (first && elements.length === 1 && !has(node, t.Comma)) return { ...first, span };
  return { kind: 'tuple', elements, span };
}

function listExpression(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const span = spanOf(context, node, fallback);
  const comprehension = nodeOf(node, 'comprehension');
  if (!comprehension) {
    const elements = nodes(node, 'expression').map((element) => expression(context, element, after(span)));
    return { kind: 'list', elements, span };
  }
  const { variable, over, path } = iteration(context, nodeOf(comprehension, 'iteration'), span);
  const element = expression(context, nodeOf(comprehension, 'expression'), after(span));
  if (!variable) return errorAt(span);
  return { kind: 'comprehension', variable, over, ...(path && { path }), element, span };
}

function mixtureExpression(context: BuildContext, node: CstNode, fallback: Span): Expr {
  const span = spanOf(context, node, fallback);
  const given = nodeOf(node, 'arguments');
  const experts = nodeOf(node, 'experts');
  const variable = experts && tokenOf(experts, t.Identifier);
  if (!given || !experts || !variable) return errorAt(span);
  const path = pathOf(context, nodeOf(node, 'path'));
  return {
    kind: 'mixture',
    arguments: argumentsOf(context, given, span),
    ...(path && { path }),
    variable: nameOf(context, variable),
    body: expression(context, nodeOf(experts, 'expression'), after(span)),
    span,
  };
}

export interface Iteration {
  readonly variable: Name | undefined;
  readonly over: Expr;
  readonly path: Path | undefined;
}

/** `i in e as path` */
export function iteration(context: BuildContext, node: CstNode | undefined, fallback: Span): Iteration {
  if (!node) return { variable: undefined, over: errorAt(after(fallback)), path: undefined };
  const span = spanOf(context, node, fallback);
  const variable = tokenOf(node, t.Identifier);
  return {
    variable: variable && nameOf(context, variable),
    over: wholeExpression(context, nodeOf(node, 'expression'), after(span)),
    path: pathOf(context, nodeOf(node, 'path')),
  };
}

export function argumentsOf(context: BuildContext, node: CstNode, fallback: Span): Argument[] {
  return nodes(node, 'argument').map((argument) => {
    const span = spanOf(context, argument, after(fallback));
    const token = tokenOf(argument, t.Identifier);
    const name = token && nameOf(context, token);
    const equal = tokenOf(argument, t.Equal);
    if (name && equal) {
      context.sink.report(
        diagnostic('HED1014', tokenSpan(context.source, equal), 'a named argument is written with `:`', {
          hint: `write \`${name.text}: …\``,
        }),
      );
    }
    const value = expression(context, nodeOf(argument, 'expression'), after(span));
    return { ...(name && { name }), value, span };
  });
}

function subscriptsOf(context: BuildContext, node: CstNode, fallback: Span): Subscript[] {
  const found = nodes(node, 'subscript');
  if (found.length === 0 && node.recoveredNode !== true) {
    const span = spanOf(context, node, fallback);
    context.sink.report(diagnostic('HED1002', span, 'expected an index or a slice between the brackets'));
  }
  return found.map((subscript) => subscriptOf(context, subscript, after(fallback)));
}

function subscriptOf(context: BuildContext, node: CstNode, fallback: Span): Subscript {
  const span = spanOf(context, node, fallback);
  if (has(node, t.Ellipsis)) return { kind: 'ellipsis', span };
  const optional = (owner: CstNode | undefined, label: string): Expr | undefined => {
    const part = owner && nodeOf(owner, label);
    return part && expression(context, part, after(span));
  };
  const start = optional(node, 'start');
  const end = nodeOf(node, 'sliceEnd');
  if (!end) {
    const value = start ?? errorAt(span);
    return value.kind === 'none' ? { kind: 'newAxis', span } : { kind: 'index', value, span };
  }
  const [stop, step] = [optional(end, 'stop'), optional(end, 'step')];
  return { kind: 'slice', ...(start && { start }), ...(stop && { stop }), ...(step && { step }), span };
}

function errorAt(span: Span): Expr {
  return { kind: 'error', span };
}
