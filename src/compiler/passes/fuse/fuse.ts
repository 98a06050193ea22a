/**
 * Fusion: every value that has to be in memory is made by one fused node, whose region holds all that is computed on
 * the way: pointwise chains behind a product in registers, softmax and layer norm as row kernels, everything else that
 * is pointwise or movement inside its consumer, or in a kernel of its own where several kernels need it.
 */
import { equal, symbol, type Dim } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { Builder } from '../../ir/builder.ts';
import type { Fusion, FusionKind } from '../../ir/fusion.ts';
import type { Graph, Node, Origin, Region, Value } from '../../ir/graph.ts';
import { moveIndex } from '../../ir/movement.ts';
import { boundsOf } from '../../ir/types.ts';
import { definitionsOf, nextId, topologicalOrder, type Use } from '../../ir/walk.ts';
import type { Pass } from '../pass.ts';
import { findGroups, MAX_KERNEL_NODES, type Group, type Grouping } from './groups.ts';
import { joinPointwise, type Kernel } from './join.ts';
import { recomputeCheap, type Recomputed } from './recompute.ts';

export const fuse: Pass = {
  name: 'fuse',
  doc: 'Puts what one kernel computes into one fused node.',
  run(graph, context) {
    const builder = new Builder(context.ops, boundsOf(graph), nextId(graph));
    return new Fuser(recomputeCheap(graph, builder), builder).run();
  },
};

/** A kernel to be: the values it must leave in memory, and what holds it together. */
interface Root {
  readonly kind: FusionKind;
  readonly values: readonly Value[];
  readonly anchor: Node;
}

class Fuser {
  readonly #graph: Graph;
  readonly #builder: Builder;
  readonly #definitions: ReadonlyMap<Value, Node>;
  readonly #grouping: Grouping;
  /** The kernels that each inlined node is computed in. */
  readonly #readers = new Map<Node, Set<Group | Node>>();
  /** How many nodes each kernel computes so far. */
  readonly #sizes = new Map<Group | Node, number>();
  readonly #stored = new Set<Value>();
  /** Nodes whose elements are read at many places each, by windows. */
  readonly #overlapped = new Set<Node>();
  readonly #order: ReadonlyMap<Node, number>;

  constructor({ graph, repeated }: Recomputed, builder: Builder) {
    this.#graph = graph;
    this.#builder = builder;
    this.#definitions = definitionsOf(graph.nodes);
    this.#grouping = findGroups(graph, builder.bounds, repeated);
    this.#order = new Map(graph.nodes.map((node, at) => [node, at]));
  }

  run(): Graph {
    const roots = this.#joined(this.#findRoots());
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
      if (this.#isOverlapped(node)) this.#overlapped.add(node);
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

  /** The kernels, of which some that are pointwise have become one. */
  #joined(roots: readonly Root[]): Root[] {
    const kernels = inRunningOrder(
      roots.map((root) => {
        const nodes = this.#nodesBehind(root.values);
        const made = new Set(nodes.flatMap((node) => node.results));
        const inputs = new Set(nodes.flatMap((node) => node.inputs).filter((input) => !made.has(input)));
        return { ...root, nodes: new Set(nodes), inputs, isPointwise: root.kind === 'pointwise' };
      }),
    );
    return joinPointwise(kernels, MAX_KERNEL_NODES).map((members) => {
      const joined = members.map((at) => kernels[at]!);
      const { kind, anchor } = joined[0]!;
      return { kind, anchor, values: joined.flatMap(({ values }) => values) };
    });
  }

  #groupRoot(group: Group): Root {
    // A structured op writes all its results, read or not.
    const values = [...group.members].flatMap((member) =>
      member.results.filter((result) => group.kind === 'structured' || this.#isReadOutside(result, group)),
    );
    for (const value of values) this.#stored.add(value);
    return { kind: group.kind, values, anchor: group.anchor };
  }

  #isReadOutside(value: Value, group: Group): boolean {
    return this.#usesOf([value]).some((use) => use.kind === 'output' || this.#grouping.groupOf.get(use.node) !== group);
  }

  #usesOf(values: readonly Value[]): Use[] {
    return values.flatMap((value) => this.#grouping.uses.get(value) ?? []);
  }

