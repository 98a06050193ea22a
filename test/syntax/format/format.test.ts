/** The formatter changes the layout and nothing else. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DiagnosticSink } from '../../../src/compiler/base/diagnostic.ts';
import { formatSpec } from '../../../src/compiler/syntax/format/format.ts';
import { lex } from '../../../src/compiler/syntax/lex.ts';
import { projectRoot } from '../../support/reference.ts';
import * as specs from '../specs.ts';
import { parse, summary } from '../support.ts';
import { spec } from './random-specs.ts';

function format(text: string): string {
  const { text: formatted, diagnostics } = formatSpec({ path: 'test.model', text });
  if (diagnostics) throw new Error(diagnostics.map(summary).join('\n'));
  return formatted;
}

/** The tree without places. */
function tree(text: string): unknown {
  const { file, diagnostics } = parse(text);
  const skipped = new Set(['span', 'operatorSpan', 'source', 'doc']);
  const plain: unknown = JSON.parse(
    JSON.stringify(file, (key, child: unknown) => (skipped.has(key) ? undefined : child)),
  );
  return { plain, diagnostics: diagnostics.map(summary) };
}

function comments(text: string): string[] {
  return lex({ path: '', text }, new DiagnosticSink()).comments.map(({ image }) => image.trimEnd());
}

function check(text: string): void {
  const formatted = format(text);
  expect(tree(formatted)).toEqual(tree(text));
  expect(comments(formatted)).toEqual(comments(text));
  expect(format(formatted)).toBe(formatted);
  expect(formatted).not.toMatch(/[ \t]\n|\r|\n\n\n|^\n|\n\n$|[^\n]$/);
}

/** The tokens of a text with other white space and comments between them. */
function scattered(text: string, gaps: readonly string[]): string {
  const { tokens } = lex({ path: '', text }, new DiagnosticSink());
  return tokens.map(({ image }, i) => (gaps[i % gaps.length] ?? ' ') + image).join('') + (gaps[0] ?? '');
}

const gap = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(' ', ' ', ' ', '\n', '\n\n\n', '\r\n', '\t') },
  { weight: 1, arbitrary: fc.constantFrom(' // one\n', '\n// two\n', '\n\n  /// three  \n\n', ' // four\n// five\n') },
);
const gaps = fc
  .array(gap, { minLength: 1, maxLength: 60 })
  .map((list) => list.map((text) => (/^\S/.test(text) ? ` ${text}` : text)));

describe('the specs of the package', () => {
  const folders = ['specs', 'specs/std'].map((folder) => join(projectRoot, folder));
  const paths = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));

  it.each(paths.filter((path) => path.endsWith('.model')))('%s is formatted: heddle fmt', (path) => {
    const text = readFileSync(path, 'utf8');
    expect(format(text)).toBe(text);
  });
});

describe('a formatted spec', () => {
  it.each(Object.entries(specs))('%s has the same tree and is its own format', (_, text) => {
    check(text);
  });

  it('has the same tree and comments wherever those stand', () => {
    for (const text of Object.values(specs)) {
      fc.assert(
        fc.property(gaps, (list) => check(scattered(text, list))),
        { numRuns: 15 },
      );
    }
  });

  it('has the same tree and comments whatever it says', () => {
    fc.assert(
      fc.property(spec, gaps, (text, list) => {
        fc.pre(parse(text).diagnostics.length === 0);
        check(scattered(text, list));
      }),
      { numRuns: 120 },
    );
  });
});

describe('a long text', () => {
  it.each([
    ['stages', `x = a${' |> f(b + 1, c: not d)'.repeat(1000)}`],
    ['operands', `x = a${' - -a ** 2 * 3'.repeat(500)}`],
    ['conditions', `x = ${'if a == b then c + 1 else '.repeat(1000)}d`],
    ['branches', `if a { x = 1 ${'} else if b + c == d { y = 2 '.repeat(1000)} }`],
    ['parentheses', `x = ${'('.repeat(100)}a${')'.repeat(100)}`],
    ['numbers', `x = [${'1, '.repeat(3000)}]`],
    ['statements', 'x = f(y, [a + 1, b * 2], k: c[0]) |> Linear(3) as head // a comment\n'.repeat(300)],
  ])('of many %s is formatted', (_, body) => {
    check(`model M {\n${body}\n}`);
  });

  it('is formatted in time that grows with its length', () => {
    const time = (count: number): number => {
      const list = `x = [${'f(1, [2, 3]), // c\n g(4), '.repeat(count)}]`;
      const start = performance.now();
      format(`model M {\n${list}\n}`);
      return performance.now() - start;
    };
    const small = Math.max(time(200), time(200), 5);
    // Ten times the text; work that grows with its square would take a hundred times as long.
    expect(time(2000)).toBeLessThan(50 * small);
  });
});
