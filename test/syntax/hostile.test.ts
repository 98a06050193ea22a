/** Nothing that anyone can write makes the parser throw, hang or report a place outside of the text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderDiagnostic } from '../../src/compiler/base/render.ts';
import { lex } from '../../src/compiler/syntax/lex.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { distill, everything, linear, moe, vit } from './specs.ts';
import { parse, statementsOf, summary, textOf, value } from './support.ts';

const words = [
  '( ) [ ] { } , : ? -> => |> | . .. ... = == < <= + - * / ** @ % and or not if then else for in return import',
  'true none frozen mixture training a x f32 int 3 0.5 1e9 "s" " \' # block fn model train const param input output',
  'require dims as from state next aux loss metric optimizer group generate along parm modle $ é \u0000 😀 \uD800',
]
  .flatMap((line) => line.split(' '))
  .concat(['\n', '\n', '\n  ', '// c\n', '/// d\n', '\r', '\t'])
  .concat([
    'model M() {',
    'block B(a: int)(x: f32[n]) -> f32[n] {',
    'if a {',
    '} else {',
    'for i in a {',
    'x = ',
    'y = f(',
    'y = mixture(x, g) as p { t =>',
    'optimizer adamw(lr: 1) {',
    'group "**.bias" (',
    'generate a along b from',
  ]);

function check(text: string): void {
  const { diagnostics } = parse(text);
  for (const item of diagnostics) {
    // Only a file that is no text, or too long, has no place to show.
    if (item.code === 'HED1020' || item.code === 'HED1022') continue;
    const { start, end } = item.primary!.span;
    expect(start).toBeLessThanOrEqual(end);
    expect(end).toBeLessThanOrEqual(text.length);
  }
  diagnostics.slice(0, 20).forEach((item) => renderDiagnostic(item, { color: true }));
}

describe('random text', () => {
  it('of any characters is parsed', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 300 });
  });

  it('of the language’s words is parsed', () => {
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((parts) => parts.join(' '));
    fc.assert(fc.property(soup, check), { numRuns: 1000 });
  });

  it('as a value is parsed', () => {
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(soup, (text) => void value(text)),
      { numRuns: 500 },
    );
  });

  it('put into a spec is parsed', () => {
    const spec = fc.constantFrom(vit, moe, distill);
    const place = fc.double({ min: 0, max: 1, noNaN: true });
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 5 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(spec, place, place, soup, (whole, a, b, text) => {
        const at = (share: number): number => Math.floor(share * whole.length);
        check(whole.slice(0, at(Math.min(a, b))) + text + whole.slice(at(Math.max(a, b))));
      }),
      { numRuns: 500 },
    );
  });
});

describe('white space', () => {
  it('between tokens never changes what a file means', () => {
    const shape = (text: string): string =>
      JSON.stringify(parse(text), (key, child: unknown) =>
        key === 'span' || key === 'operatorSpan' || key === 'source' || key === 'doc' ? undefined : child,
      );
    for (const spec of [vit, linear, moe, distill, everything]) {
      const { tokens } = lex({ path: '', text: spec }, new DiagnosticSink());
      const expected = shape(spec);
      const gap = fc.constantFrom(' ', '\n', '\n      ', '\t', ' // note\n', '\r\n');
      fc.assert(
        fc.property(fc.array(gap, { minLength: tokens.length, maxLength: tokens.length }), (gaps) => {
          expect(shape(tokens.map(({ image }, i) => image + gaps[i]).join(''))).toBe(expected);
        }),
        { numRuns: 30 },
      );
    }
  });
});

describe('deep nesting', () => {
  const inBody = (text: string): string => `model M() {\nx = ${text}\n}`;
  const n = 10_000;

  it.each([
    ['parentheses', inBody('('.repeat(n))],
    ['closed parentheses', inBody(`${'('.repeat(n)}1${')'.repeat(n)}`)],
    ['brackets', inBody('['.repeat(n))],
    ['calls', inBody('f('.repeat(n))],
    ['calls of calls', inBody(`f${'()'.repeat(n)}`)],
    ['members', inBody(`a${'.b'.repeat(n)}`)],
    ['signs', inBody(`${'-'.repeat(n)}1`)],
    ['negations', inBody(`${'not '.repeat(n)}a`)],
    ['sums', inBody(`a${' + a'.repeat(n)}`)],
    ['powers', inBody(`a${' ** a'.repeat(n)}`)],
    ['pipes', inBody(`a${' |> f'.repeat(n)}`)],
    ['conditions', inBody(`${'if a then b else '.repeat(n)}c`)],
    ['bodies', `model M() {\n${'if a {\n'.repeat(n)}${'}\n'.repeat(n)}}`],
    ['branches', `model M() {\nif a { ${'} else if b {'.repeat(n)} }\n}`],
    ['frozen', inBody(`${'frozen '.repeat(n)}a`)],
    ['mixtures in experts', inBody(`${'mixture(a) as p { t => '.repeat(n)}t${' }'.repeat(n)}`)],
    ['mixtures in arguments', inBody(`${'mixture('.repeat(n)}a${') as p { t => t }'.repeat(n)}`)],
    ['optimizers', `train T() {\n${'optimizer a {\n'.repeat(n)}}`],
    ['types', `model M(a: ${'('.repeat(n)}int${')'.repeat(n)}) {}`],
    ['list types', `model M(a: ${'['.repeat(n)}int${']'.repeat(n)}) {}`],
  ])('of %s is refused', (_, text) => {
    expect(parse(text).diagnostics.map(({ code }) => code)).toContain('HED1009');
  });

  it('of braces without a body is one mistake', () => {
    for (const count of [200, 100_000]) {
      expect(parse(`model X() ${'{'.repeat(count)}`).diagnostics.map(({ code }) => code)).toEqual(['HED1009']);
    }
  });

  it('is not what a long chain is', () => {
    for (const text of [
      inBody(`a${' |> f'.repeat(1000)}`),
      inBody(`a${' |> f(b + 1, c: not d)'.repeat(1000)}`),
      inBody(`a${' + a'.repeat(1000)}`),
      inBody(`a${' - -a ** 2 * 3'.repeat(500)}`),
      inBody(`a${' and not b == c'.repeat(500)}`),
      inBody(`${'if a == b then c + 1 else '.repeat(1000)}d`),
      `model M() {\nif a { ${'} else if b + c == d {'.repeat(1000)} }\n}`,
    ]) {
      expect(parse(text).diagnostics, text.slice(0, 60)).toEqual([]);
    }
  });

  it('of an else-if chain is a nest of statements, each up to the end of the chain', () => {
    const text = 'if a { x = 1 } else if b { x = 2 } else { x = 3 }';
    const [outer] = statementsOf(text);
    const inner = outer?.kind === 'if' ? outer.else?.statements[0] : undefined;
    expect(outer && textOf(outer.span)).toBe(text);
    expect(inner && textOf(inner.span)).toBe('if b { x = 2 } else { x = 3 }');
    expect(inner?.kind === 'if' && inner.else?.statements).toMatchObject([{ value: { value: 3 } }]);
  });

  it('is allowed to a reasonable depth', () => {
    expect(parse(inBody(`${'('.repeat(100)}1${')'.repeat(100)}`)).diagnostics).toEqual([]);
    expect(parse(inBody(`a${' + a'.repeat(100)}`)).diagnostics).toEqual([]);
    expect(parse(inBody(`f(${'a + b, '.repeat(1000)})`)).diagnostics).toEqual([]);
  });
});

describe('a file that is no text', () => {
  it.each([
    ['bytes', Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919) % 256)).toString('utf8')],
    ['UTF-16', Buffer.from('model M() {}', 'utf16le').toString('utf8')],
    ['another encoding', '\uFFFD\uFFFD model \uFFFD'],
  ])('of %s is one mistake', (_, text) => {
    expect(parse(text).diagnostics.map(summary)).toEqual(['HED1020 line 0: test.model: this is not a text file']);
  });

  it('is told from one with a few strange characters', () => {
    expect(parse(`// Gr\uFFFD\uFFFDe\f\n${linear}`).diagnostics).toEqual([]);
  });
});

describe('very many mistakes', () => {
  it('are told up to a hundred, then counted', () => {
    const { diagnostics } = parse(`model M() {\n${'a b c\n'.repeat(20_000)}}`);
    expect(diagnostics).toHaveLength(101);
    expect(summary(diagnostics.at(-1)!)).toBe('HED1021 line 102: 19900 more syntax errors from here on');
  });
});

describe('long text', () => {
  it('is parsed in time that grows with its length', () => {
    const time = (text: string): number => {
      const runs = [0, 1, 2].map(() => {
        const start = performance.now();
        parse(text);
        return performance.now() - start;
      });
      return Math.min(...runs);
    };
    const statement = '  y = f(x, [a + 1, b * 2], k: c[0]) |> Linear(3) as head\n';
    for (const unit of [
      statement,
      '  x = 3 4\n',
      '  param x:\n',
      '  x = (\n',
      '  foo\n',
      '  y = mixture(x) as p { t => t |> f }\n',
      '  y = mixture(x) as p { t =>\n',
      '  mixture(\n',
      '  optimizer a(b: 1) { group "c" (d: 1) }\n',
      '  optimizer a {\n',
      '  group "a"\n',
      'a,\n',
      '{ ',
      '}\n',
      '"',
      "'",
    ]) {
      const small = Math.max(time(`model M() {\n${unit.repeat(100)}}`), 2);
      // Ten times the text; work that grows with its square would take a hundred times as long.
      expect(time(`model M() {\n${unit.repeat(1000)}}`), unit).toBeLessThan(50 * small);
    }
  });

  it('of one token is parsed', () => {
    for (const text of [
      'a'.repeat(1e6),
      '1'.repeat(1e6),
      `"${'a'.repeat(1e6)}"`,
      `"${'\\n'.repeat(1e6)}`,
      '/'.repeat(1e6),
    ]) {
      check(`model M() {\n  x = ${text}\n}`);
    }
  });
});
