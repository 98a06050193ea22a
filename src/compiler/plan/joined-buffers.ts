/**
 * Buffers that lie in one, so that a kernel reaches them through one binding: weights, or the small tensors of a run, of
 * which only reading makes sense together. It must not know in which order kernels bind them.
 */
import { constant, constantValue } from '../dims/dim.ts';
import type { Workgroups } from '../kernel/target.ts';
import { kernelsOf, writesOf, type BufferId, type KernelCall, type LoweredProgram } from './lowered.ts';
import type { SizedBuffer } from './memory.ts';

/** Elements between places where a binding may begin: 256 bytes, the least that every device allows. */
export const ALIGNED = 64;

/** Elements that one of static size takes beside others. */
function room(elements: number): number {
  return Math.ceil(elements / ALIGNED) * ALIGNED;
}

/** What lies side by side has the same life: that of the program, or a part of a run. */
type Kind = 'weight' | 'small';

export class JoinedBuffers {
  readonly #lowered: LoweredProgram;
  readonly #limits: Workgroups;
  /** Of what a group may hold. */
  readonly #kinds: ReadonlyMap<BufferId, Kind>;
  /** Calls of a run. */
  readonly #calls: readonly KernelCall[];
  readonly #groupOf = new Map<BufferId, Set<BufferId>>();

  constructor(lowered: LoweredProgram, hoisted: ReadonlySet<number>, limits: Workgroups) {
    this.#lowered = lowered;
    this.#limits = limits;
    this.#kinds = kindsOf(lowered, hoisted);
    this.#calls = lowered.calls.filter((_, at) => !hoisted.has(at));
  }

  /**
   * `count` of these places of a call, whose buffers are from now on in one; nothing where that cannot be. The smallest are
   * taken first, as what is reached through a binding of others is read one element at a time.
   */
  choose(call: KernelCall, places: readonly number[], count: number): readonly number[] {
    const readOnly = places.filter((at) => kernelsOf(call).every(({ buffers }) => buffers[at]!.access === 'read'));
    for (const kind of ['small', 'weight'] as const) {
      const rest = readOnly
        .filter((at) => this.#kinds.get(call.buffers[at]!) === kind)
        .sort((a, b) => this.#size(call.buffers[a]!) - this.#size(call.buffers[b]!) || a - b)
        .slice(0, count);
      if (rest.length === count && this.#join(rest.map((at) => call.buffers[at]!))) return rest;
    }
    return [];
  }

  groups(): readonly (readonly BufferId[])[] {
    return [...new Set(this.#groupOf.values())].map((group) => [...group].sort((a, b) => a - b));
  }

  /** Whether these are in one group now. */
  #join(buffers: readonly BufferId[]): boolean {
    const group = new Set(buffers.flatMap((buffer) => [...(this.#groupOf.get(buffer) ?? [buffer])]));
    const elements = [...group].reduce((sum, buffer) => sum + room(this.#size(buffer)), 0);
    if (4 * elements > this.#limits.bindingBytes || !this.#calls.every((call) => isReadOrAlone(call, group)))
      return false;
    for (const buffer of group) this.#groupOf.set(buffer, group);
    return true;
  }

  #size(buffer: BufferId): number {
    return constantValue(this.#lowered.buffers[buffer]!.size)!;
  }
}

/** A device lets a dispatch write a buffer, or read it, not both: not even different parts. */
function isReadOrAlone(call: KernelCall, group: ReadonlySet<BufferId>): boolean {
  const bound = call.buffers.filter((buffer) => group.has(buffer));
  return bound.length <= 1 || !writesOf(call).some((buffer) => group.has(buffer));
}

function kindsOf(lowered: LoweredProgram, hoisted: ReadonlySet<number>): ReadonlyMap<BufferId, Kind> {
  const { buffers, calls, weights, kept = [] } = lowered;
  const ofWeights = new Set(weights.map(({ buffer }) => buffer));
  // What has to be a buffer of its own, or is not there for a run alone.
  const apart = new Set<BufferId | undefined>(kept.map(({ buffer }) => buffer));
  calls.forEach((call, at) => {
    apart.add(call.indirect).add(call.executed?.buffer);
    if (hoisted.has(at)) for (const buffer of writesOf(call)) apart.add(buffer);
  });
  const kinds = new Map<BufferId, Kind>();
  buffers.forEach(({ size, half }, id) => {
    const elements = constantValue(size);
    if (elements === undefined || half || apart.has(id)) return;
    if (ofWeights.has(id)) kinds.set(id, 'weight');
    else if (elements <= ALIGNED) kinds.set(id, 'small');
  });
  return kinds;
}

/** `sized` and behind them, for each group of numbers of these, a buffer in which they are. */
export function withJoined(
  sized: readonly SizedBuffer[],
  groups: readonly (readonly number[])[],
): readonly SizedBuffer[] {
  const all = [...sized];
  for (const group of groups) {
    const members = group.map((number) => sized[number]!);
    let end = 0;
    for (const number of group) {
      const member = all[number]!;
      all[number] = { ...member, within: { buffer: all.length, at: end } };
      end += room(constantValue(member.size)!);
    }
    const first = Math.min(...members.map((member) => member.first));
    const last = Math.max(...members.map((member) => member.last));
    all.push({ kind: members[0]!.kind, size: constant(end), first, last });
  }
  return all;
}
