// Bundles the runtime into dist/runtime.js, with the GPU's device into dist/runtime-webgpu.js, for training into
// dist/runtime-train.js, and for generation into dist/runtime-generate.js, both with the GPU's device, too, as
// dist/runtime-train-webgpu.js and dist/runtime-generate-webgpu.js: scripts that declare `heddle`, to be put at the head of an artifact's index.js; and the
// script of its workers into dist/worker.js. They import nothing. Prints their sizes.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Returns the text; writes it to `outfile` when one is given. `kind` is webgpu, train, train-webgpu, generate or generate-webgpu, or nothing. */
export async function bundleRuntime({ kind, outfile } = {}) {
  return bundle(`src/runtime/artifact-entry${kind ? `-${kind}` : ''}.ts`, outfile, { globalName: 'heddle' });
}

/** The same for the script of the workers. */
export async function bundleWorker({ outfile } = {}) {
  return bundle('src/runtime/devices/threads/worker.ts', outfile);
}

async function bundle(entry, outfile, options = {}) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'iife',
    ...options,
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'none',
    write: outfile !== undefined,
    ...(outfile !== undefined && { outfile }),
  });
  return result.outputFiles?.[0]?.text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [make, outfile] of [
    [bundleRuntime, 'dist/runtime.js'],
    ...['webgpu', 'train', 'train-webgpu', 'generate', 'generate-webgpu'].map((kind) => [
      (options) => bundleRuntime({ ...options, kind }),
      `dist/runtime-${kind}.js`,
    ]),
    [bundleWorker, 'dist/worker.js'],
  ]) {
    const text = await make();
    await make({ outfile });
    console.log(`${outfile}: ${text.length} bytes, ${gzipSync(text).length} gzipped`);
  }
}
