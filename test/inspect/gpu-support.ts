/** What specs of the tests ask of a GPU. */
import { compileModule, elaborateWhole } from '../../src/compiler/driver.ts';
import { gpuCosts, type RoutineCosts } from '../../src/compiler/inspect/gpu/costs.ts';
import { exampleDims } from '../../src/compiler/inspect/memory.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { assignSlots } from '../../src/runtime/devices/webgpu/buffers.ts';
import { renderAll, specHost } from '../support/specs.ts';

/** Of the one routine of a model. */
export function costsOf(
  path: string,
  options: EntryOptions = {},
  dims: { readonly [name: string]: number } = {},
  texts: { readonly [path: string]: string } = {},
): RoutineCosts {
  const { result, diagnostics } = elaborateWhole(path, options, specHost(texts));
  if (!result) throw new Error(renderAll(diagnostics));
  const { graph } = result;
  const graphs = [{ name: 'run', graph }];
  const { lowered, program, ops } = compileModule({ name: graph.name, graphs }, { targets: ['webgpu'] });
  const subject = { graphs, lowered: lowered.webgpu!, program: program.targets.webgpu!, ops };
  const given = exampleDims(program.dims, new Map(Object.entries(dims)));
  return gpuCosts(subject, given, (lives) => assignSlots(lives).bytes)[0]!;
}
