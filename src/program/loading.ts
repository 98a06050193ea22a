/**
 * When load steps run while weights arrive. Weights come in the order of their file, and each step runs as soon as all
 * it needs is there, so that a weight which is only packed gives its place to the next.
 */
import type { TargetProgram, WeightSpec } from './program.ts';

/** What happens next: a weight is put in place, or the load step of this number runs. */
export type LoadMoment =
  { readonly kind: 'weight'; readonly weight: WeightSpec } | { readonly kind: 'step'; readonly step: number };

/** First and last of the moments at which a buffer is used. */
export interface Life {
  readonly first: number;
  readonly last: number;
}

export interface LoadSchedule {
  readonly moments: readonly LoadMoment[];
  /** Of each staging buffer, by number. */
  readonly lives: ReadonlyMap<number, Life>;
}

/** `names` are those of the tensors in the order in which they come, the program's weights and any others. */
export function scheduleLoad(program: TargetProgram, names: Iterable<string>): LoadSchedule {
  const byName = new Map(program.weights.map((weight) => [weight.name, weight]));
  const weights = [...names].flatMap((name) => byName.get(name) ?? []);
  const readyAt = stepsReadyAt(program, weights);
  const moments: LoadMoment[] = [];
  const addSteps = (arrived: number): void =>
    readyAt.forEach((ready, step) => {
      if (ready === arrived) moments.push({ kind: 'step', step });
    });
  addSteps(0);
  weights.forEach((weight, at) => {
    moments.push({ kind: 'weight', weight });
    addSteps(at + 1);
  });
  return { moments, lives: livesOf(program, moments) };
}

/**
 * For each load step, how many weights have to be in place before it can run. Of steps that share a buffer the later one
 * is not ready before the earlier.
 */
function stepsReadyAt({ loadSteps }: TargetProgram, weights: readonly WeightSpec[]): number[] {
  // Of several in one buffer, the last.
  const arrivals = new Map(weights.map(({ buffer }, at) => [buffer, at + 1]));
  // What is no weight may be written by any step that touches it.
  const touchedAt = new Map<number, number>();
  return loadSteps.map(({ buffers }) => {
    const ready = Math.max(0, ...buffers.map((buffer) => arrivals.get(buffer) ?? touchedAt.get(buffer) ?? 0));
    for (const buffer of buffers) touchedAt.set(buffer, ready);
    return ready;
  });
}

function livesOf({ buffers, loadSteps }: TargetProgram, moments: readonly LoadMoment[]): ReadonlyMap<number, Life> {
  const lives = new Map<number, Life>();
  moments.forEach((moment, at) => {
    const touched = moment.kind === 'weight' ? [moment.weight.buffer] : loadSteps[moment.step]!.buffers;
    for (const buffer of touched) {
      if (buffers[buffer]!.kind === 'staging') lives.set(buffer, { first: lives.get(buffer)?.first ?? at, last: at });
    }
  });
  return lives;
}
