/** The JavaScript device: kernels are functions over typed-array views of one ArrayBuffer. */
import { kernelOf, type Situation } from '../../program/choice.ts';
import { isCounting, type Routine, type TargetProgram } from '../../program/program.ts';
import { HeddleError, reasonOf } from '../errors.ts';
import { checkMemory, sizeArgument, type Activation, type Counter, type Device } from './device.ts';

/** Takes element offsets of its buffers, then its sizes. */
export type JsKernel = (...values: number[]) => void;

/**
 * What `kernels.js` exports as `kernels`: makes the kernels, by number, over views of the same memory. Those that count add
 * to the first element of `counts`.
 */
export type JsKernelFactory = (
  f32: Float32Array<ArrayBuffer>,
  i32: Int32Array<ArrayBuffer>,
  u32: Uint32Array<ArrayBuffer>,
  counts: Float64Array<ArrayBuffer>,
) => readonly JsKernel[];

/** Throws HeddleError 'program-malformed' when the factory does not make the program's kernels. */
export function createJsDevice(program: TargetProgram, factory: JsKernelFactory): Device {
  return new JsDevice(program, factory);
}

interface Call {
  readonly kernel: number;
  readonly values: readonly number[];
}

class JsDevice implements Device {
  readonly base = 0;
  readonly threads = 1;
  memory: ArrayBuffer = new ArrayBuffer(0);
  readonly counter?: Counter;
  readonly #counts = new Float64Array(1);
  readonly #program: TargetProgram;
  readonly #factory: JsKernelFactory;
  #kernels: readonly JsKernel[] = [];
  /** What each step calls. */
  readonly #calls: Call[];

  constructor(program: TargetProgram, factory: JsKernelFactory) {
    this.#program = program;
    this.#factory = factory;
    const counts = this.#counts;
    if (isCounting(program)) this.counter = { reset: () => void counts.fill(0), read: () => counts[0]! };
    this.#calls = program.steps.map(({ kernel }) => ({ kernel, values: [] }));
    this.#makeKernels();
  }

  reserve(bytes: number): void {
    checkMemory(bytes);
    if (bytes <= this.memory.byteLength) return;
    let larger: ArrayBuffer;
    try {
      larger = new ArrayBuffer(Math.ceil(bytes / 8) * 8);
    } catch (error) {
      const mebibytes = Math.ceil(bytes / 2 ** 20);
      throw new HeddleError('memory', `the engine gives no ${mebibytes} MiB of memory`, { cause: error });
    }
    new Uint8Array(larger).set(new Uint8Array(this.memory));
    this.memory = larger;
    this.#makeKernels();
  }

  call(kernel: number, addresses: readonly number[], sizes: readonly number[]): void {
    this.#kernels[kernel]!(...addresses.map((address) => address / 4), ...sizes);
  }

  prepare({ first, last }: Routine, addresses: readonly number[], situation: Situation): Activation {
    const prepared = this.#program.steps.slice(first, last).map((step): Call => ({
      kernel: kernelOf(step, situation),
      values: [
        ...step.buffers.map((buffer) => addresses[buffer]! / 4),
        ...step.sizes.map((size) => sizeArgument(size, situation.dims)),
      ],
    }));
    return () => {
      prepared.forEach((call, at) => {
        this.#calls[first + at] = call;
      });
    };
  }

  runSteps(first: number, last: number): void {
    for (let at = first; at < last; at++) {
      const { kernel, values } = this.#calls[at]!;
      this.#kernels[kernel]!(...values);
    }
  }

  dispose(): void {}

  #makeKernels(): void {
    const { memory } = this;
    try {
      const [f32, i32, u32] = [new Float32Array(memory), new Int32Array(memory), new Uint32Array(memory)];
      this.#kernels = this.#factory(f32, i32, u32, this.#counts);
    } catch (error) {
      throw new HeddleError('program-malformed', `the kernels cannot be made: ${reasonOf(error)}`, { cause: error });
    }
    const { length } = this.#program.kernels;
    if (!Array.isArray(this.#kernels) || this.#kernels.length < length)
      throw new HeddleError('program-malformed', `the kernels module does not make the program's ${length} kernels`);
  }
}
