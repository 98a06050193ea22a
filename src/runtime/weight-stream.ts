/** Weights as they arrive, a piece at a time, so that they are never in memory twice. Knows nothing of programs. */
import {
  checkCoverage,
  ELEMENT_BYTES,
  headerEnd,
  inDataOrder,
  parseHeader,
  SafetensorsError,
  type SafetensorsType,
  type StoredEntry,
  type StoredTensor,
} from '../program/safetensors.ts';
import { HeddleError } from './errors.ts';

/** A stored tensor without its values. */
export type StoredType = Pick<StoredTensor, 'dtype' | 'shape'>;

/** Some consecutive elements of a tensor as they are stored. */
export interface WeightPiece {
  readonly name: string;
  readonly dtype: SafetensorsType;
  /** Elements of the tensor before these. */
  readonly at: number;
  /** Valid until the next piece is asked for. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface WeightStream {
  /** In the order in which their values come. */
  readonly tensors: ReadonlyMap<string, StoredType>;
  /**
   * All values: each tensor's pieces follow each other, and an empty one has an empty piece. To be asked for once.
   * Rejects with HeddleError.
   */
  pieces(): AsyncIterable<WeightPiece>;
}

type Windows = AsyncIterable<Uint8Array<ArrayBuffer>>;

/**
 * The tensors of a safetensors file that arrives in windows; of these two are in use at a time. Reads the header.
 * `fileLength` is Infinity where it is not known. Rejects with HeddleError 'weights-malformed', and as `windows` does.
 */
export async function openWeightStream(windows: Windows, fileLength: number): Promise<WeightStream> {
  const rest = readAhead(windows);
  try {
    const { head, dataStart } = await readHead(rest, fileLength);
    const header = parseHeader(head.subarray(0, dataStart));
    checkCoverage(header.entries, fileLength - dataStart);
    const entries = inDataOrder(header.entries);
    return {
      tensors: new Map(entries.map(({ name, dtype, shape }) => [name, { dtype, shape }])),
      pieces: () => piecesOf(entries, head.subarray(dataStart), rest),
    };
  } catch (error) {
    throw asMalformed(error);
  }
}

/** A HeddleError 'weights-malformed' for a SafetensorsError; anything else as it is. */
export function asMalformed(error: unknown): unknown {
  if (!(error instanceof SafetensorsError)) return error;
  const message = `the weights are no safetensors file: ${error.message}`;
  return new HeddleError('weights-malformed', message, { cause: error });
}

/** The same values, the next being made while one is used; what is left unread is left to end by itself. */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const answer = iterator.next();
    // It is awaited later, or never when the load has failed elsewhere.
    answer.catch(() => undefined);
    return answer;
  };
  for (let answer = ask(); ;) {
    const { done, value } = await answer;
    if (done) return;
    answer = ask();
    yield value as T;
  }
}

/** The beginning of the file up to the end of a window, with the whole header. */
async function readHead(
  windows: AsyncIterator<Uint8Array<ArrayBuffer>>,
  fileLength: number,
): Promise<{ head: Uint8Array<ArrayBuffer>; dataStart: number }> {
  let head = new Uint8Array(0);
  for (;;) {
    const { done, value } = await windows.next();
    if (!done) head = head.length === 0 ? value : joined(head, value);
    const known = done ? head.length : fileLength;
    const dataStart = done || head.length >= 8 ? headerEnd(head, known) : Infinity;
    if (head.length >= dataStart) return { head, dataStart };
  }
}

/** Cuts windows where tensors end. `first` is the data of the window with the header. */
async function* piecesOf(
  entries: readonly StoredEntry[],
  first: Uint8Array<ArrayBuffer>,
  rest: Windows,
): AsyncGenerator<WeightPiece> {
  const cutter = new Cutter(entries);
  yield* cutter.cut(first);
  for await (const window of rest) yield* cutter.cut(window);
  try {
    checkCoverage(entries, cutter.position);
  } catch (error) {
    throw asMalformed(error);
  }
}

class Cutter {
  /** Bytes of data in the windows so far. */
  position = 0;
  readonly #entries: readonly StoredEntry[];
  #current = 0;
  /** Bytes handed out of the current tensor. */
  #given = 0;
  /** The beginning of an element that the last window did not hold whole. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  constructor(entries: readonly StoredEntry[]) {
    this.#entries = entries;
  }

  *cut(window: Uint8Array<ArrayBuffer>): Generator<WeightPiece> {
    const before = this.position;
    this.position += window.length;
    for (let entry = this.#entries[this.#current]; entry; entry = this.#entries[this.#current]) {
      const size = ELEMENT_BYTES[entry.dtype];
      let start = entry.begin + this.#given - before;
      if (start > window.length) return;
      if (this.#rest.length > 0) {
        this.#rest = joined(this.#rest, window.subarray(0, size - this.#rest.length));
        if (this.#rest.length < size) return;
        yield this.#piece(entry, this.#rest);
        this.#rest = new Uint8Array(0);
        start += size;
      }
      const end = Math.min(window.length, entry.end - before);
      const whole = Math.floor((end - start) / size) * size;
      if (whole > 0 || entry.begin === entry.end) yield this.#piece(entry, window.subarray(start, start + whole));
      if (entry.begin + this.#given < entry.end) {
        this.#rest = window.slice(start + whole);
        return;
      }
      this.#current++;
      this.#given = 0;
    }
  }

  #piece({ name, dtype }: StoredEntry, bytes: Uint8Array<ArrayBuffer>): WeightPiece {
    const at = this.#given / ELEMENT_BYTES[dtype];
    this.#given += bytes.length;
    return { name, dtype, at, bytes };
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Elements of a piece of a tensor that is in memory: few enough that what is made of them stays small. */
const PIECE_ELEMENTS = 2 ** 18;

/** Tensors that are in memory; `tensors` says in which order they are asked for. */
export function heldWeights(tensors: ReadonlyMap<string, StoredTensor>): WeightStream {
  return {
    tensors,
    async *pieces() {
      for (const [name, { dtype, bytes }] of tensors) {
        const size = ELEMENT_BYTES[dtype];
        for (let at = 0; at === 0 || at * size < bytes.length; at += PIECE_ELEMENTS) {
          yield { name, dtype, at, bytes: bytes.subarray(at * size, (at + PIECE_ELEMENTS) * size) };
        }
      }
    },
  };
}
