/** The trainer of the artifact, through `step`; with `call` "parameters", a parameter is read after each step. */
import { learnFirst, LOSSES } from './training.mjs';
import { readSafetensors } from './safetensors.mjs';

export async function load({ files, reads, threads, call, options }) {
  const { loadTrainer } = await import(files.url(`${reads}/index.js`));
  const trainer = await loadTrainer({ ...options, threads });
  if (trainer.threads !== threads) throw new Error(`runs on ${trainer.threads} of ${threads} threads`);
  const batch = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const step = async () => (await trainer.step(batch)).loss;
  const losses = await learnFirst(step);
  const [name] = (await trainer.weights()).keys();
  const readBack = async () => {
    await step();
    return trainer.weights(name);
  };
  return { isSync: false, call: call === 'parameters' ? readBack : step, valuesOf: () => ({ [LOSSES]: losses }) };
}
