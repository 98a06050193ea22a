/** The kernels of a fused graph as a reader counts them, with where in the spec they come from. */
import { Lines, type Source } from '../../base/source.ts';
import { fusionOf, type FusionKind } from '../../ir/fusion.ts';
import type { Graph, Node, Origin, Region } from '../../ir/graph.ts';

export interface FusedKernel {
  /** From 1 on, in the order of execution. */
  readonly number: number;
  readonly node: Node;
  readonly kind: FusionKind;
  readonly region: Region;
}

export function kernelsOf(fused: Graph): FusedKernel[] {
  return fused.nodes.flatMap((node, at) => {
    const fusion = fusionOf(node);
    return fusion ? [{ number: at + 1, node, kind: fusion.kind, region: fusion.body }] : [];
  });
}

/** Finds the lines of origins; the lines of a file are found once. */
export class Places {
  readonly #lines = new Map<Source, Lines>();

  /** `specs/vit.model:40`, or the empty text of what no line made. */
  of({ span }: Origin): string {
    if (!span) return '';
    let lines = this.#lines.get(span.source);
    if (!lines) this.#lines.set(span.source, (lines = new Lines(span.source.text)));
    return `${span.source.path}:${lines.positionAt(span.start).line}`;
  }
}

/** `layers.0.ff`, with the phase of what is no part of the forward pass: `layers.0.ff, backward`. */
export function pathText({ path, phase }: Origin): string {
  const text = path === '' ? '(entry)' : path;
  return phase ? `${text}, ${phase}` : text;
}
