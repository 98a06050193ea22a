/** The texts of a generation as they grow: what their tokens say, and where they end. */
import type { TextStream, Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { StopText } from './stop-text.ts';

/** Why a text ends: a token or text to stop at, as many tokens as wanted, or the user. */
export type Ending = 'stop' | 'length' | 'interrupted';

/** One text. */
export class GrowingText {
  readonly prompt: readonly number[];
  /** The new tokens, without one that ends the text. */
  readonly ids: number[] = [];
  /** What the prompt says; empty without a tokenizer. */
  readonly promptText: string;
  ending: Ending | undefined;
  #text = '';
  readonly #stream: TextStream | undefined;
  readonly #stops: StopText;
  readonly #ends: readonly number[];

  /** Without a tokenizer there are numbers only. */
  constructor(prompt: Iterable<number>, tokenizer: Tokenizer | undefined, stops: readonly string[]) {
    this.prompt = [...prompt];
    this.#stream = tokenizer?.decodeStream();
    this.#stops = new StopText(stops);
    this.#ends = tokenizer?.ends ?? [];
    this.promptText = this.prompt.map((id) => this.#stream?.push(id) ?? '').join('');
  }

  /** What the new tokens say. */
  get text(): string {
    return this.#text;
  }

  /** Takes the next token, unless the text has ended; answers what can be shown of it now. */
  push(id: number): string {
    if (this.ending) return '';
    if (this.#ends.includes(id)) return this.end('stop');
    this.ids.push(id);
    const { text, isStopped } = this.#stops.push(this.#stream?.push(id) ?? '');
    this.#text += text;
    if (isStopped) this.ending = 'stop';
    return text;
  }

  /** Ends the text; answers what is still to be shown of it. */
  end(ending: Ending): string {
    if (this.ending) return '';
    this.ending = ending;
    const rest = this.#stream?.end() ?? '';
    const { text, isStopped } = this.#stops.push(rest);
    const shown = isStopped ? text : text + this.#stops.end();
    this.#text += shown;
    return shown;
  }
}
