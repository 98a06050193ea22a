/** What the body of a mixture may be: each is compared, with its gradients, with all experts run on all tokens. */
import { describe, expect, test } from 'vitest';
import { gradientGraph } from '../../src/compiler/autodiff/request.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { print } from '../../src/compiler/dims/dim.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { multiplyAdds } from '../../src/compiler/ir/work.ts';
import { elaboratedOfText } from '../support/specs.ts';
import { BODIES, inputsFor, model } from '../support/mixture-bodies.ts';
import { parametersOf, type Tensors } from './support.ts';

const sparse = (body: string): string => `y = mixture(x, gate, index, count) as experts { t => ${body} }`;
const dense = (body: string): string => `
  y = zeros([n, 4])
  for i in 0..count as experts {
    t = x
    e = ${body}
    y = y + e * sum(where(index == i, gate, 0), axis: 1, keepdim: true)
  }`;

/** The output, and all gradients, by name. */
function evaluated(text: string, inputs: Tensors): Map<string, readonly number[]> {
  const elaborated = elaboratedOfText(text);
  expect(verify(elaborated.graph, ops)).toEqual([]);
  const sink = new DiagnosticSink();
  const request = { patterns: ['in.*', 'param.*'], cotangents: ['y'] };
  const graph = gradientGraph(elaborated, request, ops, sink)!;
  const given = graph.inputs.map(({ name }) => [name, inputs[name]!] as const);
  const results = interpret(graph, { inputs: new Map(given), parameters: parametersOf(graph) });
  return new Map([...results].map(([name, { data }]) => [name, [...data]]));
}

describe('a mixture of experts whose body is', () => {
  describe.each([
    ['free', 5, 3],
    ['free', 5, 1],
    ['5', 5, 3],
    ['4', 4, 3],
    ['1', 1, 3],
  ])('of %s tokens, %i, and %i experts', (tokens, n, count) => {
    test.each(BODIES)('%s', (_, body) => {
      const inputs = inputsFor(n);
      const found = evaluated(model(tokens, sparse(body), count), inputs);
      const wanted = evaluated(model(tokens, dense(body), count), inputs);
      expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
      for (const [name, values] of wanted) {
        found.get(name)!.forEach((value, at) => expect(value, `${name}[${at}]`).toBeCloseTo(values[at]!, 9));
      }
    });
  });

  test.each(BODIES)('%s computes no more products for more experts', (_, body) => {
    const products = (count: number): string => {
      const { graph } = elaboratedOfText(model('free', sparse(body), count));
      return print(multiplyAdds(graph.nodes, ops, new Map())!);
    };
    expect(products(64)).toBe(products(2));
  });
});
