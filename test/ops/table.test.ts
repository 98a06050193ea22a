/** The table of ops, and what holds for all records. */
import { expect, test } from 'vitest';
import { attributeFaults } from '../../src/compiler/ir/attributes.ts';
import { ops, tableOf } from '../../src/compiler/ops/table.ts';

test('two ops of one name are refused', () => {
  const [op] = ops.values();
  expect(() => tableOf([op!], [op!])).toThrow(`two ops are called ${op!.name}`);
});

test('ops are found under their names', () => {
  for (const [name, op] of ops) expect(op.name).toBe(name);
});

test('the samples have the attributes that the records declare', () => {
  for (const op of ops.values())
    for (const sample of op.samples) expect(attributeFaults(op, sample.attributes), op.name).toEqual([]);
});

test('required operands and attributes come before optional ones where they are given by position', () => {
  for (const op of ops.values()) {
    const optional = op.attributes.map((attribute) => attribute.default !== undefined || attribute.kind === 'sizes');
    expect(optional.toSorted(), op.name).toEqual(optional);
  }
});

test('every dtype of the language is taken by a pointwise op and by a movement', () => {
  for (const kind of ['pointwise', 'movement']) {
    const dtypes = [...ops.values()]
      .filter((op) => op.body.kind === kind)
      .flatMap((op) => op.samples.flatMap((sample) => sample.inputs.map((input) => input.dtype)));
    expect(new Set(dtypes)).toEqual(new Set(['f32', 'i32', 'u32', 'bool']));
  }
});
