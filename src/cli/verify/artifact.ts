/**
 * An artifact has no spec to be interpreted: the targets that it was compiled for are compared with each other, output by
 * output, through its own loader and with its own weights.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Program, type TargetName, TARGET_NAMES } from '../../program/program.ts';
import { evaluateSize } from '../../program/size.ts';
import { answersTo, type Answers, smallQuestion, type Testable, toleranceOn } from '../../runtime/self-test.ts';
import { checkDims } from '../dims.ts';
import { Failure, printNote, UsageError } from '../errors.ts';
import { exists, readText } from '../files.ts';
import { nodeGpu } from '../gpu.ts';
import type { Io } from '../io.ts';
import { drawWeights, readProgram } from '../profile/subject.ts';
import { checkArtifact, engineOptions } from '../runnable.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import type { VerificationReport } from './report.ts';
import { type Candidate, chooseCandidates } from './targets.ts';
import type { VerifyOptions } from './verify.ts';
import type { OutputRow } from './whole.ts';

const SPEC_ONLY = ['entry', 'set', 'given', 'weights', 'rename', 'seed', 'all'] as const;

/** Throws Failure and UsageError. */
export async function verifyArtifact(
  folder: string,
  options: VerifyOptions,
  update: (text: string) => void,
  io: Io,
): Promise<VerificationReport> {
  const wrong = SPEC_ONLY.find((name) => options[name] !== undefined);
  if (wrong) throw new UsageError(`--${wrong} is for specs, but ${folder} is an artifact, which is compiled already`);
  checkArtifact(folder, io);
  const program = await readProgram(folder, io);
  const test = await questionOf(folder, program, options, io);
  const candidates = await candidatesOf(folder, program, options, io);
  const weights = weightsFor(folder, program, io);
  const answers = new Map<string, Answers>();
  for (const candidate of candidates) {
    update(`${program.name} on ${candidate.name}`);
    const loaded = await load(folder, program, candidate, weights, io);
    try {
      answers.set(candidate.name, await answersTo(loaded, program, test, everything));
    } finally {
      loaded.dispose();
    }
  }
  const [reference, ...others] = candidates.map(({ name, target }) => ({
    name,
    tolerance: toleranceOn(target, program),
  }));
  const sizes = Object.entries(test.dims).map(([name, size]) => `${name} = ${size}`);
  return {
    name: program.name,
    given: sizes.join(', '),
    reference: reference!.name,
    candidates: others.map(({ name }) => name),
    passFaults: [],
    kernels: [],
    outputs: rowsOf(answers, reference!.name, others),
    unchecked: ['single kernels, and what all targets have in common: both take the spec, `heddle verify SPEC`'],
  };
}

function everything(data: ArrayLike<number>): (number | null)[] {
  return Array.from(data, (value) => (Number.isFinite(value) ? value : null));
}

/** The targets of the artifact that can run here; js first, which is the plainest. */
async function candidatesOf(
  folder: string,
  { targets, name }: Program,
  options: VerifyOptions,
  io: Io,
): Promise<readonly Candidate[]> {
  const held = TARGET_NAMES.filter((target) => targets[target]);
  const missing = options.targets?.find((target) => !held.includes(target));
  if (missing) throw new Failure(`${folder} was not compiled for ${missing}, but for ${held.join(', ')}`);
  const found = await chooseCandidates(options.targets ?? held, options.threads, io, options.targets !== undefined);
  const sorted = found.toSorted((a, b) => rank(a.target) - rank(b.target));
  if (sorted.length > 1) return sorted;
  throw new Failure(
    `${name} can only run on ${sorted[0]?.name ?? 'nothing'} here: there is nothing to compare it with`,
    {
      hint: 'compile it for js too, or verify the spec',
    },
  );
}

function rank(target: TargetName): number {
  return ['js', 'wasm', 'webgpu'].indexOf(target);
}

