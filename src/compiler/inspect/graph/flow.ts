/**
 * What a drawing shows of one block's inside: its parts and the ops between them as units, and what flows from one to
 * another as links. Movements that only rename elements, and constants, are left out.
 */
import { dependsOn, equal, symbol } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import type { Graph, GraphParameter, Node, Value } from '../../ir/graph.ts';
import { moveIndex } from '../../ir/movement.ts';
import { isOne } from '../../ir/types.ts';
import type { Use } from '../../ir/walk.ts';
import { isEntry, type Block, type Item } from '../blocks.ts';
import type { DimValues } from '../quantities.ts';
import { constantText, opLines, signOf } from './labels.ts';
import { drawnShape, severalOf, type DrawnShape } from './shape-text.ts';

export type Unit =
  /** Where values come into the block, or leave it, one unit a value. The entry's own have names. */
  | { readonly kind: 'entry' | 'exit'; readonly name?: string }
  | { readonly kind: 'block'; readonly block: Block }
  /** Ops one after the other. */
  | { readonly kind: 'ops'; readonly lines: readonly string[] }
  /** A pointwise op on several tensors: `+`. */
  | { readonly kind: 'join'; readonly sign: string }
  | { readonly kind: 'parameter'; readonly parameter: GraphParameter };

/** From the unit numbered `from` to the one numbered `to`; places count what a unit gives or takes. */
export interface Link {
  readonly from: number;
  readonly fromPlace: number;
  readonly to: number;
  readonly toPlace: number;
  /** The shape that flows. */
  readonly shape: DrawnShape;
}

export interface Flow {
  readonly units: readonly Unit[];
  readonly links: readonly Link[];
}

/** What reads each value of the graph. */
export type Uses = ReadonlyMap<Value, readonly Use[]>;

/** Where a value comes from, at this level. */
type Source =
  | { readonly kind: 'unit'; readonly unit: number; readonly place: number; readonly shape: DrawnShape }
  | { readonly kind: 'constant'; readonly text: string | undefined };

type UnitSource = Source & { readonly kind: 'unit' };

/** The inside of a block; of several copies, of the first. */
export function flowOf(block: Block, graph: Graph, uses: Uses, dims: DimValues): Flow {
  return tidy(new FlowBuilder(block, graph, uses, dims).build());
}

class FlowBuilder {
  readonly #block: Block;
  readonly #graph: Graph;
  readonly #dims: DimValues;
  readonly #parameters: ReadonlyMap<Value, GraphParameter>;
  readonly #uses: Uses;
  readonly #units: Unit[] = [];
  readonly #links: Link[] = [];
  readonly #sources = new Map<Value, Source>();

  constructor(block: Block, graph: Graph, uses: Uses, dims: DimValues) {
    this.#block = block;
    this.#graph = graph;
    this.#dims = dims;
    this.#uses = uses;
    this.#parameters = new Map(graph.parameters.map((parameter) => [parameter.value, parameter]));
  }

