/**
 * Chooses what runs a program: by what the engine has, and by an estimate of how long a run takes there. The estimate has
 * to tell a run of a microsecond from one of a second; between what is nearly as fast, either choice will do.
 */
import type { Program, TargetName } from '../program/program.ts';
import { STEP } from '../program/generation.ts';
import { evaluateSize, type Dims } from '../program/size.ts';

/** One way to run a program. */
export type Attempt = Pick<Choice, 'device' | 'threads'>;

/** Why a load has taken what it has. */
export interface Choice {
  readonly device: TargetName;
  readonly threads: number;
  /** In one line. */
  readonly reason: string;
  /** Everything there was to choose from, the fastest by estimate first, and then what cannot run here. */
  readonly considered: readonly Considered[];
}

export interface Considered {
  readonly device: TargetName;
  readonly threads: number;
  /** Seconds that a run should take; absent where it cannot run here. */
  readonly seconds?: number;
  /** Why it cannot run here, or why it was given up. */
  readonly hindrance?: string;
}

/** What one kind of machine can do. */
interface Speed {
  /** Of products, with their additions, in a second. */
  readonly multiplyAdds: number;
  /** Read or written in a second. */
  readonly bytes: number;
  /** Seconds that each step takes beside its work. */
  readonly step: number;
  /** Seconds that each run takes beside its steps. */
  readonly run: number;
}

/**
 * Of a laptop, on the careful side. Of wasm and js: what docs/performance.md measures on one core of a server, less a
 * quarter. Of webgpu: an integrated GPU of 1 TFLOP/s, of which products reach a third, at the bandwidth of the machine's
 * memory; 24 to 71 µs for a dispatch (Maczan, Characterizing WebGPU dispatch overhead for LLM inference, 2026,
 * arXiv:2604.02344), and two milliseconds for the way to the GPU's process and back, with the wait for the results.
 */
export const SPEEDS: { readonly [device in TargetName]: Speed } = {
  wasm: { multiplyAdds: 20e9, bytes: 10e9, step: 0.2e-6, run: 1e-6 },
  js: { multiplyAdds: 0.5e9, bytes: 1e9, step: 0.5e-6, run: 2e-6 },
  webgpu: { multiplyAdds: 150e9, bytes: 30e9, step: 30e-6, run: 2e-3 },
};

/** What a further thread adds, as threads share caches and memory. */
const THREAD_GAIN = 0.7;
/** Threads meet after each step, and one may come late. */
const MEETING = 5e-6;

/** A routine at the sizes that runs are expected to have. */
export interface Load {
  readonly multiplyAdds: number;
  readonly bytes: number;
  /** Of the target. */
  steps(device: TargetName): number;
}

/** Seconds that a run should take. */
export function estimate({ multiplyAdds, bytes, steps }: Load, device: TargetName, threads: number): number {
  const speed = SPEEDS[device];
  const count = steps(device);
  const work = multiplyAdds / speed.multiplyAdds + bytes / speed.bytes;
  const meetings = threads > 1 ? count * MEETING : 0;
  return speed.run + count * speed.step + work / (1 + THREAD_GAIN * (threads - 1)) + meetings;
}

/** The routine that is run most: of texts, the one that adds a token; of a training, the one that learns. */
export function mainRoutine({ training, generation }: Program): string {
  if (generation) return STEP;
  if (!training) return 'run';
  if (!training.optimizer) return 'evaluate';
  return training.accumulate > 1 ? 'accumulate' : STEP;
}

/**
 * The sizes that `given` expects of runs, else the limits that are declared, else 1; and how that is told. A text that is
 * continued is one token long at a time.
 */
export function expectedDims({ dims }: Program, given: Dims): Dims {
  return new Map(dims.map(({ name, max }) => [name, given.get(name) ?? max ?? 1]));
}

/** What the main routine asks for; undefined where the program does not tell. */
export function loadOf(program: Program, dims: Dims): Load | undefined {
  const name = mainRoutine(program);
  const work = program.work?.[name];
  if (!work) return undefined;
  const steps = (device: TargetName): number => {
    const routine = program.targets[device]?.routines.find((one) => one.name === name);
    return routine ? routine.last - routine.first : 0;
  };
  return {
    multiplyAdds: evaluateSize(work.multiplyAdds ?? 0, dims),
    bytes: evaluateSize(work.bytes ?? 0, dims),
    steps,
  };
}
