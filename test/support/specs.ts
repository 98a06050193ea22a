/** Compiling and running specs in tests, from files or from texts in memory, on every target. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DiagnosticSink, type Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import { renderDiagnostic } from '../../src/compiler/base/render.ts';
import { compileGraph, elaborateSpec, elaborateWhole, type Compiled } from '../../src/compiler/driver.ts';
import { applyRename } from '../../src/compiler/interop/rename.ts';
import { parseRenameMap } from '../../src/compiler/interop/rename-map.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import type { Elaborated } from '../../src/compiler/semantics/elaborated.ts';
import type { SourceHost } from '../../src/compiler/semantics/modules.ts';
import { toElements, toFloat64 } from '../../src/program/convert.ts';
import type { TargetName } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import { createGpuSession } from '../../src/runtime/devices/webgpu/program-session.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';
import { projectRoot } from './reference.ts';

/** Texts by path, before files; specifiers are relative, `std/…` is the standard library. */
export function specHost(texts: { readonly [path: string]: string } = {}): SourceHost {
  const read = (path: string): string | undefined =>
    texts[path] ?? (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
  return {
    read,
    resolve(importer, specifier) {
      if (specifier.startsWith('std/')) return join(projectRoot, 'specs', `${specifier}.model`);
      const path =
        texts[importer] === undefined ? resolve(dirname(importer), specifier) : join(dirname(importer), specifier);
      return path.endsWith('.model') ? path : `${path}.model`;
    },
  };
}

export function settings(values: { readonly [name: string]: unknown }): { name: string; text: string }[] {
  return Object.entries(values).map(([name, value]) => ({
    name,
    text: Array.isArray(value) ? value.join(',') : String(value),
  }));
}

export function specFile(name: string): string {
  return join(projectRoot, 'specs', name);
}

/** The graph of an entry; fails with the rendered diagnostics where there are errors. */
export function graphOf(path: string, options: EntryOptions = {}, host: SourceHost = specHost()): Graph {
  const { result, diagnostics } = elaborateSpec(path, options, host);
  if (!result) throw new Error(renderAll(diagnostics));
  return result;
}

/** The graph of a model written in the test. */
export function graphOfText(text: string, options: EntryOptions = {}): Graph {
  return graphOf('test.model', options, specHost({ 'test.model': text }));
}

/** All that is known of an entry written in the test. */
export function elaboratedOfText(text: string, options: EntryOptions = {}): Elaborated {
  const { result, diagnostics } = elaborateWhole('test.model', options, specHost({ 'test.model': text }));
  if (!result) throw new Error(renderAll(diagnostics));
  return result;
}

export function renderAll(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((item) => renderDiagnostic(item, { color: false })).join('\n');
}

/** Both modules of wasm, and of the relaxed one each tile that it may take. */
const WASM_VARIANTS = {
  wasm: { simd: 'strict', tile: '4x8' },
  relaxed: { simd: 'relaxed', tile: '6x8' },
  'relaxed 4x8': { simd: 'relaxed', tile: '4x8' },
} as const;

export type WasmVariant = keyof typeof WASM_VARIANTS;
export type TargetUnderTest = 'reference' | 'js' | WasmVariant;
export const TARGETS: readonly TargetUnderTest[] = ['reference', 'js', 'wasm', 'relaxed', 'relaxed 4x8'];

/** Runs on inputs by name; `dims` gives the dimensions that no input tells. */
export type Run = (
  inputs: { readonly [name: string]: Tensor },
  dims?: { readonly [name: string]: number },
) => Promise<ReadonlyMap<string, Tensor>>;

/** A function that runs the graph on a target, for any binding of its dimensions. */
export async function runnerOf(
  graph: Graph,
  target: AnyTarget,
  weights: ReadonlyMap<string, StoredTensor> = new Map(),
): Promise<Run> {
  if (target === 'reference') {
    const parameters = new Map(
      parameterTensors(graph.parameters).map(({ name, type }) => [name, asTensor(type.dtype, weights.get(name)!)]),
    );
    return async (inputs, dims = {}) =>
      interpret(graph, { inputs: new Map(Object.entries(inputs)), parameters, symbols: new Map(Object.entries(dims)) });
  }
  return runOf(graph, await modelOf(graph, target, weights));
}

/** `model.run` on the interpreter's tensors. */
export function runOf(graph: Graph, model: Model): Run {
  return async (inputs, dims) => {
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, { data: typedData(tensor), shape: tensor.shape }]),
    );
    const outputs = await model.run(given, dims ? { dims } : {});
    return new Map(
      graph.outputs.map(({ name, value }) => {
        const { data, shape } = outputs[name]!;
        return [name, { dtype: value.type.dtype, shape, data: Float64Array.from(data) }];
      }),
    );
  };
}

