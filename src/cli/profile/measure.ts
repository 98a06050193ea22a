/** Times the steps of a model one by one. All times are in seconds. */
import type { Inputs, RunOptions, RunSteps, SteppedModel } from '../../runtime/model.ts';
import type { ProfileReport, Timing } from '../../compiler/inspect/profile/report.ts';

/** How often to measure: for so many seconds, within limits. */
export interface Effort {
  readonly least: number;
  readonly most: number;
  readonly seconds: number;
}

/** What is run. */
export interface Trial<M> {
  readonly model: M;
  readonly inputs: Inputs;
  readonly options: RunOptions;
  /** Those of a run. */
  readonly steps: { readonly first: number; readonly last: number };
}

export interface Measured {
  readonly steps: readonly Timing[];
  /** All steps in one go. */
  readonly whole: Timing;
  /** How often each was measured. */
  readonly samples: number;
}

/** The clock resolves nanoseconds, but what is shorter than this is repeated, so that calls and glitches do not count. */
const LEAST_SAMPLE = 50e-6;
const MAX_REPEATS = 4096;
/** Runs that were no faster than those before by this factor, for so long and so often, are taken to be in the last tier. */
export const SETTLED = { gain: 0.98, seconds: 0.25, runs: 4 } as const;
const LONGEST_WARM_UP = 15;
const CALIBRATIONS = 3;

/** Warms up, then measures each step again and again, in the order of a run and with what the steps before left. */
export async function measureSteps(trial: Trial<SteppedModel>, effort: Effort): Promise<Measured> {
  const { model, inputs, options, steps } = trial;
  warmUp(() => model.runSync(inputs, options));
  const { first, last } = steps;
  const spans = Array.from({ length: last - first }, (_, at) => ({
    first: first + at,
    last: first + at + 1,
    ...fresh(),
  }));
  const whole = { first, last, ...fresh() };
  const pass = (): void => {
    model.runBySteps(inputs, options, (runSteps) => timeSpan(whole, runSteps));
    model.runBySteps(inputs, options, (runSteps) => spans.forEach((span) => timeSpan(span, runSteps)));
  };
  // How often the short ones have to be repeated is seen best when they have been repeated.
  for (let round = 0; round < CALIBRATIONS; round++) {
    pass();
    for (const span of [whole, ...spans]) prepareSpan(span);
  }
  const costs = callCosts(trial);
  const samples = await repeat(pass, effort);
  const timing = (span: Span): Timing => timingOf(span, costs);
  return { steps: spans.map(timing), whole: timing(whole), samples };
}

/** The part of a whole run that its steps one by one should come to. */
const EXPECTED_SUM = 0.85;

/** Why the steps take much less time one by one than in a run; undefined where they do not, or none was repeated. */
export function repetitionNote({ steps, whole }: Pick<ProfileReport, 'steps' | 'whole'>): string | undefined {
  const times = steps.map(({ time }) => time.least);
  const sum = times.reduce((total, time) => total + time, 0);
  if (sum >= EXPECTED_SUM * whole.least || times.every((time) => time >= LEAST_SAMPLE)) return undefined;
  const limit = `${LEAST_SAMPLE * 1e6} µs`;
  return `steps below ${limit} are repeated, so what they read is in the cache, unlike in a run`;
}

interface Span {
  readonly first: number;
  readonly last: number;
  repeats: number;
  samples: number[];
}

function fresh(): Pick<Span, 'repeats' | 'samples'> {
  return { repeats: 1, samples: [] };
}

function prepareSpan(span: Span): void {
  const estimate = Math.min(...span.samples);
  span.repeats = Math.max(1, Math.min(MAX_REPEATS, Math.ceil(LEAST_SAMPLE / Math.max(estimate, 1e-9))));
  span.samples = [];
}

function timeSpan(span: Span, runSteps: RunSteps): void {
  const { first, last, repeats } = span;
  const start = performance.now();
  for (let at = 0; at < repeats; at++) runSteps(first, last);
  span.samples.push((performance.now() - start) / 1000 / repeats);
}

/** Seconds that a look at the clock and a call of no steps take. */
interface CallCosts {
  readonly clock: number;
  readonly call: number;
}

function callCosts({ model, inputs, options }: Trial<SteppedModel>): CallCosts {
  const empty: Span = { first: 0, last: 0, repeats: 1000, samples: [] };
  let clock = Infinity;
  model.runBySteps(inputs, options, (runSteps) => {
    for (let at = 0; at < 50; at++) timeSpan(empty, runSteps);
    for (let at = 0; at < 1000; at++) clock = Math.min(clock, -performance.now() + performance.now());
  });
  return { clock: clock / 1000, call: Math.min(...empty.samples) };
}

function timingOf({ samples, repeats }: Span, { clock, call }: CallCosts): Timing {
  const sorted = samples.map((sample) => Math.max(0, sample - call - clock / repeats)).sort((a, b) => a - b);
  return { least: sorted[0]!, median: sorted[sorted.length >> 1]! };
}

/** Runs until it no longer gets faster. */
function warmUp(run: () => unknown): void {
  const begin = performance.now();
  let best = Infinity;
  let settled = begin;
  let runs = 0;
  for (;;) {
    const start = performance.now();
    run();
    const end = performance.now();
    runs++;
    if (end - start < best * SETTLED.gain) {
      best = end - start;
      settled = end;
      runs = 0;
    }
    const isSettled = runs >= SETTLED.runs && end - settled >= 1000 * SETTLED.seconds;
    if (isSettled || end - begin > 1000 * LONGEST_WARM_UP) return;
  }
}

/** Answers how often that was. */
export async function repeat(pass: () => void | Promise<void>, { least, most, seconds }: Effort): Promise<number> {
  const end = performance.now() + 1000 * seconds;
  let samples = 0;
  while (samples < most && (samples < least || performance.now() < end)) {
    await pass();
    samples++;
  }
  return samples;
}
