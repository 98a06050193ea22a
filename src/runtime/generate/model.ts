/** A loaded model that continues texts, token by token, with what its layers keep of the tokens before. */
import { checkGenerationParts } from '../../program/generation-schema.ts';
import { LOGITS, PREFILL, STEP, TOKEN, type GenerationSpec } from '../../program/generation.ts';
import type { TargetProgram } from '../../program/program.ts';
import { HeddleError, isLoss } from '../errors.ts';
import { LoadedModel, type Model, type ModelParts, type Outputs, type RunOptions } from '../model.ts';
import { openSession } from '../open-session.ts';
import { soundly, type Face, type Session, type StepRange } from '../session.ts';
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

/** Loads a program that generates. Rejects as `createModel` does. */
export async function createGenerativeModel(parts: ModelParts): Promise<GenerativeModel> {
  const session = await openSession(parts);
  try {
    return new LoadedGenerator(session);
  } catch (error) {
    session.dispose();
    throw error;
  }
}

const NO_OPTIONS: RunOptions = {};

/** A routine that makes tokens, for callers who want the scores and for those who do not. */
interface Faces {
  readonly token: Face;
  readonly scored: Face;
}

function facesOf(name: string, { routines }: TargetProgram): Faces {
  const routine = routines.find((one) => one.name === name)!;
  const { inputs, outputs } = routine;
  return {
    token: { routine, inputs, outputs: outputs.filter((output) => output.name === TOKEN) },
    scored: { routine, inputs, outputs },
  };
}

class LoadedGenerator extends LoadedModel implements GenerativeModel {
  readonly #spec: GenerationSpec;
  readonly #prefill: Faces;
  readonly #step: Faces;
  /** Whose text the kept buffers hold. */
  #owner: Continuation | undefined;
  /** `losses` of the session when they did. */
  #losses: number | undefined;
  /** A token that other threads are making. */
  #underWay: Promise<Generated> | undefined;

  /** Throws HeddleError 'unsupported' or 'program-malformed'. */
  constructor(session: Session) {
    super(session);
    const { program, targetProgram } = session;
    if (!program.generation) throw new HeddleError('unsupported', `${program.name} was not compiled to generate`);
    soundly(() => checkGenerationParts(program, targetProgram));
    this.#spec = program.generation;
    this.#prefill = facesOf(PREFILL, targetProgram);
    this.#step = facesOf(STEP, targetProgram);
  }

  generate<Given>(prompts: Given, options: GenerateOptions = {}): AsyncGenerator<GeneratedFor<Given>, void> {
    this.session.check();
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
    this.ready();
    text.checkLengths();
    const isStep = this.#owner === text && this.#losses === this.session.losses && !text.isCropped;
    const { outputs, first, last } = this.#put(text, isStep);
    if (this.session.runElsewhere) {
      this.#underWay = this.#nextElsewhere(text, outputs, this.session.runElsewhere(first, last));
      return this.#underWay;
    }
    this.session.runSteps(first, last);
    return this.#taken(text, outputs);
  }

  #put(text: Continuation, isStep: boolean): StepRange & { readonly outputs: Outputs } {
    const { token, scored } = isStep ? this.#step : this.#prefill;
    const face = text.options.logits ? scored : token;
    // Whatever happens from here on, nobody's text is kept until it is done.
    this.#owner = undefined;
    const { outputs } = this.session.put(face, isStep ? text.stepInputs() : text.prefillInputs(), NO_OPTIONS);
    const { first, last } = face.routine;
    return { outputs, first, last };
  }

  async #nextElsewhere(text: Continuation, outputs: Outputs, done: Promise<void>): Promise<Generated> {
    this.isDelivering = true;
    try {
      try {
        await done;
        return this.#taken(text, outputs);
      } catch (error) {
        if (!isLoss(error) || !this.session.revive) throw error;
      }
      // What was kept is gone with the GPU, so the text is read again on another.
      await this.session.revive();
      const again = this.#put(text, false);
      await this.session.runElsewhere!(again.first, again.last);
      return this.#taken(text, again.outputs);
    } finally {
      this.isDelivering = false;
      this.#underWay = undefined;
    }
  }

  #taken(text: Continuation, { [TOKEN]: token, [LOGITS]: logits }: Outputs): Generated {
    this.#owner = text;
    this.#losses = this.session.losses;
    return text.accept(token!.data as Int32Array, logits?.data as Float32Array | undefined);
  }
}
