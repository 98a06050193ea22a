/** What `heddle generate` is called with: a spec, the folder of an artifact, or that of a run of `train`. */
import { elaborateWhole } from '../../compiler/index.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { tokenizerOf } from '../../data/tokenizers/open.ts';
import { readTensorFile } from '../arguments.ts';
import { Failure, printNote, Rejected } from '../errors.ts';
import { exists, isFolder } from '../files.ts';
import { makeHost, shownPath } from '../host.ts';
import type { Io } from '../io.ts';
import { checkArtifact } from '../runnable.ts';
import { type SpecOptions, specPath } from '../spec.ts';
import type { RunConfig } from '../train/config.ts';
import { RunFolder } from '../train/run-folder.ts';
import { runOf } from '../train/run-weights.ts';
import { orFailure } from '../train/session.ts';
import { checkSpecOptions, type GenerateOptions } from './options.ts';

export type Source =
  | {
      readonly kind: 'spec';
      readonly path: string;
      readonly options: SpecOptions;
      /** The run that the weights are of. */
      readonly run?: RunFolder;
    }
  | { readonly kind: 'artifact'; readonly path: string };

/** What is said of the model, and the names of tensors at hand. */
export type SourceOptions = GenerateOptions & Pick<SpecOptions, 'atHand'>;

/** Throws Failure, Rejected and UsageError. */
export function findSource(path: string, options: SourceOptions, io: Io): Source {
  const named = readTensorFile(path, io);
  if (!exists(named.path, io)) throw new Failure(`there is no spec, no artifact and no run ${path}`);
  if (!isFolder(named.path, io)) return specSource(path, options, io);
  const folder = new RunFolder(named.path, io);
  if (folder.isRun) {
    checkSpecOptions(options, named.path, 'a run, which has all that');
    return runSource(folder, named.prefix, io);
  }
  checkSpecOptions(options, path, 'an artifact, which is compiled already');
  checkArtifact(path, io);
  return { kind: 'artifact', path };
}

function specSource(path: string, options: SourceOptions, io: Io): Source {
  const { entry, set, given, atHand, weights, rename } = options;
  const run = weights === undefined ? undefined : runOf(weights, io);
  const chosen: SpecOptions = {
    ...(entry !== undefined && { entry }),
    ...(set && { set }),
    ...(given && { given }),
    ...(atHand && { atHand }),
    ...(weights !== undefined && { weights }),
    ...(rename !== undefined && { rename }),
  };
  return { kind: 'spec', path, options: chosen, ...(run && { run }) };
}

/** The model of a run's entry that generates, with the hyperparameters that it has there. */
function runSource(run: RunFolder, instance: string, io: Io): Source {
  const config = run.readConfig();
  const path = shownPath(config.spec, io.cwd);
  if (!exists(path, io)) throw new Failure(`the spec of ${run.path} is not there any more: ${path}`);
  const candidates = modelsOf(config, io);
  const able = candidates.filter((one) => (instance === '' || one.path === instance) && generates(path, one, io));
  const [chosen] = able;
  if (!chosen || able.length > 1) throw unclear(run.path, instance, candidates, able);
  const prefix = chosen.path === '' ? '' : `:${chosen.path}`;
  return { kind: 'spec', path, options: { ...chosen.options, weights: `${run.path}${prefix}` }, run };
}

/** A model of a run's entry: the entry itself, or one that it applies. */
interface Candidate {
  /** Of the instance. */
  readonly path: string;
  readonly options: SpecOptions & { readonly entry: string };
}

/** Throws Rejected. */
function modelsOf(config: RunConfig, io: Io): Candidate[] {
  const { entry, settings, given } = config;
  const options = { ...(entry !== undefined && { entry }), settings, given, training: false };
  const { result, diagnostics } = elaborateWhole(specPath(shownPath(config.spec, io.cwd), io), options, makeHost(io));
  if (!result) throw new Rejected(diagnostics);
  type Part = typeof result.structure;
  const found = new Map<string, Candidate>();
  const visit = (part: Part): void => {
    if (part.kind === 'model' && !found.has(part.path)) {
      const set = [...part.hyperparameters].map(([name, text]) => ({ name, text }));
      found.set(part.path, { path: part.path, options: { entry: part.name, set } });
    }
    part.parts.forEach(visit);
  };
  visit(result.structure);
  return [...found.values()];
}

/** Whether the model can stand by itself and says that it generates. */
function generates(path: string, { options }: Candidate, io: Io): boolean {
  const { entry, set = [] } = options;
  const { result } = elaborateWhole(specPath(path, io), { entry, settings: set }, makeHost(io));
  return result?.generation !== undefined;
}

function unclear(run: string, instance: string, candidates: readonly Candidate[], able: readonly Candidate[]): Failure {
  const list = (some: readonly Candidate[]): string =>
    some.map(({ path, options }) => `${path || 'the entry'} (${options.entry})`).join(', ');
  if (able.length > 1)
    return new Failure(`several models of ${run} generate: ${list(able)}`, {
      hint: `choose one: ${run}:${able[0]!.path}`,
    });
  const where = instance === '' ? run : `${run} at ${instance}`;
  const models = candidates.length > 0 ? `its models are ${list(candidates)}` : 'it has no models';
  return new Failure(`there is no model with \`generate\` in ${where}; ${models}`, {
    hint: 'a spec that imports the model can be given itself: heddle generate SPEC --weights RUN:path',
  });
}

/** The tokenizer of the run that the weights are of, where it has one. Rejects with Failure. */
export async function tokenizerOfRun(source: Source, io: Io): Promise<Tokenizer | undefined> {
  const run = source.kind === 'spec' ? source.run : undefined;
  if (!run) return undefined;
  const vocabulary = await orFailure(() => run.readVocabulary());
  if (!vocabulary) return undefined;
  if (vocabulary.kind !== 'words') return tokenizerOf(run.path, vocabulary);
  printNote(`${run.path} has a vocabulary of words, from which no text can be put together`, io);
  return undefined;
}
