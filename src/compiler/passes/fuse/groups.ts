/** Which nodes are computed by one kernel because a contraction, an attention or reductions hold them together. */
import { ONE, subtract, symbol, ZERO, type Bounds, type Dim } from '../../dims/dim.ts';
import { sameShape, type Shape } from '../../dims/shape.ts';
import type { FusionKind } from '../../ir/fusion.ts';
import type { Graph, Node, Value } from '../../ir/graph.ts';
import { moveIndex } from '../../ir/movement.ts';
import { isOne } from '../../ir/types.ts';
import { bodyOf, definitionsOf, usesOf, type Use } from '../../ir/walk.ts';
import { entangledGroup } from './entangled.ts';

/**
 * No kernel computes more nodes than this, so that long chains and wide concatenations are compiled in linear time and
 * small functions. Real layers stay far below.
 */
export const MAX_KERNEL_NODES = 96;

export type GroupKind = Exclude<FusionKind, 'pointwise'>;

/** Nodes that one kernel computes. */
export interface Group {
  readonly kind: GroupKind;
  /** The contraction, the attention, the structured op or the first reduction, after which the kernel is named in profiles. */
  readonly anchor: Node;
  readonly members: ReadonlySet<Node>;
}

export interface Grouping {
  readonly groups: readonly Group[];
  readonly groupOf: ReadonlyMap<Node, Group>;
  readonly uses: ReadonlyMap<Value, readonly Use[]>;
}

/** What growing a group looks at. */
interface Context {
  readonly graph: Graph;
  readonly uses: ReadonlyMap<Value, readonly Use[]>;
  readonly definitions: ReadonlyMap<Value, Node>;
  readonly bounds: Bounds;
  /** Whether a node is in no group yet. */
  readonly free: (node: Node) => boolean;
  /** Nodes that join nothing that they follow. */
  readonly apart: ReadonlySet<Node>;
}

/**
 * Contractions, attentions and reductions all get into a group; pointwise nodes that follow or feed one may join it, but
 * none that is `apart` joins what it follows. No group waits for itself through another.
 */
export function findGroups(graph: Graph, bounds: Bounds, apart: ReadonlySet<Node> = new Set()): Grouping {
  const single = new Set<Node>();
  for (;;) {
    const grouping = grownGroups(graph, bounds, apart, single);
    const entangled = entangledGroup(graph, grouping);
    if (!entangled) return grouping;
    single.add(entangled.anchor);
  }
}

/** The groups of reductions that are `single` have no other result, so that who waits for them waits for that alone. */
function grownGroups(graph: Graph, bounds: Bounds, apart: ReadonlySet<Node>, single: ReadonlySet<Node>): Grouping {
  const uses = usesOf(bodyOf(graph));
  const groupOf = new Map<Node, Group>();
  const groups: Group[] = [];
  const add = (kind: GroupKind, anchor: Node, members: readonly Node[]): void => {
    const group = { kind, anchor, members: new Set(members) };
    groups.push(group);
    for (const member of members) groupOf.set(member, group);
  };
  const updates = updatesOf(graph);
  const free = (node: Node): boolean => !groupOf.has(node) && !updates.has(node);
  const context: Context = { graph, uses, bounds, free, apart, definitions: definitionsOf(graph.nodes) };
  for (const node of graph.nodes) {
    if (node.op.body.kind === 'contraction') add('contract', node, withFollowers(node, context));
    if (node.op.body.kind === 'attention') add('attention', node, withFollowers(node, context));
    if (node.op.body.kind === 'structured') add('structured', node, [node]);
  }
  graph.nodes.forEach((node, at) => {
    if (node.op.body.kind === 'reduction' && free(node))
      add('row', node, new RowGroup(context, node, at).members(single.has(node)));
  });
  return { groups, groupOf, uses };
}

