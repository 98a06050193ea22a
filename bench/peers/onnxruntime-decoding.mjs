/** onnxruntime-web on its WebAssembly provider: a run a token, with the cache here, or one run of a Loop for all tokens. */
import * as ort from 'onnxruntime-web';
import { BEGIN, TOKENS } from './decoding.mjs';

export async function load({ files, reads, threads, config, options, packages }) {
  ort.env.wasm.numThreads = threads;
  if (packages) ort.env.wasm.wasmPaths = `${packages}/onnxruntime-web/dist/`;
  const session = await ort.InferenceSession.create(await files.read(reads), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  });
  const call = options.isLoop ? () => decodeAtOnce(session) : () => decode(session, config);
  return { isSync: false, call, valuesOf: (tokens) => ({ [TOKENS]: tokens }) };
}

const integer = (value) => new ort.Tensor('int64', BigInt64Array.of(value), [1]);

async function decodeAtOnce(session) {
  const { tokens } = await session.run({ begin: integer(BigInt(BEGIN)) });
  return Int32Array.from(tokens.data, Number);
}

async function decode(session, { dim, heads, kvHeads, depth, tokens: count }) {
  const width = (2 * depth * kvHeads * dim) / heads;
  const cache = new Float32Array(count * width);
  const tokens = new Int32Array(count);
  let token = BigInt(BEGIN);
  for (let at = 0; at < count; at++) {
    const { next, rows } = await session.run({
      token: integer(token),
      past: integer(BigInt(at)),
      cache: new ort.Tensor('float32', cache.subarray(0, at * width), [at, width]),
    });
    cache.set(rows.data, at * width);
    [token] = next.data;
    tokens[at] = Number(token);
  }
  return tokens;
}
