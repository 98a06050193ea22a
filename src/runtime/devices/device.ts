/**
 * What runs kernels: one memory, and the program's kernels over it. Devices know steps and addresses; the binder above
 * them knows tensors.
 */
import type { Situation } from '../../program/choice.ts';
import type { Routine } from '../../program/program.ts';
import type { Dims } from '../../program/size.ts';
import { evaluateSize, type SizeExpr } from '../../program/size.ts';
import { HeddleError } from '../errors.ts';

/** Installs the arguments of a routine that were prepared for one binding of the dimensions. */
export type Activation = () => void;

export interface Device {
  /** The memory; another object after `reserve` has enlarged it, with the same contents. */
  readonly memory: ArrayBufferLike;
  /** First address free for buffers: what lies below is the device's own. */
  readonly base: number;
  /** Makes the memory hold at least `bytes`. Throws HeddleError 'memory'. */
  reserve(bytes: number): void;
  /** Calls one kernel, at load. Byte addresses of its buffers, then its sizes. */
  call(kernel: number, addresses: readonly number[], sizes: readonly number[]): void;
  /**
   * Computes the arguments of a routine's steps, and which kernels they call. `addresses` holds a byte address for each of
   * the buffers that it uses. Each routine keeps the arguments that were activated for it last.
   */
  prepare(routine: Routine, addresses: readonly number[], situation: Situation): Activation;
  /** Runs the steps from `first` up to but not including `last` with these arguments. Allocates nothing. */
  runSteps(first: number, last: number): void;
  /** How many threads run the steps. */
  readonly threads: number;
  /** Of a program whose kernels count their multiply-adds. */
  readonly counter?: Counter;
  /**
   * `runSteps` on threads that this one cannot lead, because it must not wait; absent elsewhere. Then `runSteps` uses this
   * thread alone.
   */
  readonly runElsewhere?: (first: number, last: number) => Promise<void>;
  /** Ends the threads. */
  dispose(): void;
}

/** What the steps have counted, of all threads. */
export interface Counter {
  reset(): void;
  read(): number;
}

/** Addresses are 32-bit. */
const MAX_MEMORY = 2 ** 32;

/** Throws HeddleError 'memory' when `bytes` cannot be addressed. */
export function checkMemory(bytes: number): void {
  if (bytes <= MAX_MEMORY) return;
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  throw new HeddleError('memory', `these dimensions need ${mebibytes} MiB of memory; the limit is 4096 MiB`);
}

/** The value of a kernel's size argument. Throws HeddleError 'memory' beyond 32 bits. */
export function sizeArgument(size: SizeExpr, dims: Dims): number {
  const value = evaluateSize(size, dims);
  if (value !== (value | 0)) throw new HeddleError('memory', `these dimensions give the size ${value}, beyond 32 bits`);
  return value;
}
