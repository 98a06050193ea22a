/** Greedy decoding that is measured, and who takes part. Data, and what follows from it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ceilings } from './ceiling.mjs';
import { artifactOf } from './contestants.mjs';
import { root } from './places.mjs';

const data = join(root, '../shared/data/stories260K');

/**
 * As in models.mjs; `weights` is a file of real ones, beside the checkout, and `wanted` one of the tokens that a call makes.
 * `onnx` names the forms of onnx/decoding.mjs, and `lengths` the texts whose next token is timed with the cache and without.
 */
export const decodings = [
  {
    name: 'stories260K',
    title: '200 greedy tokens of stories260K, one prompt',
    spec: 'specs/llama.model',
    entry: 'Llama',
    settings: {},
    dims: { batch: 1, time: 1 },
    weights: join(data, 'stories260K.safetensors'),
    wanted: join(data, 'expected_greedy_token_ids.json'),
    onnx: ['step', 'loop'],
    lengths: [64, 256, 511],
    calls: 200,
    config: {
      dim: 64,
      depth: 5,
      heads: 8,
      kvHeads: 4,
      hidden: 172,
      vocab: 512,
      length: 512,
      theta: 10000,
      eps: 1e-5,
      tokens: 200,
    },
  },
].filter(({ weights }) => existsSync(weights));

/** All on one thread: a token is too little work for more, with which onnxruntime-web takes 1.2 times as long. */
const peers = {
  'onnxruntime-web': [
    { module: 'onnxruntime-decoding', reads: 'step.onnx', options: {} },
    // Shows no token before it has made all.
    { form: 'loop', module: 'onnxruntime-decoding', reads: 'loop.onnx', options: { isLoop: true } },
  ],
  'tensorflow.js': [{ module: 'tensorflow-decoding' }],
  'jax-js': [{ module: 'jax-decoding' }],
  'plain JavaScript': [{ module: 'loops-decoding' }],
};

const variants = [
  { options: {}, ceilings: ['relaxed', 'strict'], isThreaded: true },
  { form: 'strict', options: { simd: 'strict' }, ceilings: ['strict'] },
];

/** As `contestantsFor` answers them. */
export function decodersFor({ builds, threads, chosenPeers }) {
  const ours = builds.flatMap(({ name: build }) =>
    variants.flatMap((variant) =>
      (variant.isThreaded ? threads : [1]).map((count) => ({
        ...variant,
        name: named(build, variant.form, count),
        module: 'heddle-decoding',
        build,
        reads: artifactOf(build, 'f32'),
        threads: count,
      })),
    ),
  );
  const theirs = chosenPeers
    .filter((name) => name in peers)
    .flatMap((name) =>
      peers[name].map((peer) => ({ ...peer, name: named(name, peer.form, 1), threads: 1, ceilings: ['strict'] })),
    );
  const tops = ['relaxed', 'strict'].map((name) => ({
    name: ceilings[name].title,
    module: 'ceiling',
    threads: 1,
    isCeiling: name,
  }));
  const first = builds[0].name;
  const against = ({ name, isCeiling }) => (isCeiling || name === first ? undefined : first);
  return [...ours, ...theirs, ...tops].map((one) => ({ ...one, numbers: 'f32', against: against(one) }));
}

function named(library, form, threads) {
  return [library, form, threads > 1 ? `${threads} threads` : undefined]
    .filter((part) => part !== undefined)
    .join(', ');
}
