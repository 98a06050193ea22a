/** From a spec to the routines of a train entry, with all texts it consists of. */
import { elaborateTraining, elaborateWhole } from '../../compiler/index.ts';
import { Failure, printDiagnostics, Rejected } from '../errors.ts';
import { makeHost, recordingHost, shownPath } from '../host.ts';
import type { Io } from '../io.ts';
import { provenanceOf } from '../provenance.ts';
import { specPath } from '../spec.ts';
import type { RunConfig } from './config.ts';

export type SpecChoice = Pick<RunConfig, 'spec' | 'entry' | 'settings' | 'given'>;
type Module = NonNullable<ReturnType<typeof elaborateTraining>['result']>;
type Whole = NonNullable<ReturnType<typeof elaborateWhole>['result']>;

export interface ElaboratedTraining {
  readonly module: Module;
  /** SHA-256 of each text. */
  readonly sources: RunConfig['sources'];
}

function optionsOf({ entry, settings, given }: SpecChoice, atHand: readonly string[]) {
  return { ...(entry !== undefined && { entry }), settings, given, atHand };
}

/** `atHand` are the names of tensors that the data have. Warnings are printed. Rejects with Rejected and Failure. */
export async function elaborateRun(choice: SpecChoice, atHand: readonly string[], io: Io): Promise<ElaboratedTraining> {
  const texts = new Map<string, string>();
  const host = recordingHost(makeHost(io), texts);
  const path = specPath(choice.spec, io);
  const whole = elaborateWhole(path, optionsOf(choice, atHand), host);
  if (whole.result && !whole.result.train)
    throw new Failure(`${whole.result.graph.name} is a model; what learns is a train entry`, {
      hint: 'choose one with --entry',
    });
  const { result, diagnostics } = elaborateTraining(path, optionsOf(choice, atHand), host);
  if (!result) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  if (!result.training.optimizer)
    throw new Failure(`${result.name} has no optimizer: it can be evaluated, but not trained`, {
      hint: 'declare one: optimizer adamw(lr: 1e-3)',
    });
  if (!result.graphs.some(({ graph }) => graph.outputs.some(({ into }) => into !== undefined)))
    throw new Failure(`${result.name} has nothing to train: its loss depends on no parameter`);
  const { sources } = await provenanceOf(choice.spec, texts, io);
  return { module: result, sources };
}

/** The entry as it is for training, with all that is known beside its graph. Throws Rejected. */
export function elaborateForward(choice: SpecChoice, atHand: readonly string[], io: Io): Whole {
  const options = { ...optionsOf(choice, atHand), training: true };
  const { result, diagnostics } = elaborateWhole(specPath(choice.spec, io), options, makeHost(io));
  if (!result) throw new Rejected(diagnostics);
  return result;
}

/** Throws Failure where the spec is not the one that the run began with. */
export function checkSources(config: RunConfig, sources: RunConfig['sources'], io: Io): void {
  const names = new Set([...Object.keys(config.sources), ...Object.keys(sources)]);
  const changed = [...names].filter((name) => config.sources[name] !== sources[name]);
  if (changed.length === 0) return;
  throw new Failure(`${shownPath(config.spec, io.cwd)} has changed since the run began: ${changed.join(', ')}`, {
    hint: 'a run goes on with the spec that it began with; a changed one is a new run, which may begin with its --weights',
  });
}