  /** The kernels that read a node's value, directly or through nodes inlined into them. */
  #readersOf(node: Node): Set<Group | Node> {
    const readers = new Set<Group | Node>();
    for (const use of this.#usesOf(node.results)) {
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

  /**
   * One reader computes it on the way; a mere renaming of elements that are in memory is repeated by each, as are numbers
   * made of nothing. Random ones are drawn once: a training step with dropout is faster by 4 % than where each draws them.
   */
  #mayBeInlined(node: Node, readers: ReadonlySet<Group | Node>): boolean {
    if (readers.has(node) || this.#feedsRepeatedReads(node)) return false;
    if (this.#overlapped.has(node) && !this.#isRenaming(node)) return false;
    if ([...readers].some((reader) => this.#sizeOf(reader) >= MAX_KERNEL_NODES)) return node.inputs.length === 0;
    if (isChoice(node) && this.#feedsChoice(node)) return false;
    if (readers.size <= 1) return !this.#isDearAndRepeated(node);
    const { body } = node.op;
    if (body.kind !== 'movement' || body.expensive) return false;
    return node.inputs.length <= 1 || (body.indirect === true && !feedsProduct(readers));
  }

  /** Whether windows read the node, or mere renamings of elements that windows read in turn. */
  #isOverlapped(node: Node): boolean {
    return this.#usesOf(node.results).some((use) => {
      if (use.kind !== 'operand' || use.node.op.body.kind !== 'movement') return false;
      return use.node.op.body.overlaps || (this.#overlapped.has(use.node) && this.#isRenaming(use.node));
    });
  }

  /** Whether each element of the result is an element of an operand, at a place that takes no choice to tell. */
  #isRenaming(node: Node): boolean {
    const index = node.results[0]!.type.shape.map((_, axis) => symbol(`$${axis}`));
    const moved = moveIndex(node, index, this.#builder.bounds);
    return moved !== undefined && !moved.index.some(hasExtremum);
  }

  /** Whether a structured op reads its elements several times each. */
  #feedsRepeatedReads(node: Node): boolean {
    return this.#usesOf(node.results).some((use) => {
      if (use.kind !== 'operand' || use.node.op.body.kind !== 'structured') return false;
      return !use.node.op.body.once?.includes(use.operand);
    });
  }

  /** A choice between operands inside of another one would be made for each piece of that one. */
  #feedsChoice(node: Node): boolean {
    return this.#usesOf(node.results).some((use) => use.kind === 'operand' && isChoice(use.node));
  }

  /** A dear scalar function whose result is then repeated along axes would be computed for every repetition. */
  #isDearAndRepeated(node: Node): boolean {
    const { body } = node.op;
    if ((body.kind !== 'pointwise' && body.kind !== 'movement') || !body.expensive) return false;
    return this.#usesOf(node.results).some(
      (use) =>
        (use.kind === 'operand' &&
          use.node.op.body.kind === 'movement' &&
          (use.node.inputs.length === 1 || use.node.op.body.indirect) &&
          !equal(
            elementCount(use.node.results[0]!.type.shape),
            elementCount(use.node.inputs[use.operand]!.type.shape),
          )) ||
        isRepeatedMask(use),
    );
  }

  #fuseRoot(root: Root, replaced: Map<Value, Value>): Node {
    const { body, inputs } = this.#regionOf(root.values);
    const fused = this.#fused({ kind: root.kind, body }, inputs, root.anchor.origin);
    root.values.forEach((value, at) => replaced.set(value, fused.results[at]!));
    return fused;
  }

  #fused(attributes: Fusion, inputs: readonly Value[], origin: Origin): Node {
    const results = attributes.body.results.map((result) => this.#builder.value(result.type));
    return { op: this.#builder.op('fusion'), inputs, attributes, results, origin };
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
    const body = { parameters: [parameter], nodes: [move], results: [result] };
    return this.#fused({ kind: 'pointwise', body }, [value], move.origin);
  }
}

/** A kernel of several results may be read before the last of its nodes stands in the graph. */
function inRunningOrder<K extends Root & Kernel>(kernels: readonly K[]): K[] {
  const nodes = new Map(
    kernels.map(
      (kernel) => [{ ...kernel.anchor, inputs: [...kernel.inputs], results: kernel.values }, kernel] as const,
    ),
  );
  return topologicalOrder([...nodes.keys()]).map((node) => nodes.get(node)!);
}

/** A product reads its operands many times over, so several of them share rows that have been gathered once. */
function feedsProduct(readers: ReadonlySet<Group | Node>): boolean {
  return [...readers].some((reader) => 'members' in reader && reader.kind === 'contract');
}

/** A mask of attention that is smaller than the scores, which exist nowhere. */
function isRepeatedMask(use: Use): boolean {
  if (use.kind !== 'operand' || use.node.op.body.kind !== 'attention' || use.operand !== 3) return false;
  const [q, k, , mask] = use.node.inputs.map((input) => input.type.shape);
  return !equal(elementCount(mask!), elementCount([...q!.slice(0, -1), k!.at(-2)!]));
}

/** A movement that reads from one of several operands. */
function isChoice(node: Node): boolean {
  return node.op.body.kind === 'movement' && node.inputs.length > 1 && !node.op.body.indirect;
}

function hasExtremum(dim: Dim): boolean {
  return dim.terms.some((term) => term.factors.some((atom) => atom.kind === 'min' || atom.kind === 'max'));
}
