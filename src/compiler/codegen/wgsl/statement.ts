/** Statements and loops as WGSL. */
import { constantValue, type Dim } from '../../dims/dim.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { analyseSharing } from '../sharing.ts';
import { componentText, expressionText, stored } from './expression.ts';
import type { Frame } from './frame.ts';
import { typeText } from './operators.ts';
import { indexTexts, positionText } from './position.ts';
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
      const { type, lanes } = statement.value;
      return frame.line(`var ${frame.define(statement.name)}: ${typeText(type, lanes)} = ${code};`);
    }
    case 'assign': {
      const { code } = valueText(frame, statement.value);
      return frame.line(`${frame.variable(statement.name)} = ${code};`);
    }
    case 'store':
      return writeStore(frame, statement);
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
    case 'barrier':
      return frame.workgroup.barriers.forEach((barrier) => frame.line(barrier));
    case 'reduce': {
      const { op, value } = statement;
      const reduce = frame.reduction({ op, type: value.type, lanes: value.lanes });
      const { code } = valueText(frame, value);
      return frame.line(
        `let ${frame.define(statement.name)} = ${reduce}(${code}, ${frame.workgroup.reductionArguments});`,
      );
    }
    case 'prefetch':
    case 'count':
      return;
  }
}

/** A vector's elements one by one where the binding has no vectors. */
function writeStore(frame: Frame, { buffer, index, value }: Extract<Statement, { kind: 'store' }>): void {
  const access = frame.buffer(buffer);
  const own = valueText(frame, value);
  // The compiler of the module rejects literals that f16 cannot hold.
  const text = stored(access, access.half && own.constant ? frame.named(own) : own, value.lanes);
  const { variable, parts = 1 } = access;
  const write = (at: string, { code }: Text): void =>
    frame.line(parts > 1 ? `write_${variable}(${at}, ${code});` : `${variable}[${at}] = ${code};`);
  const indices = indexTexts(frame, buffer, index, value.lanes);
  if (indices.length === 1) return write(indices[0]!, text);
  const vector = frame.named(text);
  indices.forEach((at, lane) => write(at, componentText(vector, lane)));
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
