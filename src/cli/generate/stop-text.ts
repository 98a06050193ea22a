/** Finds in a text that comes in pieces where one of some others begins. */

export interface Passed {
  /** What is known to belong to the text. */
  readonly text: string;
  /** Whether one of the others follows: the text ends here. */
  readonly isStopped: boolean;
}

export class StopText {
  readonly #stops: readonly string[];
  /** What may be the beginning of one of them. */
  #held = '';

  /** `stops` are not empty. */
  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  push(text: string): Passed {
    const all = this.#held + text;
    const found = this.#stops.map((stop) => all.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) {
      this.#held = '';
      return { text: all.slice(0, Math.min(...found)), isStopped: true };
    }
    const held = Math.max(0, ...this.#stops.map((stop) => overlap(all, stop)));
    this.#held = all.slice(all.length - held);
    return { text: all.slice(0, all.length - held), isStopped: false };
  }

  /** What was held back in vain. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}

/** The length of the longest end of `text` that `stop` begins with. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (text.endsWith(stop.slice(0, length))) return length;
  return 0;
}
