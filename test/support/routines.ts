/** Programs of several routines over common weights, by the reference and on the engines, run after run. */
import { compileModule, type Module } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { splitParameter } from '../../src/compiler/ir/parameter-tensors.ts';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import type { TargetProgram } from '../../src/program/program.ts';
import type { Threads } from '../../src/runtime/devices/threads/team.ts';
import { openMemorySession, type MemorySession } from '../../src/runtime/memory-session.ts';
import { collect, wholeFace } from '../../src/runtime/session.ts';
import type { Engine } from './quantized.ts';
import { importKernels, storedTensor } from './specs.ts';

export type Tensors = ReadonlyMap<string, Tensor>;

/** Of a training whose weights are all given. */
export const TRAINING = { metrics: [], accumulate: 1, scalars: [] };

/** The graph of a text; `name` is that of its routine. */
export function routineGraph(name: string, text: string): { readonly name: string; readonly graph: Graph } {
  const parsed = parseGraph(`graph ${name} {\n${text}\n}`, ops);
  if ('error' in parsed) throw new Error(`line ${parsed.line}: ${parsed.error}`);
  return { name, graph: parsed.graph };
}

/** What the weights are and become. */
export interface Running {
  /** The outputs of a routine but for those that go into weights. */
  run(routine: string, inputs: Tensors): ReadonlyMap<string, readonly number[]>;
  weight(name: string): readonly number[];
}

export function onReference({ graphs }: Module, weights: Tensors): Running {
  const current = new Map(weights);
  return {
    run(routine, inputs) {
      const { graph } = graphs.find(({ name }) => name === routine)!;
      const results = interpret(graph, { inputs, parameters: current });
      const outputs = new Map<string, readonly number[]>();
      for (const { name, into } of graph.outputs) {
        const result = results.get(name)!;
        const parameter = graph.parameters.find((one) => one.name === into);
        if (parameter) for (const part of splitParameter(parameter, result)) current.set(...part);
        else outputs.set(name, [...result.data]);
      }
      return outputs;
    },
    weight: (name) => [...current.get(name)!.data],
  };
}

export interface OnEngine extends Running {
  readonly program: TargetProgram;
  readonly session: MemorySession;
  dispose(): void;
}

/** Weights and inputs are f32. */
export async function onEngine(module: Module, engine: Engine, weights: Tensors, threads?: Threads): Promise<OnEngine> {
  const target = engine === 'js' ? 'js' : 'wasm';
  const { program, js, wasm } = compileModule(module, { targets: [target], verify: true });
  const session = await openMemorySession({
    program,
    target,
    kernels: engine === 'js' ? await importKernels(js!) : wasm![engine],
    ...(engine !== 'js' && { simd: engine }),
    threads,
    weights: (name) => {
      const tensor = weights.get(name);
      return tensor && storedTensor(tensor.shape, tensor.data);
    },
  });
  const targetProgram = program.targets[target]!;
  const faces = new Map(targetProgram.routines.map((routine) => [routine.name, wholeFace(routine)]));
  return {
    program: targetProgram,
    session,
    run(routine, inputs) {
      const face = faces.get(routine)!;
      const given = [...inputs].map(([name, { data, shape }]) => [name, { data: Float32Array.from(data), shape }]);
      const views = session.put(face, Object.fromEntries(given) as Parameters<MemorySession['put']>[1], {});
      session.device.runSteps(face.routine.first, face.routine.last);
      return new Map(Object.entries(collect(views)).map(([name, { data }]) => [name, [...data]]));
    },
    weight: (name) => [...session.weight(targetProgram.weights.find((weight) => weight.name === name)!)],
    dispose: () => session.dispose(),
  };
}
