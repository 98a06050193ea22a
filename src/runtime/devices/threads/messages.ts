/** What the model and its workers tell each other, and how either ends the team. Shared by both, and sent as it is. */
import type { TeamWords } from '../../../program/team.ts';
import type { WasmMemory, WasmModule } from '../platform.ts';

/** The first message to a worker. */
export interface Orders {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly words: TeamWords;
  readonly rank: number;
  readonly ranks: number;
}

/** Every later message, only to a worker that is rank 0: to run the steps that the words name. */
export const ROUND = 'round';

export type Report =
  | { readonly kind: 'ready' }
  /** A round has ended. */
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Lets every rank trap where it meets the others next. Returns whether that is news. */
export function stopTeam(memory: ArrayBufferLike, words: TeamWords): boolean {
  const view = new Int32Array(memory);
  const before = Atomics.exchange(view, words.stopped / 4, 1);
  Atomics.add(view, words.generation / 4, 1);
  Atomics.notify(view, words.generation / 4);
  return before === 0;
}
