import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/reference.ts';

/** `(Authors year, address)` and `Authors (year, address)`, as doc comments cite a paper. */
const CITATION = /([A-Z][^()\n]*?(?: et al\.| & \w+)?),? \(?(\d{4}), (https:\/\/[^\s)]+)\)/g;

/** The row of a spec: its file, the models in it, and the papers that it names. */
function rowOf(file: string): string[] {
  const text = readFileSync(join(projectRoot, 'specs', file), 'utf8');
  const models = [...text.matchAll(/^model (\w+)/gm)].map(([, name]) => `\`${name}\``);
  const docs = text.replaceAll('\n/// ', ' ');
  const papers = [...docs.matchAll(CITATION)].map(([, authors, year, address]) => `[${authors} ${year}](${address})`);
  return [`[${file}](specs/${file})`, models.join(', '), [...new Set(papers)].join(', ')];
}

test('the README lists every spec with its models and papers', () => {
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| (\[\w+\.model\].*) \|$/gm)].map(([, row]) =>
    row!.split('|').map((cell) => cell.trim()),
  );
  const files = readdirSync(join(projectRoot, 'specs')).filter((name) => name.endsWith('.model'));
  expect(rows).toEqual(files.toSorted().map(rowOf));
});
