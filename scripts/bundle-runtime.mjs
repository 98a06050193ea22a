// Bundles the runtime into dist/runtime.js: a script that declares `heddle`, to be put at the head of every artifact's
// index.js. It imports nothing. Prints its size.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Returns the text; writes it to `outfile` when one is given. */
export async function bundleRuntime(outfile) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['src/runtime/artifact-entry.ts'],
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
  const text = await bundleRuntime();
  await bundleRuntime('dist/runtime.js');
  console.log(`dist/runtime.js: ${text.length} bytes, ${gzipSync(text).length} gzipped`);
}