  build(): Flow {
    const { kind, first, items } = this.#block;
    const isWhole = isEntry(this.#block);
    const entries = isWhole ? this.#graph.inputs : first.inputs.map((value) => ({ value, name: undefined }));
    for (const { value, name } of entries) {
      const unit = this.#add({ kind: 'entry', ...(name !== undefined && { name }) });
      this.#sources.set(value, { kind: 'unit', unit, place: 0, shape: this.#shapeOf(value) });
    }
    for (const item of items) {
      if (item.kind === 'block') this.#addBlock(item.block);
      else if (kind !== 'mixture') this.#addNode(item.node);
    }
    if (kind === 'mixture') this.#addDispatch();
    const exits = isWhole
      ? this.#graph.outputs
      : this.#madeIn(this.#block).map((value) => ({ value, name: undefined }));
    for (const { value, name } of exits) {
      const source = this.#sourceOf(value);
      const unit = this.#add({ kind: 'exit', ...(name !== undefined && { name }) });
      if (source.kind === 'unit') this.#link(source, unit, 0);
    }
    return { units: this.#units, links: this.#links };
  }

  #add(unit: Unit): number {
    return this.#units.push(unit) - 1;
  }

  #shapeOf({ type }: Value): DrawnShape {
    return drawnShape(type, this.#dims);
  }

  #sourceOf(value: Value): Source {
    const known = this.#sources.get(value);
    if (known) return known;
    const parameter = this.#parameters.get(value);
    if (!parameter) return { kind: 'constant', text: undefined };
    const unit = this.#add({ kind: 'parameter', parameter });
    const source: Source = { kind: 'unit', unit, place: 0, shape: this.#shapeOf(value) };
    this.#sources.set(value, source);
    return source;
  }

  #link({ unit, place, shape }: UnitSource, to: number, toPlace: number): void {
    const source = this.#units[unit]!;
    // What copies side by side give to one unit flows together.
    const isBundle = source.kind === 'block' && isSideBySide(source.block);
    const same = this.#links.some(
      (link) =>
        link.from === unit && link.fromPlace === place && link.to === to && (isBundle || link.toPlace === toPlace),
    );
    if (!same) this.#links.push({ from: unit, fromPlace: place, to, toPlace, shape });
  }

  #addBlock(block: Block): void {
    const unit = this.#add({ kind: 'block', block });
    for (const value of block.inputs) {
      const source = this.#sourceOf(value);
      if (source.kind === 'unit') this.#link(source, unit, Math.max(0, block.first.inputs.indexOf(value)));
    }
    const made = this.#madeIn(block);
    block.outputs.forEach((value, at) => {
      // What a block hands through comes from where it came from before.
      const place = made.indexOf(block.first.outputs[at % block.first.outputs.length]!);
      if (place === -1 || this.#sources.has(value)) return;
      const shape =
        isSideBySide(block) && !block.isJoint ? severalOf(block.copies, this.#shapeOf(value)) : this.#shapeOf(value);
      this.#sources.set(value, { kind: 'unit', unit, place, shape });
    });
  }

  /** The results that a block does not merely hand through, and that something else reads. */
  #madeIn({ first, items }: Block): readonly Value[] {
    const own = new Set(nodesIn(items));
    const isRead = (value: Value): boolean =>
      (this.#uses.get(value) ?? []).some((use) => use.kind === 'output' || !own.has(use.node));
    return first.outputs.filter(
      (value) => !first.inputs.includes(value) && !this.#parameters.has(value) && isRead(value),
    );
  }

  /** The many ops by which a mixture sends tokens to its experts and weighs what they give, as one unit. */
  #addDispatch(): void {
    const { hyperparameters, first } = this.#block;
    const unit = this.#add({ kind: 'ops', lines: ['weighted sum of', `${hyperparameters.get('k')} experts a token`] });
    const isExpert = (from: number): boolean => this.#units[from]!.kind === 'block';
    const used = new Set(this.#links.map((link) => link.from));
    for (const source of this.#sources.values())
      if (source.kind === 'unit' && (isExpert(source.unit) || !used.has(source.unit)))
        this.#link(source, unit, source.unit);
    for (const value of first.outputs)
      this.#sources.set(value, { kind: 'unit', unit, place: 0, shape: this.#shapeOf(value) });
  }

  #addNode(node: Node): void {
    const [result] = node.results;
    const sources = node.inputs.map((input) => this.#sourceOf(input));
    const given = sources.filter((source) => source.kind === 'unit');
    if (given.length === 0) {
      const text = constantText(node) ?? sources.find((source) => source.kind === 'constant')?.text;
      for (const value of node.results) this.#sources.set(value, { kind: 'constant', text });
      return;
    }
    if (this.#isPlumbing(node)) {
      // A repeated value is shown as it was, a reshaped one as it has become.
      const [source] = given;
      const isSame = equal(elementCount(node.inputs[0]!.type.shape), elementCount(result!.type.shape));
      this.#sources.set(result!, isSame ? { ...source!, shape: this.#shapeOf(result!) } : source!);
      return;
    }
    const distinct = new Set(given.map(({ unit, place }) => `${unit}.${place}`));
    const sign = signOf(node);
    const unit = this.#add(
      distinct.size > 1 && sign !== undefined
        ? { kind: 'join', sign }
        : { kind: 'ops', lines: opLines(node, sources.map(numberText)) },
    );
    given.forEach((source, at) => this.#link(source, unit, at));
    node.results.forEach((value, place) =>
      this.#sources.set(value, { kind: 'unit', unit, place, shape: this.#shapeOf(value) }),
    );
  }

  /** Whether a node reads each element from one place and loses none: reshape, transpose, expand. */
  #isPlumbing(node: Node): boolean {
    const [input, result] = [node.inputs[0], node.results[0]];
    if (node.op.body.kind !== 'movement' || node.inputs.length !== 1 || !input || !result) return false;
    const index = result.type.shape.map((_, axis) => symbol(`$${axis}`));
    const moved = moveIndex(node, index, new Map());
    if (!moved) return false;
    const repeats = result.type.shape.some(
      (size, axis) => !isOne(size) && !moved.index.some((at) => dependsOn(at, `$${axis}`)),
    );
    return repeats || equal(elementCount(result.type.shape), elementCount(input.type.shape));
  }
}

