/** Statements and loops as structured control flow. */
import { constantValue, isAtLeast, ONE, symbolsOf, type Dim } from '../../dims/dim.ts';
import type { Expr, Statement } from '../../kernel/ir.ts';
import { containsLoop, namesDefinedIn, positionsIn } from '../access.ts';
import { analyseSharing } from '../sharing.ts';
import { emitAddress, emitLoopAddresses, planRegion } from './addressing.ts';
import { emitExpression, emitStoreInstruction } from './expression.ts';
import { wasmType, type Frame } from './frame.ts';
import { emitPosition } from './position.ts';

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
    case 'declare':
      emitValue(frame, statement.value);
      return code.emit(
        'local.set',
        frame.define(statement.name, wasmType(statement.value.type, statement.value.lanes)),
      );
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

/** Loops are tested at the bottom, behind a guard for those that may not run at all. */
function emitLoop(frame: Frame, loop: Of<'loop'>): void {
  const { code } = frame;
  const extent = constantValue(loop.extent);
  if (extent !== undefined && extent <= 0) return;
  frame.within('region', () => {
    const guarded = !isAtLeast(loop.extent, ONE);
    const end = extent === undefined ? emitExtent(frame, loop.extent) : undefined;
    if (guarded) {
      code.emit('local.get', end!);
      code.emit('i32.const', 0);
      code.emit('i32.gt_s');
      code.emit('if', 'void');
    }
    frame.within('region', () => {
      if (containsLoop(loop.body)) emitOuterLoop(frame, loop, end);
      else emitInnermostLoop(frame, loop, end);
    });
    if (guarded) code.emit('end');
  });
}

function emitExtent(frame: Frame, extent: Dim): number {
  const [name, ...others] = symbolsOf(extent);
  if (name !== undefined && others.length === 0 && extent.key === name) return frame.local(name);
  const local = frame.temporary('i32');
  emitPosition(frame, extent);
  frame.code.emit('local.set', local);
  return local;
}

function emitOuterLoop(frame: Frame, loop: Of<'loop'>, end: number | undefined): void {
  emitCountingUp(
    frame,
    loop,
    end,
    () => emitRegion(frame, loop.body),
    () => {},
  );
}

function emitInnermostLoop(frame: Frame, loop: Of<'loop'>, end: number | undefined): void {
  const varying = namesDefinedIn(loop.body).add(loop.variable);
  const positions = positionsIn(loop.body, 'branches');
  const addresses = emitLoopAddresses(frame, loop.variable, varying, positions);
  const body = (): void =>
    frame.within(
      'region',
      () => {
        for (const statement of loop.body) emitStatement(frame, statement);
      },
      varying,
    );
  if (addresses.usesVariable) emitCountingUp(frame, loop, end, body, addresses.advance);
  else emitCountingDown(frame, loop, end, body, addresses.advance);
}

function emitCountingUp(
  frame: Frame,
  loop: Of<'loop'>,
  end: number | undefined,
  body: () => void,
  advance: () => void,
): void {
  const { code } = frame;
  const counter = frame.define(loop.variable, 'i32');
  code.emit('i32.const', 0);
  code.emit('local.set', counter);
  code.emit('loop', 'void');
  body();
  advance();
  code.emit('local.get', counter);
  code.emit('i32.const', 1);
  code.emit('i32.add');
  code.emit('local.tee', counter);
  if (end === undefined) emitPosition(frame, loop.extent);
  else code.emit('local.get', end);
  code.emit('i32.lt_s');
  code.emit('br_if', 0);
  code.emit('end');
}

function emitCountingDown(
  frame: Frame,
  loop: Of<'loop'>,
  end: number | undefined,
  body: () => void,
  advance: () => void,
): void {
  const { code } = frame;
  const remaining = frame.temporary('i32');
  if (end === undefined) emitPosition(frame, loop.extent);
  else code.emit('local.get', end);
  code.emit('local.set', remaining);
  code.emit('loop', 'void');
  body();
  advance();
  code.emit('local.get', remaining);
  code.emit('i32.const', 1);
  code.emit('i32.sub');
  code.emit('local.tee', remaining);
  code.emit('br_if', 0);
  code.emit('end');
}
