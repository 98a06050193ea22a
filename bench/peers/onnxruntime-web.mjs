/** onnxruntime-web on its WebAssembly provider, with all graph optimisations. */
import * as ort from 'onnxruntime-web';
import { openSession } from './onnx.mjs';

export function load(task) {
  ort.env.wasm.numThreads = task.threads;
  if (task.packages) ort.env.wasm.wasmPaths = `${task.packages}/onnxruntime-web/dist/`;
  return openSession(ort, task, { executionProviders: ['wasm'] });
}
