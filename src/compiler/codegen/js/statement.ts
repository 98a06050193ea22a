/** Statements and loops as JavaScript. */
import { constantValue, type Dim } from '../../dims/dim.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { containsLoop, namesDefinedIn, positionsIn } from '../access.ts';
import { analyseSharing } from '../sharing.ts';
import { expressionText, isSingle, VIEWS } from './expression.ts';
import type { Frame } from './frame.ts';
import { hoistInvariants, indexText, planRegion, positionText } from './position.ts';
import { number, ternary, type Text } from './text.ts';

/** The lines of a list of statements that plans its own indices. */
export function regionLines(frame: Frame, statements: readonly Statement[]): string[] {
  return frame.block(() => {
    planRegion(frame, positionsIn(statements, 'list'));
    for (const statement of statements) writeStatement(frame, statement);
  });
}

function writeStatement(frame: Frame, statement: Statement): void {
  switch (statement.kind) {
    case 'let': {
      const { code } = valueText(frame, statement.value);
      const single = isSingle(frame, statement.value);
      return frame.line(`const ${frame.define(statement.name, single)} = ${code};`);
    }
    case 'declare': {
      const { code } = valueText(frame, statement.value);
      return frame.line(`let ${frame.define(statement.name)} = ${code};`);
    }
    case 'assign':
      return frame.line(assignmentText(frame, statement));
    case 'store': {
      const value = valueText(frame, statement.value);
      const { type } = statement.value;
      const element = `${VIEWS[type]}[${indexText(frame, statement.buffer, statement.index)}]`;
      const stored = type === 'bool' ? ternary(value, number(1), number(0)) : value;
      return frame.line(`${element} = ${stored.code};`);
    }
    case 'if': {
      frame.line(`if (${valueText(frame, statement.condition).code}) {`);
      frame.nested(regionLines(frame, statement.then));
      if (statement.else.length > 0) {
        frame.line('} else {');
        frame.nested(regionLines(frame, statement.else));
      }
      return frame.line('}');
    }
    case 'loop':
      return writeLoop(frame, statement);
    case 'prefetch':
      return;
    case 'count':
      return frame.line(`counts[0] += ${positionText(frame, statement.amount).code};`);
    case 'barrier':
    case 'reduce':
      return frame.fail(`${statement.kind} of a workgroup; the target has none`);
  }
}

function assignmentText(frame: Frame, { name, value }: Extract<Statement, { kind: 'assign' }>): string {
  const variable = frame.variable(name).text;
  const isOwn = (expr: Expr): boolean => expr.kind === 'variable' && expr.name === name;
  // Doubles accumulate without being rounded, so `x = x + y` is `x += y`.
  if (value.kind === 'binary' && value.type === 'f32' && value.op === 'add' && isOwn(value.left))
    return `${variable} += ${valueText(frame, value.right).code};`;
  return `${variable} = ${valueText(frame, value).code};`;
}

/** The value of a statement's expression; what it shares is written before. */
function valueText(frame: Frame, expr: Expr): Text {
  frame.sharing = analyseSharing(expr);
  return expressionText(frame, expr);
}

function writeLoop(frame: Frame, loop: Extract<Statement, { kind: 'loop' }>): void {
  const isInnermost = !containsLoop(loop.body);
  const varying = namesDefinedIn(loop.body).add(loop.variable);
  const positions = positionsIn(loop.body, 'branches');
  if (isInnermost) hoistInvariants(frame, varying, positions);
  const end = endText(frame, loop.extent);
  // The loop's own block holds its variable, which the statements of the body refer to.
  const lines = frame.block(
    () => {
      const counter = frame.define(loop.variable);
      frame.line(`for (let ${counter} = 0; ${counter} < ${end}; ${counter}++) {`);
      if (isInnermost)
        frame.nested(frame.block(() => loop.body.forEach((statement) => writeStatement(frame, statement))));
      else frame.nested(regionLines(frame, loop.body));
      frame.line('}');
    },
    isInnermost ? varying : undefined,
  );
  for (const line of lines) frame.line(line);
}

function endText(frame: Frame, extent: Dim): string {
  const text = positionText(frame, extent);
  const isName = /^\w+$/.test(text.code);
  if (isName || constantValue(extent) !== undefined) return text.code;
  const name = frame.fresh('end');
  frame.line(`const ${name} = ${text.code};`);
  return name;
}
