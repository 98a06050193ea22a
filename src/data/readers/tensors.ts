/** Safetensors files as data: tensors whose first axis counts examples, or a stored sequence of batches. */
import { toElements } from '../../program/convert.ts';
import type { ElementType } from '../../program/program.ts';
import {
  parseSafetensors,
  type SafetensorsType,
  SafetensorsError,
  type StoredTensor,
} from '../../program/safetensors.ts';
import { type Dataset, elementsOf, type Field, type FieldArray } from '../dataset.ts';
import { DataError } from '../files.ts';

export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** Throws DataError. */
export function parseTensors(path: string, bytes: Uint8Array<ArrayBuffer>): StoredTensors {
  try {
    return parseSafetensors(bytes).tensors;
  } catch (error) {
    if (error instanceof SafetensorsError)
      throw new DataError(`${path} is no sound safetensors file: ${error.message}`);
    throw error;
  }
}

/** Throws DataError where there are no tensors or their first axes differ. */
export function tensorDataset(title: string, tensors: StoredTensors): Dataset {
  const [first] = tensors;
  if (!first) throw new DataError(`${title} holds no tensors`);
  const size = first[1].shape[0];
  const fields: Field[] = [];
  const arrays: FieldArray[] = [];
  for (const [name, tensor] of tensors) {
    const [count, ...shape] = tensor.shape;
    if (count === undefined || count !== size)
      throw new DataError(
        `${title}: the first axis counts examples, but ${first[0]} is [${first[1].shape.join(', ')}] and ${name} is ` +
          `[${tensor.shape.join(', ')}]`,
      );
    const { dtype, data } = elementsOfStored(title, name, tensor);
    fields.push({ name, aliases: [], dtype, shape });
    arrays.push(data);
  }
  const lengths = fields.map(elementsOf);
  return {
    title,
    size: size!,
    fields,
    write(index, _epoch, slot, into) {
      for (const [at, array] of arrays.entries()) {
        const length = lengths[at]!;
        into[at]!.set(array.subarray(index * length, (index + 1) * length), slot * length);
      }
    },
  };
}

/** A tensor as the models take it: floats as f32, integers as i32. Throws DataError. */
export function elementsOfStored(
  title: string,
  name: string,
  tensor: StoredTensor,
): { readonly dtype: ElementType; readonly data: FieldArray } {
  const dtype = elementTypeOf(tensor.dtype);
  try {
    const data = toElements(tensor, dtype);
    return { dtype, data: dtype === 'bool' ? Uint8Array.from(data) : data };
  } catch (error) {
    throw new DataError(`${title}: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function elementTypeOf(dtype: SafetensorsType): ElementType {
  if (dtype === 'BOOL') return 'bool';
  if (dtype === 'U32') return 'u32';
  return dtype.startsWith('I') || dtype.startsWith('U') ? 'i32' : 'f32';
}
