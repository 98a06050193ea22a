/** What is written of growing texts: the texts themselves, numbers, or JSON. */
import type { Output } from '../io.ts';
import { jsonLines } from '../table.ts';
import type { GrowingText } from './texts.ts';

export interface Writer {
  /** Before the first token. */
  begin(): void;
  /** Text `at` has grown by `text`; it may have ended with that. */
  grown(at: number, text: string): void;
  /** All have ended. */
  end(): void;
}

/** Between two texts. */
const SEPARATOR = '\n---\n';

/**
 * Writes texts one after the other, each as it grows as far as those before it are complete. Nothing is put behind the last
 * but a new line on a terminal: where the text is read by another program it is as it is.
 */
export class TextWriter implements Writer {
  readonly #texts: readonly GrowingText[];
  readonly #out: Output;
  /** What is to be written of each. */
  readonly #waiting: string[];
  #current = 0;
  #last = '';

  constructor(texts: readonly GrowingText[], out: Output, withPrompts: boolean) {
    this.#texts = texts;
    this.#out = out;
    this.#waiting = texts.map(({ promptText }) => (withPrompts ? promptText : ''));
  }

  begin(): void {
    this.#flush();
  }

  grown(at: number, text: string): void {
    this.#waiting[at] += text;
    this.#flush();
  }

  end(): void {
    this.#flush();
    if (this.#out.isTTY && !this.#last.endsWith('\n')) this.#out.write('\n');
  }

  #flush(): void {
    for (;;) {
      const text = this.#waiting[this.#current]!;
      this.#waiting[this.#current] = '';
      this.#write(text);
      const isComplete = this.#texts[this.#current]!.ending !== undefined;
      if (!isComplete || this.#current + 1 === this.#texts.length) return;
      this.#current++;
      this.#write(SEPARATOR);
    }
  }

  #write(text: string): void {
    if (text === '') return;
    this.#out.write(text);
    this.#last = text;
  }
}

/** Writes the numbers of new tokens, a line for each text; those of a single one as they are made. */
export class IdWriter implements Writer {
  readonly #texts: readonly GrowingText[];
  readonly #out: Output;
  #written = 0;

  constructor(texts: readonly GrowingText[], out: Output) {
    this.#texts = texts;
    this.#out = out;
  }

  begin(): void {}

  grown(): void {
    if (this.#texts.length > 1) return;
    const { ids } = this.#texts[0]!;
    for (; this.#written < ids.length; this.#written++)
      this.#out.write(`${this.#written === 0 ? '' : ' '}${ids[this.#written]}`);
  }

  end(): void {
    if (this.#texts.length === 1) this.#out.write('\n');
    else for (const { ids } of this.#texts) this.#out.write(`${ids.join(' ')}\n`);
  }
}

/** Writes all at the end: `{"texts": [{"prompt", "text", "prompt_ids", "ids", "ending"}]}`. */
export class JsonWriter implements Writer {
  readonly #texts: readonly GrowingText[];
  readonly #out: Output;
  readonly #hasText: boolean;

  constructor(texts: readonly GrowingText[], out: Output, hasText: boolean) {
    this.#texts = texts;
    this.#out = out;
    this.#hasText = hasText;
  }

  begin(): void {}

  grown(): void {}

  end(): void {
    const texts = this.#texts.map(({ promptText, text, prompt, ids, ending }) => ({
      ...(this.#hasText && { prompt: promptText, text }),
      prompt_ids: prompt,
      ids,
      ending,
    }));
    this.#out.write(`{"texts": ${jsonLines(texts)}}\n`);
  }
}
