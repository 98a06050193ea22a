/**
 * Examples by number: what all readers give, and what batches are made of. Knows no files and no models.
 */
import type { ElementType } from '../program/program.ts';

/** One tensor of every example. */
export interface Field {
  readonly name: string;
  /** Further names under which a model may ask for it. */
  readonly aliases: readonly string[];
  readonly dtype: ElementType;
  /** Of one example. */
  readonly shape: readonly number[];
}

/** Elements of a field, row-major; bool as bytes of 0 and 1. */
export type FieldArray = Float32Array | Int32Array | Uint32Array | Uint8Array;

export interface Dataset {
  /** How errors name it. */
  readonly title: string;
  /** Examples. */
  readonly size: number;
  readonly fields: readonly Field[];
  /** Names of the classes that labels count, where there are any. */
  readonly classes?: readonly string[];
  /**
   * Writes example `index` as the `slot`-th of the arrays, one a field in their order. The same index and epoch give the
   * same values always; only what is augmented depends on the epoch.
   */
  write(index: number, epoch: number, slot: number, into: readonly FieldArray[]): void;
}

/** Elements of one example. */
export function elementsOf({ shape }: Pick<Field, 'shape'>): number {
  return shape.reduce((product, size) => product * size, 1);
}

const ARRAYS = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const;

/** Arrays that hold `count` examples of each field. */
export function allocate(fields: readonly Field[], count: number): FieldArray[] {
  return fields.map((field) => new ARRAYS[field.dtype](count * elementsOf(field)));
}

/** The examples of `whole` with these numbers, in their order. */
export function subset(whole: Dataset, indexes: Int32Array): Dataset {
  return {
    ...whole,
    size: indexes.length,
    write: (index, epoch, slot, into) => whole.write(indexes[index]!, epoch, slot, into),
  };
}

/** The examples with one more field, whose values for all examples lie one after the other in `values`. */
export function withField(whole: Dataset, field: Field, values: FieldArray): Dataset {
  const [at, length] = [whole.fields.length, elementsOf(field)];
  return {
    ...whole,
    fields: [...whole.fields, field],
    write(index, epoch, slot, into) {
      whole.write(index, epoch, slot, into);
      into[at]!.set(values.subarray(index * length, (index + 1) * length), slot * length);
    },
  };
}
