/**
 * Groups that wait for each other. Who reads one result of a kernel waits for all that the kernel reads, so two groups with
 * several results may each need something of the other, although no node needs itself.
 */
import type { Graph, Node } from '../../ir/graph.ts';
import { definitionsOf } from '../../ir/walk.ts';
import type { Group, Grouping } from './groups.ts';

type Unit = Group | Node;

/** The last group of several nodes that waits for one that waits for it; undefined where there is none. */
export function entangledGroup(
  { nodes }: Graph,
  { groups, groupOf }: Pick<Grouping, 'groups' | 'groupOf'>,
): Group | undefined {
  const definitions = definitionsOf(nodes);
  const unitOf = (node: Node): Unit => groupOf.get(node) ?? node;
  const makers = new Map<Unit, Set<Unit>>();
  const readers = new Map<Unit, Set<Unit>>();
  for (const unit of nodes.map(unitOf)) {
    makers.set(unit, new Set());
    readers.set(unit, new Set());
  }
  for (const node of nodes) {
    for (const input of node.inputs) {
      const maker = definitions.get(input);
      if (!maker || unitOf(maker) === unitOf(node)) continue;
      makers.get(unitOf(node))!.add(unitOf(maker));
      readers.get(unitOf(maker))!.add(unitOf(node));
    }
  }
  const waiting = new Set(makers.keys());
  drop(waiting, makers, readers);
  drop(waiting, readers, makers);
  return groups.findLast((group) => group.members.size > 1 && waiting.has(group));
}

/** Takes units out, one after the other, that have nothing more `before` them. */
function drop(
  waiting: Set<Unit>,
  before: ReadonlyMap<Unit, ReadonlySet<Unit>>,
  behind: ReadonlyMap<Unit, ReadonlySet<Unit>>,
): void {
  const left = new Map(
    [...waiting].map((unit) => [unit, [...before.get(unit)!].filter((one) => waiting.has(one)).length]),
  );
  const ready = [...waiting].filter((unit) => left.get(unit) === 0);
  while (ready.length > 0) {
    const unit = ready.pop()!;
    waiting.delete(unit);
    for (const next of behind.get(unit)!) {
      const count = left.get(next);
      if (count === undefined || !waiting.has(next)) continue;
      left.set(next, count - 1);
      if (count === 1) ready.push(next);
    }
  }
}
