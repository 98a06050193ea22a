/** Work on a device that pauses where the host has something to do: to look at a loss, or to fill inputs. */
import type { Device } from '../devices/device.ts';
import { asHeddleError } from '../session.ts';

/** Steps of the program, from `first` up to but not including `last`. */
export interface StepRange {
  readonly first: number;
  readonly last: number;
}

/** Asks for ranges of steps to be run, one after the other, and has a result in the end. */
export type Work<Result> = Generator<StepRange, Result, void>;

/** Does all of it at once. Throws HeddleError. */
export function perform<Result>(work: Work<Result>, device: Device): Result {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    try {
      device.runSteps(next.value.first, next.value.last);
    } catch (error) {
      throw asHeddleError(error);
    }
  }
}

/** The same on threads that this one cannot lead. Rejects with HeddleError. */
export async function performElsewhere<Result>(
  work: Work<Result>,
  runElsewhere: NonNullable<Device['runElsewhere']>,
): Promise<Result> {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    await runElsewhere(next.value.first, next.value.last);
  }
}
