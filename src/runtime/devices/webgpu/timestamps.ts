/** Times compute passes by the clock of the GPU. */
import { HeddleError } from '../../errors.ts';
import {
  MAP_READ,
  USAGE,
  type CommandEncoder,
  type ComputePass,
  type GpuBuffer,
  type GpuDevice,
  type QuerySet,
} from './api.ts';
import type { BoundSteps } from './steps.ts';

/** The most queries of a set, by the specification. */
const SET_QUERIES = 4096;
/** A query is a u64. */
const QUERY_BYTES = 8;

/** Seconds on the GPU's clock, which begins anywhere. */
export interface PassTime {
  readonly begin: number;
  readonly end: number;
}

/** Takes the times of the passes of one encoder after the other, of the same number of passes at most. */
export class PassTimer {
  readonly #sets: readonly { readonly queries: QuerySet; readonly count: number }[];
  readonly #resolved: GpuBuffer;
  readonly #readBack: GpuBuffer;
  readonly #bytes: number;
  #passes = 0;

  /** Throws HeddleError 'unsupported' where the device tells no times. */
  constructor(device: GpuDevice, mostPasses: number) {
    if (!device.features.has('timestamp-query')) {
      const message = 'this GPU, or the engine, tells no times: it has not the feature timestamp-query';
      throw new HeddleError('unsupported', message);
    }
    const total = 2 * Math.max(1, mostPasses);
    this.#sets = Array.from({ length: Math.ceil(total / SET_QUERIES) }, (_, set) => {
      const count = Math.min(SET_QUERIES, total - set * SET_QUERIES);
      return { queries: device.createQuerySet({ type: 'timestamp', count }), count };
    });
    this.#bytes = total * QUERY_BYTES;
    this.#resolved = device.createBuffer({ size: this.#bytes, usage: USAGE.queryResolve | USAGE.copySource });
    this.#readBack = device.createBuffer({ size: this.#bytes, usage: USAGE.mapRead | USAGE.copyTarget });
  }

  /** Begins a pass that is timed. */
  beginPass(encoder: CommandEncoder): ComputePass {
    const query = 2 * this.#passes++;
    const { queries } = this.#sets[Math.floor(query / SET_QUERIES)]!;
    const at = query % SET_QUERIES;
    const timestampWrites = { querySet: queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
    return encoder.beginComputePass({ timestampWrites });
  }

  /** Behind the last pass. */
  resolve(encoder: CommandEncoder): void {
    this.#sets.forEach(({ queries, count }, set) =>
      encoder.resolveQuerySet(queries, 0, count, this.#resolved, set * SET_QUERIES * QUERY_BYTES),
    );
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readBack, 0, this.#bytes);
  }

  /** The times of the passes begun since the last call, when the encoder has been submitted. Rejects as `mapAsync` does. */
  async read(): Promise<readonly PassTime[]> {
    const passes = this.#passes;
    this.#passes = 0;
    await this.#readBack.mapAsync(MAP_READ);
    const nanoseconds = new BigInt64Array(this.#readBack.getMappedRange());
    // The clock may have counted for days: differences of doubles would be too coarse.
    const start = nanoseconds[0]!;
    const seconds = (query: number): number => Number(nanoseconds[query]! - start) / 1e9;
    const times = Array.from({ length: passes }, (_, pass) => ({
      begin: seconds(2 * pass),
      end: seconds(2 * pass + 1),
    }));
    this.#readBack.unmap();
    return times;
  }

  destroy(): void {
    this.#sets.forEach(({ queries }) => queries.destroy());
    this.#resolved.destroy();
    this.#readBack.destroy();
  }
}

/** Which steps are timed, and whether each of them by itself or all together. */
export interface Timed {
  readonly from: number;
  readonly to: number;
  readonly isSplit: boolean;
}

/**
 * Runs steps behind what `before` encodes. Answers the seconds of each, or of all of them, copies between them included.
 * Throws HeddleError 'unsupported', and rejects as the device does.
 */
export async function timeSteps(
  device: GpuDevice,
  steps: BoundSteps,
  { from, to, isSplit }: Timed,
  before: (encoder: CommandEncoder) => void,
): Promise<readonly number[]> {
  const timer = new PassTimer(device, to - from);
  try {
    const encoder = device.createCommandEncoder();
    before(encoder);
    steps.encode(encoder, from, to, { beginPass: () => timer.beginPass(encoder), isSplit });
    timer.resolve(encoder);
    device.queue.submit([encoder.finish()]);
    const passes = await timer.read();
    // Where a clock was reset, nothing is known.
    if (!isSplit) return [Math.max(0, (passes.at(-1)?.end ?? 0) - (passes[0]?.begin ?? 0))];
    const times = passes.map(({ begin, end }) => Math.max(0, end - begin)).values();
    const numbers = Array.from({ length: to - from }, (_, at) => from + at);
    return numbers.map((step) => (steps.hasPoints(step) ? times.next().value! : 0));
  } finally {
    timer.destroy();
  }
}
