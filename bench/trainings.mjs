/** Training steps that are measured, and who takes part. Data, and what follows from it. */
import { ceilings } from './ceiling.mjs';
import { artifactOf } from './contestants.mjs';

/** Models as in models.mjs whose entry trains; `config` has the numbers of the optimizer too. */
export const trainings = [
  {
    name: 'char-gpt',
    title: 'A training step of a character GPT: forward, backward, AdamW',
    spec: 'specs/gpt.model',
    entry: 'TrainCharGPT',
    isTraining: true,
    settings: { lr: 0.001, weight_decay: 0.01 },
    dims: { batch: 16, time: 32 },
    network: 'gpt',
    config: { vocab: 65, depth: 8, heads: 8, rate: 0.001, decay: 0.01 },
  },
];

/** What is waited for: the loss alone, or the parameters too, of which Heddle's are in place and one is copied. */
const CALLS = ['loss', 'parameters'];

/** Peers that differentiate. In pages, jax-js has workers; the gradients of TensorFlow.js are tried on one thread. */
const peers = {
  'jax-js': { module: 'jax-training', threads: ['chromium'] },
  'tensorflow.js': { module: 'tensorflow-training', threads: [] },
};

const variants = [
  { options: {}, ceilings: ['relaxed', 'strict'], isThreaded: true },
  { form: 'strict', options: { simd: 'strict' }, ceilings: ['strict'] },
];

/** As `contestantsFor` answers them. */
export function trainersFor({ builds, threads, chosenPeers, place }) {
  const counts = ({ isThreaded }) => (isThreaded ? threads : [1]);
  const ours = builds.flatMap((build) =>
    variants.flatMap((variant) =>
      counts(variant).flatMap((count) =>
        CALLS.filter((call) => variant.isThreaded || call === 'loss').map((call) => ({
          ...variant,
          name: named(build.name, variant.form, call, count),
          module: 'heddle-training',
          build: build.name,
          reads: artifactOf(build.name, 'f32'),
          threads: count,
          call,
        })),
      ),
    ),
  );
  const theirs = chosenPeers
    .filter((name) => name in peers)
    .flatMap((name) => {
      const { module, threads: places } = peers[name];
      return (places.includes(place) ? threads : [1]).flatMap((count) =>
        CALLS.map((call) => ({
          name: named(name, undefined, call, count),
          module,
          threads: count,
          call,
          ceilings: ['strict'],
        })),
      );
    });
  const tops = ['relaxed', 'strict'].map((name) => ({
    name: ceilings[name].title,
    module: 'ceiling',
    threads: 1,
    isCeiling: name,
  }));
  const against = ({ call, threads: count, isCeiling }) =>
    isCeiling ? undefined : named(builds[0].name, undefined, call, count);
  return [...ours, ...theirs, ...tops].map((one) => ({
    ...one,
    numbers: 'f32',
    against: against(one) === one.name ? undefined : against(one),
  }));
}

function named(library, form, call, threads) {
  const parts = [library, form, call === 'loss' ? undefined : call, threads > 1 ? `${threads} threads` : undefined];
  return parts.filter((part) => part !== undefined).join(', ');
}
