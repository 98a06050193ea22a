/** Concrete to abstract syntax: tensor types and the types of compile-time values. */
import type { CstNode, IToken } from 'chevrotain';
import * as t from '../../../grammar/tokens.ts';
import { diagnostic } from '../base/diagnostic.ts';
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import type { Axis, TensorTypeExpr, ValueType } from './ast.ts';
import type { BuildContext } from './cst.ts';
import { after, has, nameOf, nodeOf, nodes, spanOf, tokenOf, tokensOf } from './cst.ts';
import { expression } from './expressions.ts';
import { tokenSpan } from './lex.ts';
import { textLiteral } from './literals.ts';

/** `f32[batch, ..lead]` from a `tensorType` or a `type` node; absent where it could not be read. */
export function tensorType(context: BuildContext, node: CstNode | undefined): TensorTypeExpr | undefined {
  const name = node && tokenOf(node, t.Identifier);
  const axesNode = node && nodeOf(node, 'axes');
  if (!name || !axesNode) return undefined;
  const dtype = nameOf(context, name);
  const span = { ...dtype.span, end: spanOf(context, axesNode, dtype.span).end };
  const axes = nodes(axesNode, 'axis').flatMap((axis) => axisOf(context, axis, after(span)) ?? []);
  return { dtype, axes, span };
}

function axisOf(context: BuildContext, node: CstNode, fallback: Span): Axis | undefined {
  const span = spanOf(context, node, fallback);
  const rest = tokenOf(node, t.Identifier);
  if (has(node, t.DotDot)) return rest && { kind: 'rest', name: nameOf(context, rest), span };
  const value = expression(context, nodeOf(node, 'expression'), span);
  // A name alone stays, for others may rely on it.
  const trusted = value.kind === 'name' || !context.breaks(span.start);
  return { kind: 'size', value: trusted ? value : { kind: 'error', span }, span };
}

/** Whether a parameter's type says tensor rather than compile-time value. */
export function isTensorType(node: CstNode): boolean {
  return nodeOf(node, 'axes') !== undefined;
}

type Primitive = Extract<ValueType, { kind: 'primitive' }>['name'];

/** The types of compile-time values that are words. */
export const primitives: readonly Primitive[] = ['int', 'float', 'bool', 'string', 'block', 'fn', 'dtype'];

/** The type of a compile-time value; absent where it could not be read. */
export function valueType(context: BuildContext, node: CstNode, fallback: Span): ValueType | undefined {
  const inner = requiredType(context, node, fallback);
  const question = tokenOf(node, t.Question);
  if (!inner || !question) return inner;
  return { kind: 'optional', inner, span: { ...inner.span, end: tokenSpan(context.source, question).end } };
}

function requiredType(context: BuildContext, node: CstNode, fallback: Span): ValueType | undefined {
  const name = tokenOf(node, t.Identifier);
  if (name) return primitiveType(context, name);
  const tuple = nodeOf(node, 'tupleType');
  if (tuple) {
    const span = spanOf(context, tuple, fallback);
    const elements = nodes(tuple, 'type').flatMap((element) => valueType(context, element, span) ?? []);
    return { kind: 'tuple', elements, span };
  }
  const list = nodeOf(node, 'listType');
  const element = list && nodeOf(list, 'type');
  if (element) {
    const span = spanOf(context, list, fallback);
    const inner = valueType(context, element, span);
    return inner && { kind: 'list', element: inner, span };
  }
  const literals = tokensOf(node, t.Text.name);
  const [first, last] = [literals[0], literals.at(-1)];
  if (!first || !last) return undefined;
  const span = { ...tokenSpan(context.source, first), end: tokenSpan(context.source, last).end };
  return { kind: 'literals', values: literals.map((literal) => textLiteral(context, literal).text), span };
}

function primitiveType(context: BuildContext, token: IToken): ValueType | undefined {
  const span = tokenSpan(context.source, token);
  const name = primitives.find((candidate) => candidate === token.image);
  if (name) return { kind: 'primitive', name, span };
  const tensor = /^[fiu]\d+$/.test(token.image);
  const meant = closest(token.image, primitives) ?? otherNames.get(token.image);
  const hint = tensor
    ? `a tensor type lists its axes: \`${token.image}[n]\`, or \`${token.image}[]\` for a scalar`
    : meant
      ? `did you mean \`${meant}\`?`
      : `the types are ${primitives.map((primitive) => `\`${primitive}\``).join(', ')}`;
  context.sink.report(diagnostic('HED1013', span, `there is no type \`${token.image}\``, { hint }));
  return undefined;
}

const otherNames: ReadonlyMap<string, Primitive> = new Map([
  ['integer', 'int'],
  ['boolean', 'bool'],
  ['str', 'string'],
  ['double', 'float'],
  ['number', 'float'],
  ['function', 'fn'],
]);
