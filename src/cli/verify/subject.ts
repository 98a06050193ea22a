/** What is verified of a spec: the routines of an entry, and what each of them is given. */
import {
  bindArguments,
  boundsOf,
  type Compiled,
  compileModule,
  elaborateGeneration,
  elaborateTraining,
  elaborateWhole,
  type Graph,
  type Module,
  type Outcome,
  parameterTensors,
  type Tensor,
  toSizeExpr,
} from '../../compiler/index.ts';
import { indexLimits } from '../../compiler/inspect/profile/limits.ts';
import { evaluateGraph, exact } from '../../compiler/inspect/verify/evaluate.ts';
import { PREFILL, STEP, type GenerationSpec } from '../../program/generation.ts';
import { evaluateHost } from '../../program/host-expr.ts';
import type { TargetName } from '../../program/program.ts';
import type { Dims, SizeExpr } from '../../program/size.ts';
import type { Inputs } from '../../runtime/model.ts';
import { OPTIMIZER } from '../../runtime/train/initial-weights.ts';
import { checkDims } from '../dims.ts';
import { printDiagnostics, printNote, Rejected } from '../errors.ts';
import { continueBy, type Next } from '../generate/routines.ts';
import { interpretRoutine, routineArguments } from '../generate/reference.ts';
import { makeHost } from '../host.ts';
import type { Io } from '../io.ts';
import { signatureOf } from '../signature.ts';
import { elaborateOptionsOf, loadWeights, type SpecOptions, specPath, type Tensors } from '../spec.ts';
import { chooseDims, drawInputs, drawWeights, interpreted, toInput } from './draw.ts';

export interface SubjectOptions extends SpecOptions {
  readonly dims?: Dims;
  readonly seed?: number;
}

/** A routine on its arguments. */
export interface Routine {
  readonly name: string;
  /** As it was elaborated. */
  readonly graph: Graph;
  /** The same behind the passes. */
  readonly fused: Graph;
  readonly given: Given;
  /** All values of the fused graph on what is given, in double precision. */
  readonly values: ReadonlyMap<Graph['nodes'][number]['results'][number], Tensor>;
}

export interface Given {
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly kept?: ReadonlyMap<string, Tensor>;
  readonly symbols: Dims;
}

export interface Subject {
  readonly name: string;
  readonly module: Module;
  readonly compiled: Compiled;
  readonly routines: readonly Routine[];
  /** As files hold them. */
  readonly weights: Tensors;
  readonly dims: Dims;
  readonly seed: number;
  /** Of a model that generates. */
  readonly prompts: readonly Int32Array[];
}

/** Compiles the entry that the options name. Throws Rejected, Failure and UsageError. */
export async function openSubject(
  path: string,
  targets: readonly TargetName[],
  options: SubjectOptions,
  io: Io,
): Promise<Subject> {
  const { seed = 0 } = options;
  const module = moduleOf(path, options, io);
  const graphs = module.graphs.map(({ graph }) => graph);
  const parameters = signatureOf(graphs.at(-1)!).parameters.filter(({ name }) => !name.startsWith(OPTIMIZER));
  const loaded = await loadWeights(parameters, options, io);
  if (!loaded && parameters.length > 0) printNote('the weights are random: there is no --weights', io);
  const weights = drawWeights(graphs, loaded?.bound, seed);
  const compiled = compileModule(module, { targets });
  const declared = compiled.program.dims;
  const dims = chooseDims(
    declared,
    graphs,
    checkDims(options.dims ?? new Map(), { name: module.name, dims: declared }),
  );
  const common = { module, compiled, weights, dims, seed };
  const values = interpreted(graphs, weights);
  const prompts = module.generation ? drawPrompts(module.generation) : [];
  const routines = module.generation
    ? await generatingRoutines(common, values, prompts)
    : await plainRoutines(common, values);
  return { name: module.name, ...common, routines, prompts };
}

type Common = Pick<Subject, 'module' | 'compiled' | 'dims' | 'seed'>;

/** The routines of the entry; warnings are printed. Throws Rejected and Failure. */
function moduleOf(path: string, options: SpecOptions, io: Io): Module {
  const spec = [specPath(path, io), elaborateOptionsOf(options), makeHost(io)] as const;
  const { result: entry, diagnostics } = elaborateWhole(...spec);
  if (entry?.train) return accepted(elaborateTraining(...spec), io);
  if (entry?.generation) return accepted(elaborateGeneration(...spec), io);
  const graph = entry?.graph;
  return accepted({ ...(graph && { result: { name: graph.name, graphs: [{ name: RUN, graph }] } }), diagnostics }, io);
}

function accepted({ result, diagnostics }: Outcome<Module>, io: Io): Module {
  if (!result) throw new Rejected(diagnostics);
  printDiagnostics(diagnostics, io);
  return result;
}

/** The routine that every model has. */
const RUN = 'run';

