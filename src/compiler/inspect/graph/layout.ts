/** Lays out an entry: the inside of every block for itself, with the blocks in it closed. */
import type { ELK } from 'elkjs/lib/elk-api.js';
import type { Graph } from '../../ir/graph.ts';
import { bodyOf, usesOf } from '../../ir/walk.ts';
import { partsOf, type Block } from '../blocks.ts';
import type { DimValues } from '../quantities.ts';
import { arrange, type Arrangement } from './arrange.ts';
import { boxOf, type Box } from './boxes.ts';
import type { Level, LevelNode } from './level.ts';
import { flowOf, type Flow, type Unit, type Uses } from './flow.ts';

/** The whole entry, with the block behind each node that shows one. */
export interface Drawing {
  readonly level: Level;
  readonly blocks: ReadonlyMap<string, Block>;
}

/** How many colours blocks are told apart by. */
export const TONES = 6;

/** As many units as a reader can tell apart in one level; arranging more than that takes minutes, too. */
export const MAX_UNITS = 300;

/** A level of an entry has more units than `MAX_UNITS`. */
export class TooManyUnits extends Error {
  override readonly name = 'TooManyUnits';

  constructor(units: number, { name, path }: Block) {
    const place = path === '' ? name : path;
    super(`\`${place}\` has ${units} parts on one level, too many to draw: at most ${MAX_UNITS}`);
  }
}

/** Throws `TooManyUnits`. */
export async function layoutEntry(root: Block, graph: Graph, dims: DimValues): Promise<Drawing> {
  // Only drawings need it, and it is large. Its types describe a module that the file is not.
  const { default: Elk } = (await import('elkjs/lib/elk.bundled.js')) as unknown as { default: new () => ELK };
  const layout = new Layout(new Elk(), graph, dims, tonesOf(root));
  return { level: await layout.level(root, 'n'), blocks: layout.blocks };
}

/** Blocks of one name have one colour, given in order of appearance. */
function tonesOf(root: Block): ReadonlyMap<string, number> {
  const tones = new Map<string, number>();
  const visit = (block: Block): void => {
    if (block.kind !== 'round' && !tones.has(block.name)) tones.set(block.name, tones.size % TONES);
    partsOf(block).forEach(visit);
  };
  partsOf(root).forEach(visit);
  return tones;
}

class Layout {
  readonly blocks = new Map<string, Block>();
  readonly #elk: ELK;
  readonly #graph: Graph;
  readonly #uses: Uses;
  readonly #dims: DimValues;
  readonly #tones: ReadonlyMap<string, number>;
  readonly #arranged = new Map<string, Arrangement>();

  constructor(elk: ELK, graph: Graph, dims: DimValues, tones: ReadonlyMap<string, number>) {
    this.#elk = elk;
    this.#graph = graph;
    this.#uses = usesOf(bodyOf(graph));
    this.#dims = dims;
    this.#tones = tones;
  }

  /** The inside of a block; ids of its nodes begin with `id`. */
  async level(block: Block, id: string): Promise<Level> {
    const flow = flowOf(block, this.#graph, this.#uses, this.#dims);
    if (flow.units.length > MAX_UNITS) throw new TooManyUnits(flow.units.length, block);
    const boxes = flow.units.map((unit) => boxOf(unit, this.#dims));
    const { width, height, corners, edges } = await this.#arrange(flow, boxes);
    const nodes: LevelNode[] = [];
    for (const [at, unit] of flow.units.entries()) {
      const [x, y] = corners[at]!;
      const own = `${id}-${at}`;
      const inside = unit.kind === 'block' ? await this.#insideOf(unit.block, own) : {};
      nodes.push({ ...boxes[at]!, ...inside, id: own, kind: kindOf(unit), x, y });
    }
    return { width, height, nodes, edges };
  }

  /** Levels that look alike are arranged once. */
  async #arrange(flow: Flow, boxes: readonly Box[]): Promise<Arrangement> {
    const sizes = boxes.map(({ width, height }) => [width, height]);
    const key = JSON.stringify([flow.units.map(({ kind }) => kind), flow.links, sizes]);
    const known = this.#arranged.get(key) ?? (await arrange(this.#elk, flow, boxes));
    this.#arranged.set(key, known);
    return known;
  }

  async #insideOf(block: Block, id: string): Promise<Pick<LevelNode, 'tone' | 'inside'>> {
    this.blocks.set(id, block);
    const tone = this.#tones.get(block.name);
    const inside = await this.level(block, id);
    const isEmpty = inside.nodes.every(({ kind }) => kind === 'entry' || kind === 'exit');
    return { ...(tone !== undefined && block.kind !== 'round' && { tone }), ...(!isEmpty && { inside }) };
  }
}

function kindOf(unit: Unit): LevelNode['kind'] {
  if (unit.kind === 'entry' && unit.name !== undefined) return 'input';
  return unit.kind === 'exit' && unit.name !== undefined ? 'output' : unit.kind;
}
