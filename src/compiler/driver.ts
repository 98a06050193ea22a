/** The stages in their order, from a spec's path to the programs of its targets. */
import { diagnostic, DiagnosticSink } from './base/diagnostic.ts';
import { trainingModule, type TrainingModule } from './autodiff/module.ts';
import { gradientGraph, type GradientRequest } from './autodiff/request.ts';
import { emitJs } from './codegen/js/emit.ts';
import { jsTarget } from './codegen/js/target.ts';
import { emitWasm } from './codegen/wasm/emit.ts';
import { wasmTarget } from './codegen/wasm/target.ts';
import { emitWgsl } from './codegen/wgsl/emit.ts';
import { webgpuTarget } from './codegen/wgsl/target.ts';
import { generationGraphs } from './incremental/generation.ts';
import { uncachedGeneration, type UncachedGeneration } from './incremental/uncached.ts';
import type { Graph, KeptTensor, Value } from './ir/graph.ts';
import type { OpTable } from './ir/op.ts';
import type { Target } from './kernel/target.ts';
import { dimsOf, lowerGraph, lowerModule, type NamedGraph } from './lowering/lower.ts';
import { ops } from './ops/table.ts';
import type { CompileOptions, EntryOptions } from './options.ts';
import { passes } from './passes/index.ts';
import { judgedProducts, quantize, type JudgedProduct } from './passes/quantize.ts';
import { runPasses, type PassReport, type RunOptions } from './passes/run.ts';
import { modelFacts } from './plan/facts.ts';
import { storeInHalves } from './plan/halves.ts';
import { RUN, type LoweredProgram } from './plan/lowered.ts';
import { assembleProgram, plan, type Plan, type Purpose } from './plan/plan.ts';
import { callsOf, exportsOf } from './plan/variant.ts';
import { programWork } from './plan/work.ts';
import { checkModule } from './semantics/check.ts';
import { elaborate, findEntry } from './semantics/elaborate.ts';
import type { Elaborated } from './semantics/elaborated.ts';
import { loadModule, type SourceHost } from './semantics/modules.ts';
import { suggestTap, tapOutputs } from './semantics/taps.ts';
import { weightChannels } from './passes/weight-channels.ts';
import type { ModelFacts } from '../program/manifest.ts';
import { isCounting, TARGET_NAMES, type Program, type SimdVariant, type TargetName } from '../program/program.ts';
import { counterWords, teamWords } from '../program/team.ts';
import { PREFILL, STEP, type GenerationSpec } from '../program/generation.ts';
import type { Shader } from '../program/shaders.ts';
import type { TrainingSpec } from '../program/training.ts';
import type { Diagnostic } from './base/diagnostic.ts';

