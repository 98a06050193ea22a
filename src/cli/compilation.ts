/** What `heddle compile` is given: a model, which may generate, or a train entry with all its routines. */
import {
  type Compiled,
  type CompileOptions,
  compileGraph,
  compileModule,
  elaborateGeneration,
  elaborateTraining,
  elaborateWhole,
  type Graph,
  keepSingles,
  type Module,
  type RematerializationOption,
  type SourceHost,
  tensorNames,
} from '../compiler/index.ts';
import { profileFacts } from '../compiler/inspect/profile/facts.ts';
import type { ProfileFacts } from '../program/profile.ts';
import type { TargetName } from '../program/program.ts';
import { printDiagnostics, Rejected, UsageError } from './errors.ts';
import type { Io } from './io.ts';
import { type Signature, signatureOf } from './signature.ts';
import { compilerOptions, elaborateEntry, elaborateOptionsOf, type SpecOptions, specPath } from './spec.ts';

export interface CompilationOptions extends SpecOptions {
  readonly target: readonly TargetName[];
  readonly remat?: RematerializationOption;
  /** Store what kernels alone see as f16 where a GPU can. */
  readonly f16?: boolean;
  /** A file of inputs to tell what f16 can hold. */
  readonly calibrate?: string;
  /** False: a model that could generate is compiled to run only. */
  readonly generate?: boolean;
}

export interface Compilation {
  readonly graph: Graph;
  /** Of a model, or of the evaluation of a train entry. */
  readonly signature: Signature;
  /** The file of the bundled runtime that it needs. */
  readonly runtime: string;
  /** How the artifact is loaded. */
  readonly loader: 'load' | 'loadTrainer';
  /** With or without what `--remat` asks for; for the targets of the options, or others. */
  compile(remat?: RematerializationOption, targets?: readonly TargetName[]): Compiled;
  /** What `heddle profile` tells of the steps. */
  profile(compiled: Compiled): ProfileFacts | undefined;
  /** With `--f16`. */
  readonly halves?: Halves;
}

/** A model some of whose tensors are stored as f16. */
export interface Halves {
  readonly module: Module;
  /** The same program with f32 for these values of its fused graphs. */
  keepSingles(compiled: Compiled, singles: ReadonlySet<Graph['inputs'][number]['value']>): Compiled;
}

/** The entry that the options name; warnings are printed. Throws Rejected, Failure and UsageError. */
export function openCompilation(path: string, options: CompilationOptions, io: Io, host: SourceHost): Compilation {
  if (options.f16 && !options.target.includes('webgpu'))
    throw new UsageError('--f16 is for webgpu, which is not compiled for', 'add it to --target');
  if (options.calibrate !== undefined && !options.f16)
    throw new UsageError('--calibrate gives inputs to check the range of f16, but there is no --f16');
  const { result } = elaborateWhole(specPath(path, io), elaborateOptionsOf(options), host);
  if (result?.train) return trainingOf(path, options, io, host);
  if (options.remat) throw new UsageError('--remat is for train entries', 'a model keeps nothing for a backward pass');
  return result?.generation && options.generate !== false
    ? generatingOf(path, options, io, host)
    : modelOf(path, options, io, host);
}

/** How a model is compiled. */
function modelOptions(options: CompilationOptions): Pick<CompileOptions, 'quantize' | 'f16'> {
  return { ...compilerOptions(options), ...(options.f16 && { f16: true }) };
}

function halvesOf(module: Module, options: CompilationOptions): Pick<Compilation, 'halves'> {
  if (!options.f16) return {};
  const chosen = { targets: options.target, ...modelOptions(options) };
  return { halves: { module, keepSingles: (compiled, singles) => keepSingles(module, compiled, chosen, singles) } };
}

function modelOf(path: string, options: CompilationOptions, io: Io, host: SourceHost): Compilation {
  const graph = elaborateEntry(path, options, io, host);
  return {
    graph,
    signature: signatureOf(graph),
    // The GPU's device is only in the larger runtime.
    runtime: options.target.includes('webgpu') ? 'runtime-webgpu.js' : 'runtime.js',
    loader: 'load',
    compile: (_, targets = options.target) => compileGraph(graph, { targets, ...modelOptions(options) }),
    profile: ({ ops, lowered }) => profileFacts(graph, ops, lowered),
    ...halvesOf({ name: graph.name, graphs: [{ name: 'run', graph }] }, options),
  };
}

/** A model with the routines that continue texts. */
function generatingOf(path: string, options: CompilationOptions, io: Io, host: SourceHost): Compilation {
  const { result: module, diagnostics } = elaborateGeneration(specPath(path, io), elaborateOptionsOf(options), host);
  if (!module) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  const { graph } = module.graphs[0]!;
  return {
    graph,
    signature: signatureOf(graph),
    runtime: options.target.includes('webgpu') ? 'runtime-generate-webgpu.js' : 'runtime-generate.js',
    loader: 'load',
    compile: (_, targets = options.target) => compileModule(module, { targets, ...modelOptions(options) }),
    profile: ({ ops, lowered }) => profileFacts(graph, ops, lowered),
    ...halvesOf(module, options),
  };
}

function trainingOf(path: string, options: CompilationOptions, io: Io, host: SourceHost): Compilation {
  checkForTraining(options);
  const { result: module, diagnostics } = elaborateTraining(specPath(path, io), elaborateOptionsOf(options), host);
  if (!module) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  const { graph } = module.graphs.find(({ name }) => name === 'evaluate')!;
  const { parameters, ...signature } = signatureOf(graph);
  const frozen = new Set(graph.parameters.flatMap((one) => (one.frozen ? tensorNames(one) : [])));
  return {
    graph,
    signature: {
      ...signature,
      parameters: parameters.map((one) => (frozen.has(one.name) ? one : { ...one, isDrawn: true })),
    },
    runtime: options.target.includes('webgpu') ? 'runtime-train-webgpu.js' : 'runtime-train.js',
    loader: 'loadTrainer',
    compile: (remat, targets = options.target) => compileModule(module, { targets, ...(remat && { remat }) }),
    profile: () => undefined,
  };
}

function checkForTraining({ quantize, f16, tap = [] }: CompilationOptions): void {
  const hint = 'compile the model itself for that';
  if (f16) throw new UsageError('--f16 is for models, not for train entries', hint);
  if (quantize) throw new UsageError('--quantize is for models, not for train entries', hint);
  if (tap.length > 0) throw new UsageError('--tap is for models, not for train entries', hint);
}
