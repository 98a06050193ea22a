/** The sub-cases of stored PyTorch bundles as tensors of the interpreter. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes } from '../../../src/compiler/ir/graph.ts';
import type { Tensor } from '../../../src/compiler/ir/op.ts';
import { toFloat64, toInt32 } from '../../../src/program/convert.ts';
import type { StoredTensor } from '../../../src/program/safetensors.ts';
import { readCase, referenceRoot } from '../../support/reference.ts';

/** One sub-case: the attributes of its call, and its tensors without the prefix `<sub>/`. */
export interface SubCase {
  readonly name: string;
  readonly attributes: Attributes;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly tolerances: { readonly [tensor: string]: StatedTolerance };
}

/** How far f32 may be off the truth: at most `tol`, and each element at most `atol + rtol |truth|` where stated. */
export interface StatedTolerance {
  readonly tol?: number;
  readonly rtol?: number;
  readonly atol?: number;
  readonly exact?: boolean;
}

/** The names of the bundles of a family. */
export function bundlesOf(family: string): string[] {
  return readdirSync(join(referenceRoot, 'oracle/shared', family))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

/** `family/bundle` of ../shared/oracle/shared. */
export function readBundle(name: string): SubCase[] {
  const { tensors, sidecar } = readCase(name);
  const subCases = sidecar['subcases'] as {
    readonly [sub: string]: { readonly attrs: Attributes; readonly tensors: SubCase['tolerances'] };
  };
  return Object.entries(subCases).map(([sub, { attrs, tensors: tolerances }]) => {
    const own = [...tensors].filter(([key]) => key.startsWith(`${sub}/`));
    const named = own.map(([key, tensor]) => [key.slice(sub.length + 1), toTensor(tensor)] as const);
    return { name: sub, attributes: attrs, tensors: new Map(named), tolerances };
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
