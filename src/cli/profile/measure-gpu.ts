/** Times the steps of a model on a GPU, by the GPU's own clock. */
import type { StepTimes, TimedModel } from '../../runtime/model.ts';
import type { Timing } from '../../compiler/inspect/profile/report.ts';
import { repeat, SETTLED, type Effort, type Measured, type Trial } from './measure.ts';

/** Runs that come before those that are measured: a GPU takes some to raise its clock. */
const WARM_UP = { seconds: SETTLED.seconds, least: 1, most: 1000 };

/** Each run is made twice: once with a pass for each step, once with all steps in one. Rejects with HeddleError. */
export async function measureGpuSteps(
  { model, inputs, options }: Trial<TimedModel>,
  effort: Effort,
): Promise<Measured> {
  const runs: StepTimes[] = [];
  const run = async (): Promise<void> => void runs.push(await model.runTimed(inputs, options));
  await repeat(run, WARM_UP);
  runs.length = 0;
  const samples = await repeat(run, effort);
  const steps = runs[0]!.steps.map((_, at) => timingOf(runs.map(({ steps: times }) => times[at]!)));
  return { steps, whole: timingOf(runs.map(({ whole }) => whole)), samples };
}

function timingOf(samples: readonly number[]): Timing {
  const sorted = samples.toSorted((a, b) => a - b);
  return { least: sorted[0]!, median: sorted[sorted.length >> 1]! };
}
