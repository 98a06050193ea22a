import { describe, expect, test } from 'vitest';
import { gradientGraph } from '../../src/compiler/autodiff/request.ts';
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import { print } from '../../src/compiler/dims/dim.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { elaboratedOfText, graphOfText, settings, specHost } from '../support/specs.ts';
import { evaluate, f32, i32 } from './support.ts';

/** Experts that multiply by a parameter of theirs; the body sees the hyperparameter `plus`. */
const TEXT = `
  block Scale()(x: f32[n, c]) -> f32[n, c] {
    param by: f32[1] = ones()
    return x * by
  }
  model M(count: int = 3, factor: float? = none, plus: float = 0.0) {
    dims n
    input x: f32[n, 2]
    input gate: f32[n, 2]
    input index: i32[n, 2]
    output y = mixture(x, gate, index, count, capacity_factor: factor) as experts {
      t => t |> Scale() as scale |> more(plus)
    }
  }
  fn more(x: f32[n, c], by: float) -> f32[n, c] { return x + by }`;

const BY = {
  'experts.0.scale.by': f32([1], [1]),
  'experts.1.scale.by': f32([1], [10]),
  'experts.2.scale.by': f32([1], [100]),
};
const INPUTS = {
  x: f32([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
  gate: f32([4, 2], [0.5, 0.25, 1, 2, 0, 1, 3, 1]),
  index: i32([4, 2], [0, 1, 1, 2, 1, 0, 2, 1]),
};

/** The definition, token by token: `capacity` is how many tokens an expert takes. */
function wanted(capacity: number, plus = 0): number[] {
  const used = [0, 0, 0];
  const y = Array.from({ length: 8 }, () => 0);
  for (let token = 0; token < 4; token++) {
    for (let k = 0; k < 2; k++) {
      const expert = INPUTS.index.data[token * 2 + k]!;
      if (used[expert]!++ >= capacity) continue;
      const gate = INPUTS.gate.data[token * 2 + k]!;
      for (let c = 0; c < 2; c++) y[token * 2 + c]! += gate * (INPUTS.x.data[token * 2 + c]! * 10 ** expert + plus);
    }
  }
  return y;
}

describe('mixture', () => {
  test('keeps the weights of each expert under its number', () => {
    const { graph, mixtures } = elaboratedOfText(TEXT);
    expect(parameterTensors(graph.parameters).map((one) => one.name)).toEqual(Object.keys(BY));
    expect(mixtures).toMatchObject([{ path: 'experts', count: 3 }]);
    expect(mixtures[0]!.result).toBe(graph.outputs[0]!.value);
  });

  test('weighs the results of the experts that a token names', () => {
    expect(evaluate(TEXT, INPUTS, { parameters: BY })).toEqual({ y: wanted(Infinity) });
  });

  test('sees the names around it', () => {
    const options = { parameters: BY, settings: settings({ plus: 1 }) };
    expect(evaluate(TEXT, INPUTS, options)).toEqual({ y: wanted(Infinity, 1) });
  });

  test.each([
    // floor(4 tokens * 2 / 3 experts * factor)
    ['1', 2],
    ['1.2', 3],
    ['0.75', 2],
    ['0.3', 0],
    ['1.125', 3],
  ])('with a capacity factor of %s takes %i tokens an expert, first come', (factor, capacity) => {
    const options = { parameters: BY, settings: settings({ factor }) };
    expect(evaluate(TEXT, INPUTS, options)).toEqual({ y: wanted(capacity) });
  });

  test('leaves its capacity to a run, where the tokens are counted', () => {
    const { mixtures } = elaboratedOfText(TEXT, { settings: settings({ factor: 1.25 }) });
    expect(print(mixtures[0]!.capacity!)).toBe('floordiv(5*n, 6)');
  });

  test('is not disturbed by what the others make of a token', () => {
    const parameters = { ...BY, 'experts.2.scale.by': f32([1], [Infinity]) };
    const { y } = evaluate(TEXT, INPUTS, { parameters });
    expect(y!.slice(0, 2)).toEqual(wanted(Infinity).slice(0, 2));
  });

  test('does not grow with the number of experts', () => {
    const nodes = (count: number): number => graphOfText(TEXT, { settings: settings({ count }) }).nodes.length;
    expect(nodes(64)).toBe(nodes(1));
  });

  test('counts a token that names an expert twice as two of its tokens', () => {
    const parameters = { 'experts.0.scale.by': f32([1], [1]), 'experts.1.scale.by': f32([1], [10]) };
    const inputs = { x: f32([2, 2], [1, 2, 3, 4]), gate: f32([2, 2], [1, 2, 4, 8]), index: i32([2, 2], [0, 0, 0, 1]) };
    const run = (factor: number | undefined): number[] => {
      const given = settings({ count: 2, ...(factor !== undefined && { factor }) });
      return evaluate(TEXT, inputs, { parameters, settings: given })['y']!;
    };
    expect(run(undefined)).toEqual([3, 6, 12 + 240, 16 + 320]);
    // One assignment each: the second of token 0 and the first of token 1 come too late.
    expect(run(0.5)).toEqual([1, 2, 240, 320]);
  });

  test('draws random numbers anew for each expert of a token', () => {
    const text = TEXT.replace('t => t |> Scale() as scale |> more(plus)', 't => t + random_uniform([n, 2])');
    const elaborated = elaboratedOfText(text);
    const [drawn] = elaborated.graph.nodes.filter((node) => node.op.random);
    expect(printType(drawn!.results[0]!.type)).toBe('f32[2*n, 2]');
    const ofExperts = text.replace('random_uniform([n, 2])', 'random_uniform([2])');
    const [shared] = elaboratedOfText(ofExperts).graph.nodes.filter((node) => node.op.random);
    expect(printType(shared!.results[0]!.type)).toBe('f32[3, 2]');
  });

  test('drops elements of the rows, and their gradients alike', () => {
    const text = TEXT.replace('t => t |> Scale() as scale |> more(plus)', 't => dropout(t, p: 0.5)');
    const { graph } = elaboratedOfText(text);
    const dropped = graph.nodes.find((node) => node.op.name === 'dropout');
    expect(printType(dropped!.results[0]!.type)).toBe('f32[2*n, 2]');
  });

  test('hands up what each expert hands up, and has instances to tap', () => {
    const text = TEXT.replace('return x * by', 'aux size = sum(by)\n    return x * by').replace(
      'output y = mixture',
      'block_of = Layer(count)\n    output y = block_of(x, gate, index)\n    output sizes = stack(block_of.aux.size)\n  }\n' +
        '  block Layer(count: int)(x: f32[n, 2], gate: f32[n, 2], index: i32[n, 2]) -> f32[n, 2] {\n    return mixture',
    );
    const spec = text.replace(', capacity_factor: factor', '').replace('|> more(plus)', '');
    const parameters = Object.fromEntries(Object.entries(BY).map(([name, value]) => [`block_of.${name}`, value]));
    expect(evaluate(spec, INPUTS, { parameters })).toEqual({ y: wanted(Infinity), sizes: [1, 10, 100] });
    const { instances } = elaboratedOfText(spec);
    expect(printType(instances.get('block_of.experts.{i}.scale')![0]!.type)).toBe('f32[2*n, 2]');
  });

  describe('of an instance that is applied again', () => {
    const spec = `
      block Scale()(x: f32[n, c]) -> f32[n, c] {
        param by: f32[1] = ones()
        return x * by
      }
      block Layer()(x: f32[n, 2], gate: f32[n, 2], index: i32[n, 2]) -> f32[n, 2] {
        return mixture(x, gate, index, 3) as experts { t => t |> Scale() as scale }
      }
      model M() {
        dims n
        input x: f32[n, 2]
        input gate: f32[n, 2]
        input index: i32[n, 2]
        layer = Layer()
        output y = layer(x, gate, index) + layer(2 * x, gate, index)
      }`;
    const parameters = Object.fromEntries(Object.entries(BY).map(([name, value]) => [`layer.${name}`, value]));

    test('has the experts of the first time', () => {
      expect(evaluate(spec, INPUTS, { parameters })).toEqual({ y: wanted(Infinity).map((value) => 3 * value) });
      const { graph, instances } = elaboratedOfText(spec);
      expect(parameterTensors(graph.parameters).map((one) => one.name)).toEqual(Object.keys(parameters));
      expect(instances.get('layer.experts.{i}.scale')).toHaveLength(2);
    });

    test('has the gradients of both uses', () => {
      const elaborated = elaboratedOfText(spec);
      const request = { patterns: ['param.*'], cotangents: ['y'] };
      const graph = gradientGraph(elaborated, request, ops, new DiagnosticSink())!;
      const inputs = new Map(Object.entries({ ...INPUTS, 'cot.y': f32([4, 2], [1, 1, 1, 1, 1, 1, 1, 1]) }));
      const found = interpret(graph, { inputs, parameters: new Map(Object.entries(parameters)) });
      // The sum of what the tokens of an expert are, each with its gate.
      const sums = [0, 1, 2].map((expert) =>
        INPUTS.index.data.reduce((sum, one, at) => {
          const token = (at - (at % 2)) / 2;
          const own = INPUTS.x.data[2 * token]! + INPUTS.x.data[2 * token + 1]!;
          return one === expert ? sum + INPUTS.gate.data[at]! * own : sum;
        }, 0),
      );
      for (const [expert, sum] of sums.entries()) {
        expect([...found.get(`grad.param.layer.experts.${expert}.scale.by`)!.data]).toEqual([3 * sum]);
      }
    });

    test('changes its states in one of the two', () => {
      const text = `
        block Count(counts: bool)(x: f32[n, c]) -> f32[n, c] {
          state steps: f32[] = zeros()
          if training and counts { next steps = steps + 1 }
          return x + steps
        }
        block Layer()(x: f32[n, 2], gate: f32[n, 2], index: i32[n, 2], counts?: f32[n, 2]) -> f32[n, 2] {
          return mixture(x, gate, index, 3) as experts { t => t |> Count(given(counts)) as count }
        }
        train T() {
          dims n
          input x: f32[n, 2]
          input gate: f32[n, 2]
          input index: i32[n, 2]
          layer = Layer()
          loss sum(layer(x, gate, index, x) + layer(x, gate, index))
        }`;
      const { graph, updates } = elaboratedOfText(text, { entry: 'T' });
      expect(updates.map(({ state, value }) => [state, printType(value.type)])).toEqual([
        ['layer.experts.{i}.count.steps', 'f32[3]'],
      ]);
      expect(verify(graph, ops)).toEqual([]);
    });
  });

  test('keeps the states of its experts', () => {
    const text = `
      block Count()(x: f32[n, c]) -> f32[n, c] {
        param by: f32[] = ones()
        state steps: f32[] = zeros()
        if training { next steps = steps + by }
        return x * by
      }
      train T() {
        dims n
        input x: f32[n, 2]
        input gate: f32[n, 2]
        input index: i32[n, 2]
        y = mixture(x, gate, index, 3) as experts { t => t |> Count() as count }
        loss sum(y)
      }`;
    const { graph, updates } = elaboratedOfText(text, { entry: 'T' });
    expect(graph.parameters.find((one) => one.state)!.members).toEqual(
      [0, 1, 2].map((expert) => `experts.${expert}.count.steps`),
    );
    expect(updates.map(({ state, value }) => [state, printType(value.type)])).toEqual([
      ['experts.{i}.count.steps', 'f32[3]'],
    ]);
  });

  test.each([
    ['before', '', 'z = x |> Scale() as experts.1.scale\n'],
    ['behind', 'z = x |> Scale() as experts.1.scale\n', ''],
  ])('has the names of its experts for itself: an instance %s it', (_, behind, before) => {
    const text = TEXT.replace('output y = mixture', `${before} y = mixture`).replace(
      /(more\(plus\)\n *})/,
      `$1\n${behind} output out = y + z`,
    );
    const { diagnostics } = elaborateWhole('test.model', {}, specHost({ 'test.model': text }));
    expect(diagnostics.map((item) => [item.code, item.message])).toEqual([
      ['HED2313', 'the path `experts.1.scale.by` is already taken'],
    ]);
  });

  test.each([
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index, n)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, gate, count)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, x[:1], index, count)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index[:, :1], count)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index, count, capacity: 1)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index, count, capacity_factor: -1)', 'HED2323'],
    ['mixture(x, gate, index, count)', 'mixture(x, gate, index, count, capacity_factor: 0.12345678)', 'HED2323'],
    ['t => t |> Scale() as scale |> more(plus)', 't => t[0]', 'HED2323'],
  ])('%s as %s is reported once', (before, after, code) => {
    const text = TEXT.replace(', capacity_factor: factor', '').replace(before, after);
    const { diagnostics } = elaborateWhole('test.model', {}, specHost({ 'test.model': text }));
    expect(diagnostics.map((item) => item.code)).toEqual([code]);
  });
});
