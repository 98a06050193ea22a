/** The artifact as a page would embed it, through `runSync`, or through `run` where `call` says so. */
import { readSafetensors } from './safetensors.mjs';

export async function load({ files, build, call = 'runSync' }) {
  const { load: loadArtifact } = await import(files.url(`${build}/index.js`));
  const model = await loadArtifact();
  const inputs = Object.fromEntries(readSafetensors(await files.read('inputs.safetensors')));
  const valuesOf = (outputs) => Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data]));
  return {
    isSync: call === 'runSync',
    call: call === 'runSync' ? () => model.runSync(inputs) : () => model.run(inputs),
    valuesOf,
  };
}
