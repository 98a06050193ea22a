/** What an artifact with weights should answer to inputs that a seed decides: `self-test.json`. */

export interface SelfTest {
  /** The dimensions of the run. */
  readonly dims: { readonly [name: string]: number };
  /** Integers of these inputs are drawn below. */
  readonly limits: { readonly [input: string]: number };
  /** Elements of each output, spread over it; null stands for what is no finite number. */
  readonly answers: { readonly [output: string]: readonly (number | null)[] };
}

/** Of an output, as many elements at most. */
const SAMPLES = 32;

/** Elements that stand for all: the first and the last one, and some between at equal distances. */
export function sampled(data: ArrayLike<number>): (number | null)[] {
  const count = Math.min(SAMPLES, data.length);
  return Array.from({ length: count }, (_, at) => {
    const value = data[Math.floor((at * (data.length - 1)) / Math.max(1, count - 1))]!;
    return Number.isFinite(value) ? value : null;
  });
}
