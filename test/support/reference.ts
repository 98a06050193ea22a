/** Reference cases and data beside the checkout, `../shared`. Tests that need them are skipped, by name, without them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { toFloat64, toInt32 } from '../../src/program/convert.ts';
import { parseSafetensors, type StoredTensor } from '../../src/program/safetensors.ts';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
export const referenceRoot = join(projectRoot, '../shared');

/** A suite that runs where `../shared/<part>` is; elsewhere one skipped test says what is missing. */
export function describeReference(name: string, part: string, suite: () => void): void {
  describe(name, () => {
    if (existsSync(join(referenceRoot, part))) suite();
    else test.skip(`there is no ../shared/${part}`, () => {});
  });
}

export interface ReferenceCase {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly config: { readonly [name: string]: unknown };
  /** Tolerance on the largest absolute difference, per tensor. */
  readonly tolerances: { readonly [tensor: string]: { readonly tol: number; readonly exact?: boolean } };
  /** The sidecar as it is. */
  readonly sidecar: { readonly [name: string]: unknown };
}

/** `family/name` of ../shared/oracle/shared. */
export function readCase(name: string): ReferenceCase {
  const base = join(referenceRoot, 'oracle/shared', name);
  const sidecar = JSON.parse(readFileSync(`${base}.json`, 'utf8')) as ReferenceCase['sidecar'];
  return {
    tensors: readTensors(`${base}.safetensors`),
    config: sidecar.config as ReferenceCase['config'],
    tolerances: sidecar.tensors as ReferenceCase['tolerances'],
    sidecar,
  };
}

export function readTensors(path: string): ReadonlyMap<string, StoredTensor> {
  return parseSafetensors(new Uint8Array(readFileSync(path))).tensors;
}

/** The values of a stored tensor. Throws where the file has none of that name. */
export function valuesOf(tensors: ReadonlyMap<string, StoredTensor>, name: string): Float64Array {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`the case holds no ${name}`);
  return tensor.dtype === 'I32' ? Float64Array.from(toInt32(tensor)) : toFloat64(tensor);
}

export function largestDifference(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (got.length !== wanted.length) return Infinity;
  let largest = 0;
  for (let at = 0; at < wanted.length; at++) {
    const difference = Math.abs(got[at]! - wanted[at]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
