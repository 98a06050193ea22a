/** What a new run computes on, where that is left to the command. */
import { type CompileOptions, compileModule, type Module } from '../../compiler/index.ts';
import { TARGET_NAMES } from '../../program/program.ts';
import { AUTO, chooseTarget } from '../auto.ts';
import type { Io } from '../io.ts';
import type { TrainTarget } from './config.ts';
import type { TrainOptions } from './options.ts';

/** Options in which the target is settled. */
export type SettledOptions = TrainOptions & { readonly target?: TrainTarget };

/** Chooses for batches of the size that they will have, and says what and why. */
export async function settleEngine(options: TrainOptions, module: Module, io: Io): Promise<SettledOptions> {
  const { target, remat, batch = 1 } = options;
  if (target !== AUTO) return { ...options, ...(target && { target }) } as SettledOptions;
  const all: CompileOptions = { targets: TARGET_NAMES, ...(remat && { remat }) };
  const { program } = compileModule(module, all);
  const inputs = Object.values(program.targets).flatMap(({ routines }) => routines.flatMap((one) => one.inputs));
  // The examples of a batch are along the first axis.
  const dims = new Map(
    inputs.flatMap(({ shape: [rows] }) => (typeof rows === 'string' ? [[rows, batch] as const] : [])),
  );
  const { device, threads } = await chooseTarget(program, { dims, threads: options.threads }, io);
  return { ...options, target: device, ...(device === 'wasm' && { threads }) };
}
