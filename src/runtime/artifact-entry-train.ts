/** What the bundled runtime offers to the `index.js` of an artifact that trains. */
export { HeddleError } from './errors.ts';
export { loadTrainer } from './train/load.ts';
