/**
 * Trades memory for arithmetic in training: what the backward pass reads of a block's inside is computed again from what
 * goes into the block, so that only that is kept meanwhile (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
 */
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { boundsOf } from '../ir/types.ts';
import { definitionsOf, nextId } from '../ir/walk.ts';
import type { Pass } from './pass.ts';

export const rematerialize: Pass = {
  name: 'rematerialize',
  doc: 'With `--remat blocks`, computes the insides of numbered blocks again for the backward pass; otherwise nothing.',
  run: (graph, { ops, remat }) => (remat ? new Rematerialization(graph, ops).run() : graph),
};

class Rematerialization {
  readonly #graph: Graph;
  readonly #builder: Builder;
  readonly #definitions: ReadonlyMap<Value, Node>;
  /** Values that are kept anyway, since what comes behind their block reads them too. */
  readonly #kept: ReadonlySet<Value>;
  readonly #again = new Map<Value, Value>();

  constructor(graph: Graph, ops: OpTable) {
    this.#graph = graph;
    this.#builder = new Builder(ops, boundsOf(graph), nextId(graph));
    this.#definitions = definitionsOf(graph.nodes);
    this.#kept = keptValues(graph, this.#definitions);
  }

  run(): Graph {
    for (const node of this.#graph.nodes) {
      if (node.origin.phase !== 'backward') this.#builder.nodes.push(node);
      else this.#builder.nodes.push(withInputs(node, this.#inputsOf(node)));
    }
    return { ...this.#graph, nodes: this.#builder.nodes };
  }

  #inputsOf(node: Node): readonly Value[] {
    return node.inputs.map((input) => this.#valueAgain(input));
  }

  /** What stands for a value behind the forward pass; made where it is first asked for, which is where it is read. */
  #valueAgain(value: Value): Value {
    const known = this.#again.get(value);
    if (known) return known;
    const node = this.#definitions.get(value);
    if (!node || this.#kept.has(value) || blockOf(node) === undefined) return value;
    const inputs = this.#inputsOf(node);
    const results = node.results.map(({ type }) => this.#builder.value(type));
    this.#builder.nodes.push({ ...node, inputs, results, origin: { ...node.origin, phase: 'backward' } });
    node.results.forEach((result, at) => this.#again.set(result, results[at]!));
    return this.#again.get(value)!;
  }
}

function withInputs(node: Node, inputs: readonly Value[]): Node {
  return inputs.every((input, at) => input === node.inputs[at]) ? node : { ...node, inputs };
}

function keptValues(graph: Graph, definitions: ReadonlyMap<Value, Node>): ReadonlySet<Value> {
  const kept = new Set(graph.outputs.map(({ value }) => value));
  for (const node of graph.nodes) {
    if (node.origin.phase !== undefined) continue;
    const block = blockOf(node);
    for (const input of node.inputs) {
      const definition = definitions.get(input);
      if (definition && blockOf(definition) !== block) kept.add(input);
    }
  }
  return kept;
}

/** The outermost instance or round with a number that a node of the forward pass belongs to, `net.layers.3`. */
function blockOf({ origin: { path, phase } }: Node): string | undefined {
  return phase === undefined ? /^(?:[^.]+\.)*?\d+(?=\.|$)/.exec(path)?.[0] : undefined;
}
