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

/**
 * Not asked for by a page: what is for editors, Node, profiles and self-tests, and the module for engines without relaxed
 * SIMD.
 */
const NOT_LOADED = ['index.d.ts', 'package.json', 'profile.json', 'self-test.json', 'program.wasm'];

/** What a bundled peer loads beside its script, by module. */
const WASM = {
  'onnxruntime-web': 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
  'onnxruntime-webgpu': 'onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm',
  tensorflow: '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
};

/** Peers that have a size in pages. */
const IN_PAGES = ['onnxruntime-web', 'tensorflow.js', 'jax-js'];

const measured = (parts) => ({
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
    const { loaded, whole } = await artifactSizes(join(folder, build));
    rows.push({ name: `${build}, ${model.title}`, ...loaded });
    rows.push({ name: `${build}, ${model.title}, all files`, ...whole, isWhole: true });
  }
  for (const name of chosenPeers.filter((peer) => IN_PAGES.includes(peer)))
    rows.push({ name, ...(await peerSize(peers[name].module)) });
  return rows;
}

/** `{ raw, gzip }` of what a page loads of an artifact besides weights, and of all its files. */
export async function artifactSizes(folder) {
  const names = (await readdir(folder)).filter((file) => file !== WEIGHTS);
  const read = (files) => Promise.all(files.map((file) => readFile(join(folder, file))));
  const loaded = names.filter((file) => !NOT_LOADED.includes(file));
  return { loaded: measured(await read(loaded)), whole: measured(await read(names)) };
}

/** `{ raw, gzip }` of a module of `peers`, bundled for a page, with its WebAssembly. */
export async function peerSize(module) {
  const parts = [Buffer.from(await bundlePeer(module))];
  if (WASM[module]) parts.push(await readFile(join(bench, 'node_modules', WASM[module])));
  return measured(parts);
}
