/**
 * From levels whose blocks are laid out closed to one picture in which some are open. A level keeps its topology:
 * opening a block moves what is beside and below it, so that what was in line stays in line.
 *
 * The functions of this file run in the page of `--graph html` too, which is given their text: they use nothing but
 * each other.
 */
import type { Level, LevelEdge, Placed, PlacedEdge, PlacedNode, Point } from './level.ts';

/** Room in an open block: above its inside for its name, beside and below. */
export function roomInOpen(): { readonly top: number; readonly side: number; readonly bottom: number } {
  return { top: 18, side: 12, bottom: 4 };
}

/** A horizontal stretch in which nodes stand beside each other. */
interface Band {
  readonly top: number;
  readonly bottom: number;
  readonly nodes: readonly number[];
}

/** Coordinates that move together. */
interface Group {
  readonly low: number;
  readonly high: number;
}

/** The level with the blocks for which `isOpen` answers true laid out open. */
export function place(level: Level, isOpen: (id: string) => boolean): Placed {
  const room = roomInOpen();
  const sizes = level.nodes.map((node) => {
    const inside = node.inside && isOpen(node.id) ? place(node.inside, isOpen) : undefined;
    const width = inside ? Math.max(node.width, node.header, inside.width + 2 * room.side) : node.width;
    return {
      inside,
      width,
      axis: inside ? axisOf(inside) + (width - inside.width) / 2 : width / 2,
      height: inside ? inside.height + room.top + room.bottom : node.height,
    };
  });
  const bands = bandsOf(level);
  const moveX = horizontalMove(level, bands, sizes);
  const moveY = verticalMove(bands, sizes);
  const nodes = level.nodes.map((node, at): PlacedNode => {
    const { inside, width, height, axis } = sizes[at]!;
    const x = moveX(node.x + node.width / 2) - axis;
    const y = moveY(node.y + node.height / 2) - height / 2;
    return { node, x, y, width, height, ...(inside && { inside, insideTop: room.top }) };
  });
  const edges = level.edges.map((edge) => placeEdge(edge, anchorsOf(level, edge, bands), nodes, moveX, moveY));
  return cropped(
    nodes,
    edges.map((edge, at) => labelled(enterFromSide(edge, level.edges[at]!, nodes))),
    moveY(level.height),
  );
}

/** A label stands on the upright piece of its edge at its height. */
export function labelled(edge: PlacedEdge): PlacedEdge {
  const { label, points } = edge;
  if (!label) return edge;
  const middle = label.y + label.height / 2;
  const at = points.slice(1).findIndex(([, y], before) => points[before]![1] <= middle && y >= middle);
  return at === -1 ? edge : { ...edge, label: { ...label, x: points[at + 1]![0] - label.width / 2 } };
}

/** As wide as what is in it. */
export function cropped(nodes: readonly PlacedNode[], edges: readonly PlacedEdge[], height: number): Placed {
  const margin = 4;
  const boxes = [...nodes, ...edges.flatMap(({ label }) => label ?? [])];
  const corners = edges.flatMap(({ points }) => points.map(([x]) => x));
  const left = Math.min(...boxes.map(({ x }) => x), ...corners) - margin;
  const right = Math.max(...boxes.map(({ x, width }) => x + width), ...corners) + margin;
  return {
    width: right - left,
    height,
    nodes: nodes.map((node) => ({ ...node, x: node.x - left })),
    edges: edges.map(({ points, label, hasArrow }) => ({
      hasArrow,
      points: points.map(([x, y]): Point => [x - left, y]),
      ...(label && { label: { ...label, x: label.x - left } }),
    })),
  };
}

/** What is in line with an open block's neighbours: the middle of its entries, or of its exits. */
export function axisOf({ nodes, width }: Placed): number {
  const entries = nodes.filter(({ node }) => node.kind === 'entry');
  const ports = entries.length > 0 ? entries : nodes.filter(({ node }) => node.kind === 'exit');
  if (ports.length === 0) return width / 2;
  return ports.reduce((sum, port) => sum + port.x + port.width / 2, 0) / ports.length;
}

