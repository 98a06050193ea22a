/** Property tests draw new cases on every machine, but the same ones in CI, so that its verdict can be repeated. */
import { configureGlobal } from 'fast-check';

if (process.env.CI) configureGlobal({ seed: 1 });
