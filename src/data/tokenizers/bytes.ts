/** Every byte of a text in UTF-8 is a token. */
import { byteStream, decodeAll, type TextStream, type Tokenizer } from './tokenizer.ts';

const SINGLE = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
const INVALID = Uint8Array.of(0xff);

const decodeStream = (): TextStream => byteStream((id) => SINGLE[id] ?? INVALID);

export const byteTokenizer: Tokenizer = {
  title: '256 bytes',
  size: 256,
  ends: [],
  encode: (text) => Int32Array.from(new TextEncoder().encode(text)),
  decode: (ids) => decodeAll(decodeStream(), ids),
  decodeStream,
};
