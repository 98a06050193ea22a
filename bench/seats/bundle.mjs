/** A seat with one peer as a single script for pages, minified: also what the peer's runtime weighs. */
import { join } from 'node:path';
import { build } from 'esbuild';
import { bench } from '../places.mjs';

/** The text of the script. */
export async function bundleSeat(module) {
  return bundle(join(bench, 'seats/page.mjs'), { peer: join(bench, 'peers', `${module}.mjs`) });
}

/** A peer without the seat. */
export async function bundlePeer(module) {
  return bundle(join(bench, 'peers', `${module}.mjs`), {});
}

async function bundle(entry, alias) {
  const { outputFiles } = await build({
    absWorkingDir: bench,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
    logLevel: 'error',
    write: false,
    // The build without the code for GPUs, but for who asks for it.
    alias: {
      ...alias,
      'onnxruntime-web/webgpu': 'onnxruntime-web/webgpu',
      'onnxruntime-web': 'onnxruntime-web/wasm',
    },
  });
  return outputFiles[0].text;
}
