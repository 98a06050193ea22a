/**
 * Joins pointwise kernels of one shape of which one reads what another writes, element by element, such as the moments of
 * an optimizer and the parameter that they move: each tensor is then read and written once.
 */
import { sameShape } from '../../dims/shape.ts';
import type { Node, Value } from '../../ir/graph.ts';

/** A pointwise kernel to be, with the nodes that it computes and the stored values that they read. */
export interface Kernel {
  readonly values: readonly Value[];
  readonly nodes: ReadonlySet<Node>;
  readonly inputs: ReadonlySet<Value>;
  /** Whether it may be joined at all. */
  readonly isPointwise: boolean;
}

/**
 * Groups of kernels that become one, as places in `kernels`, which are in an order in which they can run. No group depends
 * on itself through a kernel outside, and none computes more than `most` nodes.
 */
export function joinPointwise(kernels: readonly Kernel[], most: number): readonly (readonly number[])[] {
  return new Joining(kernels, most).groups();
}

/** Kernels joined so far. */
interface Group {
  readonly members: readonly number[];
  readonly nodes: ReadonlySet<Node>;
}

class Joining {
  readonly #kernels: readonly Kernel[];
  readonly #most: number;
  readonly #writer = new Map<Value, number>();
  readonly #groupOf: Group[];
  /** The last place of joined kernels, by the first. */
  readonly #spans = new Map<number, number>();

  constructor(kernels: readonly Kernel[], most: number) {
    this.#kernels = kernels;
    this.#most = most;
    kernels.forEach(({ values }, at) => values.forEach((value) => this.#writer.set(value, at)));
    this.#groupOf = kernels.map(({ nodes }, at) => ({ members: [at], nodes }));
  }

  groups(): readonly (readonly number[])[] {
    this.#kernels.forEach((kernel, at) => {
      if (!kernel.isPointwise) return;
      for (const input of kernel.inputs) {
        const writer = this.#writer.get(input);
        if (writer !== undefined && this.#mayJoin(writer, at, input)) this.#join(writer, at);
      }
    });
    return [...new Set(this.#groupOf)].map(({ members }) => members);
  }

  #mayJoin(writer: number, reader: number, value: Value): boolean {
    const [from, to] = [this.#groupOf[writer]!, this.#groupOf[reader]!];
    const { isPointwise, values } = this.#kernels[writer]!;
    const [result] = this.#kernels[reader]!.values;
    if (from === to || !isPointwise || !sameShape(values[0]!.type.shape, result!.type.shape)) return false;
    if (from.nodes.size + to.nodes.size > this.#most) return false;
    return [...to.members].every((at) => readsInPlace(this.#kernels[at]!, value)) && !this.#isBetween(from, to);
  }

  #join(writer: number, reader: number): void {
    const [from, to] = [this.#groupOf[writer]!, this.#groupOf[reader]!];
    const members = [...from.members, ...to.members].sort((a, b) => a - b);
    const joined = { members, nodes: new Set([...from.nodes, ...to.nodes]) };
    for (const member of members) this.#groupOf[member] = joined;
    this.#spans.set(members[0]!, Math.max(members.at(-1)!, this.#spans.get(members[0]!) ?? 0));
  }

  /** Whether another group reads what `from` writes, directly or not, and `to` what that one writes. */
  #isBetween(from: Group, to: Group): boolean {
    const before = this.#cutBefore(from);
    const seen = new Set([from, to]);
    const pending = [to];
    while (pending.length > 0) {
      const group = pending.pop()!;
      for (const maker of this.#groupsBefore(group)) {
        if (maker === from && group !== to) return true;
        if (seen.has(maker) || maker.members.at(-1)! < before) continue;
        seen.add(maker);
        pending.push(maker);
      }
    }
    return false;
  }

  /** A place up to the first of `group` that no joined kernels lie on both sides of: nothing before it reads what is behind. */
  #cutBefore({ members }: Group): number {
    let cut = members[0]!;
    for (let known = Infinity; cut < known;) {
      known = cut;
      for (const [first, last] of this.#spans) if (first < cut && cut <= last) cut = first;
    }
    return cut;
  }

  #groupsBefore({ members }: Group): Group[] {
    return members.flatMap((member) =>
      [...this.#kernels[member]!.inputs].flatMap((input) => {
        const writer = this.#writer.get(input);
        return writer === undefined ? [] : [this.#groupOf[writer]!];
      }),
    );
  }
}

/** Whether a kernel reads of `value` no element but the one at whose place it computes. */
function readsInPlace({ nodes, inputs }: Kernel, value: Value): boolean {
  if (!inputs.has(value)) return true;
  const pending = new Set([value]);
  for (const read of pending)
    for (const node of nodes) {
      if (!node.inputs.includes(read)) continue;
      if (node.op.body.kind !== 'pointwise') return false;
      for (const result of node.results) pending.add(result);
    }
  return true;
}
