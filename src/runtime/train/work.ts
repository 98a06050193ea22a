/** Work of a session that pauses where the host has something to do: to look at a loss, or to fill inputs. */
import type { Session, StepRange } from '../session.ts';

/** Asks for ranges of steps to be run, one after the other, and has a result in the end. */
export type Work<Result> = Generator<StepRange, Result, void>;

/** Does all of it at once. Throws HeddleError. */
export function perform<Result>(work: Work<Result>, session: Session): Result {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    session.runSteps(next.value.first, next.value.last);
  }
}

/** The same where this thread does not lead it. Rejects with HeddleError. */
export async function performElsewhere<Result>(
  work: Work<Result>,
  runElsewhere: NonNullable<Session['runElsewhere']>,
): Promise<Result> {
  for (;;) {
    const next = work.next();
    if (next.done) return next.value;
    await runElsewhere(next.value.first, next.value.last);
  }
}
