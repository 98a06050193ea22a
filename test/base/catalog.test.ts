import { describe, expect, it } from 'vitest';
import { catalog } from '../../src/compiler/base/catalog.ts';

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
});
