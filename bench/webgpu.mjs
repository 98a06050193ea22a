/**
 * What is counted on WebGPU, and who takes part. Data, and what follows from it. All run in pages of one Chromium, on the same
 * adapter.
 */
import { artifactOf, onnxFile } from './contestants.mjs';
import { models } from './models.mjs';
import { trainings } from './trainings.mjs';

const named = (list, wanted) => list.find(({ name }) => name === wanted);

/**
 * As in models.mjs and trainings.mjs. `reference` computes on the CPU what all results are compared with; `ours` and `theirs`
 * are the forms in which Heddle and each peer take part.
 */
export const gpuModels = [
  {
    ...named(models, 'deit-tiny'),
    name: 'deit-tiny-webgpu',
    title: 'DeiT-tiny on WebGPU, one inference',
    target: 'webgpu',
    int8: false,
    coldStart: false,
    reference: { name: 'onnxruntime-web', module: 'onnxruntime-web', reads: onnxFile('f32') },
    ours: { module: 'heddle', call: 'run' },
    theirs: {
      'onnxruntime-web': [
        { module: 'onnxruntime-webgpu', reads: onnxFile('f32') },
        {
          form: 'graph capture',
          module: 'onnxruntime-webgpu',
          reads: onnxFile('f32'),
          options: { capturesGraph: true },
        },
      ],
      'tensorflow.js': [{ module: 'tensorflow-webgpu' }],
      'jax-js': [{ module: 'jax', options: { device: 'webgpu' } }],
    },
  },
  {
    ...named(trainings, 'char-gpt'),
    name: 'char-gpt-webgpu',
    title: 'A training step of a character GPT on WebGPU: forward, backward, AdamW',
    target: 'webgpu',
    // What is asked of the GPU does not depend on the number of sequences, but its time does, and the bytes.
    dims: { batch: 2, time: 32 },
    reference: { name: 'jax-js', module: 'jax-training', call: 'loss' },
    ours: { module: 'heddle-training', call: 'loss' },
    theirs: {
      'tensorflow.js': [{ module: 'tensorflow-training-webgpu', call: 'loss' }],
      'jax-js': [{ module: 'jax-training', call: 'loss', options: { device: 'webgpu' } }],
    },
  },
];

/** As `contestantsFor` answers them. */
export function gpuContestantsFor({ ours, theirs }, { builds, chosenPeers }) {
  const own = builds.map((build) => ({
    ...ours,
    name: build.name,
    build: build.name,
    reads: artifactOf(build.name, 'f32'),
    options: { target: 'webgpu' },
  }));
  const others = chosenPeers.flatMap((name) =>
    (theirs[name] ?? []).map((form) => ({ ...form, name: form.form ? `${name}, ${form.form}` : name })),
  );
  return [...own, ...others].map((one) => ({ ...one, threads: 1, numbers: 'f32' }));
}
