/** Appends nodes to a growing graph body, inferring their types. */
import { DimensionOverflow, type Bounds } from '../dims/dim.ts';
import { MAX_RANK } from './types.ts';
import { elementCount } from '../dims/shape.ts';
import { withDefaults } from './attributes.ts';
import type { Attributes, Node, Origin, TensorType, Value } from './graph.ts';
import type { Op, OpTable, SizeCondition, TypeError } from './op.ts';

/** The results, and what every run has to keep to for them to make sense. */
export type Applied =
  { readonly values: readonly Value[]; readonly conditions: readonly SizeCondition[] } | { readonly error: TypeError };

export class Builder {
  readonly nodes: Node[] = [];
  readonly ops: OpTable;
  readonly bounds: Bounds;
  /** Stamped on every node made from now on. */
  origin: Origin = { path: '' };
  #nextId: number;

  constructor(ops: OpTable, bounds: Bounds, firstId = 0) {
    this.ops = ops;
    this.bounds = bounds;
    this.#nextId = firstId;
  }

  /** A value that no node defines: an input, a parameter, a region's parameter. */
  value(type: TensorType): Value {
    return { id: this.#nextId++, type };
  }

  /**
   * Adds `op` on operands that may not fit: the error is the user's. Sizes and numbers of elements stay exact, whatever
   * the dimensions, since strides rely on it. Absent attributes take their defaults.
   */
  tryApply(op: Op, inputs: readonly Value[], given: Attributes): Applied {
    const called = `the result of \`${op.name}\` has`;
    try {
      const applied = this.#add(op, inputs, given);
      if ('error' in applied || applied.values.every((value) => value.type.shape.length <= MAX_RANK)) return applied;
      return { error: { message: `${called} more than ${MAX_RANK} axes` } };
    } catch (error) {
      if (error instanceof RangeError || !(error instanceof DimensionOverflow)) throw error;
      const what =
        error.what === 'parts' ? 'a size of more parts than can be computed with' : 'more than 2^53 elements';
      return { error: { message: `${called} ${what}` } };
    }
  }

  /** Throws DimensionOverflow. */
  #add(op: Op, inputs: readonly Value[], given: Attributes): Applied {
    const attributes = withDefaults(op, given);
    const types = inputs.map((input) => input.type);
    const inferred = op.infer(types, attributes, { bounds: this.bounds });
    if ('error' in inferred) return inferred;
    inferred.types.forEach((type) => elementCount(type.shape));
    const results = inferred.types.map((type) => this.value(type));
    this.nodes.push({ op, inputs, attributes, results, origin: this.origin });
    return { values: results, conditions: inferred.conditions ?? [] };
  }

  /**
   * Adds an op by name on operands known to fit. Throws Error when they do not, a bug of the compiler, and
   * DimensionOverflow where what is computed on the way to a result is beyond counting.
   */
  apply(name: string, inputs: readonly Value[], attributes: Attributes = {}): readonly Value[] {
    const applied = this.#add(this.op(name), inputs, attributes);
    if ('error' in applied) throw new Error(`internal: ${name} does not fit its operands: ${applied.error.message}`);
    return applied.values;
  }

  /** `apply` for an op with one result. */
  one(name: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.apply(name, inputs, attributes)[0]!;
  }

  op(name: string): Op {
    const op = this.ops.get(name);
    if (!op) throw new Error(`internal: no op ${name}`);
    return op;
  }
}
