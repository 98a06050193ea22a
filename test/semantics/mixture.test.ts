import { describe, expect, test } from 'vitest';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import { print } from '../../src/compiler/dims/dim.ts';
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
    expect(graph.parameters.map((one) => one.name)).toEqual(Object.keys(BY));
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

  test('grows with the number of experts, not faster', () => {
    const nodes = (count: number): number => graphOfText(TEXT, { settings: settings({ count }) }).nodes.length;
    expect(nodes(64) - nodes(32)).toBe(2 * (nodes(32) - nodes(16)));
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