/** Nodes that make new values of parameters: by themselves they are written in place, which other nests cannot do. */
function updatesOf({ nodes, outputs }: Graph): ReadonlySet<Node> {
  const updated = new Set(outputs.flatMap(({ value, into }) => (into === undefined ? [] : [value])));
  const mayBeAlone = ({ op: { body } }: Node): boolean => body.kind === 'pointwise' || body.kind === 'movement';
  return new Set(nodes.filter((node) => mayBeAlone(node) && node.results.some((result) => updated.has(result))));
}

/**
 * The node and the chain of nodes behind its first result that keep the elements apart, as long as nobody else looks.
 * A second result that is used may come back into such a chain, so then there is none.
 */
function withFollowers(first: Node, context: Context): Node[] {
  const { uses, free } = context;
  const members = [first];
  if (first.results.slice(1).some((result) => uses.has(result))) return members;
  for (;;) {
    const all = uses.get(members.at(-1)!.results[0]!) ?? [];
    const [only] = all;
    if (only?.kind !== 'operand' || all.some((use) => use.kind !== 'operand' || use.node !== only.node)) return members;
    const { node } = only;
    const { body } = node.op;
    const follows = body.kind === 'pointwise' || (body.kind === 'movement' && body.destination !== undefined);
    if (!follows || !free(node) || node.results[0]!.type.dtype !== 'f32') return members;
    if (members.length >= MAX_KERNEL_NODES || bringsDearFunction(node, members, context)) return members;
    members.push(node);
  }
}

/**
 * Whether a dear function of another tensor would be computed with `node`, such as the slope of an activation that a
 * cotangent is multiplied by. A product is finished in small areas, whose rows lie far apart in that tensor. A pointwise
 * kernel reads it in order, and is faster although the product is stored for it: measured on wasm, of the slope of gelu
 * behind a product of 512 x 512 x 128, 1.51 ms for both against 1.73 ms.
 */
function bringsDearFunction(node: Node, members: readonly Node[], { definitions, uses }: Context): boolean {
  const { shape } = node.results[0]!.type;
  const isWhole = (value: Value): boolean => sameShape(value.type.shape, shape);
  const together = new Set([node]);
  const isOnlyFor = (value: Value): boolean =>
    (uses.get(value) ?? []).every((use) => use.kind === 'operand' && together.has(use.node));
  const pending = [node];
  while (pending.length > 0) {
    for (const input of pending.pop()!.inputs) {
      const maker = definitions.get(input);
      if (!maker || members.includes(maker) || together.has(maker) || !isWhole(input) || !isOnlyFor(input)) continue;
      const { body } = maker.op;
      if (body.kind !== 'pointwise') continue;
      if (body.expensive && maker.inputs.some(isWhole)) return true;
      together.add(maker);
      pending.push(maker);
    }
  }
  return false;
}

/**
 * Reductions along the same axes of one shape (the domain), with the pointwise nodes around them on the domain or on
 * one element a row. Nothing joins that depends on a member through a node outside: the group must stay one step.
 */
class RowGroup {
  readonly #context: Context;
  readonly #members = new Set<Node>();
  readonly #start: number;
  readonly #domain: Shape;
  readonly #kept: Shape;
  readonly #axes: readonly number[];

  /** A group around `first`, the node at place `at` of the graph. */
  constructor(context: Context, first: Node, at: number) {
    this.#context = context;
    this.#start = at;
    this.#domain = first.inputs[0]!.type.shape;
    this.#kept = first.results[0]!.type.shape;
    this.#axes = axesOf(first);
    this.#members.add(first);
  }

