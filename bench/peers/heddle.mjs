/** The artifact as a page would embed it, through `runSync`, or through `run` where `call` says so. */
import { readSafetensors } from './safetensors.mjs';

export async function load({ files, reads, threads, call, options }) {
  const { load: loadArtifact } = await import(files.url(`${reads}/index.js`));
  const model = await loadArtifact({ ...options, threads });
  // Where there can be no threads, a model runs on one.
  if ((model.threads ?? 1) !== threads) throw new Error(`runs on ${model.threads ?? 1} of ${threads} threads`);
  const inputs = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const valuesOf = (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  return {
    isSync: call === 'runSync',
    call: call === 'runSync' ? () => model.runSync(inputs) : () => model.run(inputs),
    valuesOf,
  };
}
