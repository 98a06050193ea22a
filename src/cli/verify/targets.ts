/** What a verification compares with the reference: the targets, of wasm both modules where the engine runs them. */
import type { Emitted } from '../../compiler/index.ts';
import { TARGET_NAMES, type TargetName } from '../../program/program.ts';
import { chooseSimd } from '../../runtime/devices/simd.ts';
import { HeddleError, reasonOf } from '../../runtime/errors.ts';
import { Failure, printNote } from '../errors.ts';
import { DRIVER_HINT, nodeGpu } from '../gpu.ts';
import type { Io } from '../io.ts';
import type { EngineOptions } from '../runnable.ts';

/** A column of the report. */
export interface Candidate {
  /** `wasm`, `wasm relaxed`, `js`, `webgpu` */
  readonly name: string;
  readonly target: TargetName;
  readonly engine: EngineOptions;
}

/** Lets a test put a wrong kernel in place of a right one. */
export type Alter = (emitted: Emitted, target: TargetName) => Emitted;

/**
 * Those that are wanted, or all that can run here; what cannot is told. Throws Failure where a target that is wanted by
 * name cannot run.
 */
export async function chooseCandidates(
  wanted: readonly TargetName[] | undefined,
  threads: number | undefined,
  io: Io,
  isNamed = wanted !== undefined,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const target of wanted ?? TARGET_NAMES) {
    switch (target) {
      case 'wasm': {
        const engine = threads === undefined ? {} : { threads };
        candidates.push({ name: 'wasm', target, engine: { ...engine, simd: 'strict' } });
        if (chooseSimd() === 'relaxed')
          candidates.push({ name: 'wasm relaxed', target, engine: { ...engine, simd: 'relaxed' } });
        else printNote(`wasm is verified without relaxed SIMD, which Node ${process.versions.node} does not have`, io);
        break;
      }
      case 'js':
        candidates.push({ name: 'js', target, engine: {} });
        break;
      case 'webgpu': {
        const hindrance = await hindranceToGpu();
        if (hindrance === undefined) candidates.push({ name: 'webgpu', target, engine: {} });
        else if (isNamed) throw new Failure(`webgpu cannot be verified here: ${hindrance}`, { hint: DRIVER_HINT });
        else printNote(`webgpu is not verified: ${hindrance}`, io);
      }
    }
  }
  return candidates;
}

async function hindranceToGpu(): Promise<string | undefined> {
  try {
    const adapter = await (await nodeGpu()).requestAdapter();
    return adapter ? undefined : 'there is no adapter';
  } catch (error) {
    if (error instanceof Failure || error instanceof HeddleError) return error.message;
    return reasonOf(error);
  }
}
