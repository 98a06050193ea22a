/** Checks what callers pass as options. Each option itself is checked where it is used. */
import { HeddleError } from './errors.ts';

/** What loads an artifact. */
export type Loading = 'load' | 'loadTrainer';

/** Throws HeddleError 'option' unless `options` is an object. */
export function checkOptions(called: Loading | 'run', options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  const found = options === null ? 'null' : Array.isArray(options) ? 'a list' : `a ${typeof options}`;
  throw new HeddleError('option', `${called} takes its options as an object, not ${found}`);
}

/** Throws HeddleError 'option' for an option of another name than `known`. */
export function checkNames(called: Loading | 'run', options: object, known: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new HeddleError('option', `${called} has no option ${unknown}; it has ${known.join(', ')}`);
}
