/** The stages in their order, from a spec's path to the programs of its targets. */
import { diagnostic, DiagnosticSink } from './base/diagnostic.ts';
import { emitJs } from './codegen/js/emit.ts';
import { jsTarget } from './codegen/js/target.ts';
import { emitWasm } from './codegen/wasm/emit.ts';
import { wasmTarget } from './codegen/wasm/target.ts';
import type { Graph } from './ir/graph.ts';
import { lowerGraph } from './lowering/lower.ts';
import { ops } from './ops/table.ts';
import type { CompileOptions, EntryOptions } from './options.ts';
import { passes } from './passes/index.ts';
import { runPasses, type PassReport, type RunOptions } from './passes/run.ts';
import { assembleProgram, plan, type Plan } from './plan/plan.ts';
import { checkModule } from './semantics/check.ts';
import { elaborate, findEntry, type Elaborated } from './semantics/elaborate.ts';
import { loadModule, type SourceHost } from './semantics/modules.ts';
import { tapOutputs } from './semantics/taps.ts';
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
  const sink = new DiagnosticSink();
  const graph = withinStack(sink, () => {
    const module = loadModule(path, host, sink);
    const entry = module && !sink.hasErrors ? findEntry(module, options.entry, sink) : undefined;
    if (!module || !entry) return undefined;
    const elaborated = elaborate(module, entry, ops, { settings: options.settings ?? [], training: false }, sink);
    return elaborated && withTaps(elaborated, options.taps ?? [], sink);
  });
  return { ...(graph && !sink.hasErrors && { result: graph }), diagnostics: sink.items };
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
    const known = [...elaborated.instances.keys()];
    sink.report(
      diagnostic('HED4005', undefined, `no instance matches the tap \`${tap}\``, {
        hint: `instances are ${known.slice(0, 12).join(', ')}${known.length > 12 ? ' …' : ''}`,
      }),
    );
  }
  return { ...elaborated.graph, outputs: [...elaborated.graph.outputs, ...outputs] };
}

/** Everything the targets need to run one entry. */
export interface Compiled {
  /** The graph as elaborated: what the weights must fit and the reference interprets. */
  readonly graph: Graph;
  readonly program: Program;
  /** The module of the wasm target. */
  readonly wasm?: Uint8Array<ArrayBuffer>;
  /** The kernels module of the js target. */
  readonly js?: string;
  readonly passes: readonly PassReport[];
}

/** Compiles a checked graph. Throws Error only for bugs of the compiler. */
export function compileGraph(graph: Graph, options: CompileOptions, hooks: RunOptions = {}): Compiled {
  const optimised = runPasses(graph, passes, ops, { verify: options.verify ?? false, ...hooks });
  const plans: { [target in TargetName]?: Plan } = {};
  if (options.targets.includes('wasm')) plans.wasm = plan(lowerGraph(optimised.graph, wasmTarget));
  if (options.targets.includes('js')) plans.js = plan(lowerGraph(optimised.graph, jsTarget));
  return {
    graph,
    program: assembleProgram(graph.name, graph.dims, plans, graph.conditions),
    ...(plans.wasm && { wasm: wasmModule(plans.wasm) }),
    ...(plans.js && { js: emitJs(plans.js.kernels) }),
    passes: optimised.reports,
  };
}

function wasmModule(target: Plan): Uint8Array<ArrayBuffer> {
  return emitWasm({
    kernels: target.kernels,
    steps: target.runArguments,
    tableAddress: 0,
    exported: target.exportedKernels,
  });
}
