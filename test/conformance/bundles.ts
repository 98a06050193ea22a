/** The sub-cases of stored PyTorch bundles as tensors of the interpreter. */
import type { Attributes, DType } from '../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { toFloat64 } from '../../src/program/convert.ts';
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
  const dtypes: { readonly [type: string]: DType } = { F64: 'f32', F32: 'f32', I32: 'i32', BOOL: 'bool' };
  const dtype = dtypes[stored.dtype];
  if (!dtype) throw new Error(`the bundles hold no ${stored.dtype}`);
  return { dtype, shape: stored.shape, data: toFloat64(stored) };
}
