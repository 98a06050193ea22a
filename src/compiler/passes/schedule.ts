/**
 * Computes new values of parameters, and of what is kept, where those can be written in place and what they are made of is needed no longer:
 * behind the loss and the last reader of the old value, and not later than that; gradients as soon as there is what they
 * are made of, which is larger. Only the order changes.
 */
import { fusionOf } from '../ir/fusion.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { bodyOf, definitionsOf, usesOf } from '../ir/walk.ts';
import type { Pass } from './pass.ts';

export const schedule: Pass = {
  name: 'schedule',
  doc: 'Computes new values of parameters as soon as the old ones are no longer read.',
  run: (graph) =>
    graph.outputs.some(({ into }) => into !== undefined) ? { ...graph, nodes: new Scheduler(graph).order() } : graph,
};

class Scheduler {
  readonly #graph: Graph;
  readonly #definitions: ReadonlyMap<Value, Node>;
  /** Nodes that make new values, with the old ones. */
  readonly #updates = new Map<Node, Value[]>();
  /** What only updates read: gradients. */
  readonly #gradients = new Set<Node>();
  /** Pointwise nodes that only updates read; they are computed with the first of those. */
  readonly #feeders = new Set<Node>();
  /** How many nodes have still to be placed before an update or a gradient. */
  readonly #missing = new Map<Node, number>();
  /** The updates and gradients that wait for a node. */
  readonly #waiting = new Map<Node, Node[]>();
  readonly #placed = new Set<Node>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#definitions = definitionsOf(graph.nodes);
    const old = new Map([...graph.parameters, ...(graph.kept ?? [])].map(({ name, value }) => [name, value]));
    for (const { value, into } of graph.outputs) {
      const node = this.#definitions.get(value);
      if (node && into !== undefined) this.#updates.set(node, [...(this.#updates.get(node) ?? []), old.get(into)!]);
    }
    this.#findFed();
    this.#findWaiting();
  }

  order(): Node[] {
    for (const node of this.#graph.nodes) if (!this.#isMoved(node)) this.#place(node);
    // What is left waits for itself, as two parameters do that change places.
    for (const node of [...this.#gradients, ...this.#updates.keys()]) this.#place(node);
    return [...this.#placed];
  }

  #isMoved(node: Node): boolean {
    return this.#updates.has(node) || this.#feeders.has(node) || this.#gradients.has(node);
  }

  #findFed(): void {
    const uses = usesOf(bodyOf(this.#graph));
    for (const node of this.#graph.nodes.toReversed()) {
      const all = node.results.flatMap((result) => uses.get(result) ?? []);
      const feeds = ({ node: reader }: { node: Node }): boolean =>
        this.#updates.has(reader) || this.#feeders.has(reader);
      if (this.#updates.has(node) || !all.every((use) => use.kind === 'operand' && feeds(use))) continue;
      (fusionOf(node)?.kind === 'pointwise' ? this.#feeders : this.#gradients).add(node);
    }
  }

  #findWaiting(): void {
    const readers = new Map<Value, Node[]>();
    for (const node of this.#graph.nodes)
      for (const input of new Set(node.inputs)) readers.set(input, [...(readers.get(input) ?? []), node]);
    const loss = this.#graph.outputs.find(({ name }) => name === 'loss')?.value;
    const lossNode = loss && this.#definitions.get(loss);
    for (const node of [...this.#updates.keys(), ...this.#gradients]) {
      const old = this.#updates.get(node) ?? [];
      const before = new Set([...this.#sources(node), ...old.flatMap((value) => readers.get(value) ?? [])]);
      if (lossNode) before.add(lossNode);
      before.delete(node);
      this.#missing.set(node, before.size);
      for (const one of before) this.#waiting.set(one, [...(this.#waiting.get(one) ?? []), node]);
    }
  }

  /** The nodes that a node reads from, through feeders. */
  #sources(node: Node, found = new Set<Node>()): Set<Node> {
    for (const input of node.inputs) {
      const definition = this.#definitions.get(input);
      if (!definition || found.has(definition)) continue;
      if (this.#feeders.has(definition)) this.#sources(definition, found);
      else found.add(definition);
    }
    return found;
  }

  /** Places a node, what it reads and has been left out so far, and then the updates that have waited for it. */
  #place(node: Node): void {
    const pending = [node];
    while (pending.length > 0) {
      const next = pending.at(-1)!;
      const unmade = next.inputs.flatMap((input) => {
        const definition = this.#definitions.get(input);
        return definition && !this.#placed.has(definition) ? [definition] : [];
      });
      if (unmade.length > 0 && !this.#placed.has(next)) {
        pending.push(...unmade.reverse());
        continue;
      }
      pending.pop();
      if (this.#placed.has(next)) continue;
      this.#placed.add(next);
      pending.push(...this.#released(next).reverse());
    }
  }

  /** Updates and gradients that waited for nothing but this node. */
  #released(node: Node): Node[] {
    return (this.#waiting.get(node) ?? []).filter((update) => {
      const missing = this.#missing.get(update)! - 1;
      this.#missing.set(update, missing);
      return missing === 0;
    });
  }
}
