/** One generation: its texts, what the routines are given for the next token of each, and what the caller gets. */
import { LENGTHS, PAST, SAMPLE, type GenerationSpec } from '../../program/generation.ts';
import { RANDOM_KEY } from '../../program/training.ts';
import { HeddleError } from '../errors.ts';
import type { Inputs } from '../model.ts';
import type { Checked } from './options.ts';
import type { Prompts } from './prompts.ts';
import { Text } from './text.ts';

/** One token for each prompt. */
export interface Generated {
  /** The token of each prompt; one that is finished repeats its last. */
  readonly tokens: Int32Array;
  /** The token of a prompt that was given by itself. */
  readonly token?: number;
  /** How many tokens were made before. */
  readonly position: number;
  /** Whether each prompt has had one of the tokens to stop at. */
  readonly finished: readonly boolean[];
  /** f32[batch, vocabulary], where they were asked for: the scores that the tokens were drawn by, before temperature and the like. */
  readonly logits?: Float32Array;
}

export class Continuation {
  readonly options: Checked;
  readonly #spec: GenerationSpec;
  readonly #isSingle: boolean;
  readonly #texts: readonly Text[];
  readonly #stop: ReadonlySet<number>;
  readonly #tokens: Int32Array;
  readonly #finished: boolean[];
  readonly #key: Uint32Array;
  /** What both routines are given. */
  readonly #common: Inputs;
  readonly #lengths: Int32Array;
  readonly #stepInputs: Inputs;
  readonly #last: Int32Array;
  readonly #past: Int32Array;
  #prompt = new Int32Array(0);
  #position = 0;

  constructor({ texts, isSingle }: Prompts, options: Checked, spec: GenerationSpec) {
    const batch = texts.length;
    this.options = options;
    this.#spec = spec;
    this.#isSingle = isSingle;
    this.#texts = texts.map((tokens) => new Text(tokens, spec.max));
    this.#stop = new Set(options.stop);
    this.#tokens = new Int32Array(batch);
    this.#finished = texts.map(() => false);
    this.#key = Uint32Array.of(options.seed, 0);
    this.#common = {
      ...options.inputs,
      [SAMPLE.temperature]: Float32Array.of(options.temperature),
      [SAMPLE.topK]: Int32Array.of(options.topK),
      [SAMPLE.topP]: Float32Array.of(options.topP),
      [SAMPLE.penalty]: Float32Array.of(options.repetitionPenalty),
      [RANDOM_KEY]: this.#key,
    };
    this.#lengths = new Int32Array(batch);
    this.#last = new Int32Array(batch);
    this.#past = new Int32Array(batch);
    this.#stepInputs = { [spec.input]: this.#last, [PAST]: this.#past, ...this.#common };
  }

  get isFinished(): boolean {
    return this.#position >= this.options.tokens || !this.#finished.includes(false);
  }

  /** Whether a text is longer than what can be computed at once, so that its first tokens are left out. */
  get isCropped(): boolean {
    return this.#texts.some(({ total }, at) => total > this.#spec.max && !this.#finished[at]);
  }

  /** Throws HeddleError 'dimension' where a text is too long and may not be cropped. */
  checkLengths(): void {
    if (this.options.overflow === 'crop' || !this.isCropped) return;
    const { along, max } = this.#spec;
    const longest = Math.max(...this.#texts.map(({ total }) => total));
    const message = `the text has ${longest} tokens, and ${along} is at most ${max}`;
    throw new HeddleError('dimension', `${message}; with the option overflow: 'crop' it goes on from its last ${max}`);
  }

  /** The texts, as far as they are kept: those that are shorter are filled up behind. */
  prefillInputs(): Inputs {
    const texts = this.#texts;
    const time = Math.max(...texts.map(({ kept }) => kept));
    if (this.#prompt.length !== texts.length * time) this.#prompt = new Int32Array(texts.length * time);
    else this.#prompt.fill(0);
    texts.forEach((text, row) => {
      text.copyTo(this.#prompt, row * time);
      this.#lengths[row] = text.kept;
    });
    return { [this.#spec.input]: this.#prompt, [LENGTHS]: this.#lengths, ...this.#common };
  }

  /** The last token of each text. Those of one that is finished are computed again, in the same place. */
  stepInputs(): Inputs {
    for (let row = 0; row < this.#texts.length; row++) {
      const text = this.#texts[row]!;
      this.#last[row] = text.last;
      this.#past[row] = text.kept - 1;
    }
    return this.#stepInputs;
  }

  /** Takes the next token of each text. */
  accept(tokens: Int32Array, logits: Float32Array | undefined): Generated {
    const finished = this.#finished;
    for (let row = 0; row < finished.length; row++) {
      if (finished[row]) continue;
      const token = tokens[row]!;
      this.#tokens[row] = token;
      if (this.#stop.has(token)) finished[row] = true;
      else this.#texts[row]!.push(token);
    }
    const position = this.#position++;
    this.#key[1] = this.#position;
    return {
      tokens: this.#tokens.slice(),
      ...(this.#isSingle && { token: this.#tokens[0]! }),
      position,
      finished: finished.slice(),
      ...(logits && { logits: logits.slice() }),
    };
  }
}
