import { describe, expect, it } from 'vitest';
import type { Span } from '../../src/compiler/base/source.ts';
import type { Expr, Statement } from '../../src/compiler/syntax/ast.ts';
import { everything, vit } from './specs.ts';
import { parse, parseCorrect, statementsOf, textOf } from './support.ts';

function valueOf(statement: Statement | undefined): Expr {
  if (statement?.kind !== 'assign') throw new Error('no assignment');
  return statement.value;
}

function spanTexts(text: string): unknown {
  const shown = (e: Expr): unknown => {
    switch (e.kind) {
      case 'binary':
        return { [textOf(e.span)]: [shown(e.left), textOf(e.operatorSpan), shown(e.right)] };
      case 'unary':
        return { [textOf(e.span)]: [shown(e.operand)] };
      case 'pipe':
        return { [textOf(e.span)]: [shown(e.value), shown(e.stage), e.path?.map((name) => textOf(name.span))] };
      case 'call':
        return { [textOf(e.span)]: [shown(e.callee), ...e.arguments.map((argument) => textOf(argument.span))] };
      case 'index':
        return { [textOf(e.span)]: [shown(e.base), ...e.subscripts.map((subscript) => textOf(subscript.span))] };
      case 'member':
        return { [textOf(e.span)]: [shown(e.base), textOf(e.member.span)] };
      default:
        return textOf(e.span);
    }
  };
  return shown(valueOf(statementsOf(`x = ${text}`)[0]));
}

describe('spans of expressions', () => {
  it('cover an operation with its operands', () => {
    expect(spanTexts('a  +  -b * c')).toEqual({
      'a  +  -b * c': ['a', '+', { '-b * c': [{ '-b': ['b'] }, '*', 'c'] }],
    });
  });

  it('cover the parentheses of a grouped operand', () => {
    expect(spanTexts('( a + b ) * c')).toEqual({
      '( a + b ) * c': [{ '( a + b )': ['a', '+', 'b'] }, '*', 'c'],
    });
  });

  it('cover calls, subscripts and members up to their closing sign', () => {
    expect(spanTexts('f( a, k: b )[ 0, 1: ].m')).toEqual({
      'f( a, k: b )[ 0, 1: ].m': [
        { 'f( a, k: b )[ 0, 1: ]': [{ 'f( a, k: b )': ['f', 'a', 'k: b'] }, '0', '1:'] },
        'm',
      ],
    });
  });

  it('cover a stage with its path', () => {
    expect(spanTexts('x |> f(1) as a . b |> g')).toEqual({
      'x |> f(1) as a . b |> g': [{ 'x |> f(1) as a . b': ['x', { 'f(1)': ['f', '1'] }, ['a', 'b']] }, 'g', undefined],
    });
  });
});

describe('spans of statements and declarations', () => {
  it('end with their last token', () => {
    const texts = statementsOf('q, k = f(x) // comment\nif a { b = 1 } else { c = 2 }\nreturn q').map(({ span }) =>
      textOf(span),
    );
    expect(texts).toEqual(['q, k = f(x)', 'if a { b = 1 } else { c = 2 }', 'return q']);
  });

  it('cover a declaration from its keyword to its brace', () => {
    const [, declaration] = parseCorrect('const a = 1\n\nmodel M() {\n  x = 1\n}\n').declarations;
    expect(textOf(declaration!.span)).toBe('model M() {\n  x = 1\n}');
  });

  it('cover the quotes of an imported path', () => {
    const [first] = parseCorrect('import { A } from "std/nn"').imports;
    expect(textOf(first!.from.span)).toBe('"std/nn"');
    expect(textOf(first!.span)).toBe('import { A } from "std/nn"');
  });
});

/** Every span of a tree with those of the nodes below it. */
function visit(node: unknown, within: Span | undefined, check: (span: Span, within: Span | undefined) => void): void {
  if (typeof node !== 'object' || node === null || ('text' in node && 'path' in node)) return;
  const own = 'span' in node ? (node.span as Span) : undefined;
  if (own) check(own, within);
  for (const [key, child] of Object.entries(node)) {
    if (key !== 'span' && key !== 'source' && key !== 'operatorSpan') visit(child, own ?? within, check);
  }
}

function checkNesting(tree: unknown): number {
  let count = 0;
  visit(tree, undefined, (span, within) => {
    count++;
    expect(span.start).toBeLessThanOrEqual(span.end);
    expect(span.end).toBeLessThanOrEqual(span.source.text.length);
    if (!within) return;
    expect(span.start, textOf(span)).toBeGreaterThanOrEqual(within.start);
    expect(span.end, textOf(span)).toBeLessThanOrEqual(within.end);
  });
  return count;
}

describe('every span', () => {
  it('lies inside that of the node around it', () => {
    expect(checkNesting(parseCorrect(vit).declarations)).toBeGreaterThan(200);
    expect(checkNesting(parseCorrect(everything).declarations)).toBeGreaterThan(200);
    expect(checkNesting(parseCorrect(everything).imports)).toBeGreaterThan(4);
  });

  it('lies inside the text also after recovery', () => {
    const { file } = parse(vit.replaceAll(')', '').replaceAll('=', '+'));
    visit(file.declarations, undefined, (span) => {
      expect(span.start).toBeLessThanOrEqual(span.end);
      expect(span.end).toBeLessThanOrEqual(span.source.text.length);
    });
  });
});