  members(isSingle: boolean): readonly Node[] {
    if (!isSingle) this.#growForward();
    this.#growBackward();
    return [...this.#members];
  }

  #growForward(): void {
    const inside = new Set<Value>();
    const tainted = new Set<Value>();
    let pending = 0;
    const enter = (node: Node): void => {
      for (const result of node.results) {
        inside.add(result);
        pending += (this.#context.uses.get(result) ?? []).filter((use) => use.kind === 'operand').length;
      }
    };
    for (const member of this.#members) enter(member);
    for (let at = this.#start + 1; at < this.#context.graph.nodes.length && pending > 0; at++) {
      const node = this.#context.graph.nodes[at]!;
      const reads = node.inputs.filter((input) => inside.has(input)).length;
      const isTainted = node.inputs.some((input) => tainted.has(input));
      pending -= reads;
      if (reads === 0 && !isTainted) continue;
      if (reads > 0 && !isTainted && !this.#context.apart.has(node) && this.#mayJoin(node)) {
        this.#members.add(node);
        enter(node);
      } else for (const result of node.results) tainted.add(result);
    }
  }

  /** Pointwise producers that nobody outside needs are computed where they are reduced. */
  #growBackward(): void {
    const pending = [...this.#members];
    while (pending.length > 0) {
      for (const input of pending.pop()!.inputs) {
        const node = this.#context.definitions.get(input);
        if (!node || this.#members.has(node) || node.op.body.kind !== 'pointwise') continue;
        if (!this.#mayJoin(node) || !this.#isUsedInside(node)) continue;
        this.#members.add(node);
        pending.push(node);
      }
    }
  }

  #mayJoin(node: Node): boolean {
    return this.#members.size < MAX_KERNEL_NODES && this.#context.free(node) && this.#fits(node);
  }

  #isUsedInside(node: Node): boolean {
    const all = node.results.flatMap((result) => this.#context.uses.get(result) ?? []);
    return all.every((use) => use.kind === 'operand' && this.#members.has(use.node));
  }

  #fits(node: Node): boolean {
    const { shape } = node.results[0]!.type;
    const { body } = node.op;
    switch (body.kind) {
      case 'pointwise':
        return sameShape(shape, this.#domain) || this.#isOneARow(shape);
      case 'reduction':
        return sameShape(node.inputs[0]!.type.shape, this.#domain) && axesOf(node).join() === this.#axes.join();
      case 'movement':
        return this.#repeatsRow(node) || this.#keepsRows(node);
      case 'composite':
      case 'contraction':
      case 'attention':
      case 'structured':
      case 'fusion':
        return false;
    }
  }

  /** Whether a shape has one element a row, in the order of the rows, whatever axes of size 1 it has. */
  #isOneARow(shape: Shape): boolean {
    return sameShape(withoutOnes(shape, shape), withoutOnes(this.#kept, this.#kept));
  }

  /** Whether a movement only adds or drops axes of size 1. */
  #keepsRows(node: Node): boolean {
    const [input, ...others] = node.inputs;
    const { shape } = node.results[0]!.type;
    if (!input || others.length > 0 || ![input.type.shape, shape].every((each) => this.#isOneARow(each))) return false;
    const index = shape.map((size, axis) => (isOne(size) ? ZERO : symbol(`$${axis}`)));
    const limits = shape.map((size, axis) => [`$${axis}`, subtract(size, ONE)] as const);
    const moved = moveIndex(node, index, new Map([...this.#context.bounds, ...limits]));
    return moved !== undefined && sameShape(withoutOnes(moved.index, input.type.shape), withoutOnes(index, shape));
  }

  /** Whether a movement gives each element of a row the row's one value. */
  #repeatsRow(node: Node): boolean {
    if (
      node.inputs.length !== 1 ||
      !sameShape(node.inputs[0]!.type.shape, this.#kept) ||
      !sameShape(node.results[0]!.type.shape, this.#domain)
    )
      return false;
    const index = this.#domain.map((_, axis) => symbol(`$${axis}`));
    const wanted = index.map((at, axis) => (this.#axes.includes(axis) || this.#kept[axis]!.key === '1' ? ZERO : at));
    const moved = moveIndex(node, index, this.#context.bounds);
    return moved !== undefined && sameShape(moved.index, wanted);
  }
}

function axesOf(node: Node): readonly number[] {
  const { body } = node.op;
  return body.kind === 'reduction' ? body.axes(node.attributes) : [];
}

/** What stands for the axes of `shape` that are not of size 1. */
function withoutOnes(dims: readonly Dim[], shape: Shape): readonly Dim[] {
  return dims.filter((_, axis) => !isOne(shape[axis]!));
}
