/**
 * What a page has to load besides weights: the compiled folder, or a peer's library as a bundler would ship it for what
 * the measured networks use, with its WebAssembly.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { peers } from './contestants.mjs';
import { bench } from './places.mjs';
import { bundlePeer } from './seats/bundle.mjs';

const WEIGHTS = 'weights.safetensors';

/** Never asked for by a page: what is for editors, Node and profiles, and the module for engines without relaxed SIMD. */
const NOT_LOADED = ['index.d.ts', 'package.json', 'profile.json', 'program.wasm'];

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

/**
 * `{ name, raw, gzip }` in bytes: of each model's artifact what a page loads and, with `isWhole`, all of it, and of each
 * peer that has a size in pages.
 */
export async function measureSizes(prepared, build, chosenPeers) {
  const rows = [];
  for (const [model, { folder, failures }] of prepared) {
    if (build in failures) continue;
    const names = (await readdir(join(folder, build))).filter((file) => file !== WEIGHTS);
    const read = (files) => Promise.all(files.map((file) => readFile(join(folder, build, file))));
    const loaded = names.filter((file) => !NOT_LOADED.includes(file));
    rows.push(measured(`${build}, ${model.title}`, await read(loaded)));
    rows.push({ ...measured(`${build}, ${model.title}, all files`, await read(names)), isWhole: true });
  }
  for (const name of chosenPeers.filter((peer) => peer in WASM)) {
    const parts = [Buffer.from(await bundlePeer(peers[name].module))];
    if (WASM[name]) parts.push(await readFile(join(bench, 'node_modules', WASM[name])));
    rows.push(measured(name, parts));
  }
  return rows;
}
