/** A worker that trains: batch after batch, evaluating from time to time, and answering what a drawing is meanwhile. */
import { loadTrainer } from './build/learn/index.js';
import { Digits } from './digits.js';

/** Digits that are not learned from. */
const HELD_OUT = 1000;
/** Steps from one evaluation to the next. */
const EVALUATE_EVERY = 50;

const state = {
  isPaused: false,
  /** The drawing to be looked at; a newer one takes its place. */
  asked: undefined,
  wake: () => {},
};

addEventListener('message', ({ data }) => {
  if (data.kind === 'start') {
    train(data).catch((error) => postMessage({ kind: 'failed', message: error.message }));
    return;
  }
  if (data.kind === 'predict') state.asked = data.img;
  else state.isPaused = data.kind === 'pause';
  state.wake();
});

async function train({ device, batch, seed }) {
  const onProgress = (phase) => postMessage({ kind: 'progress', phase });
  const [trainer, digits] = await Promise.all([
    loadTrainer({ device, seed, onProgress }),
    Digits.fetch('./build/digits.bin'),
  ]);
  const { target, threads, choice } = trainer;
  postMessage({ kind: 'ready', on: { target, threads, choice } });
  const [others, learned] = digits.split(HELD_OUT);
  const batches = learned.shuffled(batch, seed);
  await evaluate(trainer, others);
  for (;;) {
    await attend(trainer);
    const begin = performance.now();
    const { loss, update } = await trainer.step(batches.next().value);
    const rate = (1000 * batch) / (performance.now() - begin);
    postMessage({ kind: 'step', step: update, loss, rate });
    if (update % EVALUATE_EVERY === 0) await evaluate(trainer, others);
  }
}

async function evaluate(trainer, digits) {
  const { metrics } = await trainer.evaluate(digits.inOrder(100));
  postMessage({ kind: 'evaluated', step: trainer.update, accuracy: metrics.accuracy });
}

/** Lets messages in, answers about a drawing, and waits while the training is paused. */
async function attend(trainer) {
  await new Promise((resolve) => setTimeout(resolve, 0));
  while (state.asked || state.isPaused) {
    const img = state.asked;
    state.asked = undefined;
    if (img) {
      const { logits } = await trainer.predict({ img, target: [0] });
      postMessage({ kind: 'predicted', digit: logits.data.indexOf(Math.max(...logits.data)) });
    } else {
      await new Promise((resolve) => (state.wake = resolve));
    }
  }
}
