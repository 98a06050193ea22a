/**
 * Chooses the buffers whose elements devices with f16 store in half the bytes: weights, and tensors that kernels alone see.
 * It must not know how they are reached.
 */
import type { Value } from '../ir/graph.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Workgroups } from '../kernel/target.ts';
import { bindingsOf, partsOf } from './bindings.ts';
import { kernelsOf, type BufferId, type KernelCall, type LoweredProgram } from './lowered.ts';

/**
 * `lowered` with those buffers marked, also in its kernels. Inputs and outputs stay singles, as do what is kept from run to
 * run, what is only between the kernels of one node, such as sums that are not finished, all of a training, and the values
 * `singles`.
 */
export function storeInHalves(
  lowered: LoweredProgram,
  limits: Workgroups,
  singles: ReadonlySet<Value> = new Set(),
): LoweredProgram {
  if (lowered.isTraining) return lowered;
  const halves = halvesOf(lowered, limits, singles);
  const marked = new MarkedKernels();
  return {
    ...lowered,
    buffers: lowered.buffers.map((buffer, id) => (halves.has(id) ? { ...buffer, half: true as const } : buffer)),
    calls: lowered.calls.map((call) => markCall(call, halves, marked)),
  };
}

function halvesOf(
  { buffers, routines, weights, kept = [], calls }: LoweredProgram,
  limits: Workgroups,
  singles: ReadonlySet<Value>,
): Set<BufferId> {
  const ofWeights = new Set(weights.map(({ buffer }) => buffer));
  const seen = new Set(
    [...routines.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]), ...kept].map(({ buffer }) => buffer),
  );
  // A binding that several buffers share holds words, and parts hold as many elements whatever the device.
  const parts = buffers.map(({ size }) => partsOf(size, limits));
  for (const { buffers: bound } of calls)
    if (bindingsOf(bound, parts) > limits.storageBuffers) bound.forEach((id) => seen.add(id));
  const chosen = buffers.flatMap(({ type, value }, id) => {
    const isTensor = value !== undefined ? !singles.has(value) : ofWeights.has(id);
    return type === 'f32' && isTensor && !seen.has(id) && parts[id] === 1 ? [id] : [];
  });
  return new Set(chosen);
}

/** Kernels with marks, each once, so that those of equal calls stay one. */
class MarkedKernels {
  readonly #known = new Map<Kernel, Map<string, Kernel>>();

  of(kernel: Kernel, marks: readonly boolean[]): Kernel {
    if (!marks.includes(true)) return kernel;
    const known = this.#known.get(kernel) ?? new Map<string, Kernel>();
    this.#known.set(kernel, known);
    const key = marks.join();
    const marked = known.get(key) ?? {
      ...kernel,
      buffers: kernel.buffers.map((buffer, at) => (marks[at] ? { ...buffer, half: true as const } : buffer)),
    };
    known.set(key, marked);
    return marked;
  }
}

function markCall(call: KernelCall, halves: ReadonlySet<BufferId>, marked: MarkedKernels): KernelCall {
  const marks = call.buffers.map((id) => halves.has(id));
  const [kernel, ...others] = kernelsOf(call).map((one) => marked.of(one, marks));
  const { alternatives } = call;
  return {
    ...call,
    kernel: kernel!,
    ...(alternatives && { alternatives: alternatives.map((one, at) => ({ ...one, kernel: others[at]! })) }),
  };
}
