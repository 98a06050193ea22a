/**
 * How the ranks of a module wait for each other. All instances of a module over one shared memory, one a thread, form a
 * team: they run the same steps, each on its piece of every grid, and meet after each step. It must not know kernels.
 *
 * The barrier counts arrivals and has a generation (Mellor-Crummey and Scott, "Algorithms for scalable synchronization on
 * shared-memory multiprocessors", 1991, section 3.1): the last to arrive begins the next one, the others wait for that.
 */
import { RANK, RANKS } from './driver.ts';
import { Frame } from './frame.ts';

/** Byte addresses of i32 words; the host writes some of them. */
export interface TeamWords {
  /** Counts the meetings. Whoever stops the team counts on as well. */
  readonly generation: number;
  /** Not 0 once the team must not go on: set before the generation is changed. */
  readonly stopped: number;
  /**
   * The steps of the next round: two words, from the first up to but not including the second. They are at the first of
   * these addresses in an even generation, at the other in an odd one.
   */
  readonly rounds: readonly [number, number];
  /** How many ranks have arrived at the current meeting. */
  readonly arrived: number;
  /** How many ranks sleep until the generation changes. */
  readonly sleeping: number;
}

/**
 * Looks at the generation before a rank goes to sleep: 0.1 ms. That is longer than waking up takes: ranks that slept sooner
 * would go on to sleep while they wait for each other to wake up.
 */
const SPINS = 10_000;

/** The functions of a team. `run` is the number of `run(first, last)`, `next` that of the first of these functions. */
export function teamFunctions(words: TeamWords, run: number, next: number): TeamFunctions {
  const [meet, round, work] = ['meet', 'round', 'work'].map((name) => new Frame(name, [])) as [Frame, Frame, Frame];
  emitMeet(meet, words);
  emitRound(round, words, run, next);
  work.code.emit('loop', 'void');
  work.code.emit('call', next + 1);
  work.code.emit('br', 0);
  work.code.emit('end');
  return { meet, round, work };
}

export interface TeamFunctions {
  /** `meet()`: returns when all ranks have called it. Traps when the team has been stopped. */
  readonly meet: Frame;
  /** `round()`: waits for the others, then runs the steps that the words name. */
  readonly round: Frame;
  /** `work()`: one round after the other, until a trap. */
  readonly work: Frame;
}

/** Writes a call of `meet` where there are several ranks. */
export function emitMeeting(frame: Frame, meet: number): void {
  const { code } = frame;
  code.emit('global.get', RANKS);
  code.emit('i32.const', 1);
  code.emit('i32.gt_u');
  code.emit('if', 'void');
  code.emit('call', meet);
  code.emit('end');
}

/** Writes what `emit` writes for the first rank alone. */
export function emitOnFirstRank(frame: Frame, emit: () => void): void {
  const { code } = frame;
  code.emit('global.get', RANK);
  code.emit('i32.eqz');
  code.emit('if', 'void');
  emit();
  code.emit('end');
}

/**
 * Where no step of a round has a meeting, rank 0 is soon at the next, and the words of that have been written, while another
 * has only been released: they are in the other place then, as one meeting lies between the two rounds. Where a step has
 * one, all ranks have read the words of the round before.
 */
function emitRound(frame: Frame, words: TeamWords, run: number, meet: number): void {
  const { code } = frame;
  const [even, odd] = words.rounds;
  const place = frame.temporary('i32');
  emitLoad(frame, words.generation);
  code.emit('i32.const', 1);
  code.emit('i32.and');
  code.emit('i32.const', odd - even);
  code.emit('i32.mul');
  code.emit('local.set', place);
  code.emit('call', meet);
  for (const offset of [even, even + 4]) {
    code.emit('local.get', place);
    code.emit('i32.atomic.load', { offset });
  }
  code.emit('call', run);
}

function emitMeet(frame: Frame, words: TeamWords): void {
  const { code } = frame;
  const generation = frame.temporary('i32');
  emitLoad(frame, words.generation);
  code.emit('local.set', generation);
  emitAdd(frame, words.arrived);
  code.emit('global.get', RANKS);
  code.emit('i32.const', 1);
  code.emit('i32.sub');
  code.emit('i32.eq');
  code.emit('if', 'void');
  emitRelease(frame, words);
  code.emit('else');
  emitWait(frame, words, generation);
  code.emit('end');
  emitLoad(frame, words.stopped);
  code.emit('if', 'void');
  code.emit('unreachable');
  code.emit('end');
}

/** The last to arrive begins the next generation, and wakes whoever sleeps. */
function emitRelease(frame: Frame, words: TeamWords): void {
  const { code } = frame;
  code.emit('i32.const', 0);
  code.emit('i32.const', 0);
  code.emit('i32.atomic.store', { offset: words.arrived });
  emitAdd(frame, words.generation);
  code.emit('drop');
  emitLoad(frame, words.sleeping);
  code.emit('if', 'void');
  code.emit('i32.const', 0);
  code.emit('i32.const', -1);
  code.emit('memory.atomic.notify', { offset: words.generation });
  code.emit('drop');
  code.emit('end');
}

/**
 * The others look for the next generation for a while, then sleep until it begins. A rank says that it sleeps before the
 * engine compares the generation, and the last to arrive looks for sleepers after it has changed it, so that one of the
 * two sees the other. So it is with `stopped`: whoever sets it changes the generation afterwards.
 */
function emitWait(frame: Frame, words: TeamWords, generation: number): void {
  const { code } = frame;
  const spins = frame.temporary('i32');
  code.emit('i32.const', SPINS);
  code.emit('local.set', spins);
  code.emit('block', 'void');
  code.emit('loop', 'void');
  emitLoad(frame, words.generation);
  code.emit('local.get', generation);
  code.emit('i32.ne');
  code.emit('br_if', 1);
  // The cheapest thing to do that leaves the core's arithmetic to whoever shares it, and takes as long in every tier.
  code.emit('atomic.fence');
  code.emit('local.get', spins);
  code.emit('i32.const', 1);
  code.emit('i32.sub');
  code.emit('local.tee', spins);
  code.emit('br_if', 0);
  code.emit('end');
  emitAdd(frame, words.sleeping);
  code.emit('drop');
  emitSleep(frame, words, generation);
  code.emit('i32.const', 0);
  code.emit('i32.const', 1);
  code.emit('i32.atomic.rmw.sub', { offset: words.sleeping });
  code.emit('drop');
  code.emit('end');
}

function emitSleep(frame: Frame, words: TeamWords, generation: number): void {
  const { code } = frame;
  code.emit('block', 'void');
  code.emit('loop', 'void');
  emitLoad(frame, words.stopped);
  code.emit('br_if', 1);
  code.emit('i32.const', 0);
  code.emit('local.get', generation);
  code.emit('i64.const', -1n);
  code.emit('memory.atomic.wait32', { offset: words.generation });
  code.emit('drop');
  emitLoad(frame, words.generation);
  code.emit('local.get', generation);
  code.emit('i32.eq');
  code.emit('br_if', 0);
  code.emit('end');
  code.emit('end');
}

function emitLoad(frame: Frame, word: number): void {
  frame.code.emit('i32.const', 0);
  frame.code.emit('i32.atomic.load', { offset: word });
}

/** Adds 1, and pushes the value before. */
function emitAdd(frame: Frame, word: number): void {
  frame.code.emit('i32.const', 0);
  frame.code.emit('i32.const', 1);
  frame.code.emit('i32.atomic.rmw.add', { offset: word });
}
