import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { Program } from '../../src/program/program.ts';
import { projectRoot } from '../support/reference.ts';
import { sampleProgram } from '../runtime/sample.ts';
import { sampleArtifact, textOf, useFolders } from './support.ts';

const folderWith = useFolders();
let complete: ArtifactFile[];

beforeAll(async () => {
  complete = await sampleArtifact();
});

/** What the compiler says of a program that uses the artifact. */
function complaints(files: readonly ArtifactFile[], program: string): string {
  const folder = folderWith(files);
  writeFileSync(join(folder, 'use.ts'), program);
  const flags = '--strict --noEmit --module nodenext --target es2022 --lib es2022,dom use.ts'.split(' ');
  const tsc = join(projectRoot, 'node_modules/.bin/tsc');
  const { stdout, error } = spawnSync(tsc, flags, { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  return stdout;
}

test('the types name inputs, outputs and dimensions', () => {
  const text = textOf(complete, 'index.d.ts');
  expect(text).toContain(`export interface Dims {
  /** At most 100000. */
  readonly batch: number;
}`);
  expect(text).toContain(`export interface Inputs {
  /** f32[batch, 3] */
  readonly x: Tensor<Float32Array | readonly number[], readonly [batch: number, axis1: 3]>;
  /** f32[] */
  readonly limit: number | Tensor<Float32Array | readonly number[], readonly []>;
}`);
  expect(text).toContain(
    'readonly large: { readonly data: Uint8Array; readonly shape: readonly [batch: number, axis1: 3] };',
  );
  expect(text).toContain('readonly dims?: Partial<Dims>;');
  expect(text).toContain(`readonly target?: 'wasm' | 'js';`);
});

test('the TypeScript compiler takes them, and finds wrong uses', () => {
  const program = `
import { load, HeddleError, type Dims, type Outputs } from './index.js';

const model = await load({
  target: 'wasm',
  signal: AbortSignal.timeout(1000),
  onProgress: ({ phase, loaded, total }) => console.log(phase satisfies string, loaded / (total ?? 1)),
});
const dims: Dims = { batch: 1 };
const outputs: Outputs = await model.run({ x: { data: Float32Array.of(1), shape: [1, 3] }, limit: 3 }, { dims });
const three: 3 = outputs.large.shape[1];
const batch: number = outputs.large.shape[0];
const data: Float32Array = outputs.scaled.data;
const bytes: Uint8Array = outputs.large.data;
const x: 'x' = model.inputs[0].name;
const type: 'bool' = model.outputs[1].dtype;
const shape: readonly ['batch', 3] = model.outputs[1].shape;
model.runSync({ x: { data, shape: outputs.scaled.shape }, limit: [batch] }, { outputs: { scaled: data, large: bytes } });

// @ts-expect-error: a missing input
model.runSync({ x: data });
// @ts-expect-error: no such input
model.runSync({ x: data, limit: three, y: data });
// @ts-expect-error: doubles
model.runSync({ x: new Float64Array(3), limit: 1 });
// @ts-expect-error: integers
model.runSync({ x: Int32Array.of(1, 2, 3), limit: 1 });
// @ts-expect-error: another width
model.runSync({ x: { data, shape: [1, 4] }, limit: 1 });
// @ts-expect-error: another rank
model.runSync({ x: { data, shape: [1, 3, 1] }, limit: 1 });
// @ts-expect-error: no such dimension
model.runSync({ x: data, limit: 1 }, { dims: { bach: 2 } });
// @ts-expect-error: no such output
model.runSync({ x: data, limit: 1 }, { outputs: { logits: data } });
// @ts-expect-error: no such output
outputs.logits;
// @ts-expect-error: an output is not written to
outputs.scaled = outputs.scaled;
// @ts-expect-error: no such target
load({ target: 'cuda' });
// @ts-expect-error: no such option
load({ progress: () => {} });
// @ts-expect-error: no such code
export const isOdd = (error: HeddleError) => error.code === 'odd';
export const isOurs = (error: unknown) => error instanceof HeddleError && error.code === 'input-shape';
export const used = [x, type, shape];
`;
  expect(complaints(complete, program)).toBe('');
});

test('what an artifact lacks has to be given: weights to load, dimensions that no input tells to run', async () => {
  const { wasm } = sampleProgram.targets;
  const [routine] = wasm!.routines;
  const program: Program = {
    ...sampleProgram,
    dims: [{ name: 'batch' }, { name: 'length', max: 9 }],
    targets: {
      js: {
        ...wasm!,
        routines: [
          {
            ...routine!,
            inputs: [routine!.inputs[1]!],
            outputs: [
              {
                ...routine!.outputs[0]!,
                shape: [
                  ['*', 2, 'batch'],
                  ['+', 'length', 1],
                ],
              },
            ],
          },
        ],
      },
    },
  };
  const files = await sampleArtifact({ program, wasm: undefined, weights: undefined });
  const user = `
import { load } from './index.js';
const model = await load({ weights: new Uint8Array(9) });
const { scaled } = model.runSync({ limit: 1 }, { dims: { batch: 1, length: 2 } });
const two: 2 = scaled.shape.length;
const sizes: readonly [readonly ['*', 2, 'batch'], readonly ['+', 'length', 1]] = model.outputs[0].shape;
export const used = [two, sizes];
// @ts-expect-error: no weights
load();
// @ts-expect-error: no weights
load({ target: 'js' });
// @ts-expect-error: no options
model.runSync({ limit: 1 });
// @ts-expect-error: no length
model.run({ limit: 1 }, { dims: { batch: 1 } });
`;
  expect(complaints(files, user)).toBe('');
});
