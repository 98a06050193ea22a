/**
 * Outputs that become the new values of parameters: which of them a kernel writes into the parameter's own buffer, and how
 * a kernel does so that reads the old value.
 */
import type { Bounds, Dim } from '../dims/dim.ts';
import { fusionOf } from '../ir/fusion.ts';
import type { DType, Graph, Node, Region, Value } from '../ir/graph.ts';
import { load } from '../kernel/build.ts';
import type { Kernel } from '../kernel/ir.ts';
import { renameBuffers } from '../kernel/names.ts';
import { KernelContext } from './kernel-context.ts';
import { chunkedLoop } from './loops.ts';

/** How the new values of a graph's parameters get to their places. */
export interface Updates {
  /** The parameters into whose buffers results are written where they are made. */
  readonly inPlace: ReadonlyMap<Value, Value>;
  /** Values that are copied when everything else has run. */
  readonly copies: readonly { readonly from: Value; readonly to: Value }[];
}

/** The place in the list of nodes behind which the output `loss` is final; 0 where there is none. */
export function endOfLoss({ nodes, outputs }: Graph): number {
  const loss = outputs.find(({ name, into }) => name === 'loss' && into === undefined)?.value;
  return nodes.findIndex(({ results }) => results.some((result) => result === loss)) + 1;
}

/**
 * A value is written in place where nothing behind its node reads the old one, the loss is known before, and the node
 * itself reads no element of the old value but the one it writes.
 */
export function planUpdates(graph: Graph): Updates {
  const { nodes, outputs, parameters } = graph;
  const parameterOf = new Map(parameters.map(({ name, value }) => [name, value]));
  const lastReader = new Map(nodes.flatMap(({ inputs }, at) => inputs.map((input) => [input, at] as const)));
  const maker = new Map(nodes.flatMap(({ results }, at) => results.map((result) => [result, at] as const)));
  const uses = (value: Value): number => outputs.filter((output) => output.value === value).length;
  const earliest = endOfLoss(graph);
  const inPlace = new Map<Value, Value>();
  const copies: { from: Value; to: Value }[] = [];
  for (const { value, into } of outputs) {
    if (into === undefined) continue;
    const parameter = parameterOf.get(into)!;
    const at = maker.get(value);
    const isFree = at !== undefined && at >= earliest && (lastReader.get(parameter) ?? -1) <= at && uses(value) === 1;
    if (isFree && keepsPlaces(nodes[at]!, parameter)) inPlace.set(value, parameter);
    else copies.push({ from: value, to: parameter });
  }
  return { inPlace, copies };
}

/** Whether a node may write where `parameter` is: it does not read it, or only at the element that it writes. */
function keepsPlaces(node: Node, parameter: Value): boolean {
  if (!node.inputs.includes(parameter)) return true;
  const { kind, body } = fusionOf(node)!;
  // Other nests may compute an element twice, where tiles overlap.
  if (kind !== 'pointwise') return false;
  return node.inputs.every((input, at) => input !== parameter || isElementwise(body, body.parameters[at]!));
}

/** Whether all that is computed from `parameter` is computed element by element. */
function isElementwise({ nodes }: Region, parameter: Value): boolean {
  const reached = new Set([parameter]);
  return nodes.every(({ op, inputs, results }) => {
    if (!inputs.some((input) => reached.has(input))) return true;
    for (const result of results) reached.add(result);
    return op.body.kind === 'pointwise';
  });
}

/** The kernel with the buffer at the place `from` used for that at `to` too, which it gets no longer. */
export function mergeBuffers(kernel: Kernel, from: number, to: number): Kernel {
  const [kept, dropped] = [kernel.buffers[from]!, kernel.buffers[to]!];
  return {
    ...kernel,
    buffers: kernel.buffers.flatMap((buffer) =>
      buffer === dropped ? [] : buffer === kept ? [{ ...kept, access: 'readwrite' as const }] : [buffer],
    ),
    body: renameBuffers(kernel.body, new Map([[dropped.name, kept.name]])),
  };
}

/** Copies `size` elements from one buffer to another. */
export function copyKernel(type: DType, size: Dim, bounds: Bounds): Kernel {
  const context = new KernelContext(bounds);
  const [from, to] = [context.buffer(type, 'read'), context.buffer(type, 'write')];
  const { grid, body } = chunkedLoop(context, size, (index) => [
    { kind: 'store', buffer: to.name, index, value: load(from.name, index, type) },
  ]);
  return context.finish('copy', grid, body);
}
