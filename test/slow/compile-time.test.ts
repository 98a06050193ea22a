import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import { engine } from '../codegen/engine.ts';
import { graphOf, settings, specFile } from '../support/specs.ts';

const files = readdirSync(specFile('')).filter((name) => name.endsWith('.model'));
const entries = files.flatMap((file) =>
  [...readFileSync(specFile(file), 'utf8').matchAll(/^(?:model|train) (\w+)/gm)].map(([, entry]) => ({
    file,
    entry: entry!,
  })),
);

describe.each(entries)('$file: $entry', ({ file, entry }) => {
  test('compiles with its defaults for both targets, each pass verified', () => {
    const graph = graphOf(specFile(file), { entry });
    const { wasm, js } = compileGraph(graph, { targets: ['wasm', 'js'], verify: true });
    expect(engine.validate(wasm!.strict)).toBe(true);
    expect(js).toContain('export');
  });
});

/** Milliseconds of the best of three compilations. */
function timeOf(file: string, entry: string, values: { readonly [name: string]: unknown }): number {
  const times = Array.from({ length: 3 }, () => {
    const started = performance.now();
    compileGraph(graphOf(specFile(file), { entry, settings: settings(values) }), { targets: ['wasm', 'js'] });
    return performance.now() - started;
  });
  return Math.min(...times);
}

test.each([
  ['ViT', 'vit.model', 'depth', { dim: 16, heads: 2, dim_head: 8, mlp_dim: 32, image: 32, patch: 8 }],
  ['BertClassifier', 'bert.model', 'layers', { vocab: 9, hidden_size: 24, intermediate: 20 }],
  ['MoELanguageModel', 'moe_lm.model', 'n_layer', { n_embed: 16, n_head: 2, num_experts: 3 }],
])('%s of 200 layers compiles in time that grows with the layers', (entry, file, layers, sizes) => {
  const [few, many] = [50, 200].map((depth) => timeOf(file, entry, { ...sizes, [layers]: depth }));
  // Four times as many layers: 4 where time is linear, 16 where it is quadratic.
  expect(many! / few!).toBeLessThan(8);
});
