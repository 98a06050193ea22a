/** Statements as documents. */
import type {
  AssignStatement,
  Body,
  DimsStatement,
  Expr,
  IfStatement,
  OptimizerGroup,
  OptimizerStatement,
  RequireStatement,
  Statement,
  TensorTypeExpr,
} from '../ast.ts';
import { comment, hardLine, indent, line, space } from './doc.ts';
import type { Doc } from './doc.ts';
import { braced } from './entries.ts';
import { argumentList, conditional, expression, iteration } from './expressions.ts';
import { plainList } from './lists.ts';
import { tensorType } from './types.ts';
import type { Writer } from './writer.ts';

/** To be part of a group, which it breaks up unless it is a single simple statement written on one line. */
export function bodyDoc(w: Writer, { statements }: Body, breakUp: () => void): Doc {
  const list = statements.map((statement) => ({ doc: () => statementDoc(w, statement) }));
  return braced(w, list, breakUp, statements.every(isSimple));
}

function isSimple({ kind }: Statement): boolean {
  return kind !== 'if' && kind !== 'for' && kind !== 'optimizer';
}

function statementDoc(w: Writer, statement: Statement): Doc {
  switch (statement.kind) {
    case 'assign':
      return assignDoc(w, statement);
    case 'param':
    case 'state':
      return [w.take(statement.kind), space, w.take(), typed(w, statement.type), assigned(w, statement.initializer)];
    case 'input':
      return [w.take('input'), space, w.take(), optionalMark(w, statement.optional), typed(w, statement.type)];
    case 'output':
      return [w.take('output'), space, w.take(), typed(w, statement.type), assigned(w, statement.value)];
    case 'const':
    case 'next':
    case 'aux':
    case 'metric':
      return [w.take(statement.kind), space, w.take(), assigned(w, statement.value)];
    case 'loss':
      return [w.take('loss'), value(w, statement.value)];
    case 'require':
      return requireDoc(w, statement);
    case 'dims':
      return dimsDoc(w, statement);
    case 'if':
      return w.group((breakUp) => ifDoc(w, statement, breakUp));
    case 'for':
      return w.group((breakUp) => [iteration(w, statement), bodyDoc(w, statement.body, breakUp)]);
    case 'return':
      return returnDoc(w, statement.values);
    case 'optimizer':
      return optimizerDoc(w, statement);
    case 'generate':
      return generateDoc(w);
    case 'error':
      throw new Error('a text with mistakes cannot be formatted');
    default:
      return statement satisfies never;
  }
}

export function optionalMark(w: Writer, optional: boolean): Doc {
  return optional ? w.punctuation('?') : [];
}

/** `: type` */
function typed(w: Writer, type: TensorTypeExpr | undefined): Doc {
  return type ? [w.punctuation(':'), space, tensorType(w, type)] : [];
}

/** ` = value` */
export function assigned(w: Writer, e: Expr | undefined): Doc {
  return e ? [space, w.punctuation('='), value(w, e)] : [];
}

/** Behind a space; the arms of a choice that does not fit stand below each other on the following lines. */
function value(w: Writer, e: Expr): Doc {
  if (e.kind !== 'if') return [space, expression(w, e)];
  return w.group(() => {
    const pairs = w.parentheses(e.span);
    w.skip('(', pairs);
    const arms = conditional(w, e);
    w.skip(')', pairs);
    return indent([line, arms]);
  });
}

function assignDoc(w: Writer, { targets, type, value: assignedValue }: AssignStatement): Doc {
  const names = plainList(
    w,
    targets.map(() => () => w.take()),
  );
  return [names, typed(w, type), assigned(w, assignedValue)];
}

function requireDoc(w: Writer, { condition, message }: RequireStatement): Doc {
  return w.group(() => {
    const checked = [w.take('require'), space, expression(w, condition)];
    return message ? [checked, w.punctuation(','), indent([line, w.take()])] : checked;
  });
}

function dimsDoc(w: Writer, { dims }: DimsStatement): Doc {
  const list = dims.map(({ max }) => (): Doc => {
    const name = w.take();
    return max ? [name, space, w.take('<='), space, expression(w, max)] : name;
  });
  return [w.take('dims'), space, plainList(w, list)];
}

/** A chain of any length: its links lie in each other in the tree, but not in the text. */
function ifDoc(w: Writer, first: IfStatement, breakUp: () => void): Doc {
  const branch = ({ condition, then }: IfStatement): Doc => [
    [w.take('if'), space, expression(w, condition)],
    bodyDoc(w, then, breakUp),
  ];
  const content = [branch(first)];
  for (let rest = first.else; rest;) {
    content.push(elseSeparator(w), w.take('else'));
    const [inner] = rest.statements;
    if (inner?.kind === 'if' && w.is('if')) {
      content.push(space, branch(inner));
      rest = inner.else;
    } else {
      content.push(bodyDoc(w, rest, breakUp));
      rest = undefined;
    }
  }
  return content;
}

/** A space, or the comments between the `}` and the `else`. */
function elseSeparator(w: Writer): Doc {
  if (!w.hasComments) return space;
  const trailing = w.trailingComment();
  return [trailing, w.pull().map(({ text }) => [hardLine, comment(text, false)]), hardLine];
}

function returnDoc(w: Writer, values: readonly Expr[]): Doc {
  const word = w.take('return');
  const [first] = values;
  if (first && values.length === 1) return [word, value(w, first)];
  return [
    word,
    space,
    plainList(
      w,
      values.map((e) => () => expression(w, e)),
    ),
  ];
}

/** Without empty lists and braces. */
function optimizerDoc(w: Writer, { arguments: given, groups }: OptimizerStatement): Doc {
  const content = [w.take('optimizer'), space, w.take()];
  if (given.length > 0) content.push(argumentList(w, given));
  else skipEmpty(w, '(', ')');
  const list = groups.map((item) => ({ doc: () => groupDoc(w, item) }));
  if (list.length > 0) content.push(w.group((breakUp) => braced(w, list, breakUp)));
  else skipEmpty(w, '{', '}');
  return content;
}

export function skipEmpty(w: Writer, open: string, close: string): void {
  if (!w.is(open)) return;
  w.skip(open);
  w.skip(close);
}

function groupDoc(w: Writer, { patterns, settings }: OptimizerGroup): Doc {
  const word = w.take('group');
  const list = plainList(
    w,
    patterns.map(() => () => w.take()),
  );
  return [word, space, list, space, argumentList(w, settings)];
}

function generateDoc(w: Writer): Doc {
  const pair = (word: string): Doc => [w.take(word), space, w.take()];
  return [pair('generate'), space, pair('along'), space, pair('from')];
}
