/** Places the units of one level and routes the links between them, by ELK's layered method. */
import type { ELK, ElkExtendedEdge, ElkNode, ElkPort } from 'elkjs/lib/elk-api.js';
import { FONTS, type Box } from './boxes.ts';
import type { LevelEdge, Point } from './level.ts';
import type { Flow, Link, Unit } from './flow.ts';
import { ranksOf, spineOf } from './order.ts';
import { linesOf } from './shape-text.ts';
import { textWidth } from './text-width.ts';
import { toldIn } from './told.ts';

export interface Arrangement {
  readonly width: number;
  readonly height: number;
  /** The upper left corner of each unit. */
  readonly corners: readonly Point[];
  /** The edge of each link. */
  readonly edges: readonly LevelEdge[];
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.padding': '[top=4,left=4,bottom=4,right=4]',
  'elk.spacing.nodeNode': '22',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeEdge': '12',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '11',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '11',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.considerModelOrder.strategy': 'PREFER_NODES',
  'elk.partitioning.activate': 'true',
  'elk.randomSeed': '1',
};

const LABEL = { padding: 8, line: 13, room: 3 };

export async function arrange(elk: ELK, flow: Flow, boxes: readonly Box[]): Promise<Arrangement> {
  const told = toldIn(flow);
  const spine = spineOf(flow);
  const ranks = ranksOf(flow);
  // A label stands between the rows of units, in a row of its own, as a node that what leaves a place goes through.
  const labelled = new Map([...told].map((link) => [outPort(link), link]));
  const straightness = (link: Link): string => {
    if (spine.has(link)) return '40';
    return isAlone(link, flow) ? '10' : '1';
  };
  const edges = flow.links.map((link, at): ElkExtendedEdge => {
    const from = outPort(link);
    const start = labelled.has(from) ? `${from}:label:out` : from;
    return elkEdge(`e${at}`, start, inPort(flow.units[link.to]!, link, at), straightness(link));
  });
  const stems = [...labelled.keys()].map((from) => elkEdge(`${from}:stem`, from, `${from}:label:in`, '40'));
  const result: ElkNode = await elk.layout({
    id: 'level',
    layoutOptions: OPTIONS,
    children: [
      ...flow.units.map((unit, at) => elkUnit(unit, at, boxes[at]!, ranks[at]!, flow)),
      ...[...labelled.values()].map((link) => elkLabel(link, labelRow(link, ranks, flow))),
    ],
    edges: [...stems, ...edges],
  });
  const placed = new Map(result.children!.map((node) => [node.id, node]));
  const routed = new Map(result.edges!.map((edge) => [edge.id, edge]));
  return {
    width: result.width ?? 0,
    height: result.height ?? 0,
    corners: flow.units.map((_, at): Point => [placed.get(`${at}`)!.x!, placed.get(`${at}`)!.y!]),
    edges: flow.links.map((link, at) => {
      const label = told.has(link) ? placed.get(`${outPort(link)}:label`) : undefined;
      return levelEdge(link, pointsOf(routed.get(`e${at}`)!), routed.get(`${outPort(link)}:stem`), label);
    }),
  };
}

/** Whether a link is all that leaves the one unit and all that reaches the other: it had better be straight. */
function isAlone({ from, to }: Link, { links }: Flow): boolean {
  return links.filter((link) => link.from === from).length === 1 && links.filter((link) => link.to === to).length === 1;
}

function elkEdge(id: string, source: string, target: string, straightness: string): ElkExtendedEdge {
  const layoutOptions = { 'elk.layered.priority.straightness': straightness };
  return { id, sources: [source], targets: [target], layoutOptions };
}

/** Values leave at one place each; at a joint all arrive in the middle. */
function elkUnit(unit: Unit, at: number, { width, height }: Box, rank: number, { links }: Flow): ElkNode {
  const outs = new Set(links.filter((link) => link.from === at).map(outPort));
  const ins = new Set(links.flatMap((link, number) => (link.to === at ? [inPort(unit, link, number)] : [])));
  const ports = [...[...outs].map((id) => port(id, 'SOUTH')), ...[...ins].map((id) => port(id, 'NORTH'))];
  return { id: `${at}`, width, height, ports, layoutOptions: nodeOptions(2 * rank) };
}

/** Above what alone reads the value, so that its edge keeps straight as far as there; below its source if there are more. */
function labelRow(link: Link, ranks: readonly number[], { links }: Flow): number {
  const uses = links.filter(({ from, fromPlace }) => from === link.from && fromPlace === link.fromPlace);
  return uses.length === 1 ? 2 * ranks[link.to]! - 1 : 2 * ranks[link.from]! + 1;
}

function elkLabel(link: Link, row: number): ElkNode {
  const lines = linesOf(link.shape);
  const id = `${outPort(link)}:label`;
  return {
    id,
    width: Math.ceil(Math.max(...lines.map((line) => textWidth(line, FONTS.label)))) + LABEL.padding,
    height: lines.length * LABEL.line + LABEL.room,
    ports: [port(`${id}:in`, 'NORTH'), port(`${id}:out`, 'SOUTH')],
    layoutOptions: nodeOptions(row),
  };
}

/** Nodes of one partition stand in one row. */
function nodeOptions(partition: number): { readonly [option: string]: string } {
  return {
    'elk.portConstraints': 'FIXED_SIDE',
    'elk.portAlignment.default': 'CENTER',
    'elk.spacing.portPort': '14',
    'elk.partitioning.partition': String(partition),
  };
}

function port(id: string, side: 'NORTH' | 'SOUTH'): ElkPort {
  return { id, width: 0, height: 0, layoutOptions: { 'elk.port.side': side } };
}

function outPort({ from, fromPlace }: Link): string {
  return `${from}:out${fromPlace}`;
}

function inPort(target: Unit, { to }: Link, at: number): string {
  return target.kind === 'join' ? `${to}:in` : `${to}:in${at}`;
}

function levelEdge(
  { from, fromPlace, to, toPlace, shape }: Link,
  rest: readonly Point[],
  stem: ElkExtendedEdge | undefined,
  label: ElkNode | undefined,
): LevelEdge {
  // Both pieces meet above and below the label, in one line.
  const points = stem ? [...pointsOf(stem).slice(0, -1), ...rest.slice(1)] : rest;
  if (!label) return { from, to, fromPlace, toPlace, points };
  const { x, y, width, height } = label;
  const box = { lines: linesOf(shape), tip: shape.full, x: x!, y: y!, width: width!, height: height! };
  return { from, to, fromPlace, toPlace, points, label: box };
}

function pointsOf({ sections }: ElkExtendedEdge): Point[] {
  const { startPoint, bendPoints = [], endPoint } = sections![0]!;
  return [startPoint, ...bendPoints, endPoint].map(({ x, y }): Point => [x, y]);
}
