/** The prompts of a generation, checked and brought into one form. */
import type { GenerationSpec } from '../../program/generation.ts';
import { HeddleError } from '../errors.ts';

/** Tokens, by number. */
export type Prompt = readonly number[] | Int32Array;

export interface Prompts {
  readonly texts: readonly Prompt[];
  /** Whether the caller gave one prompt by itself. */
  readonly isSingle: boolean;
}

/**
 * One prompt or several, each with at least one token. Throws HeddleError 'input-shape' for one without, 'input-dtype'
 * for what is no list of numbers, and 'input-value' for a number that is no token.
 */
export function readPrompts(given: unknown, { input, vocabulary }: GenerationSpec): Prompts {
  const isSingle = isTokens(given);
  const texts: readonly unknown[] = isSingle ? [given] : Array.isArray(given) ? given : [];
  if (!isSingle && !Array.isArray(given)) {
    const message = `the prompts are ${nameOf(given)}; pass the tokens (${input}) as a list of numbers, or a list of such lists`;
    throw new HeddleError('input-dtype', message);
  }
  texts.forEach((text, at) => checkPrompt(text, isSingle ? 'the prompt' : `prompt ${at}`, vocabulary));
  return { texts: texts as readonly Prompt[], isSingle };
}

/** A list of numbers, or one that is empty and so might be either. */
function isTokens(given: unknown): given is Prompt {
  return isInt32Array(given) || (Array.isArray(given) && typeof (given[0] ?? 0) === 'number');
}

function checkPrompt(text: unknown, name: string, vocabulary: number): void {
  if (!Array.isArray(text) && !isInt32Array(text))
    throw new HeddleError('input-dtype', `${name} is ${nameOf(text)}; pass a list of numbers or an Int32Array`);
  if (text.length === 0)
    throw new HeddleError('input-shape', `${name} is empty; a text begins with one token at least`);
  const at = text.findIndex((token: unknown) => !isToken(token, vocabulary));
  if (at === -1) return;
  const message = `element ${at} of ${name} is ${String(text[at])}, no token: they are 0 to ${vocabulary - 1}`;
  throw new HeddleError('input-value', message);
}

export function isToken(value: unknown, vocabulary: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < vocabulary;
}

/** By tag, not by class: the array may come from another realm. */
function isInt32Array(value: unknown): value is Int32Array {
  return ArrayBuffer.isView(value) && nameOf(value) === 'Int32Array';
}

function nameOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}
