/**
 * Fusion: every value that has to be in memory is made by one fused node, whose region holds all that is computed on
 * the way: pointwise chains behind a product in registers, softmax and layer norm as row kernels, everything else that
 * is pointwise or movement inside its consumer, or in a kernel of its own where several kernels need it.
 */
import { equal } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { Builder } from '../../ir/builder.ts';
import type { Graph, Node, Region, Value } from '../../ir/graph.ts';
import { definitionsOf, nextId, topologicalOrder } from '../../ir/walk.ts';
import type { Pass } from '../pass.ts';
import { graphBounds } from '../rewriter.ts';
import { findGroups, MAX_KERNEL_NODES, type Group, type Grouping } from './groups.ts';

export const fuse: Pass = {
  name: 'fuse',
  doc: 'Puts what one kernel computes into one fused node.',
  run: (graph, context) => new Fusion(graph, new Builder(context.ops, graphBounds(graph), nextId(graph))).run(),
};

/** A kernel to be: the values it must leave in memory, and what holds it together. */
interface Root {
  readonly kind: 'contract' | 'row' | 'pointwise';
  readonly values: readonly Value[];
  readonly anchor: Node;
}

class Fusion {
  readonly #graph: Graph;
  readonly #builder: Builder;
  readonly #definitions: ReadonlyMap<Value, Node>;
  readonly #grouping: Grouping;
  /** The kernels that each inlined node is computed in. */
  readonly #readers = new Map<Node, Set<Group | Node>>();
  /** How many nodes each kernel computes so far. */
  readonly #sizes = new Map<Group | Node, number>();
  readonly #stored = new Set<Value>();
  readonly #order: ReadonlyMap<Node, number>;

  constructor(graph: Graph, builder: Builder) {
    this.#graph = graph;
    this.#builder = builder;
    this.#definitions = definitionsOf(graph.nodes);
    this.#grouping = findGroups(graph, builder.bounds);
    this.#order = new Map(graph.nodes.map((node, at) => [node, at]));
  }

