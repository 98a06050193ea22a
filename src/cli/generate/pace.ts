/** How fast tokens are made: the first of each text, and those behind it. */
import { count } from '../table.ts';
import type { GrowingText } from './texts.ts';

export class Pace {
  readonly #begin = performance.now();
  #first = 0;
  #last = 0;
  /** Tokens behind the first of each text. */
  #tokens = 0;

  /** Notes that each of `tokens` texts has got a token. */
  add(tokens: number): void {
    this.#last = performance.now();
    if (this.#first === 0) this.#first = this.#last;
    else this.#tokens += tokens;
  }

  /** `prefill of 9 tokens in 1.9 ms; 199 more tokens at 5,210 tokens/s` */
  describe(texts: readonly GrowingText[]): string {
    if (this.#first === 0) return 'no tokens were made';
    const prompted = texts.reduce((sum, { prompt }) => sum + prompt.length, 0);
    const prefill = `prefill of ${count(prompted, 'token')} in ${(this.#first - this.#begin).toFixed(1)} ms`;
    const seconds = (this.#last - this.#first) / 1000;
    if (this.#tokens === 0 || seconds === 0) return prefill;
    const speed = Math.round(this.#tokens / seconds).toLocaleString('en-US');
    return `${prefill}; ${count(this.#tokens, 'token')} more at ${speed} tokens/s`;
  }
}
