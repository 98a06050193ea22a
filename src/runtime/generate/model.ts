/** A loaded model that continues texts, token by token, with what its layers keep of the tokens before. */
import { checkGenerationParts } from '../../program/generation-schema.ts';
import { LOGITS, PREFILL, STEP, TOKEN, type GenerationSpec } from '../../program/generation.ts';
import { HeddleError } from '../errors.ts';
import { createModel, LoadedModel, type Model, type ModelParts, type Outputs, type RunOptions } from '../model.ts';
import { asHeddleError, openSession, soundly, wholeFace, type Face, type Session } from '../session.ts';
import { Continuation, type Generated } from './continuation.ts';
import { readOptions, type GenerateOptions } from './options.ts';
import { Pace } from './pace.ts';
import { readPrompts, type Prompt } from './prompts.ts';

export interface GenerativeModel extends Model {
  /**
   * Continues a prompt, or several side by side, which may differ in length: one token for each at a time. Tokens are made
   * as they are asked for, so that nothing goes on behind a `break`. Throws HeddleError where prompts or options are not
   * what they should be, also on the way: 'dimension' for a text that is too long with `overflow: 'error'`. Generations of
   * one model may take turns, and runs may come between; each that finds the cache used by another reads its text again.
   */
  generate<Given extends Prompt | readonly Prompt[]>(
    prompts: Given,
    options?: GenerateOptions,
  ): AsyncGenerator<GeneratedFor<Given>, void>;
}

/** What prompts give. */
export type GeneratedFor<Given> = Given extends Prompt ? Generated & { readonly token: number } : Generated;

/** Loads a program that generates. On webgpu, which cannot, `generate` says so. Rejects as `createModel` does. */
export async function createGenerativeModel(parts: ModelParts): Promise<GenerativeModel> {
  if (parts.target === 'webgpu') return Object.assign(await createModel(parts), { generate: refuse });
  const session = await openSession(parts);
  try {
    return new LoadedGenerator(session);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

function refuse(): never {
  throw new HeddleError('unsupported', 'texts are generated on wasm and js, not on webgpu');
}

const NO_OPTIONS: RunOptions = {};

class LoadedGenerator extends LoadedModel implements GenerativeModel {
  readonly #spec: GenerationSpec;
  readonly #prefill: Face;
  readonly #step: Face;
  /** Whose text the kept buffers hold. */
  #owner: Continuation | undefined;
  /** A token that other threads are making. */
  #underWay: Promise<Generated> | undefined;

  /** Throws HeddleError 'unsupported' or 'program-malformed'. */
  constructor(session: Session) {
    super(session);
    const { program, targetProgram } = session;
    if (!program.generation) throw new HeddleError('unsupported', `${program.name} was not compiled to generate`);
    soundly(() => checkGenerationParts(program, targetProgram));
    const face = (name: string): Face => wholeFace(targetProgram.routines.find((one) => one.name === name)!);
    this.#spec = program.generation;
    this.#prefill = face(PREFILL);
    this.#step = face(STEP);
  }

  generate<Given>(prompts: Given, options: GenerateOptions = {}): AsyncGenerator<GeneratedFor<Given>, void> {
    void this.session.device;
    const text = new Continuation(readPrompts(prompts, this.#spec), readOptions(options, this.#spec), this.#spec);
    text.checkLengths();
    // A single prompt's continuation has the token beside the tokens.
    return this.#generate(text) as AsyncGenerator<GeneratedFor<Given>, void>;
  }

  async *#generate(text: Continuation): AsyncGenerator<Generated, void> {
    const { signal } = text.options;
    const pace = new Pace();
    while (!text.isFinished) {
      const pause = pace.pause();
      if (pause) await pause;
      while (this.#underWay) await this.#underWay.catch(() => undefined);
      signal?.throwIfAborted();
      yield this.#next(text);
    }
  }

  /** The next token of each text: at once, or when other threads have made it. */
  #next(text: Continuation): Generated | Promise<Generated> {
    const device = this.ready();
    text.checkLengths();
    const isStep = this.#owner === text && !text.isCropped;
    const face = isStep ? this.#step : this.#prefill;
    // Whatever happens from here on, nobody's text is kept until it is done.
    this.#owner = undefined;
    const { outputs } = this.session.put(face, isStep ? text.stepInputs() : text.prefillInputs(), NO_OPTIONS);
    const { first, last } = face.routine;
    if (device.runElsewhere) {
      this.#underWay = this.#nextElsewhere(text, outputs, device.runElsewhere(first, last));
      return this.#underWay;
    }
    try {
      device.runSteps(first, last);
    } catch (error) {
      throw asHeddleError(error);
    }
    return this.#taken(text, outputs);
  }

  async #nextElsewhere(text: Continuation, outputs: Outputs, done: Promise<void>): Promise<Generated> {
    this.isDelivering = true;
    try {
      await done;
      return this.#taken(text, outputs);
    } finally {
      this.isDelivering = false;
      this.#underWay = undefined;
    }
  }

  #taken(text: Continuation, { [TOKEN]: token, [LOGITS]: logits }: Outputs): Generated {
    this.#owner = text;
    return text.accept(token!.data as Int32Array, text.options.logits ? (logits!.data as Float32Array) : undefined);
  }
}
