/**
 * Writes an elaborated graph as ONNX, as the peers' own exporters would: linear layers as products with transposed
 * constants, normalisations and GELU as one op. Knows the ops of the measured networks; throws Error for others.
 *
 * With `numbers` 'int8' the linear layers are quantised as onnxruntime's `quantize_dynamic` does with weights by channel:
 * DynamicQuantizeLinear, MatMulInteger and a product with both scales, which its optimiser makes one op of. Of the forms
 * that its WebAssembly build runs, this is the fastest (ViT 256/32 in Node 24, ms: f32 206, this 115, the same with unsigned
 * weights 116, MatMulNBits of 8 bits with integer arithmetic 262).
 */
import { GraphBuilder } from './builder.mjs';
import { ELEMENT_TYPES, encodeModel } from './model.mjs';
import { quantizeColumns, transposed } from './matrices.mjs';
import { batchNorm, layerNorm, unexpanded } from './recognize.mjs';

const BROADCASTING = { add: 'Add', sub: 'Sub', mul: 'Mul', div: 'Div', maximum: 'Max', minimum: 'Min' };
const UNARY = { relu: 'Relu', tanh: 'Tanh', sigmoid: 'Sigmoid', exp: 'Exp', sqrt: 'Sqrt', neg: 'Neg', erf: 'Erf' };

/** Composites that ONNX has an op for; the others are expanded first. */
const KEPT = new Set(['attention', 'conv2d', 'einsum', 'embedding', 'max_pool2d', 'mean', 'zeros']);

/**
 * Bytes of an ONNX file. `compiler` holds `rewriteGraph`, `evaluate` (a dimension) and the op table; `dims` binds the
 * graph's symbols; `weights` gives each parameter's Float32Array by name; `numbers` is 'f32' or 'int8'.
 */
export function exportOnnx(graph, { dims, weights, compiler, numbers = 'f32' }) {
  const expanded = expandComposites(graph, compiler);
  return new Exporter(expanded, new Map(Object.entries(dims)), weights, compiler.evaluate, numbers).file();
}

function expandComposites(graph, { rewriteGraph, ops }) {
  const isLeft = ({ op }) => op.body.kind === 'composite' && !KEPT.has(op.name);
  let current = graph;
  while (current.nodes.some(isLeft)) {
    current = rewriteGraph(current, { ops }, (node, builder) =>
      isLeft(node) ? node.op.body.expand(builder, node.inputs, node.attributes) : undefined,
    );
  }
  return current;
}

/** Writes what outputs need, operands first. */
class Exporter extends GraphBuilder {
  #names = new Map();
  #definitions = new Map();

  constructor(graph, dims, weights, evaluate, numbers) {
    super();
    this.graph = graph;
    this.numbers = numbers;
    this.sizeOf = (dim) => (typeof dim === 'number' ? dim : evaluate(dim, dims));
    this.parameters = new Map(graph.parameters.map(({ name, value }) => [value, { name, data: weights.get(name) }]));
    for (const node of graph.nodes) for (const result of node.results) this.#definitions.set(result, node);
    this.definitionOf = (value) => this.#definitions.get(value);
  }

  file() {
    const { graph } = this;
    for (const { name, value } of graph.inputs) this.#names.set(value, name);
    const tensor = ({ name, value }) => ({ name, dtype: value.type.dtype, shape: this.shapeOf(value) });
    for (const { name, value } of graph.outputs) this.add('Identity', [this.nameOf(value)], {}, name);
    return encodeModel({
      name: graph.name,
      nodes: this.nodes,
      initializers: this.initializers,
      inputs: graph.inputs.map(tensor),
      outputs: graph.outputs.map(tensor),
    });
  }

  shapeOf(value) {
    return value.type.shape.map(this.sizeOf);
  }

  /** The name of a value, which is written first if it has not been yet. */
  nameOf(value) {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const parameter = this.parameters.get(value);
    const name = parameter ? this.#writeParameter(value, parameter) : this.#write(value);
    this.#names.set(value, name);
    return name;
  }