/** A result, if there were no errors, and everything there is to tell. */
export interface Outcome<T> {
  readonly result?: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks everything in a file that can be checked without settings. Never throws on what the file holds. */
export function checkSpec(path: string, host: SourceHost): readonly Diagnostic[] {
  const sink = new DiagnosticSink();
  withinStack(sink, () => {
    const module = loadModule(path, host, sink);
    if (module) checkModule(module, ops, sink);
  });
  return sink.items;
}

/** One entry of a file as a graph, every shape checked. Never throws on what the file or the options hold. */
export function elaborateSpec(path: string, options: EntryOptions, host: SourceHost): Outcome<Graph> {
  const { result, diagnostics } = elaborateWhole(path, options, host);
  return { ...(result && { result: result.graph }), diagnostics };
}

/** `elaborateSpec` with all that is known of the entry beside its graph: structure, training, generation. */
export function elaborateWhole(path: string, options: EntryOptions, host: SourceHost): Outcome<Elaborated> {
  const sink = new DiagnosticSink();
  const whole = withinStack(sink, () => {
    const module = loadModule(path, host, sink);
    const entry = module && !sink.hasErrors ? findEntry(module, options.entry, sink) : undefined;
    if (!module || !entry) return undefined;
    const { settings = [], given = [], atHand = [], taps = [], training } = options;
    const mode = training === undefined ? {} : { training };
    const elaborated = elaborate(module, entry, ops, { settings, given, atHand, ...mode }, sink);
    return elaborated && { ...elaborated, graph: withTaps(elaborated, taps, sink) };
  });
  return { ...(whole && !sink.hasErrors && { result: whole }), diagnostics: sink.items };
}

/** The routines of a train entry as graphs. Never throws on what the file or the options hold. */
export function elaborateTraining(path: string, options: EntryOptions, host: SourceHost): Outcome<TrainingModule> {
  const [train, evaluate] = [true, false].map((training) => elaborateWhole(path, { ...options, training }, host));
  const further = evaluate!.diagnostics.filter((item) => !isAmong(item, train!.diagnostics));
  const result = train!.result && evaluate!.result && trainingModule(train!.result, evaluate!.result, ops);
  return { ...(result && { result }), diagnostics: [...train!.diagnostics, ...further] };
}

/**
 * A model that generates as a routine that computes whole texts for their next tokens. Without `generate` there is no result
 * and no report. Never throws on what the file or the options hold.
 */
export function elaborateUncached(path: string, options: EntryOptions, host: SourceHost): Outcome<UncachedGeneration> {
  const { result, diagnostics } = elaborateWhole(path, options, host);
  const sink = new DiagnosticSink();
  for (const item of diagnostics) sink.report(item);
  const generation = result?.generation;
  const uncached = generation && uncachedGeneration({ ...result, generation }, ops, sink);
  return { ...(uncached && { result: uncached }), diagnostics: sink.items };
}

/**
 * A model with the routines that continue texts. Without a result where the entry has no `generate`, or no cache can be
 * derived from it, which a diagnostic tells. Never throws on what the file or the options hold.
 */
export function elaborateGeneration(path: string, options: EntryOptions, host: SourceHost): Outcome<Module> {
  const { result: whole, diagnostics } = elaborateWhole(path, options, host);
  const sink = new DiagnosticSink();
  for (const item of diagnostics) sink.report(item);
  const found = whole && withinStack(sink, () => generationGraphs(whole, ops, sink));
  if (!whole || !found || sink.hasErrors) return { diagnostics: sink.items };
  const { prefill, step, generation } = found;
  const graphs = [
    { name: RUN, graph: whole.graph },
    { name: PREFILL, graph: prefill },
    { name: STEP, graph: step },
  ];
  return { result: { name: whole.graph.name, graphs, generation }, diagnostics: sink.items };
}

/** What generating keeps from token to token; nothing for an entry that does not generate. */
export function keptTensors(entry: Elaborated): readonly KeptTensor[] {
  return generationGraphs(entry, ops, new DiagnosticSink())?.step.kept ?? [];
}

/** One entry with gradients that are asked for. Never throws on what the file or the options hold. */
export function elaborateGradients(
  path: string,
  options: EntryOptions,
  request: GradientRequest,
  host: SourceHost,
): Outcome<Graph> {
  const { result, diagnostics } = elaborateWhole(path, options, host);
  const sink = new DiagnosticSink();
  for (const item of diagnostics) sink.report(item);
  const graph = result && gradientGraph(result, request, ops, sink);
  return { ...(graph && { result: graph }), diagnostics: sink.items };
}

/** Both modes of an entry have most of their text in common, and so its mistakes. */
function isAmong({ code, primary, message }: Diagnostic, items: readonly Diagnostic[]): boolean {
  const same = (item: Diagnostic): boolean =>
    item.primary?.span.source.path === primary?.span.source.path && item.primary?.span.start === primary?.span.start;
  return items.some((item) => item.code === code && item.message === message && same(item));
}

/** What the limits on nesting still let through may be too deep together for the stack of this process. */
function withinStack<T>(sink: DiagnosticSink, action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof RangeError) || !error.message.includes('call stack')) throw error;
    const hint = 'name some of its parts: `h = …`';
    sink.report(diagnostic('HED2109', undefined, 'this spec nests more deeply than can be followed', { hint }));
    return undefined;
  }
}

