/**
 * An entry as a tree of blocks with what each costs: the structure that elaboration recorded, without what no reader
 * would name (functions without work, blocks that do nothing, rounds of unnamed loops).
 */
import type { Span } from '../base/source.ts';
import { ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import type { Graph, GraphParameter, Node, Origin, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { printAttribute } from '../ir/printer.ts';
import { boundsOf, printType } from '../ir/types.ts';
import { bodyOf, usesOf, type Use } from '../ir/walk.ts';
import { multiplyAdds } from '../ir/work.ts';
import type { LoweredProgram } from '../plan/lowered.ts';
import type { Elaborated } from '../semantics/elaborated.ts';
import type { Part } from '../semantics/structure.ts';
import { activationsByOrigin, sumCosts, sumSizes, type Costs } from './costs.ts';
import { valueOf } from './quantities.ts';

export interface Block {
  readonly kind: Part['kind'];
  /** The declaration's name; of a round, that of its loop. */
  readonly name: string;
  /** Dotted path; rounds that are folded together share one, `layers.{0..5}`, as experts do. */
  readonly path: string;
  readonly doc: string;
  readonly hyperparameters: ReadonlyMap<string, string>;
  readonly span: Span;
  /** How many equal copies it stands for, with `nodes` and values of the first. */
  readonly copies: number;
  /** Whether each copy works on the result of the one before. */
  readonly isChain: boolean;
  /** Whether all copies use the parameters of the first. */
  readonly isShared: boolean;
  /** Whether `nodes` and values are those of all copies together, as of experts, whose rows lie side by side. */
  readonly isJoint: boolean;
  /** Values that it reads from outside, parameters left out, and those that it leaves for others. */
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  /** The same of the first copy, whose inside `items` are. */
  readonly first: { readonly inputs: readonly Value[]; readonly outputs: readonly Value[] };
  /** Nodes of its own and of its parts, in order. */
  readonly items: readonly Item[];
  readonly parameters: readonly GraphParameter[];
  /** Elements of the parameters of one copy, also of the blocks around it, parts included. */
  readonly eachParameters: number;
  /** Of all copies, parts included. */
  readonly costs: Costs;
  /** Parts look alike exactly if these texts are the same. */
  readonly signature: string;
}

export type Item = { readonly kind: 'node'; readonly node: Node } | { readonly kind: 'block'; readonly block: Block };

export function partsOf(block: Block): Block[] {
  return blocksOf(block.items);
}

export function parameterElements({ value }: GraphParameter): number {
  return valueOf(elementCount(value.type.shape), new Map()) ?? 0;
}

/** Whether it is the whole entry, and not a model that another uses as a block. */
export function isEntry({ kind, path }: Pick<Part, 'kind' | 'path'>): boolean {
  return (kind === 'model' || kind === 'train') && path === '';
}

/** The tree of an entry; `lowered` tells what its kernels store. */
export function buildBlocks({ graph, structure }: Elaborated, ops: OpTable, lowered: LoweredProgram): Block {
  return new TreeBuilder(graph, ops, lowered).build(structure);
}

class TreeBuilder {
  readonly #graph: Graph;
  readonly #ops: OpTable;
  readonly #bounds: Bounds;
  readonly #activations: ReadonlyMap<Origin, Dim | undefined>;
  readonly #uses: ReadonlyMap<Value, readonly Use[]>;
  /** The place in the graph of the node that makes a value. */
  readonly #madeAt: ReadonlyMap<Value, number>;
  readonly #positions: ReadonlyMap<Node, number>;
  readonly #parameters: ReadonlySet<Value>;
  /** Parameters that no block has been given yet, by path. */
  readonly #parametersAt = new Map<string, GraphParameter[]>();

  constructor(graph: Graph, ops: OpTable, lowered: LoweredProgram) {
    this.#graph = graph;
    this.#ops = ops;
    this.#bounds = boundsOf(graph);
    this.#activations = activationsByOrigin(lowered);
    this.#uses = usesOf(bodyOf(graph));
    this.#positions = new Map(graph.nodes.map((node, at) => [node, at]));
    this.#madeAt = new Map(graph.nodes.flatMap((node, at) => node.results.map((result) => [result, at] as const)));
    this.#parameters = new Set(graph.parameters.map(({ value }) => value));
    for (const parameter of graph.parameters) {
      const { path } = parameter.origin;
      this.#parametersAt.set(path, [...(this.#parametersAt.get(path) ?? []), parameter]);
    }
  }

  /** `copies` are those of what is around it that stands for several. */
  build(part: Part, copies = 1): Block {
    const own = copies * (part.copies ?? 1);
    // A function has none of its own; of several applications at a path the first has what all share.
    const parameters = part.kind === 'function' ? [] : (this.#parametersAt.get(part.path) ?? []);
    if (part.kind !== 'function') this.#parametersAt.delete(part.path);
    const items = this.#itemsOf(part, own);
    const costs = sumCosts([this.#ownCosts(parameters, items), ...blocksOf(items).map((block) => block.costs)]);
    const { kind, name, path, doc, hyperparameters, span } = part;
    const first = { inputs: this.#inputsOf(part), outputs: this.#outputsOf(part) };
    return {
      kind,
      name,
      path: path.replace('{i}', own > 1 ? `{0..${own - 1}}` : '0'),
      doc,
      hyperparameters,
      span,
      copies: part.copies ?? 1,
      isChain: false,
      isShared: false,
      isJoint: part.copies !== undefined,
      ...first,
      first,
      items,
      parameters,
      eachParameters: own > 1 ? membersOf(parameters, blocksOf(items)) : costs.parameters,
      costs,
      signature: signatureOf(part, items),
    };
  }

  #itemsOf(part: Part, copies: number): Item[] {
    const items: Item[] = [];
    let at = part.first;
    const nodesUpTo = (end: number): void => {
      for (; at < end; at++) items.push({ kind: 'node', node: this.#graph.nodes[at]! });
    };
    for (const inner of part.parts) {
      nodesUpTo(inner.first);
      at = inner.end;
      const block = this.build(inner, copies);
      if (isWorthNaming(block)) items.push({ kind: 'block', block });
      else items.push(...block.items);
    }
    nodesUpTo(part.end);
    // The experts first: what sends tokens to each of them stands between them in the graph.
    return part.kind === 'mixture'
      ? items.toSorted((a, b) => Number(a.kind === 'node') - Number(b.kind === 'node'))
      : items;
  }

  #ownCosts(parameters: readonly GraphParameter[], items: readonly Item[]): Costs {
    const nodes = items.flatMap((item) => (item.kind === 'node' ? [item.node] : []));
    const origins = new Set(nodes.map((node) => node.origin));
    return {
      parameters: parameters.reduce((sum, parameter) => sum + parameterElements(parameter), 0),
      multiplyAdds: multiplyAdds(nodes, this.#ops, this.#bounds),
      activations: sumSizes(
        [...origins].map((origin) => (this.#activations.has(origin) ? this.#activations.get(origin) : ZERO)),
      ),
    };
  }

  #inputsOf(part: Part): Value[] {
    const inputs = new Set<Value>();
    for (const node of this.#graph.nodes.slice(part.first, part.end)) {
      for (const input of node.inputs) {
        const at = this.#madeAt.get(input);
        if (at === undefined ? !this.#parameters.has(input) : at < part.first) inputs.add(input);
      }
    }
    return [...inputs];
  }

  /** What a declared result is called matters to a reader; a loop's round has none, and leaves what others read. */
  #outputsOf(part: Part): readonly Value[] {
    if (isEntry(part)) return this.#graph.outputs.map(({ value }) => value);
    if (part.outputs.length > 0) return part.outputs;
    const isRead = (value: Value): boolean =>
      (this.#uses.get(value) ?? []).some((use) => use.kind === 'output' || !this.#isWithin(use.node, part));
    return this.#graph.nodes
      .slice(part.first, part.end)
      .flatMap((node) => node.results)
      .filter(isRead);
  }

  #isWithin(node: Node, part: Part): boolean {
    const at = this.#positions.get(node)!;
    return part.first <= at && at < part.end;
  }
}

/** Elements of the parameters of one expert, and of those that all share. */
function membersOf(parameters: readonly GraphParameter[], parts: readonly Block[]): number {
  const own = parameters.map((parameter) => parameterElements(parameter) / (parameter.members?.length ?? 1));
  return [...own, ...parts.map((part) => part.eachParameters)].reduce((sum, elements) => sum + elements, 0);
}

function blocksOf(items: readonly Item[]): Block[] {
  return items.flatMap((item) => (item.kind === 'block' ? [item.block] : []));
}

/** A function of more nodes than this is easier understood by its name. */
const SMALL = 8;

/** Blocks that do something, rounds of loops, and functions that are long or have products or blocks in them. */
function isWorthNaming({ kind, items, parameters, costs }: Block): boolean {
  switch (kind) {
    case 'model':
    case 'train':
    case 'block':
    case 'mixture':
      return items.length > 0 || parameters.length > 0;
    case 'round':
      return items.length > 0;
    case 'function':
      return items.length > SMALL || blocksOf(items).length > 0 || costs.multiplyAdds?.key !== ZERO.key;
  }
}

/** Everything about a part but its path, with its values numbered in order of appearance. */
function signatureOf(part: Part, items: readonly Item[]): string {
  const numbers = new Map<Value, number>();
  const refer = (value: Value): string => {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return `${numbers.get(value)}:${printType(value.type)}`;
  };
  const settings = [...part.hyperparameters].map(([name, value]) => `${name}=${value}`).join();
  const lines = items.map((item) => {
    if (item.kind === 'block') {
      const { signature, inputs, outputs } = item.block;
      return `{${signature}}(${inputs.map(refer).join()})${outputs.map(refer).join()}`;
    }
    const { op, inputs, attributes, results } = item.node;
    return `${results.map(refer).join()}=${op.name}(${inputs.map(refer).join()})${printAttribute(attributes)}`;
  });
  return `${part.kind} ${part.name}(${settings}) ${lines.join(';')}`;
}
