import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { printType } from '../../src/compiler/ir/types.ts';
import { projectRoot } from '../support/reference.ts';
import { graphOfText } from '../support/specs.ts';

const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');

test('the model in the README compiles and has the parameters it promises', () => {
  const block = /```\n(import [\s\S]*?)```/.exec(readme);
  const graph = graphOfText(block![1]!);
  expect(graph.outputs.map(({ name, value }) => `${name}: ${printType(value.type)}`)).toEqual([
    'logits: f32[batch, 10]',
  ]);
  const promised = [...readme.matchAll(/`(layers\.[\w.]+)`/g)].map(([, name]) => name);
  expect(promised).not.toEqual([]);
  expect(graph.parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(promised));
});

test('every file the README links to is there', () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !link.includes('://'));
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(() => readFileSync(join(projectRoot, link)), link).not.toThrow(/ENOENT/);
});
