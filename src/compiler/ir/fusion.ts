/** What the fuse pass leaves and lowering takes: a region that runs as one kernel, or as a few that belong together. */
import type { Node, Region } from './graph.ts';

/** What leads the loop nest: plain elements, rows that are reduced, a contraction, an attention, an op's own nest. */
export type FusionKind = 'pointwise' | 'row' | 'contract' | 'attention' | 'structured';

/** The attributes of a fused node. Operands are the region's parameters in order, results its results. */
export type Fusion = { readonly body: Region; readonly kind: FusionKind };

/** The region of a fused node; undefined for any other node. */
export function fusionOf({ op, attributes }: Node): Fusion | undefined {
  return op.body.kind === 'fusion' ? (attributes as Fusion) : undefined;
}
