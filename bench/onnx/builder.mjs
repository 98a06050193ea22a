/** Collects the nodes and constants of an ONNX graph. */
export class GraphBuilder {
  nodes = [];
  initializers = [];

  /** Adds a node and answers the name of its result. */
  add(op, inputs, attributes = {}, result = `t${this.nodes.length}`) {
    this.nodes.push({ op, inputs, outputs: [result], attributes });
    return result;
  }

  /** The same for an op with `count` results. */
  addSplit(op, inputs, count, attributes = {}) {
    const outputs = Array.from({ length: count }, (_, at) => `t${this.nodes.length}_${at}`);
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  constant(dtype, shape, data) {
    const name = `c${this.initializers.length}`;
    this.initializers.push({ name, dtype, shape, data });
    return name;
  }

  integers(values) {
    return this.constant('i64', [values.length], BigInt64Array.from(values, BigInt));
  }
}
