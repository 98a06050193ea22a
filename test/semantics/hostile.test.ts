import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderDiagnostic } from '../../src/compiler/base/render.ts';
import { checkSpec } from '../../src/compiler/driver.ts';
import { specFile, specHost } from '../support/specs.ts';

const SPECS = ['vit.model', 'mlp.model', 'std/transformer.model', 'std/nn.model'].map((name) =>
  readFileSync(specFile(name), 'utf8'),
);
/** Small sizes, so that a mutant that is still right costs little. */
const TEXTS = SPECS.map((text) =>
  text
    .replaceAll('= 256', '= 8')
    .replaceAll('= 32', '= 4')
    .replaceAll('= 1024', '= 8')
    .replaceAll('= 2048', '= 8')
    .replaceAll('depth: int = 6', 'depth: int = 2'),
);
const TOKENS = TEXTS.map((text) => text.split(/(\s+|[^\w\s]|\b)/).filter((token) => token !== ''));
const WORDS = [
  ...new Set(TOKENS.flat()),
  '0',
  '-1',
  '99999999999999999999',
  'none',
  '"',
  '..',
  '...',
  'x',
  '1e400',
  '\u0000',
  '😀',
];

const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('drop', 'replace', 'insert', 'swap'),
  word: fc.constantFrom(...WORDS),
});

function mutate(tokens: readonly string[], mutations: readonly { at: number; kind: string; word: string }[]): string {
  const out = [...tokens];
  for (const { at, kind, word } of mutations) {
    const place = at % Math.max(1, out.length);
    if (kind === 'drop') out.splice(place, 1);
    else if (kind === 'replace') out[place] = word;
    else if (kind === 'insert') out.splice(place, 0, word);
    else [out[place], out[place + 1]] = [out[place + 1] ?? '', out[place] ?? ''];
  }
  return out.join('');
}

test('a mutated spec gives diagnostics, never an exception, and they can be rendered', () => {
  fc.assert(
    fc.property(fc.nat(TOKENS.length - 1), fc.array(mutation, { minLength: 1, maxLength: 4 }), (which, mutations) => {
      const text = mutate(TOKENS[which]!, mutations);
      for (const item of checkSpec('test.model', specHost({ 'test.model': text }))) {
        expect(item.message).not.toMatch(/internal|undefined|\[object/);
        expect(renderDiagnostic(item, { color: false })).toContain(item.code);
      }
    }),
    { numRuns: Number(process.env.HOSTILE_SPECS ?? 300) },
  );
});
