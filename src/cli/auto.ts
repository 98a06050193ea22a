/** `--target auto`: what should be fastest here, as a load with `device: 'auto'` chooses it. */
import type { Program, TargetName } from '../program/program.ts';
import type { Choice } from '../runtime/choice.ts';
import { chooseDevice } from '../runtime/choose.ts';
import { hindranceToGpu } from '../runtime/devices/webgpu/hindrance.ts';
import { WORKER_FILE } from './built.ts';
import type { GivenDims } from './dims.ts';
import { Failure, printNote } from './errors.ts';
import { nodeGpu } from './gpu.ts';
import type { Io } from './io.ts';

export const AUTO = 'auto';

/** What a command may be told to run on. */
export type WantedTarget = TargetName | typeof AUTO;

/**
 * Chooses among the targets that a program was compiled for, and says what and why. `dims` are the sizes that are expected;
 * `threads`, how many wasm may have.
 */
export async function chooseTarget(
  program: Program,
  { dims = new Map(), threads }: { readonly dims?: GivenDims; readonly threads?: number | undefined },
  io: Io,
): Promise<Choice> {
  const { wasm, js, webgpu } = program.targets;
  const files = { wasm, js, webgpu, worker: { start: () => ({ script: WORKER_FILE }) } };
  const expect = Object.fromEntries([...dims].filter(([name]) => program.dims.some((dim) => dim.name === name)));
  const choice = await chooseDevice(
    program,
    files,
    { expect, ...(threads !== undefined && { threads }) },
    gpuHindrance,
  );
  printNote(choice.reason, io);
  return choice;
}

/** Node has no WebGPU but that of a package. */
async function gpuHindrance(): Promise<string | undefined> {
  try {
    return await hindranceToGpu({ gpu: await nodeGpu() });
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}
