/** Who is measured, and where each can run. Data, and what follows from it for one model. */
import { ceilings } from './ceiling.mjs';

/**
 * Libraries by the name that `--peers` takes; `threads` says where more than one thread works, `reads` the numbers in
 * which it is given an ONNX file.
 */
export const peers = {
  'onnxruntime-web': {
    module: 'onnxruntime-web',
    threads: ['node', 'chromium'],
    runs: ['node', 'chromium'],
    reads: ['f32', 'int8'],
  },
  'tensorflow.js': {
    module: 'tensorflow',
    threads: ['chromium'],
    // It starts half as many threads as the page has cores, whatever it is told.
    coresPerThread: 2,
    runs: ['node', 'chromium'],
  },
  'jax-js': { module: 'jax', threads: ['chromium'], runs: ['node', 'chromium'] },
  'onnxruntime-node': {
    module: 'onnxruntime-node',
    threads: ['node'],
    runs: ['node'],
    isNative: true,
    reads: ['f32'],
  },
  // Where Python has it: Debian's python3-torch and libopenblas0-pthread.
  pytorch: { module: 'pytorch-training', threads: ['node'], runs: ['node'], isNative: true, models: [] },
  'plain JavaScript': { module: 'loops', threads: [], runs: ['node', 'chromium'], models: ['mlp'] },
};

/**
 * Forms of the compiled model that are measured side by side; `options` go to its `load`, and `ceilings` are what it is
 * compared with: the first that this engine has.
 */
const variants = [
  { numbers: 'f32', isThreaded: true, options: {}, ceilings: ['relaxed', 'strict'] },
  { form: 'strict', numbers: 'f32', options: { simd: 'strict' }, ceilings: ['strict'] },
  { form: 'run()', numbers: 'f32', call: 'run', options: {}, ceilings: ['relaxed', 'strict'], models: ['mlp'] },
  { numbers: 'int8', isThreaded: true, options: {}, ceilings: ['int8'] },
];

/** `heddle, int8, 2 threads`: how a form of a library is called in tables and in acceptance.mjs. */
function nameOf(library, { form, numbers, threads }) {
  const parts = [
    library,
    form,
    numbers === 'f32' ? undefined : numbers,
    threads > 1 ? `${threads} threads` : undefined,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** What `--quantize int8` makes of a build lies in a folder of its own. */
export const artifactOf = (build, numbers) => (numbers === 'f32' ? build : `${build}-${numbers}`);

export const onnxFile = (numbers) => (numbers === 'f32' ? 'model.onnx' : `model-${numbers}.onnx`);

/**
 * Everybody who takes part for a model: `{ name, module, threads, numbers, reads, ceilings, … }`. `against` names Heddle's
 * form that does the same work: with as many threads, and with the same numbers; `absent` is the reason where one cannot.
 */
export function contestantsFor(model, { builds, threads, chosenPeers, place }) {
  const counts = threads.filter((count) => count <= (model.mostThreads ?? Infinity));
  const kinds = model.int8 ? ['f32', 'int8'] : ['f32'];
  const ours = kinds.flatMap((numbers) => ourForms(model, numbers, counts, builds));
  const theirs = kinds.flatMap((numbers) =>
    chosenPeers.flatMap((name) => theirForms(name, model, { numbers, counts, place })),
  );
  const tops = Object.entries(ceilings)
    .filter(([name]) => name !== 'int8' || model.int8)
    .map(([name, { title }]) => ({ name: title, module: 'ceiling', threads: 1, isCeiling: name }));
  const references = new Set(ours.map(({ name }) => name));
  const against = ({ name, numbers, threads: count, isCeiling }) => {
    if (isCeiling) return undefined;
    const same = nameOf(builds[0].name, { numbers, threads: count });
    return references.has(same) && same !== name ? same : undefined;
  };
  return [...ours, ...theirs, ...tops].map((one) => ({ ...one, against: against(one) }));
}

function ourForms(model, numbers, counts, builds) {
  const forms = variants.filter((one) => one.numbers === numbers && (one.models?.includes(model.name) ?? true));
  return builds.flatMap((build) =>
    forms.flatMap((variant) =>
      (variant.isThreaded ? counts : [1]).map((threads) => ({
        ...variant,
        name: nameOf(build.name, { ...variant, threads }),
        module: 'heddle',
        build: build.name,
        reads: artifactOf(build.name, numbers),
        threads,
        // In pages only `run` has threads: it alone may wait for them.
        call: variant.call ?? (threads > 1 ? 'run' : 'runSync'),
      })),
    ),
  );
}

function theirForms(name, model, { numbers, counts, place }) {
  const peer = peers[name];
  if (peer.models && !peer.models.includes(model.name)) return [];
  if (numbers !== 'f32' && !peer.reads?.includes(numbers)) return [];
  return (peer.threads.length > 0 ? counts : [1]).map((threads) => ({
    name: nameOf(name, { numbers, threads }),
    module: peer.module,
    numbers,
    threads,
    ...(peer.coresPerThread && threads > 1 && { cores: peer.coresPerThread * threads }),
    isNative: peer.isNative,
    reads: peer.reads && onnxFile(numbers),
    ceilings: numbers === 'f32' ? ['strict'] : [numbers],
    absent: absence(peer, threads, place),
  }));
}

function absence(peer, threads, place) {
  if (!peer.runs.includes(place)) return `does not run in ${place}`;
  if (threads > 1 && !peer.threads.includes(place)) return `has one thread in ${place}`;
  return undefined;
}
