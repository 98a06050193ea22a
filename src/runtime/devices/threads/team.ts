/**
 * The threads of a model: workers over its memory that run every step together. Rank 0 is the calling thread where that
 * may wait; a page's main thread may not, so there rank 0 is a worker too.
 */
import type { TeamWords } from '../../../program/team.ts';
import { HeddleError, reasonOf } from '../../errors.ts';
import { wasmApi, type WasmMemory, type WasmModule } from '../platform.ts';
import { ROUND, stopTeam, type Orders, type Report } from './messages.ts';
import {
  openWorker,
  release,
  send,
  workerConstructor,
  type StartWorker,
  type WorkerConstructor,
  type WorkerHandle,
} from './workers.ts';

export interface TeamParts {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly words: TeamWords;
  readonly ranks: number;
  readonly Worker: WorkerConstructor;
  readonly startWorker: StartWorker;
}

/** The threads that a model should have: two or more. */
export interface Threads {
  readonly count: number;
  readonly startWorker: StartWorker | undefined;
  /** Told in one line why there are fewer. */
  readonly onWarning: (message: string) => void;
}

/** Why there can be no threads here; undefined where there can. */
export function hindranceToThreads({ startWorker }: Threads): string | undefined {
  const { crossOriginIsolated } = globalThis as { readonly crossOriginIsolated?: boolean };
  if (crossOriginIsolated === false)
    return 'the page is not cross-origin isolated, which takes the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy';
  if (typeof SharedArrayBuffer === 'undefined') return 'this engine has no shared memory';
  if (!workerConstructor()) return 'this engine has no workers';
  return startWorker ? undefined : 'there is no script for workers';
}

/** The team of a model whose threads nothing hinders, or why it cannot be gathered. */
export async function gatherTeam(
  instance: Pick<TeamParts, 'module' | 'memory' | 'words'>,
  { count, startWorker }: Threads,
): Promise<Team | string> {
  try {
    return await Team.gather({ ...instance, ranks: count, startWorker: startWorker!, Worker: workerConstructor()! });
  } catch (error) {
    return reasonOf(error);
  }
}

/** Whether this thread may wait; the main threads of pages may not. */
function canWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

/** Settles what waits for the workers: their start, or a round. */
interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: HeddleError) => void;
}

/** Ends a team when nobody can run its model any more: its workers would wait for ever. */
const abandoned = new FinalizationRegistry<Team>((team) => team.dismiss());

export class Team {
  readonly #parts: TeamParts;
  readonly #words: Int32Array;
  /** Runs a round on the calling thread as rank 0; undefined where a worker is rank 0. */
  readonly #round: (() => void) | undefined;
  #workers: readonly WorkerHandle[] = [];
  #pending: Pending | undefined;
  /** Why there are no workers any more. */
  #end: HeddleError | undefined;

  /** Starts the workers. Rejects with HeddleError 'unsupported' when that fails. */
  static async gather(parts: TeamParts): Promise<Team> {
    let round: (() => void) | undefined;
    if (canWait()) {
      const imports = { env: { memory: parts.memory, rank: 0, ranks: parts.ranks } };
      round = (await wasmApi()!.instantiate(parts.module, imports)).exports['round'] as () => void;
    }
    const team = new Team(parts, round);
    await team.#startWorkers();
    return team;
  }

  private constructor(parts: TeamParts, round: (() => void) | undefined) {
    this.#parts = parts;
    this.#words = new Int32Array(parts.memory.buffer);
    this.#round = round;
  }

  get ranks(): number {
    return this.#parts.ranks;
  }

  /** Whether this thread is rank 0: then `run` can be called, else `runElsewhere`. */
  get isLedHere(): boolean {
    return this.#round !== undefined;
  }

  /** Dismisses the team when `owner` is collected as garbage. */
  belongTo(owner: object): void {
    abandoned.register(owner, this);
  }

  /** Runs the steps from `first` up to but not including `last` on all threads. Throws HeddleError 'internal'. */
  run(first: number, last: number): void {
    this.#order(first, last);
    try {
      this.#round!();
    } catch (error) {
      const { memory, words } = this.#parts;
      const isOwn = stopTeam(memory.buffer, words);
      throw this.#fail(isOwn ? reasonOf(error) : 'another thread ended');
    }
  }

  /** The same, led by a worker. Rejects with HeddleError 'internal', or 'disposed' when the team is dismissed meanwhile. */
  async runElsewhere(first: number, last: number): Promise<void> {
    this.#order(first, last);
    const done = this.#next();
    send(this.#workers[0]!, ROUND);
    await done;
  }

  /** Ends the workers. */
  dismiss(): void {
    this.#finish(new HeddleError('disposed', 'the model has been disposed'));
  }

  #order(first: number, last: number): void {
    if (this.#end) throw this.#end;
    const { generation, rounds } = this.#parts.words;
    const at = rounds[Atomics.load(this.#words, generation / 4) & 1]! / 4;
    this.#words[at] = first;
    this.#words[at + 1] = last;
  }

  async #startWorkers(): Promise<void> {
    const { module, memory, words, ranks, Worker, startWorker } = this.#parts;
    const first = this.#round ? 1 : 0;
    let missing = ranks - first;
    const ready = this.#next();
    const hear = (report: Report): void => {
      if (report.kind === 'failed' && missing > 0) this.#finish(new HeddleError('unsupported', report.reason));
      else if (report.kind === 'failed') this.#fail(report.reason);
      else if (report.kind === 'done' || --missing === 0) this.#pending?.resolve();
    };
    try {
      for (let rank = first; rank < ranks; rank++) {
        const worker = openWorker(Worker, startWorker, hear);
        this.#workers = [...this.#workers, worker];
        send(worker, { module, memory, words, rank, ranks } satisfies Orders);
      }
    } catch (error) {
      this.#finish(new HeddleError('unsupported', reasonOf(error), { cause: error }));
    }
    await ready;
    this.#workers.forEach(release);
  }

  /** What the workers report next. */
  #next(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
  }

  #fail(reason: string): HeddleError {
    return this.#finish(new HeddleError('internal', `a kernel failed in one of the threads: ${reason}`));
  }

  /** Only the first end counts. */
  #finish(end: HeddleError): HeddleError {
    if (this.#end) return this.#end;
    this.#end = end;
    stopTeam(this.#parts.memory.buffer, this.#parts.words);
    for (const worker of this.#workers) worker.terminate();
    this.#pending?.reject(end);
    return end;
  }
}
