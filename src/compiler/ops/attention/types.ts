/** The shape rule of attention: which operands fit each other, and what comes of them. */
import { equal, floorDiv, multiply, ONE, print, type Dim } from '../../dims/dim.ts';
import { printShape, type Shape } from '../../dims/shape.ts';
import type { TensorType } from '../../ir/graph.ts';
import { isOne, printType } from '../../ir/types.ts';
import { dtypeFault, fails, type Mismatch } from '../rules.ts';

export interface AttentionTypes {
  /** [..b, h, i, f] */
  readonly output: TensorType;
  /** [..b, h, i] */
  readonly logSumExp: TensorType;
}

type Failure = { readonly error: Mismatch };

const NAMES = ['q', 'k', 'v', 'mask'] as const;

/** The results for q, k, v and perhaps a mask. */
export function attentionTypes(inputs: readonly TensorType[]): AttentionTypes | Failure {
  const [q, k, v, mask] = inputs;
  const error =
    dtypeFault('attention', [q!, k!, v!], ['f32']) ??
    (mask && maskDtypeFault(mask)) ??
    rankFault([q!, k!, v!]) ??
    sizeFault(q!, k!, v!) ??
    headFault(q!, k!);
  if (error) return { error };
  const rows = q!.shape.slice(0, -1);
  const notes = mask ? maskNotes(mask.shape, [...rows, k!.shape.at(-2)!]) : [];
  if (notes.length > 0) {
    const scores = printShape([...rows, k!.shape.at(-2)!]);
    return fails(`the mask ${printType(mask!)} of \`attention\` does not broadcast to the scores ${scores}`, {
      notes,
      operand: 3,
    });
  }
  return {
    output: { dtype: 'f32', shape: [...rows, v!.shape.at(-1)!] },
    logSumExp: { dtype: 'f32', shape: rows },
  };
}

function maskDtypeFault(mask: TensorType): Mismatch | undefined {
  if (mask.dtype === 'bool' || mask.dtype === 'f32') return undefined;
  return {
    message: `the mask of \`attention\` is bool (true keeps) or f32 (added to the scores), not ${printType(mask)}`,
    operand: 3,
    hint: 'compare it: `mask != 0`',
  };
}

function rankFault(inputs: readonly TensorType[]): Mismatch | undefined {
  const operand = inputs.findIndex((input) => input.shape.length < 3 || input.shape.length !== inputs[0]!.shape.length);
  if (operand === -1) return undefined;
  return {
    message: '`attention` takes q [.., heads, queries, e], k [.., heads, keys, e] and v [.., heads, keys, f]',
    notes: inputs.map((input, at) => `${NAMES[at]} is ${printType(input)}`),
    operand,
    ...(inputs[operand]!.shape.length === 2 && { hint: 'give it an axis of one head: `x[none]`' }),
  };
}

/** Batch axes, keys and the width of queries and keys agree. */
function sizeFault(q: TensorType, k: TensorType, v: TensorType): Mismatch | undefined {
  const notes: string[] = [];
  const compare = (what: string, [one, a]: readonly [string, Dim], [other, b]: readonly [string, Dim]): void => {
    if (!equal(a, b)) notes.push(`${what}: ${print(a)} in ${one} against ${print(b)} in ${other}`);
  };
  q.shape.slice(0, -3).forEach((dim, axis) => {
    compare(`axis ${axis}`, ['q', dim], ['k', k.shape[axis]!]);
    compare(`axis ${axis}`, ['q', dim], ['v', v.shape[axis]!]);
  });
  compare('the last axis', ['q', q.shape.at(-1)!], ['k', k.shape.at(-1)!]);
  const keyNotes = notes.length;
  compare('heads', ['k', k.shape.at(-3)!], ['v', v.shape.at(-3)!]);
  compare('keys', ['k', k.shape.at(-2)!], ['v', v.shape.at(-2)!]);
  if (notes.length === 0) return undefined;
  const types = `q ${printType(q)}, k ${printType(k)}, v ${printType(v)}`;
  return { message: `\`attention\` of ${types} does not fit`, notes, operand: keyNotes > 0 ? 1 : 2 };
}

/** How many query heads share each head of keys and values; undefined where that is no whole number. */
function headGroup(heads: Dim, keyHeads: Dim): Dim | undefined {
  if (equal(heads, keyHeads)) return ONE;
  const group = floorDiv(heads, keyHeads);
  return equal(multiply(group, keyHeads), heads) ? group : undefined;
}

function headFault(q: TensorType, k: TensorType): Mismatch | undefined {
  const [heads, keyHeads] = [q.shape.at(-3)!, k.shape.at(-3)!];
  if (headGroup(heads, keyHeads)) return undefined;
  return {
    message: `\`attention\` needs the ${print(heads)} heads of q to be a multiple of the ${print(keyHeads)} heads of k and v`,
    notes: [`q is ${printType(q)}`, `k is ${printType(k)}`],
    operand: 1,
  };
}

/** The axes in which a mask neither has the size of the scores nor the size 1. */
function maskNotes(mask: Shape, scores: Shape): string[] {
  const added = scores.length - mask.length;
  if (added < 0) return ['it has more axes'];
  return mask.flatMap((dim, axis) => {
    const wanted = scores[axis + added]!;
    return isOne(dim) || equal(dim, wanted) ? [] : [`axis ${axis + added}: ${print(dim)} against ${print(wanted)}`];
  });
}
