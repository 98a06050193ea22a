/**
 * What a routine of generation computes of each value: backwards from its results, each value in the layouts in which it is
 * read, until everything that is read is there. What cannot be followed is a fault; the first in the order of the graph is told.
 */
import type { Node, Value } from '../ir/graph.ts';
import { quotient } from '../ops/movement/reshape.ts';
import { longestSequence, ONE_TOKEN } from './element.ts';
import { isGrouping, type Dependence } from './facts.ts';
import { entryOf, type Entry } from './entry.ts';
import { drawsAnew, looksAtCounts, mixesPositions, mixesSequences, unknownOrder, type Fault } from './faults.ts';
import { hasBatch, hasPositions, layoutKey, NOWHERE, type Layout } from './layout.ts';
import { isFault, operandLayouts, type Rules } from './rules.ts';
import { hasSeveral, isAlongTime } from './sequence.ts';

/**
 * `whole`: as in the graph. `token`: at the position of one token of each sequence. `table`: of the longest sequence, where
 * it depends on positions alone. `row`: at that position, out of the whole value. `counted`: in a sequence of one token,
 * whose number of a token is to be worked out from it.
 */
export type Form = 'whole' | 'token' | 'table' | 'row' | 'counted';

export interface Demand {
  readonly form: Form;
  readonly layout: Layout;
}

/** A node as it is computed for one demand on its results. */
export interface Planned {
  readonly form: Exclude<Form, 'whole' | 'row'>;
  /** The demands that this meets. */
  readonly results: readonly PlannedResult[];
  readonly operands: readonly Demand[];
  /** Where the batch comes in: an operand is the same for all sequences but for their positions. */
  readonly entry?: Entry;
  /** Attention that looks at keys and values that are kept. */
  readonly keepsKeys?: true;
}

export interface PlannedResult {
  readonly result: number;
  readonly demand: Demand;
}

export interface Plan {
  readonly nodes: ReadonlyMap<Node, readonly Planned[]>;
  /** Values that are needed as they are in the graph. */
  readonly wholes: ReadonlySet<Value>;
  demandsOn(value: Value): readonly Demand[];
}

export interface Given extends Rules {
  readonly dependenceOf: (value: Value) => Dependence;
  /** Values that depend on the sequence and are there as a whole; keys and values of attention are then among them. */
  readonly available: ReadonlySet<Value>;
}

export function demandKey({ form, layout }: Demand): string {
  return `${form} ${layoutKey(layout)}`;
}

/** Plans for a result at one token; `node` stands for who reads it. */
export function planFor(
  nodes: readonly Node[],
  result: { readonly value: Value; readonly layout: Layout },
  given: Given,
): Plan | Fault {
  const planner = new Planner(given);
  planner.demand(result.value, { form: 'token', layout: result.layout });
  const faults = nodes.toReversed().flatMap((node) => planner.plan(node) ?? []);
  return faults.at(-1) ?? planner.result();
}

class Planner {
  readonly #given: Given;
  readonly #demands = new Map<Value, Map<string, Demand>>();
  readonly #nodes = new Map<Node, Planned[]>();
  readonly #wholes = new Set<Value>();

  constructor(given: Given) {
    this.#given = given;
  }

