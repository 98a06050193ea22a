/**
 * How long a build of Heddle compiles DeiT-tiny of more and more layers, for wasm and without weights. A program of its
 * own, so that it can run under another Node: `node bench/compile-time.mjs BUILD` prints JSON.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { elaborateModel, openCompiler } from './prepare.mjs';

const LAYERS = [1, 2, 5, 10, 20, 50, 100, 200];
const REPEATS = 3;

const build = resolve(process.argv[2]);
const compiler = await openCompiler(build);
const { compileGraph } = await import(pathToFileURL(join(build, 'src/compiler/index.js')));

function compileOnce(depth) {
  const start = performance.now();
  const graph = elaborateModel({ spec: 'specs/deit.model', entry: 'DeiT', settings: { depth } }, compiler);
  const elaborated = performance.now();
  const { wasm } = compileGraph(graph, { targets: ['wasm'] });
  const end = performance.now();
  const wasmBytes = Object.values(wasm).reduce((sum, { length }) => sum + length, 0);
  return { elaborate: elaborated - start, compile: end - elaborated, total: end - start, wasmBytes };
}

compileOnce(2); // the compiler itself has to be compiled once
const rows = LAYERS.map((layers) => {
  const times = Array.from({ length: REPEATS }, () => compileOnce(layers));
  return { layers, ...times.sort((a, b) => a.total - b.total)[0] };
});
console.log(JSON.stringify(rows));
