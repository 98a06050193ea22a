/**
 * Registers the gradients of TensorFlow.js in Node, whose build of the library lacks them: they are only there as modules
 * that a bundler has to put together. They meet the library in the registry that all its copies share.
 */
import { build } from 'esbuild';
import { bench } from '../places.mjs';

const { outputFiles } = await build({
  stdin: { contents: `import '@tensorflow/tfjs-core/dist/register_all_gradients.js';`, resolveDir: bench },
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  external: ['node-fetch', 'util'],
  logLevel: 'error',
  write: false,
});
await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