/** Nodes that share a stretch of the vertical axis, and labels, which have bands of their own. */
export function bandsOf(level: Level): Band[] {
  const spans = level.nodes
    .map(({ y, height }, at) => ({ top: y, bottom: y + height, nodes: [at] }))
    .sort((a, b) => a.top - b.top);
  const bands: { top: number; bottom: number; nodes: number[] }[] = [];
  for (const span of spans) {
    const last = bands.at(-1);
    if (last && span.top < last.bottom) {
      last.bottom = Math.max(last.bottom, span.bottom);
      last.nodes.push(...span.nodes);
    } else bands.push({ ...span });
  }
  return bands;
}

/** Bands grow by what the highest of their blocks needs, and push down what is below them. */
export function verticalMove(
  bands: readonly Band[],
  sizes: readonly { readonly height: number }[],
): (y: number) => number {
  const growths = bands.map(({ top, bottom, nodes }) =>
    Math.max(0, ...nodes.map((node) => sizes[node]!.height - (bottom - top))),
  );
  return (y) =>
    bands.reduce((moved, { top, bottom }, at) => {
      if (y >= bottom && !(top === bottom && y === top)) return moved + growths[at]!;
      return y > top ? moved + growths[at]! / 2 : moved;
    }, y);
}

/**
 * Horizontal places keep their order and at least their distances; in every band neighbours get the room that they
 * need. Of the places that allow this with the least width, those in the middle are taken. Places that are nearly in
 * line move together.
 */
export function horizontalMove(
  level: Level,
  bands: readonly Band[],
  sizes: readonly { readonly width: number; readonly axis: number }[],
): (x: number) => number {
  const groups = groupsOf(
    [0, level.width, ...level.nodes.map((node) => node.x + node.width / 2)],
    lanesOf(level).map(({ x }) => x),
  );
  const stops = groups.map(({ low }) => low);
  const stopOf = (x: number): number => nearestGroup(groups, x);
  const needs = neighboursOf(level, bands, sizes).map(({ left, right, growth }) => {
    const [from, to] = [stopOf(left), stopOf(right)];
    return { from, to, distance: stops[to]! - stops[from]! + growth };
  });
  const leftmost = [...stops];
  for (let at = 1; at < stops.length; at++) {
    leftmost[at] = leftmost[at - 1]! + stops[at]! - stops[at - 1]!;
    for (const { from, to, distance } of needs)
      if (to === at && from < at) leftmost[at] = Math.max(leftmost[at]!, leftmost[from]! + distance);
  }
  const rightmost = [...leftmost];
  for (let at = stops.length - 2; at >= 0; at--) {
    rightmost[at] = rightmost[at + 1]! + stops[at]! - stops[at + 1]!;
    for (const { from, to, distance } of needs)
      if (from === at && to > at) rightmost[at] = Math.min(rightmost[at]!, rightmost[to]! - distance);
  }
  return (x) => {
    const stop = stopOf(x);
    return (leftmost[stop]! + rightmost[stop]!) / 2 + x - stops[stop]!;
  };
}

/** Places that move together: middles of nodes that are nearly in line, with the lanes near them; and other lanes. */
export function groupsOf(middles: readonly number[], lanes: readonly number[]): Group[] {
  const near = 12;
  const grouped = (places: readonly number[]): Group[] => {
    const groups: { low: number; high: number }[] = [];
    for (const x of places.toSorted((a, b) => a - b)) {
      const last = groups.at(-1);
      if (last && x - last.low <= near) last.high = x;
      else groups.push({ low: x, high: x });
    }
    return groups;
  };
  const columns = grouped(middles);
  const distance = ({ low, high }: Group, x: number): number => Math.max(low - x, x - high, 0);
  const [close, free] = [new Map<number, number[]>(), [] as number[]];
  for (const x of lanes) {
    const column = nearestGroup(columns, x);
    if (distance(columns[column]!, x) > near) free.push(x);
    else close.set(column, [...(close.get(column) ?? []), x]);
  }
  const widened = columns.map(({ low, high }, at) => {
    const around = close.get(at) ?? [];
    return { low: Math.min(low, ...around), high: Math.max(high, ...around) };
  });
  return [...widened, ...grouped(free)].sort((a, b) => a.low - b.low);
}

