/** The stages in their order, from a spec's path to the programs of its targets. */
import { diagnostic, DiagnosticSink } from './base/diagnostic.ts';
import { emitJs } from './codegen/js/emit.ts';
import { jsTarget } from './codegen/js/target.ts';
import { emitWasm } from './codegen/wasm/emit.ts';
import { wasmTarget } from './codegen/wasm/target.ts';
import { emitWgsl } from './codegen/wgsl/emit.ts';
import { webgpuTarget } from './codegen/wgsl/target.ts';
import type { Graph } from './ir/graph.ts';
import type { OpTable } from './ir/op.ts';
import type { Target } from './kernel/target.ts';
import { lowerGraph } from './lowering/lower.ts';
import { ops } from './ops/table.ts';
import type { CompileOptions, EntryOptions } from './options.ts';
import { passes } from './passes/index.ts';
import { runPasses, type PassReport, type RunOptions } from './passes/run.ts';
import { modelFacts } from './plan/facts.ts';
import type { LoweredProgram } from './plan/lowered.ts';
import { assembleProgram, plan, type Plan } from './plan/plan.ts';
import { checkModule } from './semantics/check.ts';
import { elaborate, findEntry } from './semantics/elaborate.ts';
import type { Elaborated } from './semantics/elaborated.ts';
import { loadModule, type SourceHost } from './semantics/modules.ts';
import { suggestTap, tapOutputs } from './semantics/taps.ts';
import type { ModelFacts } from '../program/manifest.ts';
import type { Program, TargetName } from '../program/program.ts';
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
    const { settings = [], given = [], atHand = [], taps = [] } = options;
    const elaborated = elaborate(module, entry, ops, { settings, given, atHand, training: false }, sink);
    return elaborated && { ...elaborated, graph: withTaps(elaborated, taps, sink) };
  });
  return { ...(whole && !sink.hasErrors && { result: whole }), diagnostics: sink.items };
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

/** Everything the targets need to run one entry. */
export interface Compiled {
  /** The graph as elaborated: what the weights must fit and the reference interprets. */
  readonly graph: Graph;
  readonly program: Program;
  /** The module of the wasm target. */
  readonly wasm?: Uint8Array<ArrayBuffer>;
  /** The kernels module of the js target. */
  readonly js?: string;
  /** The shader modules of the webgpu target, one a kernel. */
  readonly wgsl?: readonly string[];
  readonly passes: readonly PassReport[];
  readonly facts: ModelFacts;
}

/**
 * Compiles a checked graph. Throws DimensionOverflow where its sizes lead to indices that cannot be counted exactly, and
 * Error only for bugs of the compiler.
 */
export function compileGraph(graph: Graph, options: CompileOptions, hooks: RunOptions = {}): Compiled {
  const optimised = runPasses(graph, passes, ops, { verify: options.verify ?? false, ...hooks });
  const plans: { [name in TargetName]?: Plan } = {};
  for (const name of options.targets) {
    const target = TARGETS[name];
    plans[name] = plan(lowerGraph(optimised.graph, target), target.workgroups);
  }
  return {
    graph,
    program: assembleProgram(graph.name, graph.dims, plans, graph.conditions),
    ...(plans.wasm && { wasm: wasmModule(plans.wasm) }),
    ...(plans.js && { js: emitJs(plans.js.kernels) }),
    ...(plans.webgpu && { wgsl: emitWgsl(plans.webgpu.kernels, webgpuTarget.workgroups) }),
    passes: optimised.reports,
    facts: modelFacts(graph, ops, plans),
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

function wasmModule(target: Plan): Uint8Array<ArrayBuffer> {
  return emitWasm({
    kernels: target.kernels,
    steps: target.runArguments,
    tableAddress: 0,
    exported: target.exportedKernels,
  });
}
