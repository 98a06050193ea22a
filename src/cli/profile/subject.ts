/** What can be profiled: a spec, compiled for one target, and an artifact, through its own loader. */
import { join } from 'node:path';
import { compileGraph } from '../../compiler/index.ts';
import { profileFacts } from '../../compiler/inspect/profile/facts.ts';
import { writeSafetensors } from '../../program/safetensors-writer.ts';
import { PROFILE_VERSION, type ProfileFacts } from '../../program/profile.ts';
import type { Program, ProgramDim, TargetName, TargetProgram } from '../../program/program.ts';
import type { StoredTensor } from '../../program/safetensors.ts';
import { checkProgram, ProgramError } from '../../program/schema.ts';
import type { Model, SteppedModel, TimedModel } from '../../runtime/model.ts';
import { threadsOf } from '../built.ts';
import { Failure, printNote } from '../errors.ts';
import { exists, readText } from '../files.ts';
import { nodeGpu } from '../gpu.ts';
import type { Io } from '../io.ts';
import { checkArtifact, type EngineOptions, engineOptions, importArtifact, modelOf } from '../runnable.ts';
import { signatureOf } from '../signature.ts';
import { compilerOptions, elaborateEntry, loadWeights, type SpecOptions } from '../spec.ts';
import { drawWeight } from './random.ts';

/** What runs steps one by one, or times them on a GPU. */
export type ProfiledModel = SteppedModel & TimedModel;

export interface Subject {
  readonly model: ProfiledModel;
  readonly target: TargetName;
  readonly program: TargetProgram;
  readonly declared: readonly ProgramDim[];
  /** What the compiler tells of the steps; an artifact may be without it. */
  readonly facts?: ProfileFacts;
}

/** Compiles a spec. Without weights it gets random ones, and a note says so. Throws Rejected and Failure. */
export async function compileSubject(
  path: string,
  target: TargetName,
  options: SpecOptions & EngineOptions,
  io: Io,
): Promise<Subject> {
  const graph = elaborateEntry(path, options, io);
  const { parameters } = signatureOf(graph);
  const given = await loadWeights(parameters, options, io);
  if (!given && parameters.length > 0) printNote('the weights are random: there is no --weights', io);
  const weights = given?.bound ?? drawWeights(parameters);
  const compiled = compileGraph(graph, { targets: [target], ...compilerOptions(options) });
  const model = await modelOf(compiled, target, weights, options, threadsOf(options.threads, io));
  return {
    model: profiledModel(model, path),
    target,
    program: compiled.program.targets[target]!,
    declared: graph.dims,
    facts: profileFacts(graph, compiled.ops, compiled.lowered),
  };
}

/** Loads an artifact. Without weights in it, it gets random ones, and a note says so. Throws Failure. */
export async function loadSubject(
  folder: string,
  wanted: TargetName | undefined,
  options: EngineOptions,
  io: Io,
): Promise<Subject> {
  checkArtifact(folder, io);
  const program = await readProgram(folder, io);
  const target = wanted ?? (program.targets.wasm ? 'wasm' : program.targets.js ? 'js' : 'webgpu');
  const targetProgram = program.targets[target];
  if (!targetProgram) {
    const names = Object.keys(program.targets).join(', ');
    throw new Failure(`${folder} was not compiled for ${target}, but for ${names}`);
  }
  const isBare = targetProgram.weights.length > 0 && !exists(join(folder, 'weights.safetensors'), io);
  if (isBare) printNote(`the weights are random: ${folder} was compiled without`, io);
  const weights = isBare ? writeSafetensors([...drawWeights(targetProgram.weights)]) : undefined;
  const chosen = {
    ...engineOptions(options, io),
    target,
    ...(weights && { weights }),
    ...(target === 'webgpu' && { gpu: await nodeGpu() }),
  };
  const model = await importArtifact(folder, chosen, io);
  const facts = await readFacts(folder, targetProgram, target, io);
  return {
    model: profiledModel(model, folder),
    target,
    program: targetProgram,
    declared: program.dims,
    ...(facts && { facts }),
  };
}

/** Random weights of these types. */
export function drawWeights(
  specs: readonly Pick<TargetProgram['weights'][number], 'name' | 'dtype' | 'shape'>[],
): ReadonlyMap<string, StoredTensor> {
  return new Map(specs.map(({ name, dtype, shape }) => [name, drawWeight(name, dtype, shape)]));
}

/** Throws Failure. */
export async function readProgram(folder: string, io: Io): Promise<Program> {
  const path = join(folder, 'program.json');
  try {
    return checkProgram(JSON.parse(await readText(path, io)));
  } catch (error) {
    if (!(error instanceof ProgramError || error instanceof SyntaxError)) throw error;
    throw new Failure(`${path} is no program of this version: ${error.message}`);
  }
}

async function readFacts(
  folder: string,
  program: TargetProgram,
  target: TargetName,
  io: Io,
): Promise<ProfileFacts | undefined> {
  const path = join(folder, 'profile.json');
  const hint = 'compile it again, or profile the spec';
  if (!exists(path, io)) {
    printNote(`${folder} has no profile.json, so lines and operations are not known; ${hint}`, io);
    return undefined;
  }
  let facts: Partial<ProfileFacts>;
  try {
    facts = JSON.parse(await readText(path, io)) as Partial<ProfileFacts>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`${path} is no JSON: ${error.message}`, { hint });
  }
  const steps = facts.targets?.[target];
  if (facts.version !== PROFILE_VERSION || steps?.length !== program.steps.length)
    throw new Failure(`${path} does not tell of the steps of ${folder}`, { hint });
  return facts as ProfileFacts;
}

/** An artifact brings its own runtime, which may be older than profiles. */
export function profiledModel(model: Model, path: string): ProfiledModel {
  if ('runBySteps' in model && 'runTimed' in model) return model as ProfiledModel;
  throw new Failure(`the runtime of ${path} cannot run single steps`, { hint: 'compile it again' });
}