  result(): Plan {
    const demandsOn = (value: Value): readonly Demand[] => [...(this.#demands.get(value)?.values() ?? [])];
    return { nodes: this.#nodes, wholes: this.#wholes, demandsOn };
  }

  demand(value: Value, demand: Demand): void {
    const known = this.#demands.get(value) ?? new Map<string, Demand>();
    if (known.has(demandKey(demand))) return;
    this.#demands.set(value, known.set(demandKey(demand), demand));
    if (demand.form === 'whole') this.#wholes.add(value);
  }

  plan(node: Node): Fault | undefined {
    const planned = new Map<string, Planned>();
    for (const [result, value] of node.results.entries()) {
      for (const demand of this.#demands.get(value)?.values() ?? []) {
        const { form, layout } = demand;
        if (form === 'whole' || form === 'row') continue;
        const fault = this.#planFor(node, result, { form, layout }, planned);
        if (fault) return fault;
      }
    }
    if (node.op.random && node.results.some((value) => this.#demands.has(value))) return drawsAnew(node);
    // Rows and their places have to come from one grouping.
    if (isGrouping(node) && planned.size > 1) return unknownOrder(node, this.#given.sequence.time);
    if (planned.size > 0) this.#nodes.set(node, [...planned.values()]);
    if (node.results.some((value) => this.#wholes.has(value)))
      for (const input of node.inputs) this.demand(input, { form: 'whole', layout: NOWHERE });
    return undefined;
  }

  #planFor(
    node: Node,
    result: number,
    demand: { readonly form: Planned['form']; readonly layout: Layout },
    planned: Map<string, Planned>,
  ): Fault | undefined {
    const { sequence, counts } = this.#given;
    const { form, layout } = demand;
    if (form === 'counted' || counts.isWorkedOut(node.results[result]!)) {
      const operands = node.inputs.map((input) => this.#countedOperand(input, layout));
      return void this.#add(node, result, demand, { form, operands }, planned);
    }
    const target = form === 'table' ? longestSequence(sequence) : ONE_TOKEN;
    const found = operandLayouts(node, result, layout, target, this.#given);
    if (isFault(found)) return found;
    // Keys and values that are there as a whole have been kept.
    const { keepsKeys } = found;
    const areKept = keepsKeys && this.#given.available.has(node.inputs[1]!);
    const operands: Demand[] = [];
    for (const [at, own] of (areKept ? found.operands.slice(0, 1) : found.operands).entries()) {
      const operand = this.#operand(node, node.inputs[at]!, form, own);
      if ('code' in operand) return operand;
      operands.push(operand);
    }
    const entry = entryOf(node, demand, operands, found.source, sequence);
    if (entry === 'unknown') return unknownOrder(node, sequence.time);
    const how = { form, operands, ...(entry && { entry }), ...(keepsKeys && { keepsKeys }) };
    return void this.#add(node, result, demand, how, planned);
  }

  #add(node: Node, result: number, demand: Demand, how: Omit<Planned, 'results'>, planned: Map<string, Planned>): void {
    const { form, operands, entry } = how;
    const key = `${form} ${operands.map(demandKey).join(' | ')} ${entry ? layoutKey(demand.layout) : ''}`;
    const met = planned.get(key)?.results ?? [];
    operands.forEach((operand, at) => this.demand(node.inputs[at]!, operand));
    planned.set(key, { ...how, results: [...met, { result, demand }] });
  }

  /** What a number of a token is worked out from: numbers of assignments, and what there is for a sequence of one token. */
  #countedOperand(value: Value, layout: Layout): Demand {
    if (this.#given.dependenceOf(value) === 'fixed') return { form: 'whole', layout: NOWHERE };
    return { form: this.#given.counts.isCount(value) ? 'token' : 'counted', layout };
  }

  /** In which form an operand is read in `layout`, or why it cannot be. */
  #operand(node: Node, value: Value, form: 'token' | 'table', layout: Layout): Demand | Fault {
    const { sequence, counts, dependenceOf, available } = this.#given;
    const dependence = dependenceOf(value);
    if (dependence === 'fixed') return { form: 'whole', layout: NOWHERE };
    if (counts.isCount(value) && !readsAsCount(node, value)) return looksAtCounts(node);
    const { shape } = value.type;
    if (isAlongTime(sequence, shape) && !hasPositions(layout)) return mixesPositions(node, sequence.time);
    const isSpread = hasSeveral(sequence) && shape.some((size) => quotient(size, sequence.batch) !== undefined);
    if (dependence === 'tokens' && isSpread && !hasBatch(layout)) return mixesSequences(node);
    if (form === 'table') return { form, layout };
    const isTable = dependence === 'positions' && layout.time !== undefined && !layout.batch;
    if (available.has(value) && layout.time && (dependence === 'tokens' || isTable)) return { form: 'row', layout };
    return { form: isTable ? 'table' : 'token', layout };
  }
}

/** Whether numbers of tokens and rows, which are others in each sequence, are moved, or read as such, and nothing else. */
function readsAsCount({ op, inputs }: Node, value: Value): boolean {
  switch (op.body.kind) {
    case 'movement':
      return op.body.indirect ? inputs[0] !== value : inputs.length === 1;
    case 'contraction':
      return op.body.ragged !== undefined;
    case 'pointwise':
    case 'composite':
    case 'reduction':
    case 'attention':
    case 'structured':
    case 'fusion':
      return false;
  }
}
