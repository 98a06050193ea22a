/** The weights that a training begins with, and how its own are called in the files that they came from. */
import { DiagnosticSink } from '../../compiler/index.ts';
import { applyRename, invertRename } from '../../compiler/interop/rename.ts';
import type { TargetProgram } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { sameVocabulary, type Vocabulary } from '../../data/vocabulary.ts';
import { OPTIMIZER } from '../../runtime/train/initial-weights.ts';
import { Failure, printNote, Rejected } from '../errors.ts';
import { shownPath } from '../host.ts';
import type { Io } from '../io.ts';
import { readRenameMap, readTensors, someOf, type Tensors, withoutOptimizer } from '../spec.ts';
import { RunFolder } from './run-folder.ts';
import { weightFile } from './run-weights.ts';
import type { GivenWeights } from './config.ts';

/** Tensors by the names of the program, from all files. Rejects with Failure and Rejected. */
export async function readGiven(given: readonly GivenWeights[], rename: string | undefined, io: Io): Promise<Tensors> {
  const sink = new DiagnosticSink();
  const map = await readRenameMap({ ...(rename !== undefined && { rename }) }, io, sink);
  const all = new Map<string, StoredTensor>();
  for (const { into, source } of given) {
    const found = withoutOptimizer(await readTensors(weightFile(source, io), io));
    const own = map ? applyRename(map, found, sink) : found;
    if (!own) throw new Rejected(sink.items);
    for (const [name, tensor] of own) {
      if (all.has(into + name)) throw new Failure(`two of the files of weights hold ${into}${name}`);
      all.set(into + name, tensor);
    }
  }
  return all;
}

/** Warns of weights of runs to which the numbers of the data mean other tokens. */
export function noteVocabularies(given: readonly GivenWeights[], vocabulary: Vocabulary | undefined, io: Io): void {
  for (const { run } of given) {
    if (run === undefined || !vocabulary) continue;
    const folder = new RunFolder(shownPath(run, io.cwd), io);
    const own = folder.readVocabulary();
    if (!own || sameVocabulary(own, vocabulary)) continue;
    const file = `${folder.path}/vocabulary.json`;
    printNote(`${folder.path} was trained with another vocabulary; for its own: --vocabulary ${file}`, io);
  }
}

/** Throws Failure for tensors that the program has no weights for. */
export function checkGiven(given: Tensors, program: TargetProgram): void {
  const own = new Set(program.weights.map(({ name }) => name));
  const surplus = [...given.keys()].filter((name) => !own.has(name));
  if (surplus.length === 0) return;
  throw new Failure(`the weights hold ${surplus.length} tensors that belong to no parameter: ${someOf(surplus)}`, {
    notes: [`parameters are ${someOf([...own].filter((name) => !name.startsWith(OPTIMIZER)))}`],
    hint: 'FILE:prefix takes those under a prefix, and PATH=FILE puts them under the path of an instance',
  });
}

/** Those that no training changes, and so no checkpoint holds. */
export function frozenOf(given: Tensors, program: TargetProgram): Tensors {
  const frozen = program.weights.filter(({ frozen }) => frozen);
  return new Map(frozen.flatMap(({ name }) => (given.has(name) ? [[name, given.get(name)!] as const] : [])));
}

/** Tensors of the program under the names of the files that the first ones came from. Rejects with Rejected. */
export async function namedAsGiven(
  tensors: Tensors,
  given: readonly GivenWeights[],
  rename: string | undefined,
  io: Io,
): Promise<Tensors> {
  const prefixes = given.map(({ into }) => into);
  const bare = new Map(
    [...tensors].map(([name, tensor]) => {
      const prefix = prefixes.find((own) => name.startsWith(own)) ?? '';
      return [name.slice(prefix.length), tensor];
    }),
  );
  const sink = new DiagnosticSink();
  const map = await readRenameMap({ ...(rename !== undefined && { rename }) }, io, sink);
  if (!map) return bare;
  const inverted = invertRename(map, bare, sink);
  if (!inverted) throw new Rejected(sink.items);
  return inverted;
}