/** Of a model without `generate`, or of a train entry. */
function plainRoutines({ module, compiled, dims, seed }: Common, parameters: Given['parameters']): Routine[] {
  const limits = limitsOf(compiled);
  const numbers = new Map(module.training?.scalars.map(({ input, value }) => [input, evaluateHost(value, 1)]));
  return module.graphs.map(({ name, graph }, at) => {
    const inputs = drawInputs(graph, dims, limits, seed);
    for (const [input, value] of numbers)
      if (inputs.has(input)) inputs.set(input, { dtype: 'f32', shape: [], data: Float64Array.of(value) });
    const states = isLearning(name) ? drawnStates(graph, parameters) : parameters;
    const { graph: fused } = compiled.fused[at]!;
    return routineOf(name, graph, fused, { inputs, parameters: states, symbols: symbolsOf(graph, dims) });
  });
}

function routineOf(name: string, graph: Graph, fused: Graph, given: Given): Routine {
  return { name, graph, fused, given, values: evaluateGraph(fused, bindArguments(fused, given), exact) };
}

function isLearning(routine: string): boolean {
  return routine !== 'run' && routine !== 'evaluate';
}

/** What states of an optimizer are in the middle of a training: of 0, as they begin, too much is 0. None is negative. */
function drawnStates({ parameters }: Graph, drawn: Given['parameters']): Given['parameters'] {
  const states = parameterTensors(parameters).filter(({ name }) => name.startsWith(OPTIMIZER));
  const values = states.map(({ name }) => {
    const tensor = drawn.get(name)!;
    return [name, { ...tensor, data: tensor.data.map((value) => Math.fround(1e-3 * Math.abs(value))) }] as const;
  });
  return new Map([...drawn, ...values]);
}

/** Which integers are positions in axes of what size. */
function limitsOf({ lowered, fused }: Compiled): ReadonlyMap<string, SizeExpr> {
  const limits = new Map<string, SizeExpr>();
  const [program] = Object.values(lowered);
  if (!program) return limits;
  const dims = fused.flatMap(({ graph }) => graph.dims);
  for (const [name, size] of indexLimits(program, boundsOf({ dims }))) limits.set(name, toSizeExpr(size));
  return limits;
}

/** Values of the dims that a graph has. */
function symbolsOf({ dims: own }: Graph, dims: Dims): Dims {
  return new Map(own.map(({ name }) => [name, dims.get(name)!]));
}

/** Two texts of different lengths, as far as the model takes such. */
export function drawPrompts({ max, vocabulary }: GenerationSpec): Int32Array[] {
  return [5, 3].map((length, row) =>
    Int32Array.from(
      { length: Math.max(1, Math.min(length, max - 1)) },
      (_, at) => (7 * at + 11 * row + 1) % vocabulary,
    ),
  );
}

/** How a verification continues texts: it draws, so that all of the sampler is used. */
export const SAMPLING = { temperature: 0.8, topK: 5, topP: 0.9, repetitionPenalty: 1.2 } as const;

/** The routines of a model that generates: the last two on what they are given when two tokens are made. */
async function generatingRoutines(
  common: Common,
  parameters: Given['parameters'],
  prompts: readonly Int32Array[],
): Promise<Routine[]> {
  const { module, compiled, dims, seed } = common;
  const generation = module.generation!;
  const limits = limitsOf(compiled);
  const places = new Map(module.graphs.map(({ name }, at) => [name, at]));
  const graphOf = (name: string): Graph => module.graphs[places.get(name)!]!.graph;
  const others = drawInputs(graphOf('run'), dims, limits, seed);
  const recorded = new Map<string, Given>([
    ['run', { inputs: others, parameters, symbols: symbolsOf(graphOf('run'), dims) }],
  ]);
  let kept: Given['parameters'] = new Map();
  const call = async (name: string, inputs: Parameters<typeof interpretRoutine>[1]['inputs']): Promise<Next> => {
    const graph = graphOf(name);
    const before = name === STEP ? kept : new Map<string, Tensor>();
    const given = routineArguments(graph, { inputs, kept: before });
    recorded.set(name, { ...given, parameters, symbols: new Map() });
    const done = interpretRoutine(graph, { inputs, parameters, kept: before });
    kept = done.kept;
    return done;
  };
  const routines = { prefill: (inputs: Inputs) => call(PREFILL, inputs), step: (inputs: Inputs) => call(STEP, inputs) };
  const options = { ...SAMPLING, tokens: 2, seed, inputs: textInputs(generation, others) };
  for await (const token of continueBy(routines, prompts, options, generation)) void token;
  return module.graphs.flatMap(({ name, graph }, at) => {
    const given = recorded.get(name);
    return given ? [routineOf(name, graph, compiled.fused[at]!.graph, given)] : [];
  });
}

/** The inputs beside the tokens, as the runtime takes them. */
export function textInputs({ inputs }: GenerationSpec, tensors: ReadonlyMap<string, Tensor>): Inputs {
  return Object.fromEntries(inputs.map((name) => [name, toInput(tensors.get(name)!)]));
}
