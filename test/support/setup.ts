/**
 * Property tests draw new cases on every machine, but the same ones in CI, so that its verdict can be repeated. All
 * engines run both modules of the wasm target.
 */
import { configureGlobal } from 'fast-check';
import { enableRelaxedSimd } from './relaxed.ts';

if (process.env.CI) configureGlobal({ seed: 1 });
enableRelaxedSimd();
