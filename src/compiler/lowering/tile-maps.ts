/** The maps of the tiles of one routine's products, each made once for all products with the same groups. */
import { add, constant, symbol, type Dim } from '../dims/dim.ts';
import type { Origin } from '../ir/graph.ts';
import { kernelKey } from '../kernel/print.ts';
import type { BufferId, ExecutedWork, KernelCall, LoweredBuffer } from '../plan/lowered.ts';
import type { Scratch, TileMap } from './lowered-kernel.ts';

/** What a product has of its map. */
export interface MappedProduct {
  readonly map: BufferId;
  readonly indirect?: BufferId;
  readonly executed: ExecutedWork;
}

type Kernels = Pick<KernelCall, 'kernel' | 'alternatives'>;

export interface TileMapsOptions {
  /** Of the program: calls and buffers are added at the end. */
  readonly calls: KernelCall[];
  readonly buffers: LoweredBuffer[];
  /** Makes kernels ready for the target. */
  readonly prepare: (kernels: Kernels) => Kernels;
}

interface Known {
  /** The call that makes it: until all products are known, of a kernel without their shares. */
  readonly call: number;
  readonly write: TileMap['write'];
  readonly operands: readonly BufferId[];
  readonly map: BufferId;
  readonly origin: Origin;
  readonly shares: Map<string, { readonly share: Dim; readonly words: BufferId }>;
}

/** Buffers that a kernel has for dispatches, beside the map and what it is made from. */
const MOST_SHARES = 4;

export class TileMaps {
  readonly #options: TileMapsOptions;
  readonly #maps = new Map<string, Known>();

  constructor(options: TileMapsOptions) {
    this.#options = options;
  }

  /** The map of a product that is about to be called, with `operands` in the buffers. */
  of({ scratch, write, share, executed }: TileMap, operands: readonly BufferId[], origin: Origin): MappedProduct {
    const known = this.#find({ write, operands, origin }, scratch, share);
    const { map } = known;
    return { map, ...(share && { indirect: this.#wordsOf(known, share) }), executed: { buffer: map, ...executed } };
  }

  #find(given: Omit<Known, 'call' | 'map' | 'shares'>, scratch: Scratch, share: Dim | undefined): Known {
    const { calls, buffers, prepare } = this.#options;
    const kernels = prepare(given.write([]));
    const text = [kernels, ...(kernels.alternatives ?? [])].map(({ kernel }) => kernelKey(kernel));
    const key = [...text, ...given.operands].join();
    const isRoomy = ({ shares }: Known): boolean => !share || shares.has(share.key) || shares.size < MOST_SHARES;
    const found = this.#maps.get(key);
    if (found && isRoomy(found)) return found;
    const map = buffers.push({ type: scratch.type!, size: scratch.size }) - 1;
    const call = calls.push(this.#call(kernels, [...given.operands, map], given.origin)) - 1;
    const made: Known = { ...given, call, map, shares: new Map() };
    this.#maps.set(found ? `${key} ${call}` : key, made);
    return made;
  }

  #wordsOf({ shares }: Known, share: Dim): BufferId {
    const known = shares.get(share.key);
    if (known) return known.words;
    const words = this.#options.buffers.push({ type: 'u32', size: constant(3) }) - 1;
    shares.set(share.key, { share, words });
    return words;
  }

  #call(kernels: Kernels, buffers: readonly BufferId[], origin: Origin): KernelCall {
    return { ...kernels, buffers, sizes: kernels.kernel.sizes.map((size) => symbol(size)), origin };
  }

  /** Completes the calls, when all products of the routine are known. */
  finish(): void {
    const { calls, prepare } = this.#options;
    for (const { call, write, operands, map, shares, origin } of this.#maps.values()) {
      const all = [...shares.values()];
      const kernels = prepare(write(all.map(({ share }) => share)));
      calls[call] = this.#call(kernels, [...operands, map, ...all.map(({ words }) => words)], origin);
    }
  }
}

/** What the calls execute, those of one word together. */
export function executedBy(calls: readonly KernelCall[]): readonly ExecutedWork[] {
  const sums = new Map<string, ExecutedWork>();
  for (const { executed } of calls) {
    if (!executed) continue;
    const key = `${executed.buffer} ${executed.at}`;
    const known = sums.get(key);
    sums.set(key, known ? { ...known, times: add(known.times, executed.times) } : executed);
  }
  return [...sums.values()];
}
