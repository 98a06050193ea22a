/**
 * Imported before a peer: some libraries ask the page for its cores, as soon as they are loaded, instead of being told how
 * many threads to take. jax-js takes a worker for each core where there are workers, TensorFlow.js one for each two cores.
 */
const cores = Number(new URLSearchParams(location.search).get('cores'));
if (cores === 1) Object.defineProperty(globalThis, 'Worker', { value: undefined });
Object.defineProperty(navigator, 'hardwareConcurrency', { value: cores });
