/** The key of random numbers: an input of programs that draw, which a caller gives as a seed. */
import type { TensorSpec } from '../program/program.ts';
import { RANDOM_KEY } from '../program/training.ts';
import { HeddleError } from './errors.ts';
import type { TensorInput } from './inputs.ts';

type Inputs = { readonly [name: string]: TensorInput };

const MOST = 2 ** 32 - 1;

/** Whether random numbers can begin from it: a u32. */
export function isSeed(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST;
}

/** Adds the key to the inputs of runs. */
export class SeededInputs {
  /** The words of the run's key; undefined for a program that draws nothing. */
  readonly #key: Uint32Array | undefined;

  constructor(specs: readonly TensorSpec[]) {
    this.#key = specs.some(({ name }) => name === RANDOM_KEY) ? new Uint32Array(2) : undefined;
  }

  /** `inputs` with the key that `seed` stands for, unless they hold a key. Throws HeddleError 'option'. */
  complete(inputs: Inputs, seed = 0): Inputs {
    if (!isSeed(seed))
      throw new HeddleError('option', `the seed of a run is an integer from 0 to ${MOST}, not ${String(seed)}`);
    const key = this.#key;
    if (!key || typeof inputs !== 'object' || inputs === null || Object.hasOwn(inputs, RANDOM_KEY)) return inputs;
    key[0] = seed;
    return { ...inputs, [RANDOM_KEY]: key };
  }
}
