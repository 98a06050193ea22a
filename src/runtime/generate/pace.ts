/** Lets others have their turn while tokens are made on this thread. */
import { nextTask } from '../next-task.ts';

/** Milliseconds: half of the time between two frames. */
const SLICE = 8;

export class Pace {
  #since = performance.now();

  /** Undefined while no time has come for a pause. */
  pause(): Promise<void> | undefined {
    return performance.now() - this.#since < SLICE ? undefined : this.#pause();
  }

  async #pause(): Promise<void> {
    await nextTask();
    this.#since = performance.now();
  }
}
