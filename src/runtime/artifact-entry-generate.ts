/** What the bundled runtime offers to the `index.js` of an artifact that generates. */
export { HeddleError } from './errors.ts';
export { loadArtifact } from './generate/load.ts';
