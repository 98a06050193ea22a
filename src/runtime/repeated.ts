/**
 * Recognizes inputs of the same kinds and shapes as in an earlier run, for which nothing has to be checked and bound
 * again. Allocates nothing.
 */
import type { ElementType } from '../program/program.ts';
import type { GivenTensor } from './inputs.ts';

export type InputArray = Float32Array | Int32Array | Uint32Array;

/** All of an input that its check and the dimensions depend on. */
interface Form {
  readonly name: string;
  readonly type: typeof Float32Array | typeof Int32Array | typeof Uint32Array;
  readonly length: number;
  readonly shape: readonly number[] | undefined;
}

/** By element type; bools are bytes whose values are checked each time. */
const TYPES: Readonly<Record<Exclude<ElementType, 'bool'>, Form['type']>> = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
};

/** The forms of inputs that passed their checks; undefined if the values of one have to be looked at each time. */
export function formsOf(given: readonly GivenTensor[]): readonly Form[] | undefined {
  const forms: Form[] = [];
  for (const { spec, data, shape } of given) {
    if (spec.dtype === 'bool' || !(data instanceof TYPES[spec.dtype])) return undefined;
    forms.push({ name: spec.name, type: TYPES[spec.dtype], length: data.length, shape: shape && [...shape] });
  }
  return forms;
}

/** Puts the arrays of inputs that have exactly these forms into `arrays`; false if one has another. */
export function readRepeated(forms: readonly Form[], inputs: unknown, arrays: InputArray[]): boolean {
  if (typeof inputs !== 'object' || inputs === null) return false;
  let count = 0;
  for (const _ in inputs) count++;
  if (count !== forms.length) return false;
  for (let at = 0; at < forms.length; at++) {
    const form = forms[at]!;
    if (!Object.hasOwn(inputs, form.name)) return false;
    const array = arrayOf((inputs as Record<string, unknown>)[form.name], form);
    if (array === undefined) return false;
    arrays[at] = array;
  }
  return true;
}

function arrayOf(given: unknown, { type, length, shape }: Form): InputArray | undefined {
  let array = given;
  if (!ArrayBuffer.isView(given)) {
    if (typeof given !== 'object' || given === null) return undefined;
    const tensor = given as { readonly data?: unknown; readonly shape?: unknown };
    if (!isSameShape(tensor.shape, shape)) return undefined;
    array = tensor.data;
  } else if (shape !== undefined) {
    return undefined;
  }
  return ArrayBuffer.isView(array) && array instanceof type && array.length === length ? array : undefined;
}

function isSameShape(given: unknown, shape: readonly number[] | undefined): boolean {
  if (shape === undefined || given === undefined) return given === shape;
  if (!Array.isArray(given) || given.length !== shape.length) return false;
  for (let axis = 0; axis < shape.length; axis++) if (given[axis] !== shape[axis]) return false;
  return true;
}
