/** The sub-cases of stored PyTorch bundles as tensors of the interpreter. */
import type { Attributes } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { toFloat64, toInt32 } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { readCase } from '../support/reference.ts';

/** One sub-case: the attributes of its call, and its tensors without the prefix `<sub>/`. */
export interface SubCase {
  readonly name: string;
  readonly attributes: Attributes;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

export function readBundle(name: string): SubCase[] {
  const { tensors, sidecar } = readCase(name);
  const subCases = sidecar['subcases'] as { readonly [sub: string]: { readonly attrs: Attributes } };
  return Object.entries(subCases).map(([sub, { attrs }]) => {
    const own = [...tensors].filter(([key]) => key.startsWith(`${sub}/`));
    const named = own.map(([key, tensor]) => [key.slice(sub.length + 1), toTensor(tensor)] as const);
    return { name: sub, attributes: attrs, tensors: new Map(named) };
  });
}

function toTensor(stored: StoredTensor): Tensor {
  const { dtype, shape, bytes } = stored;
  switch (dtype) {
    case 'F64':
    case 'F32':
      return { dtype: 'f32', shape, data: toFloat64(stored) };
    case 'I32':
      return { dtype: 'i32', shape, data: Float64Array.from(toInt32(stored)) };
    case 'BOOL':
      return { dtype: 'bool', shape, data: Float64Array.from(bytes) };
    default:
      throw new Error(`the bundles hold no ${dtype}`);
  }
}
