/** The specs with `generate`: what they continue is what they compute of whole texts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import type { Elaborated } from '../../src/compiler/semantics/elaborated.ts';
import { renderAll, settings, specFile, specHost } from '../support/specs.ts';
import { expectSame, type Prompts } from './support.ts';

function specOf(file: string, entry: string, values: { readonly [name: string]: unknown }): Elaborated {
  const options = { entry, settings: settings(values) };
  const { result, diagnostics } = elaborateWhole(specFile(file), options, specHost());
  if (!result) throw new Error(renderAll(diagnostics));
  return result;
}

const VOCABULARY = 11;
const MAX = 7;

const prompts: fc.Arbitrary<Prompts> = fc
  .array(
    fc
      .array(fc.nat(VOCABULARY - 1), { minLength: 1, maxLength: MAX })
      .chain((text) => fc.tuple(fc.constant(text), fc.integer({ min: 1, max: text.length }))),
    { minLength: 1, maxLength: 3 },
  )
  .map((rows) => ({ texts: rows.map(([text]) => text), lengths: rows.map(([, length]) => length) }));

const SPECS: readonly (readonly [string, string, { readonly [name: string]: unknown }])[] = [
  ['gpt.model', 'CharGPT', { vocab_size: VOCABULARY, block_size: MAX, n_embed: 8, n_head: 2, n_layer: 2 }],
  [
    'llama.model',
    'Llama',
    { vocab_size: VOCABULARY, max_seq_len: MAX, dim: 8, n_layers: 2, n_heads: 4, n_kv_heads: 2, hidden_dim: 6 },
  ],
  [
    'moe_lm.model',
    'MoELanguageModel',
    { vocab_size: VOCABULARY, block_size: MAX, n_embed: 8, n_head: 2, n_layer: 2, num_experts: 3, top_k: 2 },
  ],
];

test.each(SPECS)('%s %s', (file, entry, values) => {
  const elaborated = specOf(file, entry, values);
  fc.assert(
    fc.property(prompts, fc.nat(1000), (drawn, seed) => {
      expectSame(elaborated, drawn, { seed });
    }),
    { numRuns: 15 },
  );
  expect.hasAssertions();
});
