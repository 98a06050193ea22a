/** Relaxed SIMD in the engine that runs the tests: some have it behind a flag, which may be set while they run. */
import { setFlagsFromString } from 'node:v8';
import { chooseSimd } from '../../src/runtime/devices/simd.ts';

/** From now on, modules with relaxed SIMD are accepted; throws where the engine knows nothing of it. */
export function enableRelaxedSimd(): void {
  if (chooseSimd() === 'strict') setFlagsFromString('--experimental-wasm-relaxed-simd');
  chooseSimd('relaxed');
}

/**
 * From now on, modules are compiled by the optimising compiler alone, which takes longer: the baseline compiler of Node 20,
 * where relaxed SIMD needs a flag, gets its dot products wrong.
 */
export function avoidWrongDotProducts(): void {
  setFlagsFromString('--no-liftoff');
}
