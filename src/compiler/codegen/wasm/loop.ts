/** Counted loops: tested at the bottom, behind a guard where they may not run at all. */
import { constantValue, isAtLeast, ONE, symbolsOf, type Dim } from '../../dims/dim.ts';
import type { Frame } from './frame.ts';
import { emitPosition } from './position.ts';

export interface LoopBody {
  readonly emit: () => void;
  /** Prepares what the body of the next iteration needs. */
  readonly advance?: () => void;
}

/** Writes what `emit` writes for the case that a loop of `extent` iterations has any; it is given a way to push the extent. */
export function emitUnlessEmpty(frame: Frame, extent: Dim, emit: (pushEnd: () => void) => void): void {
  const { code } = frame;
  const value = constantValue(extent);
  if (value !== undefined && value <= 0) return;
  frame.within('region', () => {
    const end = value === undefined ? emitEnd(frame, extent) : undefined;
    const pushEnd = (): void => (end === undefined ? emitPosition(frame, extent) : code.emit('local.get', end));
    const guarded = !isAtLeast(extent, ONE);
    if (guarded) {
      pushEnd();
      code.emit('i32.const', 0);
      code.emit('i32.gt_s');
      code.emit('if', 'void');
    }
    frame.within('region', () => emit(pushEnd));
    if (guarded) code.emit('end');
  });
}

/** A local that holds the extent: that of the size itself where it is one. */
function emitEnd(frame: Frame, extent: Dim): number {
  const [name] = symbolsOf(extent);
  if (name !== undefined && extent.key === name) return frame.local(name);
  const local = frame.temporary('i32');
  emitPosition(frame, extent);
  frame.code.emit('local.set', local);
  return local;
}

/** A loop whose body reads its variable. */
export function emitCountingUp(frame: Frame, variable: string, pushEnd: () => void, body: LoopBody): void {
  const { code } = frame;
  const counter = frame.define(variable, 'i32');
  code.emit('i32.const', 0);
  code.emit('local.set', counter);
  code.emit('loop', 'void');
  body.emit();
  body.advance?.();
  code.emit('local.get', counter);
  code.emit('i32.const', 1);
  code.emit('i32.add');
  code.emit('local.tee', counter);
  pushEnd();
  code.emit('i32.lt_s');
  code.emit('br_if', 0);
  code.emit('end');
}

/** A loop whose body does not read its variable: only the iterations left are counted. */
export function emitCountingDown(frame: Frame, pushEnd: () => void, body: LoopBody): void {
  const { code } = frame;
  const remaining = frame.temporary('i32');
  pushEnd();
  code.emit('local.set', remaining);
  code.emit('loop', 'void');
  body.emit();
  body.advance?.();
  code.emit('local.get', remaining);
  code.emit('i32.const', 1);
  code.emit('i32.sub');
  code.emit('local.tee', remaining);
  code.emit('br_if', 0);
  code.emit('end');
}
