/** What the shape rules of ops share: results, errors in users' words, dtypes and axes. */
import { closest } from '../base/suggest.ts';
import { normalizeAxes, normalizeAxis, rankName, type Axes } from '../ir/attributes.ts';
import type { DType, TensorType } from '../ir/graph.ts';
import type { Inference, TypeError as Mismatch } from '../ir/op.ts';
import { printType } from '../ir/types.ts';

export type { Mismatch };

/** Characters of a pattern: far more than axes can be told apart. */
export const MAX_PATTERN = 4096;
/** Results of one call. */
const MAX_RESULTS = 10_000;

/** That a call would give too many tensors. */
export function countFault(called: string, count: number): { readonly error: Mismatch } | undefined {
  return count > MAX_RESULTS ? fails(`\`${called}\` would give ${count} tensors; at most ${MAX_RESULTS}`) : undefined;
}

/** The result types of a call that fits. */
export function gives(...types: readonly TensorType[]): Inference {
  return { types };
}

export function fails(message: string, details: Omit<Mismatch, 'message'> = {}): { readonly error: Mismatch } {
  return { error: { message, ...details } };
}

/** `f32, i32 or u32` */
function alternatives(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The first operand whose dtype is not among `allowed`. */
export function dtypeFault(
  called: string,
  inputs: readonly TensorType[],
  allowed: readonly DType[],
): Mismatch | undefined {
  const operand = inputs.findIndex((input) => !allowed.includes(input.dtype));
  if (operand === -1) return undefined;
  const found = inputs[operand]!;
  return {
    message: `\`${called}\` takes ${alternatives(allowed)}, not ${printType(found)}`,
    operand,
    hint: `convert it: \`cast(…, ${allowed[0]!})\``,
  };
}

/** The first operand whose dtype is not that of the first operand: nothing is converted implicitly. */
export function mixedDtypeFault(called: string, inputs: readonly TensorType[]): Mismatch | undefined {
  const operand = inputs.findIndex((input) => input.dtype !== inputs[0]!.dtype);
  if (operand === -1) return undefined;
  return {
    message: `\`${called}\` needs operands of one dtype`,
    operand,
    hint: `convert one of them: \`cast(…, ${inputs[0]!.dtype})\``,
  };
}

/** An attribute that is none of the words it may be. `what` they are, in the plural. */
export function unknownWord(
  called: string,
  what: string,
  attribute: string,
  word: string,
  words: readonly string[],
): Mismatch {
  const quoted = words.map((one) => JSON.stringify(one));
  const listed = `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
  const similar = closest(word, words);
  return {
    message: `\`${called}\` knows the ${what} ${listed}, not ${JSON.stringify(word)}`,
    attribute,
    ...(similar !== undefined && { hint: `did you mean "${similar}"?` }),
  };
}

/** Whether a number is an element of a dtype as it stands. */
export function isValueOf(value: number, dtype: DType): boolean {
  switch (dtype) {
    case 'f32':
      return true;
    case 'i32':
      return value === (value | 0);
    case 'u32':
      return value === value >>> 0;
    case 'bool':
      return value === 0 || value === 1;
  }
}

/** The attribute `value` is no element of `dtype`. */
export function valueFault(value: number, dtype: DType): Mismatch | undefined {
  return isValueOf(value, dtype) ? undefined : { message: `${value} is not a value of ${dtype}`, attribute: 'value' };
}

/** Axes counted from the front, or the error of the attribute that named them. */
export function axesOf(
  called: string,
  axes: Axes,
  input: TensorType,
  attribute = 'axis',
): { readonly axes: readonly number[] } | { readonly error: Mismatch } {
  const found = normalizeAxes(axes, input.shape.length);
  if ('axes' in found) return found;
  return fails(`\`${called}\`: ${found.error}`, { notes: [`the tensor is ${printType(input)}`], attribute });
}

/** One axis counted from the front; `rank` differs from the operand's when the op adds an axis. */
export function axisOf(
  called: string,
  axis: number,
  input: TensorType,
  rank = input.shape.length,
): { readonly axis: number } | { readonly error: Mismatch } {
  const found = normalizeAxis(axis, rank);
  if (found !== undefined) return { axis: found };
  return fails(`\`${called}\`: axis ${axis} is out of range for ${rankName(rank)}`, {
    notes: [`the tensor is ${printType(input)}`],
    attribute: 'axis',
  });
}

/** The attribute of a type known to fit, for code behind the shape rule. Throws Error: a bug of the compiler. */
export function known<T extends object>(found: T | { readonly error: Mismatch }): T {
  if ('error' in found) throw new Error(`internal: ${(found.error as Mismatch).message}`);
  return found;
}
