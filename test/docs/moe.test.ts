/** The guide to mixtures: its examples are right, and give what they are said to give. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSpec } from '../../src/compiler/driver.ts';
import { formatSpec } from '../../src/compiler/syntax/format/format.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOf, renderAll, settings, specHost } from '../support/specs.ts';
import { examplesIn, expectResult } from './examples.ts';

const examples = examplesIn(readFileSync(join(projectRoot, 'docs/moe.md'), 'utf8'));
const path = join(projectRoot, 'docs/example.model');

describe('the examples', () => {
  it.each(examples)('are right and in their layout: $title', ({ text }) => {
    expect(renderAll(checkSpec(path, specHost({ [path]: text })))).toBe('');
    expect(formatSpec({ path, text })).toEqual({ text });
  });

  it.each(examples.filter(({ results }) => results.length > 0))('give their results: $title', ({ text, results }) => {
    for (const result of results) expectResult(path, text, result);
  });

  it.each([{}, { capacity_factor: 1.25 }])('can be trained: %o', (values) => {
    const host = specHost({ [path]: examples[0]!.text });
    const graph = graphOf(path, { entry: 'TrainBlock', training: true, settings: settings(values) }, host);
    expect(graph.outputs.map(({ name }) => name).includes('dropped')).toBe('capacity_factor' in values);
  });
});
