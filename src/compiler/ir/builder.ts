/** Appends nodes to a growing graph body, inferring their types. */
import { DimensionOverflow, type Bounds } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import { withDefaults } from './attributes.ts';
import type { Attributes, Node, Origin, TensorType, Value } from './graph.ts';
import type { Inference, Op, OpTable, SizeCondition, TypeError } from './op.ts';

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

  /** Adds `op` on operands that may not fit: the error is the user's. Absent attributes take their defaults. */
  tryApply(op: Op, inputs: readonly Value[], given: Attributes): Applied {
    const attributes = withDefaults(op, given);
    const inferred = this.#infer(op, inputs, attributes);
    if ('error' in inferred) return inferred;
    const results = inferred.types.map((type) => this.value(type));
    this.nodes.push({ op, inputs, attributes, results, origin: this.origin });
    return { values: results, conditions: inferred.conditions ?? [] };
  }

  /** The shape rule, and that sizes and numbers of elements stay exact, whatever the dimensions: strides rely on it. */
  #infer(op: Op, inputs: readonly Value[], attributes: Attributes): Inference {
    try {
      const inferred = op.infer(
        inputs.map((input) => input.type),
        attributes,
        { bounds: this.bounds },
      );
      if ('types' in inferred) inferred.types.forEach((type) => elementCount(type.shape));
      return inferred;
    } catch (error) {
      if (!(error instanceof DimensionOverflow)) throw error;
      return { error: { message: `the result of \`${op.name}\` has more than 2^53 elements` } };
    }
  }

  /** Adds an op by name on operands known to fit. Throws Error when they do not: a bug of the compiler. */
  apply(name: string, inputs: readonly Value[], attributes: Attributes = {}): readonly Value[] {
    const applied = this.tryApply(this.op(name), inputs, attributes);
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