/** Small sizes, or those that are given, and below what the integers of inputs are. */
async function questionOf(
  folder: string,
  program: Program,
  { dims = new Map() }: VerifyOptions,
  io: Io,
): Promise<NonNullable<ReturnType<typeof smallQuestion>>> {
  const small = smallQuestion(program);
  if (!small) throw new UsageError(`no small sizes fit the conditions of ${program.name}`, 'give them with --dims');
  const chosen = { ...small.dims, ...Object.fromEntries(checkDims(dims, program)) };
  return { dims: chosen, limits: { ...(await limitsOf(folder, chosen, io)), ...small.limits } };
}

/** What `profile.json` tells of inputs that are positions; an artifact may be without it. */
async function limitsOf(
  folder: string,
  dims: { readonly [name: string]: number },
  io: Io,
): Promise<{ readonly [input: string]: number }> {
  const path = join(folder, 'profile.json');
  if (!exists(path, io)) return {};
  const { limits = {} } = JSON.parse(await readText(path, io)) as { readonly limits?: Readonly<Record<string, never>> };
  const values = new Map(Object.entries(dims));
  return Object.fromEntries(Object.entries(limits).map(([name, size]) => [name, evaluateSize(size, values)]));
}

/** Random weights where the artifact has none and needs some. */
function weightsFor(folder: string, program: Program, io: Io): Uint8Array<ArrayBuffer> | undefined {
  const { weights = [] } = Object.values(program.targets)[0] ?? {};
  const needed = program.training ? weights.filter(({ frozen }) => frozen) : weights;
  if (needed.length === 0 || exists(join(folder, 'weights.safetensors'), io)) return undefined;
  printNote(`the weights are random: ${folder} was compiled without`, io);
  return writeSafetensors([...drawWeights(needed)]);
}

async function load(
  folder: string,
  program: Program,
  { target, engine }: Candidate,
  weights: Uint8Array<ArrayBuffer> | undefined,
  io: Io,
): Promise<Testable> {
  const loader = program.training ? 'loadTrainer' : 'load';
  const module = (await import(pathToFileURL(resolve(io.cwd, folder, 'index.js')).href)) as {
    readonly [name: string]: (options: object) => Promise<Testable>;
  };
  const gpu = target === 'webgpu' ? { gpu: await nodeGpu() } : {};
  return module[loader]!({ ...engineOptions(engine, io), target, ...gpu, ...(weights && { weights }) });
}

interface Compared {
  readonly name: string;
  /** In parts of the largest element of an output: nobody has interpreted what is computed, to tell what may be. */
  readonly tolerance: number;
}

function rowsOf(
  answers: ReadonlyMap<string, Answers>,
  reference: string,
  others: readonly Compared[],
): readonly OutputRow[] {
  return Object.entries(answers.get(reference)!).map(([name, wanted]): OutputRow => {
    const found = others.map(
      ({ name: other, tolerance }) => [other, farthest(answers.get(other)![name]!, wanted, tolerance)] as const,
    );
    return { routine: '', name, type: `${wanted.length} elements`, found: new Map(found) };
  });
}

/** Where two lists of answers differ most, by what may be. */
function farthest(
  found: Answers[string],
  wanted: Answers[string],
  tolerance: number,
): ReturnType<OutputRow['found']['get']> & object {
  const largest = wanted.reduce<number>((most, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  let worst = { ratio: 0, difference: 0, at: 0, found: found[0] ?? NaN, wanted: wanted[0] ?? NaN };
  wanted.forEach((value, at) => {
    const own = found[at];
    if (own === value) return;
    const difference = typeof own === 'number' && value !== null ? Math.abs(own - value) : Infinity;
    const ratio = difference / (tolerance * largest);
    if (ratio > worst.ratio) worst = { ratio, difference, at, found: own ?? NaN, wanted: value ?? NaN };
  });
  return { ...worst, result: 0, shape: [wanted.length] };
}
