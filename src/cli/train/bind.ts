/** How the tensors of a data set meet the inputs of an entry. */
import { elementsOf, type Field } from '../../data/dataset.ts';
import type { Batch } from '../../data/batches.ts';
import { printShape, type SizeExpr } from '../../program/size.ts';
import type { Inputs } from '../../runtime/model.ts';
import type { TensorInfo } from '../../runtime/tensors.ts';
import { Failure } from '../errors.ts';
import type { FieldBinding } from './config.ts';

/** One input of the entry and where its values come from. */
interface Bound {
  readonly input: string;
  /** Which field of the data. */
  readonly field: number;
  /** Of one example, as the input has it. */
  readonly shape: readonly number[];
}

export type Binding = readonly Bound[];

/**
 * A field for each input: the one that is bound to it, else the one of its name, else the only one that is known by it.
 * Throws Failure, which shows both sides, where an input has none or another type or shape.
 */
export function bindFields(
  inputs: readonly TensorInfo[],
  fields: readonly Field[],
  given: readonly FieldBinding[],
  batch: number,
): Binding {
  const wrong = given.find(({ input }) => !inputs.some(({ name }) => name === input));
  if (wrong) throw mismatch(`--bind names the input ${wrong.input}, which the entry does not have`, inputs, fields);
  return inputs.map((input) => {
    const field = fieldFor(input, inputs, fields, given);
    return {
      input: input.name,
      field: fields.indexOf(field),
      shape: exampleShape(input, field, batch, inputs, fields),
    };
  });
}

function fieldFor(
  { name }: TensorInfo,
  inputs: readonly TensorInfo[],
  fields: readonly Field[],
  given: readonly FieldBinding[],
): Field {
  const explicit = given.find(({ input }) => input === name);
  const found = explicit
    ? fields.find((field) => field.name === explicit.tensor)
    : (fields.find((field) => field.name === name) ?? fields.find(({ aliases }) => aliases.includes(name)));
  if (found) return found;
  const reason = explicit
    ? `the data have no tensor ${explicit.tensor}, to which --bind binds the input ${name}`
    : `the data have no tensor for the input ${name}`;
  throw mismatch(reason, inputs, fields);
}

/** The first axis of an input counts examples; where there is one more, of known size, that takes the elements of any shape. */
function exampleShape(
  input: TensorInfo,
  field: Field,
  batch: number,
  inputs: readonly TensorInfo[],
  fields: readonly Field[],
): readonly number[] {
  const [first, ...rest] = input.shape;
  const fits = (sizes: readonly SizeExpr[], shape: readonly number[]): boolean =>
    sizes.length === shape.length && sizes.every((size, axis) => typeof size !== 'number' || size === shape[axis]);
  const describe = `the input ${describeInput(input)} does not take the tensor ${describeField(field)}`;
  if (input.dtype !== field.dtype || first === undefined) throw mismatch(describe, inputs, fields);
  if (typeof first === 'number' && first !== batch)
    throw new Failure(`the input ${describeInput(input)} takes ${first} examples at once, but --batch is ${batch}`);
  if (fits(rest, field.shape)) return field.shape;
  const elements = elementsOf(field);
  if (rest.length === 1 && rest[0] === elements) return [elements];
  throw mismatch(describe, inputs, fields);
}

function mismatch(message: string, inputs: readonly TensorInfo[], fields: readonly Field[]): Failure {
  return new Failure(message, {
    notes: [
      `inputs of the entry: ${inputs.map(describeInput).join(', ') || 'none'}`,
      `tensors of the data, per example: ${fields.map(describeField).join(', ') || 'none'}`,
    ],
    hint: 'bind them by name: --bind INPUT=TENSOR',
  });
}

function describeInput({ name, dtype, shape }: TensorInfo): string {
  return `${name}: ${dtype}${printShape(shape)}`;
}

function describeField({ name, dtype, shape }: Field): string {
  return `${name}: ${dtype}${printShape(shape)}`;
}

/** A batch as a trainer takes it; its arrays are those of the batch. */
export function inputsOf(binding: Binding, { size, arrays }: Batch): Inputs {
  return Object.fromEntries(
    binding.map(({ input, field, shape }) => [input, { data: arrays[field]!, shape: [size, ...shape] }]),
  );
}
