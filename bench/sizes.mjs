/**
 * What a page has to load besides weights: the compiled folder, or a peer's library as a bundler would ship it for what
 * the measured networks use, with its WebAssembly.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { peers } from './contestants.mjs';
import { bench } from './places.mjs';
import { bundlePeer } from './seats/bundle.mjs';

const ARTIFACT = ['index.js', 'manifest.json', 'program.json', 'program.wasm'];

const WASM = {
  'onnxruntime-web': 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'tensorflow.js': '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
  'jax-js': undefined,
};

const measured = (name, parts) => ({
  name,
  raw: parts.reduce((sum, part) => sum + part.length, 0),
  gzip: parts.reduce((sum, part) => sum + gzipSync(part, { level: 9 }).length, 0),
});

/** `{ name, raw, gzip }` in bytes: of each model's artifact, and of each peer that has a size in pages. */
export async function measureSizes(prepared, build, chosenPeers) {
  const rows = [];
  for (const [model, { folder }] of prepared) {
    const parts = await Promise.all(ARTIFACT.map((file) => readFile(join(folder, build, file))));
    rows.push(measured(`${build}, ${model.title}`, parts));
  }
  for (const name of chosenPeers.filter((peer) => peer in WASM)) {
    const parts = [Buffer.from(await bundlePeer(peers[name].module))];
    if (WASM[name]) parts.push(await readFile(join(bench, 'node_modules', WASM[name])));
    rows.push(measured(name, parts));
  }
  return rows;
}
