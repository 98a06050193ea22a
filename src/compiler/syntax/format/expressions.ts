/** Expressions as documents. */
import type {
  Argument,
  BinaryExpr,
  ComprehensionExpr,
  Expr,
  IfExpr,
  MixtureExpr,
  Path,
  PipeExpr,
  Subscript,
} from '../ast.ts';
import { indent, line, space } from './doc.ts';
import type { Doc } from './doc.ts';
import { bracketList, dotted } from './lists.ts';
import type { Item } from './lists.ts';
import { leftLevel, level, levelOf, negatedLevel, rightLevel } from './parentheses.ts';
import type { Writer } from './writer.ts';

/** In parentheses if it holds together less tightly than `least`, and only then. */
export function expression(w: Writer, e: Expr, least: number = level.conditional): Doc {
  const written = parenthesesOf(w, e);
  const needed = levelOf(e) < least;
  const kept = needed && written > 0 ? 1 : 0;
  w.skip('(', written - kept);
  const doc = needed ? parenthesized(w, e, kept === 1) : bare(w, e);
  w.skip(')', written - kept);
  return doc;
}

/** Pairs of parentheses around an expression that are not part of it. */
function parenthesesOf(w: Writer, e: Expr): number {
  return w.parentheses(e.span) - (e.kind === 'tuple' ? 1 : 0);
}

function parenthesized(w: Writer, e: Expr, written: boolean): Doc {
  return w.group(() =>
    w.bracketed(
      written ? w.punctuation('(') : w.add('('),
      () => bare(w, e),
      () => (written ? w.take(')') : w.add(')')),
    ),
  );
}

function bare(w: Writer, e: Expr): Doc {
  switch (e.kind) {
    case 'integer':
    case 'float':
    case 'string':
    case 'bool':
    case 'none':
    case 'training':
    case 'name':
      return w.take();
    case 'tuple':
      return bracketList(w, '(', items(w, e.elements), ')', { tuple: true });
    case 'list':
      return bracketList(w, '[', items(w, e.elements), ']');
    case 'comprehension':
      return comprehension(w, e);
    case 'range':
      return [expression(w, e.from, level.range + 1), w.take('..'), expression(w, e.to, level.range + 1)];
    case 'unary':
      return unary(w, e.operator, e.operand);
    case 'frozen':
      return [w.take('frozen'), space, expression(w, e.value, level.unary)];
    case 'binary':
      return binary(w, e);
    case 'if':
      return w.group(() => conditional(w, e));
    case 'call':
      return [expression(w, e.callee, level.operand), argumentList(w, e.arguments)];
    case 'index':
      return [expression(w, e.base, level.operand), bracketList(w, '[', subscripts(w, e.subscripts), ']')];
    case 'member':
      return [expression(w, e.base, level.operand), w.take('.'), w.take()];
    case 'pipe':
      return pipe(w, e);
    case 'mixture':
      return mixture(w, e);
    case 'error':
      throw new Error('a text with mistakes cannot be formatted');
    default:
      return e satisfies never;
  }
}

// Operators.

function unary(w: Writer, operator: '-' | '+' | 'not', operand: Expr): Doc {
  const sign = w.take(operator);
  if (operator === 'not') return [sign, space, expression(w, operand, negatedLevel(operand))];
  const apart = operand.kind === 'unary' ? space : [];
  return [sign, apart, expression(w, operand, level.unary)];
}

/** A chain of operators that hold equally tightly, flat: its lines begin with the operators. */
function binary(w: Writer, e: BinaryExpr): Doc {
  const links = [e];
  const pairs = [0];
  for (let inner = e.left; inner.kind === 'binary' && continues(links.at(-1)!, inner); inner = inner.left) {
    links.push(inner);
    pairs.push(parenthesesOf(w, inner));
  }
  const first = links.at(-1)!;
  const rest = [...links.entries()].toReversed();
  const link = ({ operator, right }: BinaryExpr): Doc => {
    const sign = w.take(operator);
    return [sign, space, expression(w, right, rightLevel(operator))];
  };
  // A pipe in parentheses opens on the line of its operator, as a call does.
  const hugs = levelOf(e.right) <= level.pipe;
  w.skip('(', sum(pairs));
  const chain = w.group(() => {
    const content = [expression(w, first.left, leftLevel(first.operator, first.left))];
    for (const [i, inner] of rest) {
      if (i === 0 && hugs) break;
      content.push(indent([line, link(inner)]));
      w.skip(')', pairs[i]!);
    }
    return content;
  });
  return hugs ? [chain, space, link(e)] : chain;
}

/** Whether `inner`, the left operand of `outer`, needs no parentheses and belongs to the same chain. */
function continues(outer: BinaryExpr, inner: BinaryExpr): boolean {
  const wanted = leftLevel(outer.operator, inner);
  return levelOf(inner) === wanted && levelOf(outer) === wanted;
}

