/** The choice of what runs a program, by what the files and the engine offer. */
import { TARGET_NAMES, type Program, type TargetName } from '../program/program.ts';
import type { Dims } from '../program/size.ts';
import { type Attempt, estimate, expectedDims, loadOf, mainRoutine, type Choice, type Considered } from './choice.ts';
import { wasmApi } from './devices/platform.ts';
import { usualThreads } from './devices/threads/cores.ts';
import type { ThreadOptions } from './devices/threads/options.ts';
import { hindranceToThreads } from './devices/threads/team.ts';
import type { StartWorker } from './devices/threads/workers.ts';
import type { GpuOptions } from './devices/webgpu/options.ts';
import { HeddleError, reasonOf } from './errors.ts';

/** What files have, of those that matter here. */
interface Files {
  readonly wasm?: unknown;
  readonly js?: unknown;
  readonly webgpu?: unknown;
  readonly worker?: { readonly start: StartWorker };
}

interface Options extends ThreadOptions, GpuOptions {
  readonly expect?: { readonly [dim: string]: number };
}

/** Looks at the engine. Throws HeddleError 'option' for sizes that the program has no use for, or does not allow. */
export async function chooseDevice(
  program: Program,
  files: Files,
  options: Options,
  hindranceToGpu: (options: GpuOptions) => Promise<string | undefined>,
): Promise<Choice> {
  const { expect = {} } = options;
  for (const [name, size] of Object.entries(expect)) {
    if (!program.dims.some((dim) => dim.name === name))
      throw new HeddleError('option', `the option expect has ${name}, which is no dimension of ${program.name}`);
    if (!Number.isSafeInteger(size) || size < 0)
      throw new HeddleError('option', `the option expect has ${name} = ${String(size)}, which is no size`);
  }
  const threads = options.threads ?? usualThreads();
  const offer: Offer = {
    targets: TARGET_NAMES.filter((name) => files[name]),
    threads,
    threadHindrance: hindranceToThreads({
      count: threads,
      startWorker: files.worker?.start,
      onWarning: () => undefined,
    }),
    gpuHindrance: files.webgpu ? await hindranceToGpu(options) : undefined,
    wasmHindrance: hindranceToWasm(),
  };
  try {
    return choose(program, offer, new Map(Object.entries(expect)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new HeddleError('option', `the work of ${program.name} cannot be computed: ${error.message}`, {
      cause: error,
    });
  }
}

/** The least module there is. */
const EMPTY = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function hindranceToWasm(): string | undefined {
  const api = wasmApi();
  if (!api) return 'this engine has no WebAssembly';
  try {
    // Where a page's policy forbids it, that fails.
    void new api.Module(EMPTY);
    return undefined;
  } catch (error) {
    return `WebAssembly is forbidden here: ${reasonOf(error)}`;
  }
}

/** `loaded`, which tells how it was chosen. `faults` are those of what was tried before. */
export function chosen<T extends object>(
  loaded: T,
  program: Program,
  options: Options,
  choice: Choice,
  { device, threads }: Attempt,
  faults: ReadonlyMap<Attempt, string>,
): T {
  const considered = choice.considered.map((one) => {
    const hindrance = faults.get(one);
    return hindrance === undefined ? one : { ...one, hindrance };
  });
  const dims = expectedDims(program, new Map(Object.entries(options.expect ?? {})));
  const reason = faults.size === 0 ? choice.reason : reasonFor(program, dims, considered);
  const value: Choice = { device, threads, reason, considered };
  return Object.defineProperty(loaded, 'choice', { value, enumerable: true });
}

/** What there is to choose from. */
export interface Offer {
  readonly targets: readonly TargetName[];
  /** As many threads as wasm may have. */
  readonly threads: number;
  /** Why more than one thread cannot be; undefined where they can. */
  readonly threadHindrance: string | undefined;
  /** Why webgpu should not be chosen; undefined where it may be. */
  readonly gpuHindrance: string | undefined;
  /** Why there is no WebAssembly; undefined where there is. */
  readonly wasmHindrance: string | undefined;
}

/** In which devices are taken where nothing is known of the work. */
const ORDER: readonly TargetName[] = ['wasm', 'js', 'webgpu'];

/** Without `work` in the program, in the order wasm, js, webgpu. Throws RangeError where sizes cannot be computed. */
export function choose(program: Program, offer: Offer, given: Dims): Choice {
  const dims = expectedDims(program, given);
  const load = loadOf(program, dims);
  const seconds = (device: TargetName, threads: number): number =>
    load ? estimate(load, device, threads) : ORDER.indexOf(device);
  const considered = offer.targets.flatMap((device): Considered[] => {
    switch (device) {
      case 'wasm': {
        if (offer.wasmHindrance !== undefined) return [{ device, threads: 1, hindrance: offer.wasmHindrance }];
        const one: Considered = { device, threads: 1, seconds: seconds(device, 1) };
        const { threads, threadHindrance: hindrance } = offer;
        if (threads === 1) return [one];
        return [
          one,
          hindrance === undefined
            ? { device, threads, seconds: seconds(device, threads) }
            : { device, threads, hindrance },
        ];
      }
      case 'js':
        return [{ device, threads: 1, seconds: seconds(device, 1) }];
      case 'webgpu':
        return offer.gpuHindrance === undefined
          ? [{ device, threads: 1, seconds: seconds(device, 1) }]
          : [{ device, threads: 1, hindrance: offer.gpuHindrance }];
    }
  });
  const sorted = considered.toSorted((a, b) => (a.seconds ?? Infinity) - (b.seconds ?? Infinity));
  const { device, threads } = sorted[0]!;
  return { device, threads, reason: reasonFor(program, dims, sorted), considered: sorted };
}

/** `wasm: about 0.5 µs for run, where webgpu takes 2 ms; for batch = 1` */
export function reasonFor(program: Program, dims: Dims, considered: readonly Considered[]): string {
  const possible = considered.filter(({ hindrance }) => hindrance === undefined);
  const [first, ...others] = possible;
  const impossible = considered.filter(({ hindrance }) => hindrance !== undefined);
  const hindered = impossible.map((one) => `${nameOf(one)}: ${one.hindrance}`);
  const known = program.work?.[mainRoutine(program)] !== undefined;
  const sizes = [...dims].map(([name, size]) => `${name} = ${size}`).join(', ');
  const times = others.map((one) => `${timeText(one.seconds!)} on ${nameOf(one)}`);
  const estimateText =
    !first || !known
      ? 'the program does not tell its work'
      : `about ${timeText(first.seconds!)} for a ${mainRoutine(program)}${sizes === '' ? '' : ` with ${sizes}`}${times.length > 0 ? `, ${times.join(', ')}` : ''}`;
  return [`${first ? nameOf(first) : 'nothing'}: ${estimateText}`, ...hindered].join('; ');
}

function nameOf({ device, threads }: Considered): string {
  return threads > 1 ? `${device} with ${threads} threads` : device;
}

function timeText(seconds: number): string {
  // Two digits, and no exponent: 490, not 4.9e+2.
  const digits = (value: number): number => Number(value.toPrecision(2));
  if (seconds >= 1) return `${digits(seconds)} s`;
  return seconds >= 1e-3 ? `${digits(1e3 * seconds)} ms` : `${digits(1e6 * seconds)} µs`;
}
