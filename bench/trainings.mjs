/**
 * Training steps that are measured, and who takes part. `peers` names the forms in which each computes the network; `waits`
 * what is waited for: the loss alone, or the parameters too, of which Heddle's are in place and one is copied.
 */
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
    peers: { 'jax-js': [{}], 'tensorflow.js': [{}] },
    waits: ['loss', 'parameters'],
  },
  {
    name: 'moe-lm',
    title: 'A training step of a sparse mixture of experts, 2 of 8: forward, backward, AdamW',
    spec: 'specs/moe_lm.model',
    entry: 'TrainMoELanguageModel',
    isTraining: true,
    settings: {},
    // The routers' noise is given, so that everybody sends the same tokens to the same experts but for rounding.
    isRouted: true,
    given: ['noise'],
    dims: { batch: 16, time: 32 },
    network: 'moe',
    config: { vocab: 65, depth: 8, heads: 8, experts: 8, capacity: 128, rate: 0.001, decay: 0.01, decaysAll: true },
    // Places for as many tokens as the mean: the least that a hand-made sparse form can do, which drops some.
    peers: { 'jax-js': [{ form: 'capacity', drops: true }, { form: 'dense' }], pytorch: [{}] },
    waits: ['loss'],
  },
];

/** Peers that differentiate. In pages, jax-js has workers; the gradients of TensorFlow.js are tried on one thread. */
const peers = {
  'jax-js': { module: 'jax-training', threads: ['chromium'] },
  'tensorflow.js': { module: 'tensorflow-training', threads: [] },
  pytorch: { module: 'pytorch-training', threads: ['node'], isNative: true, runs: ['node'] },
};

const variants = [
  { options: {}, ceilings: ['relaxed', 'strict'], isThreaded: true },
  { form: 'strict', options: { simd: 'strict' }, ceilings: ['strict'] },
];

/** As `contestantsFor` answers them. */
export function trainersFor(training, { builds, threads, chosenPeers, place }) {
  const counts = ({ isThreaded }) => (isThreaded ? threads : [1]);
  const ours = builds.flatMap((build) =>
    variants.flatMap((variant) =>
      counts(variant).flatMap((count) =>
        training.waits
          .filter((call) => variant.isThreaded || call === 'loss')
          .map((call) => ({
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
    .filter((name) => name in training.peers)
    .flatMap((name) => {
      const { module, threads: places, isNative, runs } = peers[name];
      return training.peers[name].flatMap((options) =>
        (places.includes(place) ? threads : [1]).flatMap((count) =>
          training.waits.map((call) => ({
            name: named(name, options.form, call, count),
            module,
            threads: count,
            call,
            options,
            ...(isNative && { isNative }),
            ...(runs && !runs.includes(place) && { absent: `does not run in ${place}` }),
            ceilings: ['strict'],
          })),
        ),
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
