/** What onnxruntime-web and onnxruntime-node have in common: sessions over the exported file. */
import { readSafetensors } from './safetensors.mjs';

export async function openSession(ort, { files, reads }, options) {
  const session = await ort.InferenceSession.create(await files.read(reads), {
    graphOptimizationLevel: 'all',
    ...options,
  });
  const given = [...readSafetensors(await files.read('inputs.safetensors'))];
  return {
    isSync: false,
    call: () => {
      const feeds = given.map(([name, { data, shape }]) => [
        name,
        new ort.Tensor(data instanceof Int32Array ? 'int32' : 'float32', data, shape),
      ]);
      return session.run(Object.fromEntries(feeds));
    },
    valuesOf: (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data])),
  };
}