  #writeParameter(value, { name, data }) {
    this.initializers.push({ name, dtype: 'f32', shape: this.shapeOf(value), data });
    return name;
  }

  #write(value) {
    const node = this.definitionOf(value);
    const { name } = node.op;
    if (BROADCASTING[name]) return this.#writeBroadcasting(node);
    if (UNARY[name]) return this.add(UNARY[name], [this.nameOf(node.inputs[0])]);
    const writer = WRITERS[name];
    if (!writer) throw new Error(`the ONNX exporter does not know \`${name}\``);
    return writer(this, node);
  }

  #writeBroadcasting(node) {
    const name = (value) => this.nameOf(value);
    const norm = layerNorm(node, this.definitionOf);
    if (norm) {
      const attributes = { axis: -1, epsilon: { float: norm.eps } };
      return this.add('LayerNormalization', [norm.x, norm.weight, norm.bias].map(name), attributes);
    }
    const batch = batchNorm(node, this.definitionOf);
    if (batch) {
      const operands = [batch.x, batch.weight, batch.bias, batch.mean, batch.variance].map(name);
      return this.add('BatchNormalization', operands, { epsilon: { float: batch.eps } });
    }
    return this.add(
      BROADCASTING[node.op.name],
      node.inputs.map((input) => name(unexpanded(input, this.definitionOf))),
    );
  }
}

/** Products of matrices; `x Wᵀ` with a constant W is one with its transpose. */
function writeEinsum(exporter, { inputs, attributes: { pattern } }) {
  const [a, b] = inputs;
  const parameter = exporter.parameters.get(b);
  if (parameter && b.type.shape.length === 2 && /^(.*) (\w+), (\w+) \2 -> \1 \3$/.test(pattern)) {
    const x = exporter.nameOf(a);
    const shape = exporter.shapeOf(b);
    if (exporter.numbers === 'int8') return writeInt8Product(exporter, x, parameter.data, shape);
    const constant = exporter.constant('f32', shape.toReversed(), transposed(parameter.data, shape));
    return exporter.add('MatMul', [x, constant]);
  }
  const names = () => inputs.map((input) => exporter.nameOf(input));
  if (/^(\w+) (\w+), \2 (\w+) -> \1 \3$/.test(pattern)) return exporter.add('MatMul', names());
  if (/^(\w+) (\w+), \1 (\w+) -> \2 \3$/.test(pattern)) return exporter.add('Gemm', names(), { transA: 1 });
  throw new Error(`the ONNX exporter does not know the product ${pattern}`);
}

/** Activations get one scale and zero point a tensor, which is what the op offers; weights one scale a column. */
function writeInt8Product(exporter, x, weight, [rows, columns]) {
  const { data, scales } = quantizeColumns(weight, [rows, columns]);
  const constants = [
    exporter.constant('i8', [columns, rows], data),
    exporter.constant('f32', [rows], scales),
    exporter.constant('i8', [rows], new Int8Array(rows)),
  ];
  const [quantized, scale, zero] = exporter.addSplit('DynamicQuantizeLinear', [x], 3);
  const sums = exporter.add('MatMulInteger', [quantized, constants[0], zero, constants[2]]);
  const floats = exporter.add('Cast', [sums], { to: ELEMENT_TYPES.f32 });
  return exporter.add('Mul', [floats, exporter.add('Mul', [scale, constants[1]])]);
}

/** Scores, softmax and mixing spelled out, as exporters write them. */
function writeAttention(exporter, { inputs, attributes }) {
  if (inputs.length > 3 || attributes.causal) throw new Error('the ONNX exporter knows attention without a mask only');
  const [q, k, v] = inputs.map((input) => exporter.nameOf(input));
  const size = exporter.shapeOf(inputs[0]).at(-1);
  const scale = exporter.constant('f32', [], Float32Array.of(attributes.scale ?? 1 / Math.sqrt(size)));
  const keys = exporter.add('Transpose', [k], { perm: [0, 1, 3, 2] });
  const scores = exporter.add('MatMul', [exporter.add('Mul', [q, scale]), keys]);
  return exporter.add('MatMul', [exporter.add('Softmax', [scores], { axis: -1 }), v]);
}

