/** Statements and loops as WGSL. */
import { constantValue, type Dim } from '../../dims/dim.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { analyseSharing } from '../sharing.ts';
import { expressionText, stored } from './expression.ts';
import type { Frame } from './frame.ts';
import { elementText, positionText } from './position.ts';
import type { Text } from './text.ts';

/** The lines of a list of statements, in a scope of their own. */
export function statementLines(frame: Frame, statements: readonly Statement[]): string[] {
  return frame.block(() => {
    for (const statement of statements) writeStatement(frame, statement);
  });
}

function writeStatement(frame: Frame, statement: Statement): void {
  switch (statement.kind) {
    case 'let': {
      const { code } = valueText(frame, statement.value);
      return frame.line(`let ${frame.define(statement.name)} = ${code};`);
    }
    case 'declare': {
      const { code } = valueText(frame, statement.value);
      return frame.line(`var ${frame.define(statement.name)}: ${statement.value.type} = ${code};`);
    }
    case 'assign': {
      const { code } = valueText(frame, statement.value);
      return frame.line(`${frame.variable(statement.name)} = ${code};`);
    }
    case 'store': {
      const value = stored(frame.buffer(statement.buffer), valueText(frame, statement.value));
      return frame.line(`${elementText(frame, statement.buffer, statement.index)} = ${value.code};`);
    }
    case 'if': {
      frame.line(`if (${valueText(frame, statement.condition).code}) {`);
      frame.nested(statementLines(frame, statement.then));
      if (statement.else.length > 0) {
        frame.line('} else {');
        frame.nested(statementLines(frame, statement.else));
      }
      return frame.line('}');
    }
    case 'loop':
      return writeLoop(frame, statement);
    case 'prefetch':
    case 'count':
      return;
  }
}

/** The value of a statement's expression; what it shares is written before. */
function valueText(frame: Frame, expr: Expr): Text {
  frame.sharing = analyseSharing(expr);
  return expressionText(frame, expr);
}

function writeLoop(frame: Frame, loop: Extract<Statement, { kind: 'loop' }>): void {
  const end = endText(frame, loop.extent);
  const lines = frame.block(() => {
    const counter = frame.define(loop.variable);
    frame.line(`for (var ${counter} = 0i; ${counter} < ${end}; ${counter}++) {`);
    frame.nested(statementLines(frame, loop.body));
    frame.line('}');
  });
  for (const line of lines) frame.line(line);
}

function endText(frame: Frame, extent: Dim): string {
  const { code } = positionText(frame, extent);
  if (/^\w+$/.test(code) || constantValue(extent) !== undefined) return code;
  const name = frame.fresh('end');
  frame.line(`let ${name} = ${code};`);
  return name;
}
