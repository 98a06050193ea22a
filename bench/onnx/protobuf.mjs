/**
 * Protocol buffer messages as they are written (https://protobuf.dev/programming-guides/encoding). A message is a list
 * of byte chunks, so that large tensors are copied once, at the end.
 */

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

const key = (field, wireType) => varint((field << 3) | wireType);
const lengthOf = (chunks) => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** A signed integer or an enumeration. */
export const int = (field, value) => [key(field, 0), varint(value)];

/** A float of 32 bits. */
export const float = (field, value) => [key(field, 5), new Uint8Array(Float32Array.of(value).buffer)];

export const bytes = (field, value) => [key(field, 2), varint(value.length), value];

export const text = (field, value) => bytes(field, new TextEncoder().encode(value));

/** A message within a message, of the chunks that its fields made. */
export function message(field, ...fields) {
  const chunks = fields.flat();
  return [key(field, 2), varint(lengthOf(chunks)), ...chunks];
}

/** A whole message as bytes. */
export function encode(...fields) {
  const chunks = fields.flat();
  const whole = new Uint8Array(lengthOf(chunks));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
