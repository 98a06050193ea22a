import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalog, codeGroups } from '../../src/compiler/base/catalog.ts';
import { projectRoot } from '../support/reference.ts';

const codes = Object.keys(catalog);

/** The texts of all files below a folder. */
function textsIn(folder: string, keep: (name: string) => boolean): string {
  const names = readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /\.\w+$/.test(name) && keep(basename(name)));
  return files.map((name) => readFileSync(join(projectRoot, folder, name), 'utf8')).join('\n');
}

describe('the catalogue of diagnostics', () => {
  it.each(Object.entries(catalog))('explains %s', (code, { title, explanation }) => {
    expect(code).toMatch(/^HED[1-5]\d{3}$/);
    expect(title).toMatch(/^[^.]{5,60}$/);
    expect(explanation).toMatch(/[.!?]$/);
    expect(explanation.length).toBeGreaterThan(20);
  });

  it('gives every code a title of its own', () => {
    const titles = Object.values(catalog).map(({ title }) => title);
    expect(titles.filter((title, i) => titles.indexOf(title) !== i)).toEqual([]);
  });

  it('puts every code under one subject', () => {
    const subjects = codes.map((code) => codeGroups.filter(({ prefix }) => code.startsWith(prefix)).length);
    expect(subjects.filter((count) => count !== 1)).toEqual([]);
  });

  it('has no code that the compiler never gives', () => {
    const sources = textsIn('src', (name) => !name.startsWith('catalog'));
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });

  it('has a golden case for every code', () => {
    const cases = textsIn('test/golden/diagnostics', (name) => name.endsWith('.txt'));
    const expected = cases.split('\n').filter((line) => /^(error|warning)\[HED\d+\]: /.test(line));
    const shown = new Set(expected.map((line) => /HED\d+/.exec(line)![0]));
    expect(codes.filter((code) => !shown.has(code))).toEqual([]);
  });
});
