/** Artifacts that generate: a folder's own loader, its types, and its size. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundleRuntime } from '../../scripts/bundle-runtime.mjs';
import type { ArtifactFile } from '../../src/compiler/artifact/files.ts';
import type { LoadOptions } from '../../src/runtime/artifact.ts';
import type { GenerativeModel } from '../../src/runtime/generate/model.ts';
import { continued, spec, sumsArtifact } from '../runtime/generate/sample.ts';
import { projectRoot } from '../support/reference.ts';
import { importFrom, textOf, useFolders } from './support.ts';

const folderWith = useFolders();
let files: ArtifactFile[];
let folder: string;

beforeAll(async () => {
  files = await sumsArtifact();
  folder = folderWith(files);
});

async function open(options?: LoadOptions): Promise<GenerativeModel> {
  return (await (await importFrom(folder)).load(options)) as GenerativeModel;
}

describe('an artifact that generates', () => {
  test.each([{ target: 'js' }, { target: 'wasm' }, { target: 'wasm', threads: 2 }] as const)(
    'continues a text with %j, and runs',
    async (options) => {
      const model = await open(options);
      const tokens: number[] = [];
      for await (const { token } of model.generate([3, 8], { tokens: 9, inputs: { bias: [0] } })) {
        tokens.push(token);
        expect([...(await model.run({ idx: [1, 2], bias: [0] }))['scores']!.data]).toEqual([1, 1]);
      }
      expect(tokens).toEqual(continued([3, 8], 9));
      model.dispose();
    },
  );

  test('says so in its manifest', () => {
    expect(JSON.parse(textOf(files, 'manifest.json'))).toMatchObject({
      generation: spec,
      inputs: [{ name: 'idx' }, { name: 'bias' }],
    });
  });

  test('has no more of a runtime than it needs, and other artifacts have nothing of it', async () => {
    const size = async (kind?: 'generate'): Promise<number> =>
      gzipSync((await bundleRuntime(kind && { kind }))!).length;
    expect((await size('generate')) - (await size())).toBeLessThan(3000);
    for (const kind of [undefined, 'train'] as const)
      expect((await bundleRuntime(kind && { kind }))!.includes('repetitionPenalty')).toBe(false);
  });
});

describe('the types of an artifact that generates', () => {
  const USE = `
import { load, type GenerateOptions, type Generated } from './index.js';

const model = await load({ target: 'wasm' });
const options: GenerateOptions = {
  tokens: 20,
  temperature: 0.8,
  topK: 40,
  topP: 0.9,
  repetitionPenalty: 1.1,
  seed: 3,
  stop: [0],
  inputs: { bias: [0] },
  signal: AbortSignal.timeout(1000),
  overflow: 'error',
  logits: true,
};
for await (const { token, position } of model.generate([1, 2], options)) console.log(token + position);
let last: Generated | undefined;
for await (const one of model.generate([[1, 2], Int32Array.of(3)], options)) last = one;
console.log(last?.tokens[1], last?.finished[0], last?.logits?.length);
const { scores } = await model.run({ idx: [1, 2], bias: [0] });
console.log(scores.shape[1]);
`;

  test.each([
    ['takes what is right', '', ''],
    ['finds unknown options', 'model.generate([1], { ...options, length: 3 });', 'length'],
    ['finds missing inputs', 'model.generate([1], { tokens: 3 });', 'inputs'],
    ['finds prompts that are texts', "model.generate('Once upon a time', options);", 'string'],
    ['finds overflows that are none', "model.generate([1], { ...options, overflow: 'ring' });", 'ring'],
  ])('%s', (_, wrong, complaint) => {
    writeFileSync(join(folder, 'use.ts'), `${USE}${wrong}\n`);
    const flags = '--strict --noEmit --module nodenext --target es2022 --lib es2022,dom use.ts'.split(' ');
    const { stdout } = spawnSync(join(projectRoot, 'node_modules/.bin/tsc'), flags, { cwd: folder, encoding: 'utf8' });
    if (complaint === '') expect(stdout).toBe('');
    else expect(stdout).toContain(complaint);
  });
});
