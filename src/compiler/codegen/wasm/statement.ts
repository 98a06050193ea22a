/** Statements and loops as structured control flow. */
import type { Expr, Statement } from '../../kernel/ir.ts';
import { containsLoop, namesDefinedIn, positionsIn } from '../access.ts';
import { analyseSharing } from '../sharing.ts';
import { emitAddress, emitLoopAddresses, planRegion } from './addressing.ts';
import { emitLoopConstants } from './constants.ts';
import { emitCount } from './counter.ts';
import { emitExpression, emitStoreInstruction } from './expression.ts';
import { wasmType, type Frame } from './frame.ts';
import { emitCountingDown, emitCountingUp, emitUnlessEmpty } from './loop.ts';

type Of<K extends Statement['kind']> = Extract<Statement, { kind: K }>;

/** Writes a list of statements as a region that plans its own addresses. */
export function emitRegion(frame: Frame, statements: readonly Statement[]): void {
  frame.within('region', () => {
    planRegion(frame, positionsIn(statements, 'list'));
    for (const statement of statements) emitStatement(frame, statement);
  });
}

function emitStatement(frame: Frame, statement: Statement): void {
  const { code } = frame;
  switch (statement.kind) {
    case 'let':
    case 'declare': {
      emitValue(frame, statement.value);
      const type = wasmType(statement.value.type, statement.value.lanes);
      const local = statement.kind === 'let' ? frame.define(statement.name, type) : frame.declare(statement.name, type);
      return code.emit('local.set', local);
    }
    case 'assign':
      emitValue(frame, statement.value);
      return code.emit('local.set', frame.local(statement.name));
    case 'store':
      return frame.within('statement', () => {
        const { value } = statement;
        frame.sharing = analyseSharing(value);
        const offset = emitAddress(frame, statement.buffer, statement.index);
        emitExpression(frame, value);
        emitStoreInstruction(frame, value.type, value.lanes, offset);
      });
    case 'prefetch':
      // Engines keep a load that nothing uses, because it might trap.
      return frame.within('statement', () => {
        const offset = emitAddress(frame, statement.buffer, statement.index);
        code.emit('i32.load', { offset });
        code.emit('drop');
      });
    case 'count': {
      const { counters } = frame;
      if (counters === undefined) return;
      return frame.within('statement', () => emitCount(frame, counters, statement.amount));
    }
    case 'barrier':
    case 'reduce':
      return frame.fail(`${statement.kind} of a workgroup; the target has none`);
    case 'if':
      emitValue(frame, statement.condition);
      code.emit('if', 'void');
      emitRegion(frame, statement.then);
      if (statement.else.length > 0) {
        code.emit('else');
        emitRegion(frame, statement.else);
      }
      return code.emit('end');
    case 'loop':
      return emitLoop(frame, statement);
  }
}

/** Pushes the value of a statement's expression. */
function emitValue(frame: Frame, expr: Expr): void {
  frame.within('statement', () => {
    frame.sharing = analyseSharing(expr);
    emitExpression(frame, expr);
  });
}

function emitLoop(frame: Frame, loop: Of<'loop'>): void {
  emitUnlessEmpty(frame, loop.extent, (pushEnd) => {
    if (containsLoop(loop.body))
      emitCountingUp(frame, loop.variable, pushEnd, { emit: () => emitRegion(frame, loop.body) });
    else emitInnermostLoop(frame, loop, pushEnd);
  });
}

function emitInnermostLoop(frame: Frame, loop: Of<'loop'>, pushEnd: () => void): void {
  const varying = namesDefinedIn(loop.body).add(loop.variable);
  emitLoopConstants(frame, loop.body);
  const addresses = emitLoopAddresses(frame, loop.variable, varying, positionsIn(loop.body, 'branches'));
  const emitStatements = (): void => loop.body.forEach((statement) => emitStatement(frame, statement));
  const body = { emit: () => frame.within('region', emitStatements, varying), advance: addresses.advance };
  if (addresses.usesVariable) emitCountingUp(frame, loop.variable, pushEnd, body);
  else emitCountingDown(frame, pushEnd, body);
}
