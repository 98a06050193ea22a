/** What a spec does not say of its random numbers: the key that a run is given, and the number of each call. */
import { RANDOM_KEY } from '../../program/training.ts';
import { constant } from '../dims/dim.ts';
import type { Attributes, Value } from '../ir/graph.ts';
import type { Op } from '../ir/op.ts';
import type { Elaboration } from './frame.ts';

/** The record of an op without what semantics adds to its calls. */
export function asWritten(op: Op): Op {
  return op.random ? { ...op, operands: op.operands.slice(0, -1), attributes: op.attributes.slice(0, -1) } : op;
}

/** What a call of a random op takes beside what is written: the key, and a number that no other call has. */
export function nextDraw(elaboration: Elaboration): { readonly key: Value; readonly attributes: Attributes } {
  return { key: keyOf(elaboration), attributes: { call: elaboration.draws++ } };
}

/** One input of the graph, made by the first call. */
function keyOf({ inputs, builder }: Elaboration): Value {
  const known = inputs.find(({ name }) => name === RANDOM_KEY);
  if (known) return known.value;
  const value = builder.value({ dtype: 'u32', shape: [constant(2)] });
  inputs.push({ name: RANDOM_KEY, value });
  return value;
}
