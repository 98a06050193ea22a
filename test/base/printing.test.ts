/** Many diagnostics at once, as the command prints them. */
import { describe, expect, it } from 'vitest';
import { printDiagnostics } from '../../src/cli/errors.ts';
import { diagnostic } from '../../src/compiler/base/diagnostic.ts';
import type { Diagnostic } from '../../src/compiler/base/diagnostic.ts';

function printed(items: readonly Diagnostic[]): string {
  let text = '';
  const write = (part: string): void => void (text += part);
  printDiagnostics(items, { stderr: { write, isTTY: false }, env: {} });
  return text;
}

const source = { path: 'a.model', text: 'y = zz\n'.repeat(20_000) };

function mistake(line: number, severity: 'error' | 'warning' = 'error'): Diagnostic {
  const span = { source, start: 7 * line + 4, end: 7 * line + 6 };
  return diagnostic('HED2005', span, `mistake ${line}`, { severity });
}

const lines = Array.from({ length: 20_000 }, (_, line) => line);

describe('printed diagnostics', () => {
  it('are all there where they are few', () => {
    const text = printed([mistake(3), mistake(19_999)]);
    expect(text).toContain('a.model:4:5');
    expect(text).toContain('a.model:20000:5');
    expect(text).not.toContain('more');
  });

  it('stop after fifty', () => {
    const text = printed(lines.map((line) => mistake(line)));
    expect(text.match(/error\[/g)).toHaveLength(50);
    expect(text).toMatch(/… and 19950 more errors\n\n$/);
  });

  it('leave out warnings rather than errors, and keep their order', () => {
    const text = printed([...lines.slice(0, 60).map((line) => mistake(line, 'warning')), mistake(100), mistake(101)]);
    expect(text.match(/warning\[/g)).toHaveLength(48);
    expect(text).toContain('mistake 101');
    expect(text.indexOf('mistake 0')).toBeLessThan(text.indexOf('mistake 100'));
    expect(text).toMatch(/… and 12 more warnings\n\n$/);
  });
});
