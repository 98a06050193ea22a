/** What `heddle inspect` prints of small specs: the table and the Mermaid drawing, and what it explains. */
import { join } from 'node:path';
import { alignColumns } from '../../src/cli/table.ts';
import { printFusion, reportFusion } from '../../src/compiler/inspect/explain/fusion.ts';
import { MEMORY_HEAD, memoryCells, memoryTotals } from '../../src/compiler/inspect/explain/memory.ts';
import { TILING_HEAD, tilingCells } from '../../src/compiler/inspect/explain/tiling.ts';
import { costCells, dispatchCells, WEBGPU_HEAD } from '../../src/compiler/inspect/explain/webgpu.ts';
import { groupDispatches } from '../../src/compiler/inspect/gpu/repeated.ts';
import { printDrawing } from '../../src/compiler/inspect/graph/print.ts';
import { TABLE_HEAD, tableCells, totalCells } from '../../src/compiler/inspect/table.ts';
import { costsOf } from '../inspect/gpu-support.ts';
import { inspectedText } from '../inspect/support.ts';
import { projectRoot } from '../support/reference.ts';
import { goldenSuite } from './run.ts';

const folder = join(import.meta.dirname, 'inspect');
const dims = new Map<string, number>();

function table(...rows: readonly (readonly string[])[]): string {
  return alignColumns(rows, ['left']).join('\n');
}

goldenSuite(join(folder, 'overview'), async (text) => {
  const { root, graph, summary } = inspectedText(text);
  const drawing = await printDrawing('mermaid', root, graph, { dims, depth: Infinity });
  return [table(TABLE_HEAD, ...tableCells(summary, dims)), table(...totalCells(summary, dims)), drawing].join('\n\n');
});

goldenSuite(join(folder, 'explain'), (text) => {
  const { stages, summary } = inspectedText(text);
  const { fused, plan, target } = stages;
  // Paths from the project on, so that nothing printed depends on where the checkout lies.
  const kernels = reportFusion(fused).map((kernel) => ({
    ...kernel,
    covers: kernel.covers.map((cover) => ({ ...cover, place: cover.place.replace(projectRoot, '') })),
  }));
  return [
    printFusion(kernels),
    table(MEMORY_HEAD, ...memoryCells(summary.memory, plan)),
    table(...memoryTotals(summary.memory)),
    table(TILING_HEAD, ...tilingCells(fused, target)),
  ].join('\n\n');
});

goldenSuite(join(folder, 'webgpu'), (text) => {
  const costs = costsOf('test.model', {}, { batch: 4 }, { 'test.model': text });
  const cells = dispatchCells(groupDispatches(costs.dispatches)).map((row) =>
    row.map((cell) => cell.replace(projectRoot, '')),
  );
  return [table(WEBGPU_HEAD, ...cells), table(...costCells(costs))].join('\n\n');
});
