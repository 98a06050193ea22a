/** Builds what has been planned: the nodes that a routine of generation keeps of the graph, and those it adds. */
import { constant, ONE, symbol, type Dim } from '../dims/dim.ts';
import { Builder } from '../ir/builder.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import type { OpTable } from '../ir/op.ts';
import { nextId } from '../ir/walk.ts';
import { enterByContraction, enterByMovement } from './entry.ts';
import { doesNotFit, type Fault } from './faults.ts';
import { demandKey, type Demand, type Plan, type Planned } from './plan.ts';
import { arrangementOf, rowsAt } from './rows.ts';
import { attributesAtLength, longest, type Sequence } from './sequence.ts';

/** What builds the causal attention of one token: its operands are those planned. */
export interface AttentionBuilder {
  /** The result of `node` for the demand, a value of one token. */
  attend(node: Node, operands: readonly Value[], demand: Demand): Value;
}

export class RoutineBuilder {
  readonly builder: Builder;
  /** Positions of the tokens, i32[batch]. */
  readonly positions: Value;
  readonly #sequence: Sequence;
  readonly #plan: Plan;
  readonly #made = new Map<Value, Map<string, Value>>();

  constructor(builder: Builder, positions: Value, plan: Plan, sequence: Sequence) {
    this.builder = builder;
    this.positions = positions;
    this.#plan = plan;
    this.#sequence = sequence;
  }

  set(value: Value, demand: Demand, made: Value): void {
    const known = this.#made.get(value) ?? new Map<string, Value>();
    this.#made.set(value, known.set(demandKey(demand), made));
  }

  /** What has been built of a value. */
  get(value: Value, demand: Demand): Value {
    if (demand.form === 'whole') return value;
    const known = this.#made.get(value)?.get(demandKey(demand));
    if (known) return known;
    if (demand.form !== 'row') throw new Error(`internal: %${value.id} has not been built`);
    const length = symbol(this.#sequence.time);
    const row = this.#rows(value, value, demand, length);
    this.set(value, demand, row);
    return row;
  }

  /** Adds `node` as far as it is planned; what does not fit at the longest length is a fault. */
  add(node: Node, attention: AttentionBuilder): Fault | undefined {
    this.builder.origin = node.origin;
    if (node.results.some((result) => this.#plan.wholes.has(result))) this.builder.nodes.push(node);
    for (const planned of this.#plan.nodes.get(node) ?? []) {
      const fault = this.#addPlanned(node, planned, attention);
      if (fault) return fault;
    }
    return undefined;
  }

  #addPlanned(node: Node, planned: Planned, attention: AttentionBuilder): Fault | undefined {
    const { form, results, operands, entry, keepsKeys } = planned;
    const first = results[0]!.demand;
    if (keepsKeys) {
      const inputs = operands.map((operand, at) => this.get(node.inputs[at]!, operand));
      this.set(node.results[0]!, first, attention.attend(node, inputs, first));
      return undefined;
    }
    const length = form === 'table' ? longest(this.#sequence) : ONE;
    const attributes = attributesAtLength(this.#sequence, node.attributes, length);
    const inputs = operands.map((operand, at) => this.#operand(node.inputs[at]!, operand, form));
    if (entry) {
      const { shape } = node.results[0]!.type;
      const { layout } = first;
      const made =
        entry.kind === 'movement'
          ? enterByMovement(this.builder, inputs[0]!, entry.parts, arrangementOf(shape, layout, ONE, this.#sequence))
          : enterByContraction(this.builder, node, inputs, entry.operand, attributes, layout, this.#sequence);
      this.set(node.results[0]!, first, made);
      return undefined;
    }
    const applied = this.builder.tryApply(node.op, inputs, attributes);
    if ('error' in applied)
      return doesNotFit(node.origin, this.#sequence.time, this.#sequence.max, applied.error.message);
    for (const { result, demand } of results) this.set(node.results[result]!, demand, applied.values[result]!);
    return undefined;
  }

  /** An operand of a node that is computed in `form`: of a table, tokens read the rows at their positions. */
  #operand(value: Value, demand: Demand, form: Planned['form']): Value {
    const made = this.get(value, demand);
    if (demand.form !== 'table' || form === 'table') return made;
    const rows: Demand = { form: 'row', layout: demand.layout };
    const known = this.#made.get(value)?.get(demandKey(rows));
    if (known) return known;
    const row = this.#rows(value, made, demand, longest(this.#sequence));
    this.set(value, rows, row);
    return row;
  }

  #rows(value: Value, from: Value, { layout }: Demand, length: Dim): Value {
    const at = { at: this.positions, length, sequence: this.#sequence };
    return rowsAt(this.builder, from, value.type.shape, layout, at);
  }
}

/** A builder for nodes of `graph` and more. */
export function builderFor(graph: Graph, ops: OpTable, sequence: Sequence): Builder {
  return new Builder(ops, new Map([...sequence.bounds, [sequence.time, constant(sequence.max)]]), nextId(graph));
}
