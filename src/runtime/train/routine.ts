/** A routine of a training program: what its caller gives it, and what the host fills in. */
import type { TargetProgram, TensorSpec } from '../../program/program.ts';
import { evaluateHost } from '../../program/host-expr.ts';
import { RANDOM_KEY, type HostExpr, type TrainingRoutine, type TrainingSpec } from '../../program/training.ts';
import { HeddleError } from '../errors.ts';
import type { Face, Session, StepRange } from '../session.ts';

/** What numbers of the host depend on. */
export interface Moment {
  /** The number of the update, from 1 on. */
  readonly update: number;
  /** The key of random numbers. */
  readonly seed: number;
  readonly batch: number;
}

export interface LoadedRoutine {
  readonly range: StepRange;
  /** Where the loss is final and nothing has been written yet; undefined in routines that write nothing. */
  readonly lossReady: number | undefined;
  /** What the caller gives and gets. */
  readonly face: Face;
  /** Writes what the host knows into the inputs. What the caller gives has been put in place, which tells the dimensions. */
  fill(session: Session, moment: Moment): void;
}

/** The routine of that name; undefined where the program has none. */
export function routineNamed(
  name: TrainingRoutine,
  { routines }: TargetProgram,
  { scalars }: TrainingSpec,
): LoadedRoutine | undefined {
  const routine = routines.find((one) => one.name === name);
  if (!routine) return undefined;
  const { first, last, lossReady, inputs, outputs } = routine;
  const values = new Map<string, HostExpr>(scalars.map(({ input, value }) => [input, value]));
  const isOfHost = (spec: TensorSpec): boolean => spec.name === RANDOM_KEY || values.has(spec.name);
  const hosted = inputs.filter(isOfHost);
  const host: Face = { routine, inputs: hosted, outputs: [] };
  const expressions = hosted.map((spec) => values.get(spec.name));
  return {
    range: { first, last },
    lossReady,
    face: { routine, inputs: inputs.filter((spec) => !isOfHost(spec)), outputs },
    fill(session, { update, seed, batch }) {
      if (hosted.length === 0) return;
      const views = session.views(host).inputs;
      expressions.forEach((expression, at) => {
        const view = views[at]!;
        if (expression !== undefined) {
          view[0] = evaluateHost(expression, update);
          return;
        }
        view[0] = seed;
        view[1] = batch;
      });
    },
  };
}

/** The same of a routine that writes. Throws HeddleError 'program-malformed' where it does not say when its loss is ready. */
export function learningRoutine(
  name: Extract<TrainingRoutine, 'step' | 'accumulate'>,
  target: TargetProgram,
  training: TrainingSpec,
): LoadedRoutine & { readonly lossReady: number } {
  const routine = routineNamed(name, target, training);
  if (routine?.lossReady === undefined)
    throw new HeddleError('program-malformed', `the program does not say when the loss of ${name} is ready`);
  return { ...routine, lossReady: routine.lossReady };
}
