/** Continues texts by routines that are called for one token after the other, as the runtime does with compiled ones. */
import { setImmediate } from 'node:timers/promises';
import type { GenerationSpec } from '../../program/generation.ts';
import type { Inputs } from '../../runtime/model.ts';
import { Continuation, type Generated } from '../../runtime/generate/continuation.ts';
import { readOptions, type GenerateOptions } from '../../runtime/generate/options.ts';
import { readPrompts, type Prompt } from '../../runtime/generate/prompts.ts';

/** What comes next of each text. */
export interface Next {
  /** i32[batch] */
  readonly token: Int32Array;
  /** f32[batch, vocabulary] */
  readonly logits: Float32Array;
}

export interface TokenRoutines {
  /** What comes next, from whole texts. */
  prefill(inputs: Inputs): Promise<Next>;
  /** The same from the last tokens and what was kept; absent where nothing is. */
  step?(inputs: Inputs): Promise<Next>;
}

/** One token for each prompt at a time. Throws HeddleError. */
export async function* continueBy(
  { prefill, step }: TokenRoutines,
  prompts: readonly Prompt[],
  options: GenerateOptions,
  spec: GenerationSpec,
): AsyncGenerator<Generated, void> {
  const chosen = readOptions(options, spec);
  const text = new Continuation(readPrompts(prompts, spec), chosen, spec);
  for (let isKept = false; !text.isFinished; isKept = true) {
    // Whoever wants to end it has a turn.
    await setImmediate();
    text.checkLengths();
    const isStep = step && isKept && !text.isCropped;
    const { token, logits } = await (isStep ? step(text.stepInputs()) : prefill(text.prefillInputs()));
    yield text.accept(token, chosen.logits ? logits : undefined);
  }
}
