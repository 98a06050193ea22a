/**
 * Fits the buffers of calls to the bindings of a device: those that no binding holds are bound in parts, what needs
 * bindings of its own comes first, and what is read beyond the last one comes to lie in one buffer, where that can be. It
 * must not know how kernels reach their buffers.
 */
import { constantValue, type Dim } from '../dims/dim.ts';
import { controlBuffers, ownBindings } from '../kernel/bindings.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Workgroups } from '../kernel/target.ts';
import { JoinedBuffers } from './joined-buffers.ts';
import { kernelsOf, type BufferId, type KernelCall, type LoweredProgram } from './lowered.ts';

export interface FittedProgram {
  readonly lowered: LoweredProgram;
  /** Buffers of static size that lie in one, by group; no buffer is in two. */
  readonly joined: readonly (readonly BufferId[])[];
}

/** `lowered` with kernels that a device with these limits can bind. Calls that are `hoisted` run once, at load. */
export function fitBindings(lowered: LoweredProgram, hoisted: ReadonlySet<number>, limits: Workgroups): FittedProgram {
  const parts = lowered.buffers.map(({ size }) => partsOf(size, limits));
  const joined = new JoinedBuffers(lowered, hoisted, limits);
  const calls = lowered.calls.map((call, at) => fitCall(call, parts, limits, hoisted.has(at) ? undefined : joined));
  return { lowered: { ...lowered, calls }, joined: joined.groups() };
}

/** How many bindings a buffer needs. One whose size a run decides has one, or the device cannot run it. */
export function partsOf(size: Dim, { bindingBytes }: Workgroups): number {
  return Math.max(1, Math.ceil((4 * (constantValue(size) ?? 0)) / bindingBytes));
}

/** How many bindings buffers need together, of which each needs as many as `parts` says. */
export function bindingsOf(buffers: readonly BufferId[], parts: readonly number[]): number {
  return buffers.reduce((sum, buffer) => sum + parts[buffer]!, 0);
}

function fitCall(
  call: KernelCall,
  parts: readonly number[],
  { storageBuffers }: Workgroups,
  joined: JoinedBuffers | undefined,
): KernelCall {
  const needed = call.buffers.map((buffer) => parts[buffer]!);
  const bindings = bindingsOf(call.buffers, parts);
  if (bindings <= storageBuffers && bindings === needed.length) return call;
  const deciding = kernelsOf(call).map((kernel) => {
    const names = controlBuffers(kernel);
    return kernel.buffers.map(({ name }) => names.has(name));
  });
  const rank = (at: number): number => (needed[at]! > 1 ? 0 : deciding.some((decides) => decides[at]) ? 1 : 2);
  const order = needed.map((_, at) => at).sort((a, b) => rank(a) - rank(b) || a - b);
  const own = ownBindings(
    order.map((at) => ({ parts: needed[at]! })),
    storageBuffers,
  );
  const free = order.filter((at) => needed[at] === 1);
  const rest = order.length > own && joined ? joined.choose(call, free, order.length - own) : [];
  return reordered(call, [...order.filter((at) => !rest.includes(at)), ...rest], needed);
}

/** `call` with its buffers in this order, and how many bindings each needs. */
function reordered(call: KernelCall, order: readonly number[], needed: readonly number[]): KernelCall {
  const fitted = (kernel: Kernel): Kernel => ({
    ...kernel,
    buffers: order.map((at) => ({ ...kernel.buffers[at]!, ...(needed[at]! > 1 && { parts: needed[at]! }) })),
  });
  const { kernel, alternatives, buffers } = call;
  return {
    ...call,
    kernel: fitted(kernel),
    ...(alternatives && { alternatives: alternatives.map((one) => ({ ...one, kernel: fitted(one.kernel) })) }),
    buffers: order.map((at) => buffers[at]!),
  };
}