  run(): Graph {
    const roots = this.#findRoots();
    const replaced = new Map<Value, Value>();
    const nodes = roots.map((root) => this.#fuseRoot(root, replaced));
    const taken = new Set<Value>();
    const outputs = this.#graph.outputs.map((output) => {
      let value = replaced.get(output.value) ?? output.value;
      // An output needs a place of its own: inputs, parameters and values with two names are copied.
      if (!replaced.has(output.value) || taken.has(value)) {
        const copy = this.#copy(value);
        nodes.push(copy);
        [value] = copy.results as [Value];
      }
      taken.add(value);
      return { ...output, value };
    });
    const wired = nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => replaced.get(input) ?? input) }));
    return { ...this.#graph, nodes: topologicalOrder(wired), outputs };
  }

  /** Backwards over the nodes, so that all readers of a value are known when its own place is decided. */
  #findRoots(): Root[] {
    const { groupOf } = this.#grouping;
    const roots: Root[] = [];
    const done = new Set<Group>();
    for (const node of this.#graph.nodes.toReversed()) {
      const group = groupOf.get(node);
      if (group) {
        if (!done.has(group)) {
          done.add(group);
          roots.push(this.#groupRoot(group));
        }
        continue;
      }
      const readers = this.#readersOf(node);
      const [value] = node.results;
      if (this.#mayBeInlined(node, readers)) {
        this.#readers.set(node, readers);
        for (const reader of readers) this.#sizes.set(reader, this.#sizeOf(reader) + 1);
        continue;
      }
      this.#stored.add(value!);
      roots.push({ kind: 'pointwise', values: node.results, anchor: node });
    }
    return roots.reverse();
  }

  #groupRoot(group: Group): Root {
    const values = [...group.members].flatMap((member) =>
      member.results.filter((result) => this.#isReadOutside(result, group)),
    );
    for (const value of values) this.#stored.add(value);
    return { kind: group.kind, values, anchor: group.anchor };
  }

  #isReadOutside(value: Value, group: Group): boolean {
    return (this.#grouping.uses.get(value) ?? []).some(
      (use) => use.kind === 'output' || this.#grouping.groupOf.get(use.node) !== group,
    );
  }

  /** The kernels that read a node's value, directly or through nodes inlined into them. */
  #readersOf(node: Node): Set<Group | Node> {
    const readers = new Set<Group | Node>();
    for (const use of node.results.flatMap((result) => this.#grouping.uses.get(result) ?? [])) {
      if (use.kind === 'output') readers.add(node);
      else {
        const group = this.#grouping.groupOf.get(use.node);
        const inlined = this.#readers.get(use.node);
        if (group) readers.add(group);
        else if (inlined) inlined.forEach((reader) => readers.add(reader));
        else readers.add(use.node);
      }
    }
    return readers;
  }

  #sizeOf(kernel: Group | Node): number {
    return this.#sizes.get(kernel) ?? ('members' in kernel ? kernel.members.size : 1);
  }

  /** One reader computes it on the way; a mere renaming of elements that are in memory is repeated by each. */
  #mayBeInlined(node: Node, readers: ReadonlySet<Group | Node>): boolean {
    if (readers.has(node)) return false;
    if ([...readers].some((reader) => this.#sizeOf(reader) >= MAX_KERNEL_NODES)) return node.inputs.length === 0;
    if (isChoice(node) && this.#feedsChoice(node)) return false;
    if (readers.size <= 1) return !this.#isDearAndRepeated(node);
    return node.op.body.kind === 'movement' && node.inputs.length <= 1;
  }

  /** A choice between operands inside of another one would be made for each piece of that one. */
  #feedsChoice(node: Node): boolean {
    const uses = node.results.flatMap((result) => this.#grouping.uses.get(result) ?? []);
    return uses.some((use) => use.kind === 'operand' && isChoice(use.node));
  }

  /** A dear scalar function whose result is then repeated along axes would be computed for every repetition. */
  #isDearAndRepeated(node: Node): boolean {
    const { body } = node.op;
    if (body.kind !== 'pointwise' || !body.expensive) return false;
    const uses = node.results.flatMap((result) => this.#grouping.uses.get(result) ?? []);
    return uses.some(
      (use) =>
        use.kind === 'operand' &&
        use.node.op.body.kind === 'movement' &&
        use.node.inputs.length === 1 &&
        !equal(elementCount(use.node.results[0]!.type.shape), elementCount(use.node.inputs[0]!.type.shape)),
    );
  }

  #fuseRoot(root: Root, replaced: Map<Value, Value>): Node {
    const region = this.#regionOf(root.values);
    const results = root.values.map((value) => this.#builder.value(value.type));
    root.values.forEach((value, at) => replaced.set(value, results[at]!));
    return {
      op: this.#builder.op('fusion'),
      inputs: region.inputs,
      attributes: { kind: root.kind, body: region.body },
      results,
      origin: root.anchor.origin,
    };
  }

  /** Everything from the stored values before it up to `values`, with values of its own. */
  #regionOf(values: readonly Value[]): { readonly body: Region; readonly inputs: readonly Value[] } {
    const inner = new Map<Value, Value>();
    const inputs: Value[] = [];
    const parameters: Value[] = [];
    const nodes: Node[] = [];
    const needed = this.#nodesBehind(values);
    const innerOf = (value: Value): Value => {
      const known = inner.get(value);
      if (known) return known;
      const parameter = this.#builder.value(value.type);
      inner.set(value, parameter);
      inputs.push(value);
      parameters.push(parameter);
      return parameter;
    };
    for (const node of needed) {
      const operands = node.inputs.map(innerOf);
      const results = node.results.map((result) => this.#builder.value(result.type));
      node.results.forEach((result, at) => inner.set(result, results[at]!));
      nodes.push({ ...node, inputs: operands, results });
    }
    return { body: { parameters, nodes, results: values.map(innerOf) }, inputs };
  }

  /** The nodes to compute for `values` in the graph's order; stored values of other kernels are not looked behind. */
  #nodesBehind(values: readonly Value[]): Node[] {
    const found = new Set<Node>();
    const pending = values.map((value) => this.#definitions.get(value)!);
    const own = new Set(pending.map((node) => this.#grouping.groupOf.get(node)));
    while (pending.length > 0) {
      const node = pending.pop()!;
      if (found.has(node)) continue;
      found.add(node);
      for (const input of node.inputs) {
        const definition = this.#definitions.get(input);
        if (!definition) continue;
        const group = this.#grouping.groupOf.get(definition);
        const outside = group ? !own.has(group) : this.#stored.has(input);
        if (!outside) pending.push(definition);
      }
    }
    return [...found].sort((a, b) => this.#order.get(a)! - this.#order.get(b)!);
  }

  #copy(value: Value): Node {
    const { type } = value;
    const [parameter, result] = [this.#builder.value(type), this.#builder.value(type)];
    const move: Node = {
      op: this.#builder.op('reshape'),
      inputs: [parameter],
      attributes: { shape: type.shape },
      results: [result],
      origin: { path: '' },
    };
    return {
      op: this.#builder.op('fusion'),
      inputs: [value],
      attributes: { kind: 'pointwise', body: { parameters: [parameter], nodes: [move], results: [result] } },
      results: [this.#builder.value(type)],
      origin: { path: '' },
    };
  }
}

/** A movement that reads from one of several operands. */
function isChoice(node: Node): boolean {
  return node.op.body.kind === 'movement' && node.inputs.length > 1;
}
