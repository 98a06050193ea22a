/** How a module counts the multiply-adds that it executes: each rank in an f64 of its own. */
import type { Dim } from '../../dims/dim.ts';
import { RANK } from './driver.ts';
import type { Counters, Frame } from './frame.ts';
import { emitAtom } from './position.ts';

/** Adds `amount` to the counter of this rank. */
export function emitCount(frame: Frame, { first, stride }: Counters, amount: Dim): void {
  const { code } = frame;
  const place = frame.temporary('i32');
  code.emit('global.get', RANK);
  code.emit('i32.const', stride);
  code.emit('i32.mul');
  code.emit('local.tee', place);
  code.emit('local.get', place);
  code.emit('f64.load', { offset: first });
  emitAmount(frame, amount);
  code.emit('f64.add');
  code.emit('f64.store', { offset: first });
}

/** Pushes the value of a position as an f64: products of sizes are soon beyond 32 bits. */
function emitAmount(frame: Frame, { terms }: Dim): void {
  const { code } = frame;
  code.emit('f64.const', 0);
  for (const { coefficient, factors } of terms) {
    code.emit('f64.const', coefficient);
    for (const atom of factors) {
      emitAtom(frame, atom);
      code.emit('f64.convert_i32_s');
      code.emit('f64.mul');
    }
    code.emit('f64.add');
  }
}
