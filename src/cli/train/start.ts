/** Begins a run, or goes on with one: opens all that it needs, and puts its folder in order. */
import { type CompileOptions, compileModule } from '../../compiler/index.ts';
import { DataFiles } from '../../data/files.ts';
import type { DataOptions, Examples, Replay } from '../../data/open.ts';
import { parseVocabulary, type Vocabulary } from '../../data/vocabulary.ts';
import { HeddleError } from '../../runtime/errors.ts';
import type { Trainer } from '../../runtime/train/trainer.ts';
import { Failure, printNote, UsageError } from '../errors.ts';
import { readBytes, readText } from '../files.ts';
import type { Io } from '../io.ts';
import { shownPath } from '../host.ts';
import { readVersion } from '../provenance.ts';
import type { Tensors } from '../spec.ts';
import { computeCaches, withCaches } from './cache.ts';
import type { RunConfig } from './config.ts';
import { checkSources, elaborateRun } from './elaborate.ts';
import { settleEngine } from './engine.ts';
import { checkEngine, checkReplayOptions, checkStored, configOf, dataOptions, type TrainOptions } from './options.ts';
import { RunFolder } from './run-folder.ts';
import { type Feed, feedOf, namesAtHand, openRunData, orFailure } from './session.ts';
import { openTrainer } from './trainer.ts';
import { checkGiven, frozenOf, noteVocabularies, readGiven } from './weights.ts';

/** A run that is ready to go. */
export interface OpenRun {
  readonly folder: RunFolder;
  readonly config: RunConfig;
  readonly data: Examples | Replay;
  readonly trainer: Trainer;
  readonly feed: Feed;
  readonly frozen: Tensors;
}

type Update = (text: string) => void;

/** A new run. Its folder is made when everything else is right. Rejects with Failure, Rejected and HeddleError. */
export async function begin(spec: string, options: TrainOptions, update: Update, io: Io): Promise<OpenRun> {
  const folder = new RunFolder(options.out!, io);
  folder.checkFree();
  const files = new DataFiles(io.cwd);
  update('reading the data');
  const described = dataOptions(options, io);
  const opened = await openRunData(withVocabulary(described, await givenVocabulary(options, io)), files);
  files.forget();
  if (opened.kind === 'sequence') checkReplayOptions(options);
  const request = { caches: options.cache ?? [], batch: options.batch ?? 1 };
  const caches = opened.kind === 'examples' ? await computeCaches(opened, request, update, io) : new Map();
  const data = opened.kind === 'examples' ? withCaches(opened, request.caches, caches) : opened;
  const bind = options.bind ?? [];
  const { set: settings = [], given = [] } = options;
  const choice = { spec, ...(options.entry !== undefined && { entry: options.entry }), settings, given };
  update(`compiling ${spec}`);
  const { module, sources } = await elaborateRun(choice, namesAtHand(data, { bind }), io);
  const known = {
    data: described,
    dataDigest: files.digest(),
    sources,
    stored: data.kind === 'sequence' ? data.sequence.batches.length : undefined,
    accumulate: module.training.accumulate,
  };
  const wanted = configOf(spec, await settleEngine(options, module, io), known, io);
  const compiled = compileModule(module, compilerOptions(wanted));
  const weights = await readGiven(wanted.weights, wanted.rename, io);
  if (data.kind === 'examples') noteVocabularies(wanted.weights, data.vocabulary, io);
  const target = compiled.program.targets[wanted.target]!;
  checkGiven(weights, target);
  const trainer = await openTrainer(compiled, weights, wanted, io);
  const config = trainer.simd ? { ...wanted, simd: trainer.simd } : wanted;
  const feed = feedOf(data, trainer.inputs, config);
  const frozen = frozenOf(weights, target);
  const beginning = await trainer.save();
  folder.create(config, data.kind === 'examples' ? data.vocabulary : undefined, (made) => {
    made.saveTensors('frozen', frozen);
    made.saveTensors('cache', caches);
    made.saveCheckpoint(0, beginning, config.keep);
  });
  return { folder, config, data, trainer, feed, frozen };
}

/** A run as it was at its last checkpoint. Rejects with Failure, Rejected and HeddleError. */
export async function goOn(path: string, options: TrainOptions, update: Update, io: Io): Promise<OpenRun> {
  const folder = new RunFolder(path, io);
  const before = folder.readConfig();
  checkEngine(options, before.target);
  const { steps = before.steps, threads = before.threads } = options;
  const config: RunConfig = { ...before, steps, threads };
  const version = readVersion(io);
  if (before.heddle !== version)
    printNote(`the run began with heddle ${before.heddle}; ${version} may compute other bits`, io);
  const files = new DataFiles(io.cwd);
  update('reading the data');
  const vocabulary = await orFailure(() => folder.readVocabulary());
  const opened = await openRunData(withVocabulary(config.data, vocabulary), files);
  files.forget();
  if (files.digest() !== config.dataDigest)
    throw new Failure('the data have changed since the run began', {
      notes: [`they were read from ${config.data.paths.join(', ')}`],
    });
  const data = opened.kind === 'examples' ? withCaches(opened, config.caches, folder.readTensors('cache')) : opened;
  update(`compiling ${config.spec}`);
  const { module, sources } = await elaborateRun(config, namesAtHand(data, config), io);
  checkSources(config, sources, io);
  const compiled = compileModule(module, compilerOptions(config));
  const frozen = folder.readTensors('frozen');
  const trainer = await openTrainer(compiled, frozen, config, io);
  const feed = feedOf(data, trainer.inputs, config);
  await loadLast(trainer, folder, io);
  checkSteps(config, trainer, data, module.training.accumulate);
  folder.tidy(trainer.update);
  if (steps !== before.steps) folder.writeConfig(config);
  return { folder, config, data, trainer, feed, frozen };
}

/** Rejects with Failure, which names the file where it is damaged. */
async function loadLast(trainer: Trainer, folder: RunFolder, io: Io): Promise<void> {
  const path = shownPath(folder.last(), io.cwd);
  const bytes = await readBytes(path, io);
  try {
    await trainer.load(bytes);
  } catch (error) {
    if (!(error instanceof HeddleError)) throw error;
    throw new Failure(`${path}: ${error.message}`, {
      hint: folder.steps().length > 1 ? 'without this file the run goes on from the checkpoint before it' : undefined,
    });
  }
}

/** Throws UsageError where there are not so many steps to do. */
function checkSteps({ steps }: RunConfig, trainer: Trainer, data: Examples | Replay, accumulate: number): void {
  if (steps < trainer.update)
    throw new UsageError(
      `--steps ${steps} is less than the ${trainer.update} that are done`,
      'it counts from the start',
    );
  if (data.kind === 'sequence') checkStored(steps, accumulate, data.sequence.batches.length);
}

function compilerOptions({ target, remat }: RunConfig): CompileOptions {
  return { targets: [target], ...(remat && { remat }) };
}

/** Bytes need none. */
function withVocabulary(options: DataOptions, vocabulary: Vocabulary | undefined): DataOptions {
  return vocabulary && vocabulary.kind !== 'bytes' ? { ...options, vocabulary } : options;
}

async function givenVocabulary({ vocabulary }: TrainOptions, io: Io): Promise<Vocabulary | undefined> {
  if (vocabulary === undefined) return undefined;
  return orFailure(async () => parseVocabulary(vocabulary, await readText(vocabulary, io)));
}
