/**
 * Outputs that become the new values of parameters and of what is kept: which of them a kernel writes into the tensor's own
 * buffer, and how a kernel does so that reads the old value.
 */
import type { Bounds, Dim } from '../dims/dim.ts';
import { fusionOf } from '../ir/fusion.ts';
import type { DType, Graph, Node, Region, Value } from '../ir/graph.ts';
import { load } from '../kernel/build.ts';
import type { Kernel } from '../kernel/ir.ts';
import { renameBuffers } from '../kernel/names.ts';
import { KernelContext } from './kernel-context.ts';
import { chunkedLoop } from './loops.ts';
import type { LoweredKernel } from './lowered-kernel.ts';
import { structuredNode } from './structured.ts';

/** How the new values of a graph's parameters and kept tensors get to their places. */
export interface Updates {
  /** The old values into whose buffers results are written where they are made. */
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
  const { nodes, outputs, parameters, kept = [] } = graph;
  const oldOf = new Map([...parameters, ...kept].map(({ name, value }) => [name, value]));
  const lastReader = new Map(nodes.flatMap(({ inputs }, at) => inputs.map((input) => [input, at] as const)));
  const maker = new Map(nodes.flatMap(({ results }, at) => results.map((result) => [result, at] as const)));
  const uses = (value: Value): number => outputs.filter((output) => output.value === value).length;
  const earliest = endOfLoss(graph);
  const inPlace = new Map<Value, Value>();
  const copies: { from: Value; to: Value }[] = [];
  for (const { value, into } of outputs) {
    if (into === undefined) continue;
    const old = oldOf.get(into)!;
    const at = maker.get(value);
    const isFree = at !== undefined && at >= earliest && (lastReader.get(old) ?? -1) <= at && uses(value) === 1;
    if (isFree && keepsPlaces(nodes[at]!, old, value)) inPlace.set(value, old);
    else copies.push({ from: value, to: old });
  }
  return { inPlace, copies };
}

/**
 * Whether a node may write its result `value` where `old` is: it does not read it, or only at the element that it writes, or
 * as the operand that its op overwrites.
 */
function keepsPlaces(node: Node, old: Value, value: Value): boolean {
  if (!node.inputs.includes(old)) return true;
  const { kind, body } = fusionOf(node)!;
  const places = body.parameters.filter((_, at) => node.inputs[at] === old);
  switch (kind) {
    case 'pointwise':
      return places.every((parameter) => isElementwise(body, parameter));
    case 'structured':
      return value === node.results[0] && places.every((parameter) => isOverwritten(body, parameter));
    // These may compute an element twice, where tiles overlap.
    case 'contract':
    case 'attention':
    case 'row':
      return false;
  }
}

/** Whether `parameter` is read as the operand alone that the region's structured op overwrites. */
function isOverwritten(region: Region, parameter: Value): boolean {
  const node = structuredNode(region)!;
  const { body } = node.op;
  return region.nodes.every(({ inputs }) =>
    inputs.every(
      (input, operand) =>
        input !== parameter || (inputs === node.inputs && body.kind === 'structured' && body.overwrites === operand),
    ),
  );
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
function mergeBuffers(kernel: Kernel, from: number, to: number): Kernel {
  const [kept, dropped] = [kernel.buffers[from]!, kernel.buffers[to]!];
  return {
    ...kernel,
    buffers: kernel.buffers.flatMap((buffer) =>
      buffer === dropped ? [] : buffer === kept ? [{ ...kept, access: 'readwrite' as const }] : [buffer],
    ),
    body: renameBuffers(kernel.body, new Map([[dropped.name, kept.name]])),
  };
}

/** A kernel of a region with the results in the buffers of operands that `shared` tells, by place, or not where it is -1. */
export function overwriting(lowered: LoweredKernel, region: Region, shared: readonly number[]): LoweredKernel {
  return shared.reduce<LoweredKernel>((current, parameter, result) => {
    const { kernel, buffers, ...rest } = current;
    const placeOf = (wanted: Value): number => buffers.findIndex((use) => use.kind === 'value' && use.value === wanted);
    const to = placeOf(region.results[result]!);
    if (parameter < 0 || to < 0) return current;
    const old = region.parameters[parameter]!;
    const from = placeOf(old);
    if (from >= 0)
      return { ...rest, kernel: mergeBuffers(kernel, from, to), buffers: buffers.filter((_, at) => at !== to) };
    // What the kernel does not write stays.
    const stays = kernel.buffers.map((buffer, at) =>
      at === to ? { ...buffer, access: 'readwrite' as const } : buffer,
    );
    return { ...rest, kernel: { ...kernel, buffers: stays }, buffers: buffers.with(to, { kind: 'value', value: old }) };
  }, lowered);
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
