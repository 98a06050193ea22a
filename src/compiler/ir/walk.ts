/** Looking over graphs, for passes. Knows no op. */
import { isList, isRegion } from './attributes.ts';
import type { Attribute, Graph, Node, Region, Value } from './graph.ts';

/** One place where a value is read: an operand of a node, or a result of the body (`output`). */
export type Use =
  | { readonly kind: 'operand'; readonly node: Node; readonly operand: number }
  | { readonly kind: 'output'; readonly output: number };

/** What a graph and a region have in common. */
export interface Body {
  readonly nodes: readonly Node[];
  readonly results: readonly Value[];
}

export function bodyOf(graph: Graph): Body {
  return { nodes: graph.nodes, results: graph.outputs.map((output) => output.value) };
}

/** Every use of every value, in order; values without uses have no entry. Regions see nothing outside, so none hide. */
export function usesOf({ nodes, results }: Body): Map<Value, Use[]> {
  const uses = new Map<Value, Use[]>();
  const record = (value: Value, use: Use): void => {
    const known = uses.get(value);
    if (known) known.push(use);
    else uses.set(value, [use]);
  };
  for (const node of nodes) node.inputs.forEach((value, operand) => record(value, { kind: 'operand', node, operand }));
  results.forEach((value, output) => record(value, { kind: 'output', output }));
  return uses;
}

/** The node that makes each value; inputs and parameters have none. */
export function definitionsOf(nodes: readonly Node[]): Map<Value, Node> {
  return new Map(nodes.flatMap((node) => node.results.map((result) => [result, node] as const)));
}

/** The nodes that `results` depend on, in their order. */
export function liveNodes({ nodes, results }: Body): Node[] {
  const needed = new Set(results);
  const live: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.results.some((result) => needed.has(result))) continue;
    live.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  return live.reverse();
}

/**
 * An order in which every value is made before it is used, as near to the given one as that allows: a node moves
 * only to behind the last of its operands. Throws Error on a cycle: a bug of the pass that made it.
 */
export function topologicalOrder(nodes: readonly Node[]): Node[] {
  const definitions = definitionsOf(nodes);
  const ordered = new Set<Node>();
  const open = new Set<Node>();
  const stack: Node[] = [];
  for (const root of nodes) {
    stack.push(root);
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const pending = ordered.has(node) ? [] : unmade(node, definitions, ordered);
      if (pending.length === 0) {
        stack.pop();
        open.delete(node);
        ordered.add(node);
      } else {
        if (open.has(node)) throw new Error(`internal: ${node.op.name} depends on its own result`);
        open.add(node);
        stack.push(...pending.reverse());
      }
    }
  }
  return [...ordered];
}

function unmade(node: Node, definitions: ReadonlyMap<Value, Node>, made: ReadonlySet<Node>): Node[] {
  return node.inputs.flatMap((input) => {
    const definition = definitions.get(input);
    return definition && !made.has(definition) ? [definition] : [];
  });
}

/** The regions in a node's attributes. */
export function regionsOf(node: Node): Region[] {
  const collect = (value: Attribute): Region[] =>
    isRegion(value) ? [value] : isList(value) ? value.flatMap(collect) : [];
  return Object.values(node.attributes).flatMap(collect);
}

/** Visits every node, those of nested regions after the node that holds them. */
export function forEachNode(nodes: readonly Node[], visit: (node: Node) => void): void {
  for (const node of nodes) {
    visit(node);
    for (const region of regionsOf(node)) forEachNode(region.nodes, visit);
  }
}

/** An id above all ids in use, nested regions included: where a builder of further nodes begins. */
export function nextId(graph: Graph): number {
  let next = 0;
  const see = (value: Value): void => {
    next = Math.max(next, value.id + 1);
  };
  for (const { value } of [...graph.inputs, ...graph.parameters, ...(graph.kept ?? [])]) see(value);
  forEachNode(graph.nodes, (node) => {
    node.results.forEach(see);
    for (const region of regionsOf(node)) region.parameters.forEach(see);
  });
  return next;
}
