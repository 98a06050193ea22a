/** Specs that ask for too much end in a diagnostic, soon and in little memory. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Code } from '../../src/compiler/base/catalog.ts';
import { checkSpec } from '../../src/compiler/driver.ts';
import { projectRoot } from '../support/reference.ts';
import { specHost } from '../support/specs.ts';

/** A model around statements on `x: f32[n, 8]`. */
function model(body: string, dims = 'n'): string {
  return `model M {\n  dims ${dims}\n  input x: f32[n, 8]\n  ${body}\n  output y = x\n}\n`;
}

function many(count: number, text: (at: number) => string, separator = ', '): string {
  return Array.from({ length: count }, (_, at) => text(at)).join(separator);
}

const HUGE = '9007199254740991';

const CASES: readonly (readonly [what: string, spec: string, code: Code])[] = [
  ['a list that doubles', model('z = [1]\n  for i in 0..60 { z = z + z }'), 'HED2104'],
  ['tuples of tuples', model('z = (1, 1)\n  for i in 0..60 { z = (z, z) }\n  w = x + z'), 'HED2104'],
  [
    'a power of a sum of dimensions',
    model('w = reshape(x, [(n + a + b + c + d + 1) ** 64])', 'n, a, b, c, d'),
    'HED2104',
  ],
  [
    'a product of long sums',
    model(`s = ${many(500, (i) => `d${i}`, ' + ')}\n  t = s * s`, `n, ${many(500, (i) => `d${i}`)}`),
    'HED2104',
  ],
  [
    'divisions of divisions',
    model('p = n\n  for i in 0..99 { p = floordiv(p * 3 + i, 2) + floordiv(p, 7) }'),
    'HED2101',
  ],
  ['slices of slices', model('z = x\n  for i in 0..1999 { z = z[1:] }'), 'HED2101'],
  [
    'as many tensors as elements',
    'model M {\n  input x: f32[1000000, 2]\n  output y = unstack(x, axis: 0)[0]\n}',
    'HED2210',
  ],
  [
    'as many tensors as there are numbers',
    `model M {\n  input x: f32[${HUGE}]\n  output y = unstack(x, axis: 0)[0]\n}`,
    'HED2101',
  ],
  ['very many chunks', 'model M {\n  input x: f32[100000000]\n  output y = chunk(x, 100000000)[0]\n}', 'HED2210'],
  ['a long einsum', model(`z = einsum("${'a '.repeat(300_000)}-> a", x)`), 'HED2210'],
  ['a long rearrangement', model(`z = rearrange(x, "n d -> n d ${'1 '.repeat(200_000)}")`), 'HED2210'],
  ['very many axes', model(`z = reshape(x, [n, 8${', 1'.repeat(1000)}])`), 'HED2210'],
  ['very many new axes', model(`z = x[${'none, '.repeat(1000)}]`), 'HED2604'],
  ['an input with very many axes', model(`input z: f32[${many(1000, () => '1')}]`), 'HED2202'],
  ['more elements than can be counted', model(`z = one_hot(cast(x, i32), ${HUGE})`), 'HED2210'],
  ['more rows than can be counted', model(`z = expand(x[none], axis: 0, size: ${HUGE})`), 'HED2210'],
  ['padding without end', model(`z = conv1d(x[none], x[none], padding: ${HUGE})`), 'HED2210'],
  ['a layer doubled again and again', model('z = x\n  for i in 0..64 { z = concat([z, z], axis: 0) }'), 'HED2210'],
  ['a long list', model(`z = [${'1, '.repeat(150_000)}]`), 'HED1022'],
  ['a name of a million letters', model(`${'a'.repeat(900_000)} = x\n  w = ${'a'.repeat(900_000)}b`), 'HED2005'],
  ['a pattern of many wildcards', groups(`${'*a'.repeat(2000)}b`), 'HED2533'],
  ['nobody but unknown names', model(many(5000, (i) => `v${i} = u${i}x`, '\n  ')), 'HED2005'],
  [
    'a function that doubles its work',
    `${many(60, (i) => `fn f${i + 1}(x: f32[n]) -> f32[n] { return f${i}(x) + f${i}(x) }`, '\n')}\nfn f0(x: f32[n]) -> f32[n] { return x }\n${model('z = f60(x[:, 0])')}`,
    'HED2106',
  ],
];

function groups(pattern: string): string {
  const name = 'a'.repeat(5000);
  return `train T {\n  param ${name}: f32[8] = zeros()\n  loss sum(${name})\n  optimizer sgd(lr: 0.1) { group "${pattern}" (lr: 0.1) }\n}`;
}

describe('a spec with', () => {
  test.each(CASES)('%s is refused', (_, spec, code) => {
    const found = checkSpec('test.model', specHost({ 'test.model': spec }));
    expect(found.map((item) => item.code)).toContain(code);
  });
});

/** What takes longest, in a process of its own with half a gigabyte. */
const LARGEST: readonly (readonly [what: string, spec: string, code: Code])[] = [
  [
    'a million layers',
    `import { Linear } from "std/nn"\n${model('z = x\n  for i in 0..1000 { for j in 0..1000 { z = z |> Linear(8) } }')}`,
    'HED2106',
  ],
  [
    'a million experts',
    model('g = x[:, :2]\n  z = mixture(x, g, cast(g, i32), 1000000) as e { t => t * 2 }'),
    'HED2106',
  ],
  ['a million words', model('z = x '.repeat(333_000)), 'HED1022'],
];

describe('in little memory,', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heddle-excess-'));
  const script = join(folder, 'check.mjs');
  beforeAll(async () => {
    await build({
      stdin: { contents: CHILD, resolveDir: projectRoot, loader: 'ts' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile: script,
      logLevel: 'error',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(LARGEST)('%s are refused', (what, spec, code) => {
    const path = join(folder, `${what.replaceAll(' ', '-')}.model`);
    writeFileSync(path, spec);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=512', script, path], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')).toContain(code);
  });
});

const CHILD = `
  import { readFileSync } from 'node:fs';
  import { join } from 'node:path';
  import { checkSpec } from './src/compiler/driver.ts';

  const host = {
    read: (path: string) => readFileSync(path, 'utf8'),
    resolve: (_: string, specifier: string) => join(${JSON.stringify(projectRoot)}, 'specs', specifier + '.model'),
  };
  for (const { code } of checkSpec(process.argv[2]!, host)) console.log(code);
`;
