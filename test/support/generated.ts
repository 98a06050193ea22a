/** Full-size reference cases, whose parameters and inputs are generated instead of stored. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { readCase, referenceRoot, type ReferenceCase } from './reference.ts';
import { storedTensor } from './specs.ts';

/** The reference cases' own generator, from integer hashes. */
interface HashGenerator {
  uniform(seed: number, name: string, count: number, scale: number, base: number): Float32Array;
  integers(seed: number, name: string, count: number, limit: number): Int32Array<ArrayBuffer>;
  checksum(values: Float32Array): { readonly sum32: number; readonly xor32: number };
}

type Recipe = { readonly shape: readonly number[]; readonly first: readonly number[] } & (
  | { readonly kind: 'integers'; readonly n: number }
  | {
      readonly kind?: 'uniform';
      readonly scale: number;
      readonly base: number;
      readonly sum32: number;
      readonly xor32: number;
    }
);

const path = join(referenceRoot, 'oracle/gen/hashgen.mjs');
const generator = existsSync(path) ? ((await import(path)) as HashGenerator) : undefined;

/** `family/name` with the generated tensors among the stored ones. Throws where a checksum does not agree. */
export function readGeneratedCase(name: string): ReferenceCase {
  const read = readCase(name);
  const { params, inputs } = read.sidecar.generator as {
    readonly params: readonly (Recipe & { readonly name: string })[];
    readonly inputs: { readonly [name: string]: Recipe };
  };
  const seed = Number(read.sidecar.seed);
  const made = [
    ...params.map((recipe) => [`param.${recipe.name}`, recipe] as const),
    ...Object.entries(inputs).map(([input, recipe]) => [`in.${input}`, recipe] as const),
  ].map(([key, recipe]) => [key, generate(seed, key, recipe)] as const);
  return { ...read, tensors: new Map([...read.tensors, ...made]) };
}

function generate(seed: number, key: string, recipe: Recipe): StoredTensor {
  const { shape } = recipe;
  const count = shape.reduce((product, size) => product * size, 1);
  if (recipe.kind === 'integers') {
    const values = generator!.integers(seed, key, count, recipe.n);
    if (recipe.first.some((value, at) => values[at] !== value)) throw new Error(`${key} is not the one of the case`);
    return { dtype: 'I32', shape: [...shape], bytes: new Uint8Array(values.buffer) };
  }
  const values = generator!.uniform(seed, key, count, recipe.scale, recipe.base);
  const { sum32, xor32 } = generator!.checksum(values);
  if (sum32 !== recipe.sum32 || xor32 !== recipe.xor32) throw new Error(`${key} is not the one of the case`);
  return storedTensor(shape, values);
}
