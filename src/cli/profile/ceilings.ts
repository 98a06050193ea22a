/** Measures what this machine and engine can do with the code of a target, in this process. */
import { compileLowered, targetNamed } from '../../compiler/index.ts';
import { ceilingProgram } from '../../compiler/inspect/profile/ceilings.ts';
import type { Ceilings, TileCeiling } from '../../compiler/inspect/profile/report.ts';
import type { SteppedModel } from '../../runtime/model.ts';
import { threadsOf } from '../built.ts';
import type { Io } from '../io.ts';
import { type EngineOptions, modelOf } from '../runnable.ts';
import { type Effort, measureSteps } from './measure.ts';
import type { ProfileTarget } from './subject.ts';

/** On as many threads as the options say. */
export async function measureCeilings(
  target: ProfileTarget,
  options: EngineOptions,
  effort: Effort,
  io: Io,
): Promise<Ceilings> {
  const { lowered, measurements } = ceilingProgram(targetNamed(target));
  const model = await modelOf(
    compileLowered(lowered, target),
    target,
    undefined,
    options,
    threadsOf(options.threads, io),
  );
  const trial = {
    model: model as SteppedModel,
    inputs: {},
    options: {},
    steps: { first: 0, last: measurements.length },
  };
  const { steps } = measureSteps(trial, effort);
  model.dispose();
  const tiles = new Map<'tile' | 'byteTile', TileCeiling>();
  const memory = new Map<number, number>();
  measurements.forEach((measurement, at) => {
    const { least } = steps[at]!;
    switch (measurement.kind) {
      case 'tile':
      case 'byteTile': {
        const { kind, tile } = measurement;
        const operations = measurement.operations / least;
        if (operations > (tiles.get(kind)?.operations ?? 0)) tiles.set(kind, { ...tile, operations });
        return;
      }
      case 'memory': {
        const { bytes } = measurement;
        memory.set(bytes, Math.max(memory.get(bytes) ?? 0, bytes / least));
      }
    }
  });
  const [tile, byteTile] = [tiles.get('tile'), tiles.get('byteTile')];
  if (!tile || !byteTile) throw new Error(`internal: there is no tile to try on ${target}`);
  return { tile, byteTile, memory: [...memory].map(([footprint, bytes]) => ({ footprint, bytes })) };
}
