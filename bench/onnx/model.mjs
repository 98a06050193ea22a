/**
 * ONNX files: nodes, initializers and signatures as https://github.com/onnx/onnx/blob/main/onnx/onnx.proto numbers
 * their fields.
 */
import { bytes, encode, float, int, message, text } from './protobuf.mjs';

/** Numbers of TensorProto.DataType. */
export const ELEMENT_TYPES = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9 };
const IR_VERSION = 10;
/** Of ONNX's own ops, and of those that onnxruntime adds. */
const OPSETS = { '': 20, 'com.microsoft': 1 };

/** Integers are attributes of kind INT; floats are written `{ float: x }`, and what an op repeats `{ graph }`. */
function attribute([name, value]) {
  if (typeof value === 'string') return message(5, text(1, name), text(4, value), int(20, 3));
  if (Array.isArray(value)) return message(5, text(1, name), ...value.map((item) => int(8, item)), int(20, 7));
  if (value.graph) return message(5, text(1, name), message(6, ...graphFields(value.graph)), int(20, 5));
  if (typeof value === 'object') return message(5, text(1, name), float(2, value.float), int(20, 1));
  return message(5, text(1, name), int(3, value), int(20, 2));
}

function node({ op, domain, inputs, outputs, attributes }) {
  return message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(3, outputs[0]),
    text(4, op),
    ...Object.entries(attributes).map(attribute),
    ...(domain ? [text(7, domain)] : []),
  );
}

function initializer({ name, dtype, shape, data }) {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(5, ...shape.map((size) => int(1, size)), int(2, ELEMENT_TYPES[dtype]), text(8, name), bytes(9, raw));
}

function signature(field, { name, dtype, shape }) {
  const sizes = shape.map((size) => message(1, typeof size === 'string' ? text(2, size) : int(1, size)));
  const tensor = message(1, int(1, ELEMENT_TYPES[dtype]), message(2, ...sizes));
  return message(field, text(1, name), message(2, tensor));
}

function graphFields({ name, nodes, initializers, inputs, outputs }) {
  return [
    ...nodes.map(node),
    text(2, name),
    ...initializers.map(initializer),
    ...inputs.map((item) => signature(11, item)),
    ...outputs.map((item) => signature(12, item)),
  ];
}

/**
 * A model file. `nodes` are `{ op, inputs, outputs, attributes, domain? }` in order, `initializers`
 * `{ name, dtype, shape, data }`, `inputs` and `outputs` `{ name, dtype, shape }`, whose sizes are numbers or names.
 */
export function encodeModel(graph) {
  const opsets = Object.entries(OPSETS).map(([domain, version]) => message(8, text(1, domain), int(2, version)));
  return encode(int(1, IR_VERSION), text(2, 'heddle-bench'), message(7, ...graphFields(graph)), ...opsets);
}