// Choices and pipes.

/** The arms on lines of their own, if the group around is broken. */
export function conditional(w: Writer, e: IfExpr): Doc {
  const content: Doc[] = [arm(w, e), line, w.take('else'), space];
  let [rest, pairs] = [e.else, 0];
  for (; rest.kind === 'if'; rest = rest.else) {
    const written = parenthesesOf(w, rest);
    w.skip('(', written);
    pairs += written;
    content.push(arm(w, rest), line, w.take('else'), space);
  }
  content.push(expression(w, rest, level.range));
  w.skip(')', pairs);
  return content;
}

function arm(w: Writer, e: IfExpr): Doc {
  return w.group(() => {
    const condition = [w.take('if'), space, expression(w, e.condition, level.pipe)];
    return [condition, indent([line, w.take('then'), space, expression(w, e.then, level.range)])];
  });
}

/** Its stages on lines of their own if it is too long, or if it was written so. */
function pipe(w: Writer, e: PipeExpr): Doc {
  const links = [e];
  const pairs = [0];
  for (let inner = e.value; inner.kind === 'pipe'; inner = inner.value) {
    links.push(inner);
    pairs.push(parenthesesOf(w, inner));
  }
  w.skip('(', sum(pairs));
  return w.group((breakUp) => {
    const value = expression(w, links.at(-1)!.value, level.range);
    if (w.startsLine) breakUp();
    const stages = [...links.entries()].toReversed().map(([i, { stage, path }]) => {
      const sign = w.take('|>');
      const applied = [sign, space, expression(w, stage, level.operand), pathDoc(w, path)];
      w.skip(')', pairs[i]!);
      return [line, applied];
    });
    return [value, indent(stages)];
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** ` as a.b` */
function pathDoc(w: Writer, path: Path | undefined): Doc {
  return path ? [space, w.take('as'), space, dotted(w, path)] : [];
}

// Brackets.

function items(w: Writer, elements: readonly Expr[]): Item[] {
  return elements.map((element) => itemOf(element.span, element, () => expression(w, element)));
}

function itemOf(span: Item['span'], value: Expr, doc: () => Doc): Item {
  return { span, doc, bracketed: value.kind === 'list' || value.kind === 'comprehension' };
}

export function argumentList(w: Writer, given: readonly Argument[]): Doc {
  const list = given.map(({ name, value, span }): Item => {
    if (!name) return itemOf(span, value, () => expression(w, value));
    return { span, doc: () => [w.take(name.text), w.punctuation(':'), space, expression(w, value)] };
  });
  return bracketList(w, '(', list, ')');
}

function subscripts(w: Writer, list: readonly Subscript[]): Item[] {
  return list.map((item) => ({ span: item.span, doc: () => subscript(w, item) }));
}

function subscript(w: Writer, item: Subscript): Doc {
  switch (item.kind) {
    case 'index':
      return expression(w, item.value);
    case 'newAxis':
      return newAxis(w, item);
    case 'ellipsis':
      return w.take('...');
    case 'slice': {
      const part = (e: Expr | undefined): Doc => (e ? expression(w, e) : []);
      const bounds = [part(item.start), w.take(':'), part(item.stop)];
      if (item.step) return [...bounds, w.take(':'), part(item.step)];
      if (w.is(':')) w.skip(':');
      return bounds;
    }
    default:
      return item satisfies never;
  }
}

/** `none`, perhaps in parentheses. */
function newAxis(w: Writer, { span }: Subscript): Doc {
  const pairs = w.parentheses(span);
  w.skip('(', pairs);
  const doc = w.take('none');
  w.skip(')', pairs);
  return doc;
}

function comprehension(w: Writer, e: ComprehensionExpr): Doc {
  return w.group(() =>
    w.bracketed(
      w.punctuation('['),
      () => [iteration(w, e), space, w.punctuation('=>'), body(w, e.element)],
      () => w.take(']'),
    ),
  );
}

function body(w: Writer, e: Expr): Doc {
  return w.group(() => indent([line, expression(w, e)]));
}

/** `for i in e as path` */
export function iteration(w: Writer, e: { readonly over: Expr; readonly path?: Path }): Doc {
  const head = [w.take('for'), space, w.take(), space, w.take('in'), space];
  // Behind a pipe the path would name the last stage.
  return [head, expression(w, e.over, e.path ? level.range : level.conditional), pathDoc(w, e.path)];
}

function mixture(w: Writer, e: MixtureExpr): Doc {
  const head = [w.take('mixture'), argumentList(w, e.arguments), pathDoc(w, e.path), space];
  const experts = w.group((breakUp) => {
    const open = w.punctuation('{');
    if (w.startsLine) breakUp();
    const content = (): Doc => [w.take(), space, w.punctuation('=>'), space, expression(w, e.body)];
    return w.bracketed(open, content, () => w.take('}'), line);
  });
  return [head, experts];
}