function writeMean(exporter, { inputs: [x], attributes: { axis, keepdim } }) {
  return exporter.add('ReduceMean', [exporter.nameOf(x), exporter.integers([axis].flat())], {
    keepdims: keepdim ? 1 : 0,
  });
}

function writeReshape(exporter, node) {
  return exporter.add('Reshape', [
    exporter.nameOf(node.inputs[0]),
    exporter.integers(exporter.shapeOf(node.results[0])),
  ]);
}

function writeExpand(exporter, node) {
  return exporter.add('Expand', [
    exporter.nameOf(node.inputs[0]),
    exporter.integers(exporter.shapeOf(node.results[0])),
  ]);
}

function writeSlice(exporter, { inputs: [x], attributes: { starts, stops, steps } }) {
  const sizes = [starts, stops, starts.map((_, axis) => axis), steps].map((list) => list.map(exporter.sizeOf));
  return exporter.add('Slice', [exporter.nameOf(x), ...sizes.map((list) => exporter.integers(list))]);
}

function windowAttributes(exporter, kernel, { stride, padding, dilation }) {
  // One number stands for both axes.
  const pair = (value) => {
    const sizes = [value].flat().map(exporter.sizeOf);
    return sizes.length === 1 ? [sizes[0], sizes[0]] : sizes;
  };
  return {
    kernel_shape: pair(kernel),
    strides: pair(stride ?? kernel),
    pads: [...pair(padding), ...pair(padding)],
    dilations: pair(dilation),
  };
}

function poolAttributes(exporter, attributes) {
  if (attributes.ceil_mode) throw new Error('the ONNX exporter does not know pooling with ceil_mode');
  return windowAttributes(exporter, attributes.kernel_size, attributes);
}

function writeConvolution(exporter, { inputs, attributes }) {
  const kernel = exporter.shapeOf(inputs[1]).slice(2);
  return exporter.add(
    'Conv',
    inputs.map((input) => exporter.nameOf(input)),
    { ...windowAttributes(exporter, kernel, attributes), group: exporter.sizeOf(attributes.groups) },
  );
}

function writeConstant(exporter, node) {
  const { dtype, data } = node.attributes;
  if (dtype !== 'f32') throw new Error(`the ONNX exporter does not know constants of ${dtype}`);
  return exporter.constant(dtype, exporter.shapeOf(node.results[0]), Float32Array.from(data));
}

function writeZeros(exporter, { results: [result] }) {
  const { dtype } = result.type;
  const shape = exporter.shapeOf(result);
  const count = shape.reduce((product, size) => product * size, 1);
  return exporter.constant(dtype, shape, dtype === 'f32' ? new Float32Array(count) : new Int32Array(count));
}

const WRITERS = {
  attention: writeAttention,
  concat: (exporter, { inputs, attributes }) =>
    exporter.add(
      'Concat',
      inputs.map((input) => exporter.nameOf(input)),
      { axis: attributes.axis },
    ),
  constant: writeConstant,
  conv2d: writeConvolution,
  einsum: writeEinsum,
  embedding: (exporter, { inputs: [ids, weight] }) =>
    exporter.add('Gather', [exporter.nameOf(weight), exporter.nameOf(ids)], { axis: 0 }),
  expand: writeExpand,
  gelu: (exporter, { inputs: [x], attributes: { approximate } }) =>
    exporter.add('Gelu', [exporter.nameOf(x)], { approximate }),
  max_pool2d: (exporter, { inputs: [x], attributes }) =>
    exporter.add('MaxPool', [exporter.nameOf(x)], poolAttributes(exporter, attributes)),
  mean: writeMean,
  reshape: writeReshape,
  slice: writeSlice,
  transpose: (exporter, { inputs: [x], attributes: { permutation } }) =>
    exporter.add('Transpose', [exporter.nameOf(x)], { perm: permutation }),
  zeros: writeZeros,
};