export function nearestGroup(groups: readonly Group[], x: number): number {
  const after = groups.findIndex(({ high }) => high >= x);
  if (after <= 0) return after === 0 ? 0 : groups.length - 1;
  return groups[after]!.low - x < x - groups[after - 1]!.high ? after : after - 1;
}

/** The vertical pieces of edges. */
export function lanesOf({ edges }: Level): { readonly x: number; readonly top: number; readonly bottom: number }[] {
  return edges.flatMap(({ points }) =>
    points.slice(1).flatMap(([x, y], at) => {
      const before = points[at]!;
      return before[0] === x ? [{ x, top: Math.min(before[1], y), bottom: Math.max(before[1], y) }] : [];
    }),
  );
}

/** Things next to each other in a band, by their places, and how much farther apart they have to be. */
export function neighboursOf(
  level: Level,
  bands: readonly Band[],
  sizes: readonly { readonly width: number; readonly axis: number }[],
): { readonly left: number; readonly right: number; readonly growth: number }[] {
  const lanes = lanesOf(level);
  return bands.flatMap(({ top, bottom, nodes }) => {
    const boxes = nodes.map((at) => {
      const [node, { axis, width }] = [level.nodes[at]!, sizes[at]!];
      const half = node.width / 2;
      return { x: node.x + half, before: axis - half, after: width - axis - half };
    });
    const passing = lanes.filter((lane) => lane.top < top && lane.bottom > bottom).map(({ x }) => x);
    const rigid = [0, level.width, ...passing].map((x) => ({ x, before: 0, after: 0 }));
    const things = [...boxes, ...rigid].sort((a, b) => a.x - b.x);
    return things.slice(1).map((thing, at) => {
      const other = things[at]!;
      return { left: other.x, right: thing.x, growth: other.after + thing.before };
    });
  });
}

/** Heights at which an edge keeps to its way: where it passes other nodes, and where what it carries has its label. */
export function anchorsOf(
  { edges }: Level,
  { from, to, fromPlace }: LevelEdge,
  bands: readonly Band[],
): { readonly top: number; readonly bottom: number }[] {
  const labels = edges.flatMap((other) =>
    other.from === from && other.fromPlace === fromPlace ? (other.label ?? []) : [],
  );
  return [
    ...bands.filter(({ nodes }) => !nodes.includes(from) && !nodes.includes(to)),
    ...labels.map(({ y, height }) => ({ top: y, bottom: y + height })),
  ];
}

/** The edge between the final places of its ends. */
export function placeEdge(
  edge: LevelEdge,
  anchors: readonly { readonly top: number; readonly bottom: number }[],
  nodes: readonly PlacedNode[],
  moveX: (x: number) => number,
  moveY: (y: number) => number,
): PlacedEdge {
  const [from, to] = [nodes[edge.from]!, nodes[edge.to]!];
  const start: Point = [portOf(from, 'exit', edge.fromPlace, edge.points[0]![0]), from.y + from.height];
  const end: Point = [portOf(to, 'entry', edge.toPlace, edge.points.at(-1)![0]), to.y];
  const passes = (a: Point, b: Point): boolean =>
    anchors.some(({ top, bottom }) => Math.min(a[1], b[1]) < top && Math.max(a[1], b[1]) > bottom);
  const corners = edge.points.map(([x, y]): Point => [moveX(x), moveY(y)]);
  const last = corners.length - 1;
  const stub = 9;
  const points: Point[] = [start];
  if (last === 1) {
    const isLong = passes(edge.points[0]!, edge.points[1]!);
    const lane = corners[0]![0];
    if (isLong)
      points.push(
        [start[0], corners[0]![1] + stub],
        [lane, corners[0]![1] + stub],
        [lane, corners[1]![1] - stub],
        [end[0], corners[1]![1] - stub],
      );
    else points.push([start[0], (start[1] + end[1]) / 2], [end[0], (start[1] + end[1]) / 2]);
  } else {
    if (passes(edge.points[0]!, edge.points[1]!))
      points.push([start[0], corners[0]![1] + stub], [corners[0]![0], corners[0]![1] + stub], corners[1]!);
    else points.push([start[0], corners[1]![1]]);
    points.push(...corners.slice(2, last - 1));
    if (passes(edge.points[last - 1]!, edge.points[last]!))
      points.push(
        corners[last - 1]!,
        [corners[last]![0], corners[last]![1] - stub],
        [end[0], corners[last]![1] - stub],
      );
    else points.push([end[0], corners[last - 1]![1]]);
  }
  points.push(end);
  const { label } = edge;
  return {
    points: straightened(points),
    hasArrow: !['entry', 'exit'].includes(to.node.kind) && to.inside === undefined,
    ...(label && {
      label: {
        ...label,
        x: moveX(label.x + label.width / 2) - label.width / 2,
        y: moveY(label.y + label.height / 2) - label.height / 2,
      },
    }),
  };
}

