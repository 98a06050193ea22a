/** The language reference: every example in it is what it is said to be. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { checkSpec } from '../../src/compiler/driver.ts';
import { parseRenameMap } from '../../src/compiler/interop/rename-map.ts';
import { formatSpec } from '../../src/compiler/syntax/format/format.ts';
import { parseFile } from '../../src/compiler/syntax/parse.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOf, renderAll, specHost } from '../support/specs.ts';
import { examplesIn, expectResult } from './examples.ts';

const reference = readFileSync(join(projectRoot, 'docs/language.md'), 'utf8');
const examples = examplesIn(reference);
/** Where an example is taken to lie, so that it can import from the project's specs. */
const path = join(projectRoot, 'docs/example.model');

describe('the examples', () => {
  it('are many, and most of them are run', () => {
    expect(examples.length).toBeGreaterThan(40);
    expect(examples.filter(({ results }) => results.length > 0).length).toBeGreaterThan(examples.length / 2);
  });

  it.each(examples.filter(({ mistake }) => !mistake))('are right and in their layout: $title', ({ text }) => {
    expect(renderAll(checkSpec(path, specHost({ [path]: text })))).toBe('');
    expect(formatSpec({ path, text })).toEqual({ text });
    for (const entry of entriesIn(text)) expect(graphOf(path, { entry }, specHost({ [path]: text })).name).toBe(entry);
  });

  it.each(examples.filter(({ mistake }) => mistake))('show their mistake: $title', ({ text, mistake }) => {
    const found = checkSpec(path, specHost({ [path]: text })).map(({ severity, code }) => ({ severity, code }));
    expect(found).toEqual([mistake]);
  });

  it.each(examples.filter(({ results }) => results.length > 0))('give their results: $title', ({ text, results }) => {
    for (const result of results) expectResult(path, text, result);
  });
});

it('shows a rename map that can be read', () => {
  const [, map] = /^```json\n([^]*?)^```$/m.exec(reference)!;
  const sink = new DiagnosticSink();
  expect(parseRenameMap({ path: 'map.json', text: map! }, sink)?.rules).toHaveLength(3);
  expect(sink.items).toEqual([]);
});

function entriesIn(text: string): string[] {
  return parseFile({ path, text }, new DiagnosticSink()).declarations.flatMap((declaration) =>
    declaration.kind === 'model' || declaration.kind === 'train' ? [declaration.name.text] : [],
  );
}
