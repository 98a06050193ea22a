/** Who is measured, and where each can run. Data only. */
import { ceilings } from './ceiling.mjs';

/** Libraries by the name that `--peers` takes; `threads` says where more than one thread works. */
export const peers = {
  'onnxruntime-web': { module: 'onnxruntime-web', threads: ['node', 'chromium'], runs: ['node', 'chromium'] },
  'tensorflow.js': { module: 'tensorflow', threads: ['chromium'], runs: ['node', 'chromium'] },
  'jax-js': { module: 'jax', threads: ['chromium'], runs: ['node', 'chromium'] },
  'onnxruntime-node': { module: 'onnxruntime-node', threads: ['node'], runs: ['node'] },
  'plain JavaScript': { module: 'loops', threads: [], runs: ['node', 'chromium'], models: ['mlp'] },
};

/** Forms of the compiled model that are measured side by side. A new kind of module or a number of threads is an entry. */
const variants = [
  { suffix: '', call: 'runSync', threads: 1, ceiling: 'strict' },
  { suffix: ', run()', call: 'run', threads: 1, ceiling: 'strict', models: ['mlp'] },
];

/**
 * Everybody who takes part for a model: `{ name, module, threads, ceiling, … }`, the first being Heddle's reference
 * variant; `absent` is the reason where one cannot.
 */
export function contestantsFor(model, { builds, threads, chosenPeers, place }) {
  const ours = builds.flatMap((build) =>
    variants
      .filter(({ models }) => !models || models.includes(model.name))
      .map((variant) => ({ ...variant, name: `${build.name}${variant.suffix}`, build: build.name, module: 'heddle' })),
  );
  const theirs = chosenPeers.flatMap((name) => {
    const peer = peers[name];
    if (peer.models && !peer.models.includes(model.name)) return [];
    const counts = peer.threads.length > 0 ? threads : [1];
    return counts.map((count) => {
      const contestant = { name: withThreads(name, count), module: peer.module, threads: count, ceiling: 'strict' };
      const absent = absence(peer, count, place);
      return absent ? { ...contestant, absent } : contestant;
    });
  });
  const tops = Object.entries(ceilings).map(([name, { title }]) => {
    return { name: title, module: 'ceiling', threads: 1, isCeiling: name };
  });
  return [...ours, ...theirs, ...tops];
}

const withThreads = (name, count) => (count === 1 ? name : `${name}, ${count} threads`);

function absence(peer, threads, place) {
  if (!peer.runs.includes(place)) return `does not run in ${place}`;
  if (threads > 1 && !peer.threads.includes(place)) return `has one thread in ${place}`;
  return undefined;
}