/** Where an edge meets a node: of an open block, above the entry or below the exit inside. */
export function portOf(placed: PlacedNode, kind: 'entry' | 'exit', at: number, planned: number): number {
  const { node, inside, x, width } = placed;
  const port = inside?.nodes.filter((inner) => inner.node.kind === kind)[at];
  if (port) return x + (width - inside!.width) / 2 + port.x + port.width / 2;
  return x + width / 2 + planned - (node.x + node.width / 2);
}

/** Without corners that are none, and upright or level where it is nearly so. */
export function straightened(points: readonly Point[]): Point[] {
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 0.75;
  const kept: Point[] = [];
  for (const point of points) {
    const [before, last] = [kept.at(-2), kept.at(-1)];
    if (last && near(last[0], point[0]) && near(last[1], point[1])) continue;
    const isVertical = before && last && near(before[0], last[0]) && near(last[0], point[0]);
    const isHorizontal = before && last && near(before[1], last[1]) && near(last[1], point[1]);
    if (isVertical || isHorizontal) kept.pop();
    const start = kept.at(-1);
    if (start && near(start[0], point[0])) kept.push([start[0], point[1]]);
    else if (start && near(start[1], point[1])) kept.push([point[0], start[1]]);
    else kept.push(point);
  }
  return kept;
}

/** A way around other things meets a joint from its side, if nothing stands there. */
export function enterFromSide(placed: PlacedEdge, edge: LevelEdge, nodes: readonly PlacedNode[]): PlacedEdge {
  const target = nodes[edge.to]!;
  const { points } = placed;
  const [turn, corner] = [points.at(-3), points.at(-2)];
  if (target.node.kind !== 'join' || !turn || !corner || turn[1] !== corner[1]) return placed;
  const [centreX, centreY] = [target.x + target.width / 2, target.y + target.height / 2];
  const side = turn[0] < centreX ? target.x : target.x + target.width;
  const [low, high] = [Math.min(turn[0], side), Math.max(turn[0], side)];
  if (high - low < 8 || (turn[0] > target.x && turn[0] < target.x + target.width)) return placed;
  const isTaken = nodes.some(
    (other) =>
      other !== target &&
      other.x < high &&
      other.x + other.width > low &&
      other.y < centreY + 4 &&
      other.y + other.height > turn[1] - 4,
  );
  if (isTaken) return placed;
  return { ...placed, points: [...points.slice(0, -3), [turn[0], centreY], [side, centreY]] };
}

/** All functions of this file, for the page. */
export const PLACING: readonly { toString(): string }[] = [
  place,
  labelled,
  cropped,
  roomInOpen,
  bandsOf,
  verticalMove,
  horizontalMove,
  groupsOf,
  nearestGroup,
  lanesOf,
  neighboursOf,
  axisOf,
  anchorsOf,
  placeEdge,
  portOf,
  straightened,
  enterFromSide,
];
