/** The options of a load that are about threads. */
import { MOST_RANKS } from '../../../program/team.ts';
import { HeddleError } from '../../errors.ts';

export interface ThreadOptions {
  /** How many threads run the model on wasm: 1 by default, at most 64. Where there can be no more than one, `onWarning` is told why. */
  readonly threads?: number;
  /** Takes what the load has to say in one line, in place of `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

export const MOST_THREADS = MOST_RANKS;

/** Throws HeddleError 'option'. */
export function checkThreads({ threads, onWarning }: ThreadOptions): void {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw new HeddleError('option', `the option threads is ${String(threads)}; it can be 1 to ${MOST_THREADS}`);
  if (onWarning !== undefined && typeof onWarning !== 'function')
    throw new HeddleError('option', 'the option onWarning is no function');
}
