/**
 * Imported before a peer: some libraries ask the page for its threads, as soon as they are loaded, instead of being
 * told. jax-js takes every core where there are workers.
 */
const threads = Number(new URLSearchParams(location.search).get('threads'));
if (threads === 1) Object.defineProperty(globalThis, 'Worker', { value: undefined });
Object.defineProperty(navigator, 'hardwareConcurrency', { value: threads });