function withTaps(elaborated: Elaborated, taps: readonly string[], sink: DiagnosticSink): Graph {
  const { outputs, unmatched } = tapOutputs(elaborated, taps);
  for (const tap of unmatched) {
    sink.report(
      diagnostic('HED4005', undefined, `no instance matches the tap \`${tap}\``, {
        hint: suggestTap(tap, [...elaborated.instances.keys()]),
      }),
    );
  }
  return { ...elaborated.graph, outputs: [...elaborated.graph.outputs, ...outputs] };
}

const TARGETS: { readonly [name in TargetName]: Target } = { wasm: wasmTarget, js: jsTarget, webgpu: webgpuTarget };

export type WasmModules = { readonly [variant in SimdVariant]: Uint8Array<ArrayBuffer> };

/** A program and the code of its targets. */
export interface Emitted {
  readonly program: Program;
  /** The modules of the wasm target. */
  readonly wasm?: WasmModules;
  /** The kernels module of the js target. */
  readonly js?: string;
  /** The shader modules of the webgpu target, one a kernel. */
  readonly wgsl?: readonly Shader[];
}

/** Everything the targets need to run one entry. */
export interface Compiled extends Emitted {
  /** The graph as elaborated: what the weights must fit and the reference interprets. The first, where there are several. */
  readonly graph: Graph;
  /** All graphs, by the names of their routines. */
  readonly graphs: readonly NamedGraph[];
  /** The graphs after all passes. */
  readonly fused: readonly NamedGraph[];
  /** What the graphs were lowered to, and the ops their nodes may expand into: for reports. */
  readonly lowered: { readonly [name in TargetName]?: LoweredProgram };
  readonly ops: OpTable;
  readonly passes: readonly PassReport[];
  readonly facts: ModelFacts;
}

/** Graphs that are the routines of one program: parameters and dims of one name are the same in all of them. */
export interface Module {
  readonly name: string;
  /** At least one. */
  readonly graphs: readonly NamedGraph[];
  /** Of a `train` entry. */
  readonly training?: TrainingSpec;
  /** Of a model that generates. */
  readonly generation?: GenerationSpec;
}

/**
 * Compiles a checked graph. Throws DimensionOverflow where its sizes lead to indices that cannot be counted exactly, and
 * Error only for bugs of the compiler.
 */
export function compileGraph(graph: Graph, options: CompileOptions, hooks: RunOptions = {}): Compiled {
  return compileModule({ name: graph.name, graphs: [{ name: RUN, graph }] }, options, hooks);
}

/** Compiles several graphs as one program. Throws as `compileGraph` does. */
export function compileModule(module: Module, options: CompileOptions, hooks: RunOptions = {}): Compiled {
  const { verify = false } = options;
  const { quantize: type, remat } = options;
  const chosen = { ...(type && { quantize: type }), ...(remat && { remat }) };
  const reports: PassReport[] = [];
  const fused = module.graphs.map(({ name, graph }) => {
    const optimised = runPasses(graph, passes, ops, { verify, ...chosen, ...hooks });
    reports.push(...optimised.reports);
    return { name, graph: optimised.graph };
  });
  return compileFused(module, { fused, passes: reports }, options);
}

/** The same program with `f16`, in which these values of its fused graphs stay f32. */
export function keepSingles(
  module: Module,
  compiled: Compiled,
  options: CompileOptions,
  singles: ReadonlySet<Value>,
): Compiled {
  return compileFused(module, compiled, options, singles);
}

