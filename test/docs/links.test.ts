/** Links between the documents lead to files and headings that are there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/reference.ts';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(projectRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((name) => join(projectRoot, name));

/** A document without its code. */
function proseOf(path: string): string {
  return readFileSync(path, 'utf8').replace(/^```[^]*?^```$/gm, '');
}

/** As they are called behind a `#`. */
function headingsOf(path: string): string[] {
  return [...proseOf(path).matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test.each(documents)('the links of %s', (path) => {
  const links = [...proseOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const broken = links.filter((link) => {
    if (link.includes('://')) return false;
    const [file, heading] = link.split('#');
    const target = file === '' ? path : join(dirname(path), file!);
    return !existsSync(target) || (heading !== undefined && !headingsOf(target).includes(heading));
  });
  expect(broken).toEqual([]);
});

test('the index of the documents holds each of them', () => {
  const index = readFileSync(join(projectRoot, 'docs/README.md'), 'utf8');
  for (const name of readdirSync(join(projectRoot, 'docs')))
    if (name !== 'README.md') expect(index).toContain(`(${name})`);
});
