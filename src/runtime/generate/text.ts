/** The last tokens of a text that grows. */

export class Text {
  readonly #max: number;
  /** Of twice what is needed, so that most tokens move nothing. */
  readonly #tokens: Int32Array;
  #length = 0;
  #total = 0;

  /** Keeps the last `max` of `tokens`, and of those that follow. */
  constructor(tokens: ArrayLike<number>, max: number) {
    this.#max = max;
    this.#tokens = new Int32Array(2 * max);
    for (let at = 0; at < tokens.length; at++) this.push(tokens[at]!);
  }

  /** How many tokens it has had. */
  get total(): number {
    return this.#total;
  }

  /** How many of them are kept. */
  get kept(): number {
    return Math.min(this.#total, this.#max);
  }

  get last(): number {
    return this.#tokens[this.#length - 1]!;
  }

  push(token: number): void {
    if (this.#length === this.#tokens.length) {
      this.#tokens.copyWithin(0, this.#max);
      this.#length = this.#max;
    }
    this.#tokens[this.#length++] = token;
    this.#total++;
  }

  /** Writes the tokens that are kept into `to`, from `at` on. */
  copyTo(to: Int32Array, at: number): void {
    for (let from = this.#length - this.kept; from < this.#length; from++) to[at++] = this.#tokens[from]!;
  }
}
