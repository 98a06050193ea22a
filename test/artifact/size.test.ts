import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';
import { sampleArtifact } from './support.ts';

const DIGITS = {
  image: 28,
  patch: 4,
  channels: 1,
  classes: 10,
  dim: 64,
  depth: 4,
  heads: 4,
  dim_head: 16,
  mlp_dim: 128,
};

test('the digits ViT is as small as the README says', async () => {
  const graph = graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(DIGITS) });
  const { program, facts, wasm } = compileGraph(graph, { targets: ['wasm'] });
  const files = await sampleArtifact({ program, facts, wasm, js: undefined, weights: undefined });
  const size = files.reduce((sum, { bytes }) => sum + gzipSync(bytes).length, 0);
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  const promised = Number(/digits ViT takes under (\d+) kB/.exec(readme)![1]);
  expect(promised).toBeLessThanOrEqual(60);
  expect(size).toBeLessThan(1000 * promised);
});
