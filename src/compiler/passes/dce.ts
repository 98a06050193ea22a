/** Drops nodes that no output depends on. */
import { bodyOf, liveNodes } from '../ir/walk.ts';
import type { Pass } from './pass.ts';

export const dce: Pass = {
  name: 'dce',
  doc: 'Drops nodes that no output depends on.',
  run: (graph) => ({ ...graph, nodes: liveNodes(bodyOf(graph)) }),
};
