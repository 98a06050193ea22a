import { describe, expect, test } from 'vitest';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { graphOfText, settings, specHost } from '../support/specs.ts';
import { evaluate, f32, i32 } from './support.ts';

const NN = 'import { Linear } from "std/nn"\n';
const names = (text: string, entry?: string): string[] =>
  graphOfText(text, entry ? { entry } : {}).parameters.map((one) => one.name);

describe('parameters of an instance', () => {
  /** An embedding's table is known from its hyperparameters; a tied head multiplies by it. */
  const EMBEDDING = `
    block Embedding(vocab: int, dim: int)(index: i32[..s]) -> f32[..s, dim] {
      param weight: f32[vocab, dim] = normal(std: 1)
      return einsum("... v, v d -> ... d", cast(index[..., none] == arange(vocab), f32), weight)
    }`;

  test.each([
    ['after', 'h = index |> emb\n output logits = h @ transpose(emb.weight, [1, 0])'],
    ['before', 'table = transpose(emb.weight, [1, 0])\n h = index |> emb\n output logits = h @ table'],
  ])('can be read %s its application, and are the same', (_, statements) => {
    const text = `${EMBEDDING}
      model M { dims n
        input index: i32[n]
        emb = Embedding(3, 2)
        ${statements} }`;
    expect(names(text)).toEqual(['emb.weight']);
    const weight = f32([3, 2], [1, 2, 3, 4, 5, 6]);
    const { logits } = evaluate(text, { index: i32([1], [1]) }, { parameters: { 'emb.weight': weight } });
    expect(logits).toEqual([3 + 8, 9 + 16, 15 + 24]);
  });

  test('that depend on a tensor can only be read after it', () => {
    const text = `${NN}model M { input x: f32[3]
      layer = Linear(3)
      w = layer.weight
      output y = layer(x) @ w }`;
    const { diagnostics } = elaborateWhole('test.model', {}, specHost({ 'test.model': text }));
    expect(diagnostics.map((item) => item.code)).toEqual(['HED2108']);
    expect(diagnostics[0]!.hint).toContain('once the block has been applied');
  });

  test('of the branch that is taken can be read before', () => {
    const text = `
      block Gain(wide: bool, n: int)(x: f32[..s]) -> f32[..s] {
        const width = if wide then n * 2 else n
        if wide { param g: f32[width] = ones()
          return x * sum(g) }
        param g: f32[width] = zeros()
        return x * sum(g) }
      model M(wide: bool = false) { input x: f32[1]
        gain = Gain(wide, 3)
        before = gain.g
        output y = gain(x) + sum(before) }`;
    for (const [wide, type] of [
      [true, 'f32[6]'],
      [false, 'f32[3]'],
    ] as const) {
      const { parameters } = graphOfText(text, { settings: settings({ wide }) });
      expect(parameters.map(({ name, value }) => [name, printType(value.type)])).toEqual([['gain.g', type]]);
    }
  });

  test('of a nested instance are read by their path, and of a model too', () => {
    const text = `${NN}
      model Inner { input x: f32[3]
        output y = x |> Linear(3, bias: false) as fc }
      model M { input x: f32[3]
        inner = Inner()
        h = inner(x)
        output y = h @ inner.fc.weight }`;
    expect(names(text, 'M')).toEqual(['inner.fc.weight']);
  });
});

describe('an instance', () => {
  test('made outside of a loop shares its weights between the rounds', () => {
    const text = `${NN}
      model M(depth: int = 3) { input x: f32[2]
        layer = Linear(2, bias: false)
        for i in 0..depth as layers { x = layer(x) + i }
        output y = x }`;
    expect(names(text)).toEqual(['layer.weight']);
    const weight = f32([2, 2], [0, 1, 1, 0]);
    const { y } = evaluate(text, { x: f32([2], [1, 10]) }, { parameters: { 'layer.weight': weight } });
    expect(y).toEqual([10 + 1 + 2, 1 + 1 + 2]);
  });

  test('made inside of a loop with a path has a name of its own in each round', () => {
    const text = `${NN}
      model M { input x: f32[2]
        for i in 0..2 as layers { x = x |> Linear(2, bias: false) |> Linear(2, bias: false) }
        output y = x }`;
    expect(names(text)).toEqual([
      'layers.0.linear.weight',
      'layers.0.linear_2.weight',
      'layers.1.linear.weight',
      'layers.1.linear_2.weight',
    ]);
  });

  test('in a list or tuple of a round stands at its place there, wherever it is applied', () => {
    const text = `${NN}
      model M { input x: f32[2]
        stages = [for depth in [1, 2] as stages => [for j in 0..depth => Linear(2, bias: false)]]
        pairs = [for i in 0..2 as pairs => (Linear(2, bias: false), stages[i])]
        y = x
        for i in 0..2 {
          extra, stage = pairs[1 - i]
          for layer in stage { y = layer(y) }
          y = extra(y)
        }
        output z = y }`;
    expect(names(text)).toEqual([
      'stages.1.0.weight',
      'stages.1.1.weight',
      'pairs.1.0.weight',
      'stages.0.0.weight',
      'pairs.0.0.weight',
    ]);
  });

  test('of a block with several results gives a tuple', () => {
    const text = `
      block Split(at: int)(x: f32[n]) -> (f32[at], f32[n - at]) { return x[:at], x[at:] }
      model M { input x: f32[3]
        s = Split(1)
        first, second = s(x)
        both = s(x)
        output y = concat([second, first, both[1]], axis: 0) }`;
    expect(evaluate(text, { x: f32([3], [1, 2, 3]) })).toEqual({ y: [2, 3, 1, 2, 3] });
  });
});

describe('hyperparameters that are not numbers', () => {
  const text = `${NN}
    fn double(x: f32[..s]) -> f32[..s] { return x * 2 }
    block Plain()(x: f32[..s]) -> f32[..s] { return x }
    block Gained(by: float = 5)(x: f32[..s]) -> f32[..s] { return x * by }
    block Apply(inner: block, act: fn)(x: f32[n]) -> f32[n] { return x |> inner() as inner |> act }
    model M(inner: block = Plain, act: fn = relu, extra: fn? = none, stages: [block] = [Plain], as_type: dtype = f32) {
      input x: as_type[2]
      y = cast(x, f32) |> Apply(inner, act) as apply
      for stage in stages as stages { y = y |> stage() as stage }
      output z = if extra == none then y else extra(y)
    }`;
  const z = (values: { [name: string]: string }): number[] =>
    evaluate(text, { x: f32([2], [3, -4]) }, { settings: settings(values) })['z']!;

  test('are blocks, functions and built-ins, from the spec or from a setting', () => {
    expect(z({})).toEqual([3, 0]);
    expect(z({ inner: 'Gained' })).toEqual([15, 0]);
    expect(z({ act: 'double' })).toEqual([6, -8]);
    expect(z({ act: 'abs', extra: 'double' })).toEqual([6, 8]);
  });

  test('are lists of blocks', () => {
    expect(z({ stages: '[Gained, Gained]' })).toEqual([75, 0]);
    expect(z({ stages: '[]' })).toEqual([3, 0]);
  });

  test('are dtypes', () => {
    const { inputs } = graphOfText(text, { settings: settings({ as_type: 'i32' }) });
    expect(printType(inputs[0]!.value.type)).toBe('i32[2]');
  });
});
