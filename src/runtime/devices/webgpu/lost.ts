/** Loads a program once more when its GPU was lost: reset by its driver, unplugged, or taken away by the engine. */
import type { TargetProgram } from '../../../program/program.ts';
import { HeddleError, reasonOf } from '../../errors.ts';
import type { ModelParts } from '../../model.ts';
import { checkWeights, reopenerOf, streamOf } from '../../weights.ts';
import { loadProgram, type LoadedProgram } from './loaded-program.ts';
import { isDevice } from './options.ts';

/** Rejects with HeddleError 'device-lost' where there is no other GPU, or no way to the weights. */
export type Reload = () => Promise<LoadedProgram>;

/** Keeps of the parts what is needed; of weights that arrived as a stream, nothing. */
export function reloaderOf(parts: ModelParts, targetProgram: TargetProgram): Reload {
  const { program, target, kernels, gpu, powerPreference } = parts;
  const reopen = reopenerOf(parts);
  return async () => {
    if (gpu && isDevice(gpu)) throw gone("the device in the option gpu is the caller's: load again with another");
    if (!reopen) throw gone('its weights cannot be read again: load again');
    const reading = new AbortController();
    try {
      const weights = streamOf(await reopen(reading), targetProgram);
      checkWeights(targetProgram, weights);
      return await loadProgram({ program, target, kernels, gpu, powerPreference, weights }, { targetProgram, weights });
    } catch (error) {
      if (error instanceof HeddleError && error.code !== 'unsupported') throw error;
      throw gone(reasonOf(error), error);
    } finally {
      reading.abort();
    }
  };
}

function gone(reason: string, cause?: unknown): HeddleError {
  return new HeddleError('device-lost', `the GPU was lost; ${reason}`, { cause });
}