function nodesIn(items: readonly Item[]): Node[] {
  return items.flatMap((item) => (item.kind === 'node' ? [item.node] : nodesIn(item.block.items)));
}

function isSideBySide({ copies, isChain }: Block): boolean {
  return copies > 1 && !isChain;
}

function numberText(source: Source): string | undefined {
  return source.kind === 'constant' ? (source.text ?? 'c') : undefined;
}

/** Units that lead nowhere go, and ops in a row become one unit. */
function tidy(flow: Flow): Flow {
  return renumber(mergeOps(withoutDeadEnds(flow)));
}

/** A flow some of whose units have gone: their places are undefined. */
interface Gapped {
  readonly units: readonly (Unit | undefined)[];
  readonly links: readonly Link[];
}

function withoutDeadEnds({ units, links }: Flow): Gapped {
  const needed = new Set<number>();
  const pending = units.flatMap((unit, at) => (unit.kind === 'exit' || unit.kind === 'entry' ? [at] : []));
  while (pending.length > 0) {
    const unit = pending.pop()!;
    if (needed.has(unit)) continue;
    needed.add(unit);
    for (const { from, to } of links) if (to === unit) pending.push(from);
  }
  return {
    units: units.map((unit, at) => (needed.has(at) ? unit : undefined)),
    links: links.filter(({ from, to }) => needed.has(from) && needed.has(to)),
  };
}

/** As many lines as a unit shows of a chain. */
const MAX_LINES = 6;

function mergeOps(flow: Gapped): Gapped {
  const units = [...flow.units];
  let { links } = flow;
  for (let at = 0; at < units.length; at++) {
    const unit = units[at];
    if (unit?.kind !== 'ops') continue;
    for (;;) {
      const current = units[at] as Unit & { kind: 'ops' };
      const out = links.filter((link) => link.from === at);
      const next = out.length === 1 ? units[out[0]!.to] : undefined;
      const isOnlyInput = out.length === 1 && links.filter((link) => link.to === out[0]!.to).length === 1;
      if (next?.kind !== 'ops' || !isOnlyInput || current.lines.length + next.lines.length > MAX_LINES) break;
      const gone = out[0]!.to;
      units[at] = { kind: 'ops', lines: [...current.lines, ...next.lines] };
      units[gone] = undefined;
      links = links
        .filter((link) => link.to !== gone)
        .map((link) => (link.from === gone ? { ...link, from: at } : link));
    }
  }
  return { units, links };
}

function renumber({ units, links }: Gapped): Flow {
  const numbers = new Map<number, number>();
  units.forEach((unit, at) => unit && numbers.set(at, numbers.size));
  return {
    units: units.filter((unit) => unit !== undefined),
    links: links.map((link) => ({ ...link, from: numbers.get(link.from)!, to: numbers.get(link.to)! })),
  };
}
