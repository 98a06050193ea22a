/** Which of the shapes that flow a drawing tells: each once, where it is news, after the last op that keeps it; inputs' at once. */
import { partsOf } from '../blocks.ts';
import type { Flow, Link } from './flow.ts';
import { topologicalOrder } from './order.ts';

/**
 * For each value whose shape is told, the first of its links. What comes into an open block or leaves it is told
 * outside, and what no op has changed, above.
 */
export function toldIn(flow: Flow): ReadonlySet<Link> {
  const { units, links } = flow;
  const told = new Set<Link>();
  /** Links whose shape a reader has met before their end. */
  const known = new Set<Link>();
  for (const at of topologicalOrder(units.length, links)) {
    const unit = units[at]!;
    const into = links.filter((link) => link.to === at);
    for (const uses of valuesFrom(at, links)) {
      const [link] = uses;
      const { full } = link!.shape;
      const isMet =
        (unit.kind === 'entry' && unit.name === undefined) ||
        into.some((other) => other.shape.full === full && known.has(other)) ||
        links.some((other) => other.from === at && other.shape.full === full && known.has(other));
      const isInput = unit.kind === 'entry' && unit.name !== undefined;
      const isToldLater = uses.some(({ to }) => isOpenEnd(flow, to)) || (!isInput && isKept(flow, uses));
      const isTold = unit.kind !== 'parameter' && !isMet && !isToldLater;
      if (isTold) told.add(link!);
      if (isMet || isTold) uses.forEach((use) => known.add(use));
    }
  }
  return told;
}

/** The links of each value that a unit gives. */
function valuesFrom(at: number, links: readonly Link[]): readonly (readonly Link[])[] {
  const values = new Map<number, Link[]>();
  for (const link of links)
    if (link.from === at) values.set(link.fromPlace, [...(values.get(link.fromPlace) ?? []), link]);
  return [...values.values()];
}

function isOpenEnd({ units }: Flow, at: number): boolean {
  const unit = units[at]!;
  return unit.kind === 'exit' && unit.name === undefined;
}

/** Whether all that uses a value is one op, sum or small block, which takes and gives nothing of another shape. */
function isKept({ units, links }: Flow, uses: readonly Link[]): boolean {
  const [link, ...others] = uses;
  const target = units[link!.to]!;
  if (others.length > 0) return false;
  const isSmall = target.kind === 'block' && target.block.copies === 1 && partsOf(target.block).length === 0;
  if (target.kind !== 'ops' && target.kind !== 'join' && !isSmall) return false;
  const around = links.filter(
    ({ from, to }) => (to === link!.to && units[from]!.kind !== 'parameter') || from === link!.to,
  );
  return around.every(({ shape }) => shape.full === link!.shape.full);
}
