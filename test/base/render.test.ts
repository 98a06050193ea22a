import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { diagnostic } from '../../src/compiler/base/diagnostic.ts';
import type { Diagnostic, DiagnosticDetails } from '../../src/compiler/base/diagnostic.ts';
import { renderDiagnostic, renderSummary } from '../../src/compiler/base/render.ts';
import type { SourceViews } from '../../src/compiler/base/render.ts';
import type { Source, Span } from '../../src/compiler/base/source.ts';

function source(text: string, path = 'a.model'): Source {
  return { path, text };
}

/** The `nth` place of `part` in a source. */
function at(where: Source, part: string, nth = 1): Span {
  let start = -1;
  for (let i = 0; i < nth; i++) start = where.text.indexOf(part, start + 1);
  if (start === -1) throw new Error(part);
  return { source: where, start, end: start + part.length };
}

function render(span: Span | undefined, details: DiagnosticDetails = {}, message = 'message'): string {
  return renderDiagnostic(diagnostic('HED1002', span, message, details), { color: false });
}

describe('rendering many diagnostics of one long text', () => {
  it.each([
    ['many lines', 'y = zz\n'.repeat(50_000)],
    ['one line', 'y = zz '.repeat(50_000)],
  ])('of %s prepares the text once', (_, text) => {
    const file = source(text);
    const views: SourceViews = new Map();
    for (let i = 0; i < 500; i++) {
      const span = { source: file, start: 700 * i + 4, end: 700 * i + 6 };
      renderDiagnostic(diagnostic('HED1002', span, 'message'), { color: false, views });
    }
    // A view made anew for each one would take half a minute, and the test's time limit.
    expect(views.size).toBe(1);
  });
});

