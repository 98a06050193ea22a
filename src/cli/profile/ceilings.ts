/** Measures what this machine and engine can do with the code of a target, in this process. */
import type { TargetName } from '../../program/program.ts';
import { compileLowered, targetNamed } from '../../compiler/index.ts';
import { ceilingProgram } from '../../compiler/inspect/profile/ceilings.ts';
import type { Ceilings, TileCeiling } from '../../compiler/inspect/profile/report.ts';
import { threadsOf } from '../built.ts';
import type { Io } from '../io.ts';
import { type EngineOptions, modelOf } from '../runnable.ts';
import type { Effort } from './measure.ts';
import { measureTrial } from './measure-trial.ts';
import { profiledModel } from './subject.ts';

/** On as many threads as the options say. */
export async function measureCeilings(
  target: TargetName,
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
    model: profiledModel(model, 'the ceilings'),
    inputs: {},
    options: {},
    steps: { first: 0, last: measurements.length },
  };
  const { steps } = await measureTrial(trial, effort);
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
