/**
 * A contestant in a process or page of its own. Knows nothing of where it runs: it is told what to load, and when its
 * turn is.
 */

/** A sample lasts at least this long, so that the clock's resolution does not matter. */
const SAMPLE_MILLISECONDS = 2;
/** Nothing is left in the caches by what takes longer. */
const CACHED_MILLISECONDS = 500;

/** `load` is a peer's: it answers `{ call, isSync, valuesOf, operations? }`. */
export function makeSeat(load) {
  let contestant;
  let calls = 1;
  let isLong = false;

  /** Milliseconds of `calls` calls. */
  async function sample() {
    const { call, isSync } = contestant;
    const start = performance.now();
    if (isSync) for (let i = 0; i < calls; i++) call();
    else for (let i = 0; i < calls; i++) await call();
    return performance.now() - start;
  }

  async function runFor(milliseconds) {
    const samples = [];
    let left = milliseconds;
    do {
      const elapsed = await sample();
      samples.push(elapsed / calls);
      left -= elapsed;
    } while (left > 0);
    return samples;
  }

  return {
    /** Loads and answers the values of a first run, by output. */
    async open(task) {
      contestant = await load(task);
      return copied(contestant.valuesOf(await contestant.call()));
    },

    async runMore(times) {
      for (let i = 0; i < times; i++) await contestant.call();
    },

    /** Runs until the engine has had time to optimise, and settles how many calls make a sample. */
    async warmUp(milliseconds) {
      const end = performance.now() + milliseconds;
      let elapsed = await sample();
      while (performance.now() < end) {
        if (elapsed < SAMPLE_MILLISECONDS) calls *= 2;
        elapsed = await sample();
      }
      isLong = elapsed > CACHED_MILLISECONDS;
      return { operations: contestant.operations };
    },

    /**
     * Milliseconds a call of some samples. One that is not counted comes first, so that what the others put into the
     * caches is not counted against this one.
     */
    async turn(milliseconds) {
      if (!isLong) await sample();
      return runFor(milliseconds);
    },
  };
}

/** Outputs may be views that the next run overwrites. */
function copied(values) {
  return Object.fromEntries(Object.entries(values).map(([name, data]) => [name, Float32Array.from(data)]));
}
