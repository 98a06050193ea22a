/**
 * Cheap values of a row kernel that other kernels read are computed again by those, from what is in memory anyway and one
 * number a row: of a layer norm, its gradient reads the input, means and deviations, not the normalised input as well.
 */
import type { Bounds } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { bodyOf, definitionsOf, liveNodes } from '../../ir/walk.ts';
import { findGroups, type Group, type Grouping } from './groups.ts';

/** Operations that may be repeated for an element, rather than store and load it. */
const MOST_OPERATIONS = 6;

export interface Recomputed {
  readonly graph: Graph;
  /** What is computed again, in the kernels that need it. */
  readonly repeated: ReadonlySet<Node>;
}

/** The graph with such values computed once for each kernel that reads them. */
export function recomputeCheap(graph: Graph, builder: Builder): Recomputed {
  return new Recomputing(graph, builder).run(builder.bounds);
}

class Recomputing {
  readonly #graph: Graph;
  readonly #builder: Builder;
  readonly #definitions: ReadonlyMap<Value, Node>;
  readonly #outputs: ReadonlySet<Value>;
  readonly #order: ReadonlyMap<Node, number>;
  /** Copies of nodes, by the first node of the kernel that needs them. */
  readonly #before = new Map<Node, Node[]>();
  /** What stands for a value in the nodes that read it. */
  readonly #replaced = new Map<Node, Map<Value, Value>>();

  constructor(graph: Graph, builder: Builder) {
    this.#graph = graph;
    this.#builder = builder;
    this.#definitions = definitionsOf(graph.nodes);
    this.#outputs = new Set(graph.outputs.map(({ value }) => value));
    this.#order = new Map(graph.nodes.map((node, at) => [node, at]));
  }

  run(bounds: Bounds): Recomputed {
    const grouping = findGroups(this.#graph, bounds);
    for (const group of grouping.groups)
      if (group.kind === 'row')
        for (const member of group.members) this.#recompute(member.results[0]!, group, grouping);
    if (this.#replaced.size === 0) return { graph: this.#graph, repeated: new Set() };
    const nodes = this.#graph.nodes.flatMap((node) => {
      const replaced = this.#replaced.get(node);
      const inputs = node.inputs.map((input) => replaced?.get(input) ?? input);
      return [...(this.#before.get(node) ?? []), replaced ? { ...node, inputs } : node];
    });
    const { results } = bodyOf(this.#graph);
    const graph = { ...this.#graph, nodes: liveNodes({ nodes, results }) };
    return { graph, repeated: new Set([...this.#before.values()].flat()) };
  }

  #recompute(value: Value, group: Group, grouping: Grouping): void {
    const readers = this.#readersOutside(value, group, grouping);
    if (!readers || readers.length === 0) return;
    const nodes = this.#nodesOf(value, group, grouping);
    if (!nodes) return;
    const copies = new Map<Group | Node, Value>();
    for (const reader of readers) {
      const kernel = grouping.groupOf.get(reader) ?? reader;
      const copy = copies.get(kernel) ?? this.#copy(nodes, reader).get(value)!;
      copies.set(kernel, copy);
      const replaced = this.#replaced.get(reader) ?? new Map<Value, Value>();
      this.#replaced.set(reader, replaced.set(value, copy));
    }
  }

  /** Nodes outside of the group that read the value, in order; undefined where it has to be in memory. */
  #readersOutside(value: Value, group: Group, { groupOf, uses }: Grouping): readonly Node[] | undefined {
    if (this.#outputs.has(value)) return undefined;
    const readers = (uses.get(value) ?? []).flatMap((use) => (use.kind === 'operand' ? [use.node] : []));
    const inOrder = [...new Set(readers)].sort((a, b) => this.#order.get(a)! - this.#order.get(b)!);
    const outside = inOrder.filter((reader) => groupOf.get(reader) !== group);
    const mayCompute = ({ op: { body } }: Node): boolean => body.kind === 'pointwise' || body.kind === 'reduction';
    return outside.every(mayCompute) ? outside : undefined;
  }

  /** The group's nodes that compute the value from one tensor in memory and what is less; undefined if that is too dear. */
  #nodesOf(value: Value, group: Group, grouping: Grouping): ReadonlySet<Node> | undefined {
    const { shape } = this.#domainOf(group);
    if (!sameShape(value.type.shape, shape)) return undefined;
    const nodes = new Set<Node>();
    const whole = new Set<Value>();
    const pending = [value];
    let operations = 0;
    while (pending.length > 0) {
      const current = pending.pop()!;
      const node = this.#definitions.get(current);
      if (!node || !group.members.has(node)) {
        const source = this.#sourceOf(current, grouping);
        if (source && !this.#isInMemory(source, grouping)) return undefined;
        if (source && sameShape(source.type.shape, shape)) whole.add(source);
        continue;
      }
      // One number a row is stored.
      if (!sameShape(current.type.shape, shape) || nodes.has(node)) continue;
      const { body } = node.op;
      if (body.kind !== 'movement') operations++;
      if (body.kind === 'reduction' || (body.kind === 'pointwise' && body.expensive)) return undefined;
      nodes.add(node);
      pending.push(...node.inputs);
    }
    return whole.size <= 1 && operations <= MOST_OPERATIONS ? nodes : undefined;
  }

  #domainOf({ anchor }: Group): Value['type'] {
    return anchor.inputs[0]!.type;
  }

  /** Where the elements of a value come from that mere movements bring there, which each reader repeats; undefined for none. */
  #sourceOf(value: Value, { groupOf }: Grouping): Value | undefined {
    let source = value;
    for (;;) {
      const node = this.#definitions.get(source);
      if (!node || groupOf.has(node) || node.op.body.kind !== 'movement' || node.inputs.length > 1) return source;
      const [input] = node.inputs;
      if (!input) return undefined;
      source = input;
    }
  }

  /** Whether a value is stored whoever else reads it. */
  #isInMemory(value: Value, { groupOf, uses }: Grouping): boolean {
    const node = this.#definitions.get(value);
    if (!node || groupOf.has(node)) return true;
    const readers = (uses.get(value) ?? []).map((use) =>
      use.kind === 'output' ? use : (groupOf.get(use.node) ?? use.node),
    );
    return new Set(readers).size > 1;
  }

  #copy(nodes: ReadonlySet<Node>, before: Node): ReadonlyMap<Value, Value> {
    const copies = new Map<Value, Value>();
    const list = this.#before.get(before) ?? [];
    this.#before.set(before, list);
    for (const node of [...nodes].sort((a, b) => this.#order.get(a)! - this.#order.get(b)!)) {
      const results = node.results.map((result) => this.#builder.value(result.type));
      node.results.forEach((result, at) => copies.set(result, results[at]!));
      list.push({ ...node, inputs: node.inputs.map((input) => copies.get(input) ?? input), results });
    }
    return copies;
  }
}
