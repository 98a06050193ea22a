/** The promise on which recovery rests: whatever the text, bodies leave the layout stage whole. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTokens } from '../../grammar/parser.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { layOut } from '../../src/compiler/syntax/layout.ts';
import { lex } from '../../src/compiler/syntax/lex.ts';
import { everything } from './specs.ts';

function laidOut(text: string): ReturnType<typeof layOut> {
  const [source, sink] = [{ path: '', text }, new DiagnosticSink()];
  return layOut(lex(source, sink).tokens, source, sink);
}

function types(text: string): string {
  return laidOut(text)
    .tokens.map(({ tokenType }) => tokenType.name)
    .join(' ');
}

describe('the layout stage', () => {
  it('marks where statements begin', () => {
    expect(types('model M() { x = a param w: f32[n] return x }')).toBe(
      'ModelKeyword Identifier LeftParen RightParen LeftBrace Target Equal Identifier ' +
        'ParamKeyword Identifier Colon Identifier LeftBracket Identifier RightBracket ReturnKeyword Identifier RightBrace',
    );
  });

  it('tells statements from expressions that begin with the same word', () => {
    expect(types('fn f() { if a { x = if b then [for c in d => e] else g } for h in i { } }')).toContain(
      'LeftBrace IfKeyword Identifier LeftBrace Target Equal If Identifier Then LeftBracket For Identifier In',
    );
  });

  it('writes the braces that are missing', () => {
    expect(types('model M() { if a')).toMatch(/IfKeyword Identifier LeftBrace RightBrace RightBrace$/);
    expect(types('model M()')).toMatch(/RightParen LeftBrace RightBrace$/);
  });

  it('leaves one token for text that it skips', () => {
    expect(types('model M() { foo a + b\n x = { a: 1 } }')).toMatch(
      /LeftBrace Skipped Target Equal SkippedOperand RightBrace$/,
    );
  });

  it('tells the braces of experts and of groups from those of bodies', () => {
    expect(types('train T() { if mixture(a) as p { t => t } { } optimizer o(b: 1) { group "c" (d: 1) } }')).toMatch(
      new RegExp(
        'IfKeyword Mixture .* LeftExpertBrace Identifier FatArrow Identifier RightExpertBrace LeftBrace RightBrace ' +
          'OptimizerKeyword .* LeftBrace GroupKeyword Text .* RightBrace RightBrace$',
      ),
    );
  });

  it('lets the parser find every brace that it expects, in all but a few texts of thousands', () => {
    const words =
      '( ) [ ] { } , : = + . if then else for in return import a x 3 "s" block fn model train const param mixture optimizer group frozen generate along =>'
        .split(' ')
        .concat([
          'as',
          'from',
          'loss',
          'mixture(a) as p { t =>',
          'optimizer a(b: 1) {',
          '\n',
          '\n  ',
          'model A() {',
          'if a {',
          '} else {',
          'for i in a {',
          'x = ',
          'y = f(',
        ]);
    const soup = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => parts.join(' '));
    const isWhole = (text: string): boolean => {
      const { failures } = parseTokens('file', laidOut(text).tokens);
      return failures.every(({ rule, found }) => rule !== 'file' && (rule !== 'body' || found.image === ''));
    };
    expect(isWhole(everything.replace('import {', 'import { else'))).toBe(true);
    // Where a declaration begins inside of brackets there is no telling which of the two is meant.
    const sample = { seed: 1, numRuns: 2000 };
    const behind = fc.sample(soup, sample).map((text) => `model M() {\n${text}`);
    const within = fc
      .sample(fc.tuple(fc.nat(everything.length), soup), sample)
      .map(([at, text]) => everything.slice(0, at) + text + everything.slice(at));
    for (const texts of [behind, within]) {
      const broken = texts.filter((text) => !isWhole(text));
      expect(broken.length / texts.length).toBeLessThan(0.005);
    }
  });
});
