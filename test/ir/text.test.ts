/** The text form of graphs: what it looks like, that it is read back, and what is said of text that is none. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseGraph } from '../../src/compiler/ir/parser.ts';
import { printAttribute, printGraph } from '../../src/compiler/ir/printer.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomGraph } from '../support/graphs.ts';

const EXAMPLE = `graph Example {
  dim batch <= 64
  dim seq
  require <batch - 4> "index 3 is out of range: axis 0 has size batch"
  require <-2*seq + 5> "a \\"quoted\\" message" @ layers.0
  input x %0: f32[batch, seq, 4]
  param head.bias %1: f32[4] = uniform(low: -0.5, high: 0.5) @ head
  param "odd name" %2: f32[2]
  state norm.mean %12: f32[2] = constant(value: 0) @ norm
  frozen param teacher.w %13: f32[2] @ teacher
  frozen state teacher.mean %14: f32[2] @ teacher
  kept "odd keys" %16: f32[batch, 4]
  %3: f32[batch, seq, 4] = expand(%1) {shape: [<batch>, <seq>, <4>], axis: null, size: null} @ head
  %4: f32[batch, seq, 4] = fusion(%0, %3) {body: region(%5: f32[batch, seq, 4], %6: f32[batch, seq, 4]) {
    %7: f32[batch, seq, 4] = add(%5, %6)
    %8: f32[batch, seq, 4] = gelu(%7) {approximate: "tanh"} @ layers.0.ff
    return %8
  }, kind: "pointwise"}
  %9: f32[batch*seq, 2], %10: f32[batch*seq, 2] = split(%4) {sizes: [<2>, <2>], axis: -1}
  %15: f32[4] = neg(%1)
  %11: f32[floordiv(seq, 2), 2*batch - 1] = full() {shape: [<floordiv(seq, 2)>, <2*batch - 1>], value: -inf, dtype: "f32"}
  output y %4
  output "y 2" %10
  output next.bias %15 into head.bias
}
`;

function parsed(text: string) {
  const result = parseGraph(text, ops);
  if ('error' in result) throw new Error(`line ${result.line}: ${result.error}`);
  return result.graph;
}

function fault(text: string): string {
  const result = parseGraph(text, ops);
  return 'error' in result ? `${result.line}: ${result.error}` : 'no error';
}

describe('printing and parsing', () => {
  test('a graph reads back as it prints', () => {
    expect(printGraph(parsed(EXAMPLE))).toBe(EXAMPLE);
  });

  test('a stack has its members behind its type', () => {
    const text = `graph Experts {
  param "experts.{i}.gain" %0: f32[2, 4] of [experts.0.gain, experts.1.gain] = constant(value: 1) @ experts
  frozen state seen %1: f32[1] of [seen.0]
  output y %0
}
`;
    const graph = parsed(text);
    expect(graph.parameters.map(({ members }) => members)).toEqual([['experts.0.gain', 'experts.1.gain'], ['seen.0']]);
    expect(printGraph(graph)).toBe(text);
    expect(fault('graph G { param p %0: f32[2] of a }')).toContain('1: expected `[`');
  });

  test('random graphs read back as they print, and are sound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), (seed) => {
        const { graph } = randomGraph(seed);
        expect(verify(graph, ops)).toEqual([]);
        const text = printGraph(graph);
        const again = parsed(text);
        expect(printGraph(again)).toBe(text);
        expect(verify(again, ops)).toEqual([]);
      }),
    );
  });

  test('comments and line breaks do not matter', () => {
    const text = 'graph G { // a comment\n input x\n %0: f32[] %1: f32[] = neg(%0) output y %1 }';
    expect(printGraph(parsed(text))).toBe('graph G {\n  input x %0: f32[]\n  %1: f32[] = neg(%0)\n  output y %1\n}\n');
  });

  test('numbers of all kinds keep their value', () => {
    for (const value of [0, -0, 1e-7, 1.5e300, -3, 0.1, Infinity, -Infinity, NaN]) {
      const text = `graph G {\n  %0: f32[] = full() {shape: [], value: ${printAttribute(value)}, dtype: "f32"}\n}\n`;
      const graph = parsed(text);
      expect(printGraph(graph)).toBe(text);
      expect(graph.nodes[0]!.attributes['value']).toBe(value);
    }
  });
});

describe('errors of the text', () => {
  const line = (text: string): string => `graph G {\n  input x %0: f32[n]\n  ${text}\n}\n`;

  test.each([
    ['', '1: expected `graph`; the text ends'],
    ['graph', '1: expected the name of the graph; the text ends'],
    ['graph G {', '1: expected a value such as `%0`; the text ends'],
    ['graph G { } more', '1: expected nothing after the graph; found `more`'],
    ['graph G {\n\n ; }', '3: unexpected ";"'],
    [line('%1: f32[n] = nothing(%0)'), '3: expected the name of an op; found `nothing`'],
    [line('%1: f32[n] = neg(%7)'), '3: expected a value that is made before; found `%7`'],
    [line('%0: f32[n] = neg(%0)'), '3: %0 is made twice; found `:`'],
    [line('%1: f64[n] = neg(%0)'), '3: expected a dtype; found `f64`'],
    [line('%1: f32[n +] = neg(%0)'), '3: `n +` is no dimension'],
    [line('%1: f32[n] = neg(%0) {a: what}'), '3: expected a value; found `what`'],
    [line('%1: f32[n] = neg(%0) {a: "\\x"}'), '3: "\\x" is not a string of JSON'],
    [line('output y %1'), '3: expected a value that is made before; found `%1`'],
    [line('require n'), '3: expected `<`; found `n`'],
    [line('require <n'), '3: `n }` is no dimension'],
    [line('require <n> m'), '3: expected the message of a condition; found `m`'],
    [line('require <n,> "m"'), '3: expected `>`; found `,`'],
    [line('%1: f32[%0] = neg(%0)'), '3: `%0` is no dimension'],
    [line('%1: f32[floordiv(n)] = neg(%0)'), '3: `floordiv ( n )` is no dimension'],
    [line('%1: f32[9007199254740993] = neg(%0)'), '3: `9007199254740993` is no dimension'],
  ])('%j', (text, message) => {
    expect(fault(text)).toBe(message);
  });

  test('a region does not see what is outside', () => {
    const region = '%1: f32[n] = fusion(%0) {body: region(%2: f32[n]) { %3: f32[n] = neg(%0) return %3 }}';
    expect(fault(line(region))).toBe('3: expected a value that is made before; found `%0`');
  });

  test('text nested without end is an error, not a crash', () => {
    expect(fault(line(`%1: f32[n] = neg(%0) {a: ${'['.repeat(1e5)}`))).toContain('nested too deeply');
    expect(fault(line(`%1: f32[${'max(0, '.repeat(1e5)}`))).toContain('is no dimension');
  });

  test('any text gives a graph or an error', () => {
    const pieces = fc.constantFrom(
      'graph',
      'G',
      '{',
      '}',
      '%0',
      ':',
      'f32',
      '[',
      ']',
      'n',
      '<=',
      '4',
      '=',
      'add',
      '(',
      ')',
      '"s"',
      '<',
      '>',
      '-',
      '@',
      'region',
      'return',
      '\n',
      'dim',
      'input',
      'require',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (words) => {
        const result = parseGraph(`graph G { ${words.join(' ')}`, ops);
        expect('error' in result || 'graph' in result).toBe(true);
      }),
    );
  });
});
