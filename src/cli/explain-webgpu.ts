/** `heddle inspect --explain webgpu`: what the routines of an entry ask of a GPU. */
import { costCells, dispatchCells, WEBGPU_HEAD, webgpuJson } from '../compiler/inspect/explain/webgpu.ts';
import { gpuCosts } from '../compiler/inspect/gpu/costs.ts';
import { groupDispatches, singleDispatches } from '../compiler/inspect/gpu/repeated.ts';
import { exampleDims } from '../compiler/inspect/memory.ts';
import { assignSlots } from '../runtime/devices/webgpu/buffers.ts';
import { openCompilation } from './compilation.ts';
import { checkDims, type GivenDims } from './dims.ts';
import { makeHost } from './host.ts';
import { colorsFor, type Io } from './io.ts';
import type { SpecOptions } from './spec.ts';
import { alignColumns, type Alignment } from './table.ts';

export interface WebgpuOptions extends SpecOptions {
  readonly dims?: GivenDims;
  /** A row for each dispatch, equal layers too. */
  readonly all?: boolean;
  readonly json?: boolean;
}

const RIGHT: readonly Alignment[] = WEBGPU_HEAD.slice(1, -2).map(() => 'right');

/** Of all routines: those of a train entry, or those that continue texts beside the one that runs. Throws as `openCompilation`. */
export function explainWebgpu(path: string, options: WebgpuOptions, io: Io): string {
  const compilation = openCompilation(path, { ...options, target: ['webgpu'] }, io, makeHost(io));
  const given = checkDims(options.dims ?? new Map(), compilation.graph);
  const { graphs, lowered, program, ops } = compilation.compile();
  const subject = { graphs, lowered: lowered.webgpu!, program: program.targets.webgpu!, ops };
  const dims = exampleDims(program.dims, given);
  const routines = gpuCosts(subject, dims, (lives) => assignSlots(lives).bytes);
  if (options.json) return `${JSON.stringify(webgpuJson(routines), undefined, 2)}\n`;
  const { bold, dim } = colorsFor(io.stdout, io.env);
  const texts = routines.map((costs) => {
    const groups = options.all ? singleDispatches(costs.dispatches) : groupDispatches(costs.dispatches);
    const [head = '', ...rows] = alignColumns([WEBGPU_HEAD, ...dispatchCells(groups)], ['left', ...RIGHT, 'left']);
    const totals = alignColumns(costCells(costs), ['left']);
    return [bold(costs.name), dim(head), ...rows, '', ...totals, ''].join('\n');
  });
  return texts.join('\n');
}
