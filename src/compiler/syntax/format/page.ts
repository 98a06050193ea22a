/** Lines of text, as the printer of documents writes them. */

/** How much further to the right what belongs to a line stands. */
export const indentation = 2;

export class Page {
  readonly #lines: string[] = [];
  /** What is written on the current line; its margin comes with the first word. */
  #line = '';
  #margin = 0;
  #spaced = false;
  /** The current line ends with a comment, and whatever comes goes on at `#resume` of the next. */
  #commented = false;
  #resume = 0;
  /** The line before ends with a comment. */
  #commentAbove = false;

  /** Where the next word would stand. */
  get column(): number {
    if (this.#commented) return this.#resume;
    return this.#line === '' ? this.#margin : this.#line.length + (this.#spaced ? 1 : 0);
  }

  /** How many lines have ended. */
  get lineCount(): number {
    return this.#lines.length;
  }

  /** A word, or a space between two words of a line. */
  write(text: string): void {
    if (text === '') return;
    if (text === ' ') {
      this.#spaced = this.#line !== '';
      return;
    }
    if (this.#commented) this.breakLine(this.#resume);
    this.#line = this.#line === '' ? ' '.repeat(this.#margin) + text : this.#line + (this.#spaced ? ' ' : '') + text;
    this.#spaced = false;
  }

  breakLine(margin: number): void {
    this.#lines.push(this.#line);
    this.#line = '';
    this.#margin = margin;
    this.#spaced = false;
    this.#commentAbove = this.#commented;
    this.#commented = false;
  }

  /** Behind the last word if it is `trailing` and no other comment is there; otherwise on a line of its own. */
  comment(text: string, trailing: boolean, depth: number): void {
    const within = this.#line !== '' && !this.#commented;
    if (trailing && within) {
      this.#line += ` ${text}`;
      this.#resume = depth + indentation;
      this.#commented = true;
    } else if (trailing && this.#line === '' && this.#lines.length > 0 && !this.#commentAbove) {
      this.#lines.push(`${this.#lines.pop()} ${text}`);
      this.#commentAbove = true;
    } else {
      if (within) this.#resume = depth + indentation;
      else if (this.#line === '') this.#resume = this.#margin;
      if (this.#line !== '') this.breakLine(this.#resume);
      this.#line = ' '.repeat(this.#margin) + text;
      this.#commented = true;
    }
  }

  /** Everything, each line ended. */
  text(): string {
    const lines = this.#line === '' ? this.#lines : [...this.#lines, this.#line];
    return lines.map((line) => `${line}\n`).join('');
  }
}
