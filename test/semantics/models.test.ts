import { describe, expect, test } from 'vitest';
import { print } from '../../src/compiler/dims/dim.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { elaboratedOfText, graphOfText } from '../support/specs.ts';
import { evaluate, f32 } from './support.ts';

const NN = 'import { Linear } from "std/nn"\n';

/** Two outputs, dims of its own, a limit. */
const HALVES = `
  model Halves(scale: float = 1.0) {
    dims rows, width <= 8
    input x: f32[rows, width]
    output low = x[:, :1] * scale
    output high: f32[rows, width - 1] = x[:, 1:]
  }`;

describe('a model applied as a block', () => {
  test('keeps its parameters under the path of the instance, and shares them when applied twice', () => {
    const text = `${NN}
      model Head(classes: int) { dims batch
        input x: f32[batch, 3]
        output logits = x |> Linear(classes, bias: false) as fc }
      model M { dims n
        input a: f32[n, 3]
        head = Head(2)
        output y = head(a) + head(x: a * 2) }`;
    expect(graphOfText(text, { entry: 'M' }).parameters.map((one) => one.name)).toEqual(['head.fc.weight']);
    const weight = f32([2, 3], [1, 0, 0, 0, 1, 0]);
    const { y } = evaluate(
      text,
      { a: f32([1, 3], [4, 5, 6]) },
      { entry: 'M', parameters: { 'head.fc.weight': weight } },
    );
    expect(y).toEqual([4 + 8, 5 + 10]);
  });

  test('takes a piped tensor and a path', () => {
    const text = `${NN}
      model Head { input x: f32[3]
        output y = x |> Linear(3, bias: false) as fc }
      model M { input a: f32[3]
        output y = a |> Head() as first |> Head |> Head() as last }`;
    const { parameters } = graphOfText(text, { entry: 'M' });
    expect(parameters.map((one) => one.name)).toEqual(['first.fc.weight', 'head.fc.weight', 'last.fc.weight']);
  });

  test('gives several outputs in their order and by name', () => {
    const text = `${HALVES}
      model M { input x: f32[2, 3]
        parts = Halves(scale: 10)
        p = parts(x)
        low, high = p
        output first = p.high + high
        output second = p.low + p[0] + low }`;
    const { first, second } = evaluate(text, { x: f32([2, 3], [1, 2, 3, 4, 5, 6]) }, { entry: 'M' });
    expect(first).toEqual([4, 6, 10, 12]);
    expect(second).toEqual([30, 120]);
  });

  test('binds its dims to the shapes it is given, symbolic ones too', () => {
    const text = `${HALVES}
      model M { dims batch
        input x: f32[batch * 2, 5]
        low, high = Halves()(x)
        output y = high }`;
    expect(printType(graphOfText(text, { entry: 'M' }).outputs[0]!.value.type)).toBe('f32[2*batch, 4]');
  });

  test('keeps to the limits of its dims: now, by proof, or in a run', () => {
    const applied = (dims: string, width: string): string => `${HALVES}
      model M { dims ${dims}
        input x: f32[2, ${width}]
        low, high = Halves()(x)
        output y = high }`;
    expect(() => graphOfText(applied('b', '9'), { entry: 'M' })).toThrow('HED2320');
    const left = (dims: string): string[] | undefined =>
      graphOfText(applied(dims, 'n + 1'), { entry: 'M' }).conditions?.map((one) => print(one.atLeastZero));
    expect(left('n <= 8')).toEqual(['-n + 7']);
    expect(left('n <= 7')).toBeUndefined();
  });

  test('may leave out an optional input', () => {
    const text = `
      model Scaled { dims n
        input x: f32[n]
        input by?: f32[n]
        if given(by) { output y = x * by } else { output y = x + 1 } }
      model M { input x: f32[2]
        s = Scaled()
        output plain = s(x)
        output none_given = s(x, none)
        output scaled = s(x, by: x) }`;
    expect(evaluate(text, { x: f32([2], [3, 4]) }, { entry: 'M' })).toEqual({
      plain: [4, 5],
      none_given: [4, 5],
      scaled: [9, 16],
    });
  });

  test('can be a hyperparameter that takes a block', () => {
    const text = `
      model Twice { dims n
        input x: f32[n]
        output y = x * 2 }
      model M(inner: block = Twice) { input x: f32[2]
        output y = x |> inner() as inner }`;
    expect(evaluate(text, { x: f32([2], [3, 4]) }, { entry: 'M' })).toEqual({ y: [6, 8] });
  });
});

describe('optional inputs of an entry', () => {
  const text = `
    model M { dims n
      input x: f32[n]
      input noise?: f32[n]
      output y = if given(noise) then x + noise else x * 2 }`;

  test('are left out unless they are asked for', () => {
    const { graph, optionalInputs } = elaboratedOfText(text);
    expect(graph.inputs.map((one) => one.name)).toEqual(['x']);
    expect(optionalInputs).toEqual([{ name: 'noise', given: false }]);
    expect(evaluate(text, { x: f32([2], [3, 4]) })).toEqual({ y: [6, 8] });
  });

  test('are inputs when given, or when a tensor of the name is at hand', () => {
    const inputs = { x: f32([2], [3, 4]), noise: f32([2], [10, 20]) };
    expect(evaluate(text, inputs, { given: ['noise'] })).toEqual({ y: [13, 24] });
    expect(evaluate(text, inputs, { atHand: ['x', 'noise', 'other'] })).toEqual({ y: [13, 24] });
    expect(elaboratedOfText(text, { given: ['noise'] }).optionalInputs).toEqual([{ name: 'noise', given: true }]);
  });

  test('that are not there cannot be given', () => {
    expect(() => graphOfText(text, { given: ['noize'] })).toThrow('did you mean `noise`?');
  });
});

describe('dimensions with limits', () => {
  const model = (limit: string, body: string): string => `model M(most: int = 4) { dims n <= ${limit}
    input x: f32[n]
    ${body} }`;

  test('are used in proofs', () => {
    const text = model('2 * most', 'require n <= 8\n output y = x');
    expect(elaboratedOfText(text).graph.dims).toEqual([{ name: 'n', max: 8 }]);
    expect(elaboratedOfText(text).graph.conditions).toBeUndefined();
    const stricter = graphOfText(text.replace('n <= 8\n', 'n <= 7\n'));
    expect(stricter.conditions?.map((one) => print(one.atLeastZero))).toEqual(['-n + 7']);
    expect(() => graphOfText(model('most', 'output y = x[4]'))).toThrow('HED2603');
  });

  test('leave a condition where a run decides', () => {
    const { conditions } = graphOfText(model('most', 'output y = x[3]'));
    expect(conditions?.map((one) => print(one.atLeastZero))).toEqual(['n - 4']);
  });
});
