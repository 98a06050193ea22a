/** Which of the two modules of the wasm target an engine runs. */
import { SIMD_VARIANTS, type SimdVariant } from '../../program/program.ts';
import { HeddleError } from '../errors.ts';
import { wasmApi, type WasmApi } from './platform.ts';

/**
 * A module whose function `f` of type [] -> [i32] uses `f32x4.relaxed_madd` and `i32x4.relaxed_dot_i8x16_i7x16_add_s`:
 * 100 + 1 · 2 + 1 · 2 + 1 · 2 + 1 · 2.
 */
// prettier-ignore
const PROBE = Uint8Array.of(
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  1, 5, 1, 0x60, 0, 1, 0x7f,
  3, 2, 1, 0,
  7, 5, 1, 1, 0x66, 0, 0,
  10, 40, 1, 38, 0,
  0x41, 0x81, 0x82, 0x84, 0x8, 0xfd, 17, 0x41, 0x82, 0x84, 0x88, 0x10, 0xfd, 17,
  0x41, 0, 0xfd, 17, 0x41, 0, 0xfd, 17, 0x41, 0xe4, 0x0, 0xfd, 17, 0xfd, 0x85, 2,
  0xfd, 0x93, 2, 0xfd, 27, 0,
  0x0b,
);

/**
 * V8 had relaxed SIMD behind a flag at first, and its baseline compiler lost what a dot product is added to. Where a page's
 * policy forbids WebAssembly neither module will do, which is told when one is compiled.
 */
function isRight({ Instance, Module }: WasmApi): boolean {
  try {
    const { f } = new Instance(new Module(PROBE), {}).exports as { readonly f: () => number };
    return f() === 108;
  } catch {
    return false;
  }
}

/**
 * The module to load: the `wanted` one, or the relaxed one where the engine runs it as it should. Throws HeddleError 'unsupported'
 * when the relaxed one is wanted and the engine lacks relaxed SIMD.
 */
export function chooseSimd(wanted?: SimdVariant): SimdVariant {
  const api = wasmApi();
  const isRelaxed = api?.validate(PROBE) ?? false;
  if (wanted === 'relaxed' && !isRelaxed)
    throw new HeddleError('unsupported', 'this engine has no relaxed SIMD; use the strict module');
  return wanted ?? (api && isRelaxed && isRight(api) ? 'relaxed' : 'strict');
}

/** Throws HeddleError 'option' unless `simd` names a module, or nothing. */
export function checkSimd(simd: SimdVariant | undefined): void {
  if (simd !== undefined && !SIMD_VARIANTS.includes(simd))
    throw new HeddleError('option', `the option simd is ${String(simd)}; it can be ${SIMD_VARIANTS.join(' or ')}`);
}
