/** `--explain fusion`: what each kernel computes, from which lines of the spec, and why its results are in memory. */
import type { FusionKind } from '../../ir/fusion.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import { kernelsOf, pathText, Places, type FusedKernel } from './kernels.ts';

export interface KernelFusion {
  readonly number: number;
  readonly kind: FusionKind;
  /** The instance whose op leads the kernel. */
  readonly path: string;
  /** Ops by the line and instance they come from. */
  readonly covers: readonly { readonly place: string; readonly path: string; readonly ops: readonly string[] }[];
  readonly results: readonly { readonly type: string; readonly reason: string }[];
}

export function reportFusion(fused: Graph): KernelFusion[] {
  const kernels = kernelsOf(fused);
  const places = new Places();
  return kernels.map((kernel) => ({
    number: kernel.number,
    kind: kernel.kind,
    path: pathText(kernel.node.origin),
    covers: coversOf(kernel.region.nodes, places),
    results: kernel.node.results.map((result) => ({
      type: printType(result.type),
      reason: reasonOf(kernel, result, kernels, fused),
    })),
  }));
}

function coversOf(nodes: readonly Node[], places: Places): KernelFusion['covers'] {
  const groups = new Map<string, { place: string; path: string; ops: string[] }>();
  for (const { op, origin } of nodes) {
    const [place, path] = [places.of(origin), pathText(origin)];
    const group = groups.get(`${place} ${path}`) ?? { place, path, ops: [] };
    groups.set(`${place} ${path}`, group);
    if (group.ops.at(-1) !== op.name) group.ops.push(op.name);
  }
  return [...groups.values()];
}

/** Values are in memory for those who read them; what reads, and what keeps it from computing the value itself. */
function reasonOf(kernel: FusedKernel, result: Value, all: readonly FusedKernel[], fused: Graph): string {
  const outputs = fused.outputs.filter(({ value }) => value === result).map(({ name }) => name);
  const readers = all.filter(({ node }) => node.inputs.includes(result)).map(({ number }) => number);
  const read = [
    ...(outputs.length > 0 ? [`it is the output ${outputs.join(', ')}`] : []),
    ...(readers.length > 0 ? [`read by ${readers.length === 1 ? 'kernel' : 'kernels'} ${readers.join(', ')}`] : []),
  ].join('; ');
  return outputs.length === 0 ? `${read}; ${whyNotInlined(kernel.kind, readers.length)}` : read;
}

function whyNotInlined(kind: FusionKind, readers: number): string {
  if (kind !== 'pointwise') return `a ${kind} kernel leaves its result in memory`;
  return readers > 1
    ? 'it is computed once for all of them'
    : 'its reader would repeat it, or holds as much as a kernel may';
}

export function printFusion(kernels: readonly KernelFusion[]): string {
  const blocks = kernels.map(({ number, kind, path, covers, results }) => {
    const places = Math.max(...covers.map(({ place }) => place.length));
    return [
      `kernel ${number}: ${kind}, ${path}`,
      ...covers.map(({ place, path: at, ops }) => `  ${place.padEnd(places)}  ${at}: ${ops.join(', ')}`),
      ...results.map(({ type, reason }) => `  → ${type}: ${reason}`),
      '',
    ].join('\n');
  });
  const count = kernels.length;
  return `${blocks.join('\n')}\n${count} ${count === 1 ? 'kernel' : 'kernels'}\n`;
}
