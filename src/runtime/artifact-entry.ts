/** What the bundled runtime offers to an artifact's `index.js`. */
export { loadArtifact } from './artifact.ts';
export { HeddleError } from './errors.ts';
