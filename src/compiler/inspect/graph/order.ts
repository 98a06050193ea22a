/** How a flow is read: from top to bottom, along the path that passes most. */
import type { Flow, Link, Unit } from './flow.ts';

/**
 * The row of each unit: as near to what it comes from as can be, so that branches begin side by side; what depends on
 * parameters alone stands right above what reads it. Exits are in the last row.
 */
export function ranksOf({ units, links }: Flow): readonly number[] {
  const fromInputs = new Set(units.flatMap((unit, at) => (unit.kind === 'entry' ? [at] : [])));
  const ranks = units.map(() => 0);
  const order = topologicalOrder(units.length, links);
  for (const at of order) {
    const before = links.filter((link) => link.to === at && fromInputs.has(link.from));
    if (before.length > 0) fromInputs.add(at);
    ranks[at] = Math.max(0, ...before.map((link) => ranks[link.from]! + 1));
  }
  const last = Math.max(...ranks);
  units.forEach((unit, at) => {
    if (unit.kind === 'exit') ranks[at] = last;
  });
  for (const at of order.toReversed()) {
    if (fromInputs.has(at) || units[at]!.kind === 'exit') continue;
    ranks[at] = Math.min(...links.filter((link) => link.from === at).map((link) => ranks[link.to]! - 1));
  }
  const least = Math.min(...ranks);
  return ranks.map((rank) => rank - least);
}

/** Units in an order in which what flows into one comes before it. */
export function topologicalOrder(count: number, links: readonly Link[]): number[] {
  const waiting = Array.from({ length: count }, (_, at) => links.filter((link) => link.to === at).length);
  const order = waiting.flatMap((open, at) => (open === 0 ? [at] : []));
  for (const at of order) {
    for (const { from, to } of links) if (from === at && --waiting[to]! === 0) order.push(to);
  }
  return order;
}

/** The links of the path through a flow that passes most: what a reader follows from top to bottom. */
export function spineOf({ units, links }: Flow): ReadonlySet<Link> {
  const best = new Map<number, { readonly length: number; readonly link: Link | undefined }>();
  const lengthTo = (unit: number): number => best.get(unit)?.length ?? 0;
  for (const at of topologicalOrder(units.length, links)) {
    const into = links.filter((link) => link.to === at);
    const longest = Math.max(...into.map(({ from }) => lengthTo(from)));
    const equals = into.filter(({ from }) => lengthTo(from) === longest);
    // Of equal branches, the one in the middle: the others stand on both sides of it.
    const link = equals[Math.floor((equals.length - 1) / 2)];
    best.set(at, { length: (link ? lengthTo(link.from) : 0) + WEIGHT[units[at]!.kind], link });
  }
  const ends = units.flatMap((unit, at) => (unit.kind === 'exit' ? [at] : []));
  const [end] = ends.sort((a, b) => lengthTo(b) - lengthTo(a));
  const spine = new Set<Link>();
  for (let link = end === undefined ? undefined : best.get(end)?.link; link; link = best.get(link.from)?.link)
    spine.add(link);
  return spine;
}

const WEIGHT: { readonly [kind in Unit['kind']]: number } = {
  entry: 4,
  exit: 0,
  block: 10,
  ops: 3,
  join: 1,
  parameter: 0,
};