export type AnyTarget = TargetUnderTest | 'webgpu';

/** What `use` makes of runs on a target, which is left again. */
export async function withRun<T>(
  graph: Graph,
  target: AnyTarget,
  weights: ReadonlyMap<string, StoredTensor>,
  use: (run: Run) => Promise<T>,
): Promise<T> {
  if (target !== 'webgpu') return use(await runnerOf(graph, target, weights));
  const model = await modelOf(graph, target, weights);
  return use(runOf(graph, model)).finally(() => model.dispose());
}

export type CompiledTarget = 'js' | WasmVariant | 'webgpu';

/** For webgpu, the caller disposes of the model: devices are few. */
export async function modelOf(
  graph: Graph,
  target: CompiledTarget,
  weights: ReadonlyMap<string, StoredTensor> = new Map(),
  threads?: Threads,
): Promise<Model> {
  const name: TargetName = target === 'js' || target === 'webgpu' ? target : 'wasm';
  const compiled = compiledOnce(graph, name);
  const parts = { program: compiled.program, target: name, threads, weights: (path: string) => weights.get(path) };
  switch (target) {
    case 'wasm':
    case 'relaxed':
    case 'relaxed 4x8': {
      const { simd, tile } = WASM_VARIANTS[target];
      const hasTiles = compiled.program.targets.wasm!.tiles !== undefined;
      return createModel({ ...parts, simd, ...(hasTiles && { tile }), kernels: compiled.wasm![simd] });
    }
    case 'js':
      return createModel({ ...parts, kernels: await importKernels(compiled.js!) });
    case 'webgpu': {
      const { modelGpu } = await import('./webgpu.ts');
      return createModel({ ...parts, kernels: compiled.wgsl!, gpu: modelGpu(), createGpuSession });
    }
  }
}

/** Graphs do not change, and variants of a target are of one compilation. */
const compilations = new WeakMap<Graph, Map<TargetName, Compiled>>();

function compiledOnce(graph: Graph, target: TargetName): Compiled {
  const known = compilations.get(graph) ?? new Map<TargetName, Compiled>();
  compilations.set(graph, known);
  const compiled = known.get(target) ?? compileGraph(graph, { targets: [target], verify: true });
  known.set(target, compiled);
  return compiled;
}

export async function importKernels(text: string): Promise<JsKernelFactory> {
  const module = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(text)}`)) as {
    kernels: JsKernelFactory;
  };
  return module.kernels;
}

function typedData({ dtype, data }: Tensor): Float32Array | Int32Array | Uint32Array | Uint8Array {
  switch (dtype) {
    case 'f32':
      return Float32Array.from(data);
    case 'i32':
      return Int32Array.from(data);
    case 'u32':
      return Uint32Array.from(data);
    case 'bool':
      return Uint8Array.from(data);
  }
}

export function asTensor(dtype: Tensor['dtype'], stored: StoredTensor): Tensor {
  const data = dtype === 'f32' ? toFloat64(stored) : Float64Array.from(toElements(stored, dtype));
  return { dtype, shape: stored.shape, data };
}

/** Stored f32 values as a file's tensor. */
export function storedTensor(shape: readonly number[], values: ArrayLike<number>): StoredTensor {
  const data = Float32Array.from(values);
  return { dtype: 'F32', shape: [...shape], bytes: new Uint8Array(data.buffer) };
}

/** Foreign tensors under our names, by a map of specs/weights. */
export function renamed(map: string, tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const sink = new DiagnosticSink();
  const path = specFile(`weights/${map}.json`);
  const parsed = parseRenameMap({ path, text: readFileSync(path, 'utf8') }, sink);
  const result = parsed && applyRename(parsed, tensors, sink);
  if (!result) throw new Error(renderAll(sink.items));
  return result;
}
