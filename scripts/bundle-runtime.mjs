// Bundles the runtime into dist/runtime.js, and with the GPU's device into dist/runtime-webgpu.js: scripts that declare
// `heddle`, to be put at the head of an artifact's index.js. They import nothing. Prints their sizes.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Returns the text; writes it to `outfile` when one is given. */
export async function bundleRuntime({ webgpu = false, outfile } = {}) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [`src/runtime/artifact-entry${webgpu ? '-webgpu' : ''}.ts`],
    bundle: true,
    minify: true,
    format: 'iife',
    globalName: 'heddle',
    platform: 'neutral',
    target: 'es2022',
    legalComments: 'none',
    write: outfile !== undefined,
    ...(outfile !== undefined && { outfile }),
  });
  return result.outputFiles?.[0]?.text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [webgpu, outfile] of [
    [false, 'dist/runtime.js'],
    [true, 'dist/runtime-webgpu.js'],
  ]) {
    const text = await bundleRuntime({ webgpu });
    await bundleRuntime({ webgpu, outfile });
    console.log(`${outfile}: ${text.length} bytes, ${gzipSync(text).length} gzipped`);
  }
}
