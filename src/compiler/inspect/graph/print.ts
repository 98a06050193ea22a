/** Drawings of an entry in every format. */
import type { Graph } from '../../ir/graph.ts';
import { partsOf, type Block } from '../blocks.ts';
import type { DimValues } from '../quantities.ts';
import { layoutEntry } from './layout.ts';
import { printMermaid } from './mermaid.ts';
import { printPage } from './page.ts';
import { printSvg } from './svg.ts';

export const GRAPH_FORMATS = ['svg', 'mermaid', 'html'] as const;
export type GraphFormat = (typeof GRAPH_FORMATS)[number];

export interface DrawingOptions {
  readonly dims: DimValues;
  /** Levels of blocks to show; those below are closed. */
  readonly depth: number;
}

/** Draws an entry; blocks with other blocks inside are open, as far down as `depth` allows. Throws `TooManyUnits`. */
export async function printDrawing(
  format: GraphFormat,
  root: Block,
  graph: Graph,
  { dims, depth }: DrawingOptions,
): Promise<string> {
  const drawing = await layoutEntry(root, graph, dims);
  const isOpen = (id: string): boolean => {
    const block = drawing.blocks.get(id);
    const level = id.split('-').length - 1;
    return block !== undefined && level < depth && (block.kind === 'round' || partsOf(block).length > 0);
  };
  switch (format) {
    case 'svg':
      return printSvg(drawing.level, graph.name, isOpen);
    case 'mermaid':
      return printMermaid(drawing.level, isOpen);
    case 'html':
      return printPage(drawing, root, graph, dims, isOpen);
  }
}
