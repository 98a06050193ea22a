/** Models with `--quantize int8`, on all that runs them. */
import { compileGraph } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import type { Quantization } from '../../src/compiler/options.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { createModel, type Model } from '../../src/runtime/model.ts';
import { importKernels } from './specs.ts';

export type Engine = 'js' | 'strict' | 'relaxed';
export const ENGINES: readonly Engine[] = ['js', 'strict', 'relaxed'];

/** Without `quantize` in f32. The caller sees to it that relaxed dot products are right: `avoidWrongDotProducts`. */
export async function quantizedModel(
  graph: Graph,
  engine: Engine,
  weights: ReadonlyMap<string, StoredTensor> = new Map(),
  options: { readonly quantize?: Quantization } = { quantize: 'int8' },
): Promise<Model> {
  const target = engine === 'js' ? 'js' : 'wasm';
  const { program, wasm, js } = compileGraph(graph, { targets: [target], verify: true, ...options });
  const parts = { program, target, weights: (name: string) => weights.get(name) } as const;
  if (engine === 'js') return createModel({ ...parts, kernels: await importKernels(js!) });
  return createModel({ ...parts, simd: engine, kernels: wasm![engine] });
}