function compileFused(
  module: Module,
  { fused, passes }: Pick<Compiled, 'fused' | 'passes'>,
  options: CompileOptions,
  singles?: ReadonlySet<Value>,
): Compiled {
  const { name, training, generation } = module;
  const lowered: { [name in TargetName]?: LoweredProgram } = {};
  const whole = { name, graphs: fused, isTraining: training !== undefined };
  for (const target of options.targets) {
    const { workgroups } = TARGETS[target];
    const program = lowerModule(whole, TARGETS[target]);
    lowered[target] = options.f16 && workgroups ? storeInHalves(program, workgroups, singles) : program;
  }
  const plans = plansOf(lowered);
  const graphs = module.graphs.map(({ graph }) => graph);
  return {
    graph: graphs[0]!,
    graphs: module.graphs,
    fused,
    lowered,
    ops,
    ...emitted(plans, { name, dims: dimsOf(fused) }, { training, generation, work: programWork(fused, ops) }),
    passes,
    facts: modelFacts(graphs, ops, plans),
  };
}

/** The axes of the weights that tell their output channels apart, by name: what `--quantize` would make bytes. */
export function channelsOf(graph: Graph): ReadonlyMap<string, readonly number[]> {
  return weightChannels(beforeQuantize(graph));
}

/** What `--quantize` would make of each product. */
export function judgedProductsOf(graph: Graph): readonly JudgedProduct[] {
  return judgedProducts(beforeQuantize(graph));
}

function beforeQuantize(graph: Graph): Graph {
  return runPasses(graph, passes.slice(0, passes.indexOf(quantize)), ops).graph;
}

/** What is known of a target, which kernels for it are made by. */
export function targetNamed(name: TargetName): Target {
  return TARGETS[name];
}

/** Kernels of one target that no graph asked for, such as those that measure what it can reach, as a program. */
export function compileLowered(lowered: LoweredProgram, name: TargetName): Emitted {
  return emitted(plansOf({ [name]: lowered }), lowered);
}

type Plans = { readonly [name in TargetName]?: Plan };

function plansOf(lowered: Compiled['lowered']): Plans {
  const plans: { [name in TargetName]?: Plan } = {};
  for (const name of TARGET_NAMES) {
    const program = lowered[name];
    if (program) plans[name] = plan(program, TARGETS[name].workgroups);
  }
  return plans;
}

function emitted(plans: Plans, { name, dims }: Pick<LoweredProgram, 'name' | 'dims'>, purpose?: Purpose): Emitted {
  return {
    program: assembleProgram(name, dims, plans, purpose),
    ...(plans.wasm && { wasm: wasmModules(plans.wasm) }),
    ...(plans.js && { js: emitJs(plans.js.kernels) }),
    ...(plans.webgpu && { wgsl: emitWgsl(plans.webgpu.kernels, webgpuTarget.workgroups) }),
  };
}

/** What the stages before code generation make of a graph for one target: for reports. */
export interface Stages {
  readonly target: Target;
  /** What the graph's nodes may expand into. */
  readonly ops: OpTable;
  readonly fused: Graph;
  readonly lowered: LoweredProgram;
  readonly plan: Plan;
}

/** The same stages as `compileGraph` runs. Throws as that does. */
export function stagesOf(graph: Graph, name: TargetName, hooks: RunOptions = {}): Stages {
  const target = TARGETS[name];
  const fused = runPasses(graph, passes, ops, hooks).graph;
  const lowered = lowerGraph(fused, target);
  return { target, ops, fused, lowered, plan: plan(lowered, target.workgroups) };
}

function wasmModules(target: Plan): WasmModules {
  const module = (variant: SimdVariant): Uint8Array<ArrayBuffer> =>
    emitWasm({
      kernels: target.kernels,
      steps: callsOf(target, variant),
      tableAddress: 0,
      team: teamWords(target.tableSlots),
      exported: exportsOf(target, variant),
      relaxed: variant === 'relaxed',
      ...(isCounting(target.program) && { counters: counterWords(target.tableSlots) }),
    });
  return { strict: module('strict'), relaxed: module('relaxed') };
}