describe('a rendered diagnostic', () => {
  it('looks like the example of the specification', () => {
    const text = `${'\n'.repeat(23)}  x = concat([cls, tokens], axis: 1) + pos_embedding\n`;
    const file = source(text, 'specs/vit.model');
    const rendered = render(
      at(file, 'pos_embedding'),
      {
        label: 'f32[1, 64, 1024]',
        secondary: [{ span: at(file, 'concat([cls, tokens], axis: 1)'), text: 'f32[batch, 65, 1024]' }],
        notes: ['axis 1: 65 against 64'],
        hint: 'pos_embedding was declared with `patches`; the class token adds one: `patches + 1`',
      },
      '`+` needs broadcastable shapes',
    );
    expect(rendered).toBe(
      [
        'error[HED1002]: `+` needs broadcastable shapes',
        '   ┌─ specs/vit.model:24:40',
        '24 │   x = concat([cls, tokens], axis: 1) + pos_embedding',
        '   │       ------------------------------   ^^^^^^^^^^^^^ f32[1, 64, 1024]',
        '   │       f32[batch, 65, 1024]',
        '   = axis 1: 65 against 64',
        '   = hint: pos_embedding was declared with `patches`; the class token adds one: `patches + 1`',
      ].join('\n'),
    );
  });

  it('may have no place', () => {
    expect(render(undefined, { notes: ['one', 'two\nlines'], hint: 'three' })).toBe(
      'error[HED1002]: message\n  = one\n  = two\n    lines\n  = hint: three',
    );
  });

  it('says that a warning is one', () => {
    expect(render(undefined, { severity: 'warning' })).toBe('warning[HED1002]: message');
  });

  it('shows one line between two marked ones, and a dot for more', () => {
    const file = source('a = 1\nb\nc = 2\nd\ne\nf = 3');
    const secondary = [
      { span: at(file, 'a'), text: 'first' },
      { span: at(file, 'f'), text: 'last' },
    ];
    expect(render(at(file, '2'), { secondary }).split('\n').slice(1)).toEqual([
      '  ┌─ a.model:3:5',
      '1 │ a = 1',
      '  │ - first',
      '2 │ b',
      '3 │ c = 2',
      '  │     ^',
      '  ·',
      '6 │ f = 3',
      '  │ - last',
    ]);
  });

  it('gives other files blocks of their own', () => {
    const [here, there] = [source('x = Linear(3)'), source('\n\nblock Linear', 'std/nn')];
    const secondary = [{ span: at(there, 'Linear'), text: 'declared here' }];
    expect(render(at(here, 'Linear'), { secondary }).split('\n').slice(1)).toEqual([
      '  ┌─ a.model:1:5',
      '1 │ x = Linear(3)',
      '  │     ^^^^^^',
      '  ┌─ std/nn:3:7',
      '3 │ block Linear',
      '  │       ------ declared here',
    ]);
  });

  it('hangs several labels of one line below each other', () => {
    const file = source('f(aa, bb, cc)');
    const secondary = [
      { span: at(file, 'aa'), text: 'first' },
      { span: at(file, 'bb'), text: 'second' },
    ];
    expect(render(at(file, 'cc'), { label: 'third', secondary }).split('\n').slice(3)).toEqual([
      '  │   --  --  ^^ third',
      '  │   │   second',
      '  │   first',
    ]);
  });

  it('draws the primary mark over a secondary one that contains it', () => {
    const file = source('f(aa, bb)');
    const secondary = [{ span: at(file, 'f(aa, bb)'), text: 'the call' }];
    expect(render(at(file, 'bb'), { label: 'here', secondary }).split('\n').slice(3)).toEqual([
      '  │ ------^^- the call',
      '  │       here',
    ]);
  });

  it('marks the first and the last line of a span of several', () => {
    const file = source('x = f(\n  a,\n  b,\n  c,\n  d)\n');
    expect(render(at(file, 'f(\n  a,\n  b,\n  c,\n  d)'), { label: 'this call' }).split('\n').slice(1)).toEqual([
      '  ┌─ a.model:1:5',
      '1 │ x = f(',
      '  │     ^^',
      '  ·',
      '5 │   d)',
      '  │   ^^ this call',
    ]);
  });

  it('shows a place without extent, also at the end of the file', () => {
    const file = source('x = f(a');
    expect(render({ source: file, start: 7, end: 7 }).split('\n').slice(1)).toEqual([
      '  ┌─ a.model:1:8',
      '1 │ x = f(a',
      '  │        ^',
    ]);
    expect(
      render({ source: source(''), start: 0, end: 0 })
        .split('\n')
        .slice(1),
    ).toEqual(['  ┌─ a.model:1:1', '1 │', '  │ ^']);
    expect(
      render({ source: source('a\n'), start: 2, end: 2 })
        .split('\n')
        .slice(1),
    ).toEqual(['  ┌─ a.model:2:1', '2 │', '  │ ^']);
  });

  it('keeps marks below what they mark behind tabs and wide characters', () => {
    const file = source('\tx = f("日本", bad)');
    const [, , code, marks] = render(at(file, 'bad')).split('\n');
    expect(code).toBe('1 │     x = f("日本", bad)');
    // Each of the two characters is two columns wide.
    expect(marks).toBe('  │                   ^^^');
  });

  it('clips a very long line around what is marked', () => {
    const file = source(`x = [${'1, '.repeat(200)}bad, ${'2, '.repeat(200)}]`);
    const [, , code, marks] = render(at(file, 'bad')).split('\n');
    expect(code!.length).toBeLessThanOrEqual(124);
    expect(code).toMatch(/│ ….*…$/);
    expect(code!.indexOf('bad')).toBe(marks!.indexOf('^^^'));
  });

  it('lets no control character of a source reach the terminal', () => {
    const file = source('x = \u001B[31mred\u0007\u202E');
    const rendered = render(at(file, 'red'), { hint: 'a\u001Bb' }, 'bad\u001B[0m');
    expect(rendered.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202E]/u);
    expect(rendered).toContain('\uFFFD[31mred');
  });

  it('ends no line with blanks', () => {
    const file = source('a\n\nb');
    const rendered = render(at(file, 'b'), { secondary: [{ span: at(file, 'a'), text: 'x' }] });
    expect(rendered.split('\n').filter((line) => line !== line.trimEnd())).toEqual([]);
  });

  it('is coloured only when asked', () => {
    const file = source('x = bad');
    const item = diagnostic('HED1002', at(file, 'bad'), 'message', { hint: 'hint' });
    const escape = '\u001B[';
    expect(renderDiagnostic(item, { color: false })).not.toContain(escape);
    const colored = renderDiagnostic(item, { color: true });
    expect(colored).toContain(`${escape}31m^^^`);
    expect(stripVTControlCharacters(colored)).toBe(renderDiagnostic(item, { color: false }));
  });
});

describe('a summary', () => {
  const item = (severity: 'error' | 'warning'): Diagnostic => diagnostic('HED1002', undefined, '', { severity });

  it('counts errors and warnings', () => {
    expect(renderSummary([item('error'), item('warning'), item('error')])).toBe('2 errors, 1 warning');
    expect(renderSummary([item('error')])).toBe('1 error');
    expect(renderSummary([item('warning'), item('warning')])).toBe('2 warnings');
    expect(renderSummary([])).toBe('no errors');
  });
});
