/** Times the steps of a model in the way of its target. */
import { measureGpuSteps } from './measure-gpu.ts';
import { measureSteps, type Effort, type Measured, type Trial } from './measure.ts';
import type { ProfiledModel } from './subject.ts';

/** Rejects with HeddleError. */
export async function measureTrial(trial: Trial<ProfiledModel>, effort: Effort): Promise<Measured> {
  return trial.model.target === 'webgpu' ? measureGpuSteps(trial, effort) : measureSteps(trial, effort);
}
