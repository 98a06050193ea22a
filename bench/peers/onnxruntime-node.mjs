/** onnxruntime-node: native code, with the vector instructions that WebAssembly lacks. For orientation. */
import ort from 'onnxruntime-node';
import { openSession } from './onnx.mjs';

export function load(task) {
  return openSession(ort, task, { intraOpNumThreads: task.threads, interOpNumThreads: 1 });
}
