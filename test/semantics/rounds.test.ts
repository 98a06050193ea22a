import { describe, expect, test } from 'vitest';
import { elaborateWhole } from '../../src/compiler/driver.ts';
import { elaboratedOfText, graphOfText, specHost } from '../support/specs.ts';
import { evaluate, f32 } from './support.ts';

const PARTS = `
  import { Linear } from "std/nn"
  block Scale(by: float = 1.0)(x: f32[..s]) -> f32[..s] {
    param gain: f32[] = ones()
    return x * gain * by
  }
  block Pair()(x: f32[2]) -> f32[2] { return x |> Scale() as first |> Scale(2) as second }`;
const inModel = (statements: string): string => `${PARTS}
  model M { input x: f32[2]
    ${statements} }`;
const parameters = (statements: string): string[] => graphOfText(inModel(statements)).parameters.map((one) => one.name);
const codes = (statements: string): string[] =>
  elaborateWhole('test.model', {}, specHost({ 'test.model': inModel(statements) })).diagnostics.map((one) => one.code);

describe('numbers in paths', () => {
  test('name the parts of a sequence, at any depth', () => {
    expect(
      parameters('output y = x |> Scale() as net.0 |> Scale() as net.1.0 |> Scale() as 2 |> Scale() as net.1.1.tail'),
    ).toEqual(['net.0.gain', 'net.1.0.gain', '2.gain', 'net.1.1.tail.gain']);
  });

  test('are taken once, like names', () => {
    expect(codes('output y = x |> Scale() as net.0 |> Scale() as net.0')).toEqual(['HED2313']);
  });

  test('read the parameters of a numbered part', () => {
    const net = `${PARTS}
      block Net()(x: f32[2]) -> f32[2] { return x |> Scale() as layers.0 |> Scale(3) as layers.1.0 }
      model M { input x: f32[2]
        net = Net()
        output y = net(x) + net.layers.0.gain * 10 + net.layers.1.0.gain * 100 }`;
    const given = { 'net.layers.0.gain': f32([], [2]), 'net.layers.1.0.gain': f32([], [5]) };
    expect(evaluate(net, { x: f32([2], [1, -1]) }, { parameters: given }).y).toEqual([30 + 20 + 500, -30 + 20 + 500]);
  });
});

describe('a round of a comprehension with a path', () => {
  test('has its first unnamed instance at its own path, and further ones below', () => {
    expect(parameters('y = [for i in 0..2 as convs => x |> Scale() |> relu]\n output z = y[0] + y[1]')).toEqual([
      'convs.0.gain',
      'convs.1.gain',
    ]);
    expect(
      parameters(
        'y = [for i in 0..1 as net => x |> Scale() |> Scale() |> Scale() |> Scale() as last]\n output z = y[0]',
      ),
    ).toEqual(['net.0.gain', 'net.0.scale.gain', 'net.0.scale_2.gain', 'net.0.last.gain']);
  });

  test('leaves its path to nobody where all instances are named', () => {
    expect(parameters('y = [for i in 0..2 as heads => x |> Scale() as key]\n output z = y[0] + y[1]')).toEqual([
      'heads.0.key.gain',
      'heads.1.key.gain',
    ]);
  });

  test('may lie in a round, and gives it nothing', () => {
    const nested = '[for i in 0..2 as groups => [for j in 0..2 as layers => x |> Scale()]]';
    expect(parameters(`y = ${nested}\n output z = y[0][0] + y[0][1] + y[1][0] + y[1][1]`)).toEqual([
      'groups.0.layers.0.gain',
      'groups.0.layers.1.gain',
      'groups.1.layers.0.gain',
      'groups.1.layers.1.gain',
    ]);
  });

  test('is not what a loop of statements is', () => {
    expect(parameters('for i in 0..2 as layers { x2 = x |> Scale()\n x3 = x2 }\n output y = x')).toEqual([
      'layers.0.scale.gain',
      'layers.1.scale.gain',
    ]);
  });

  test('can be tapped by its path', () => {
    const text = inModel('y = [for i in 0..2 as convs => x |> Scale() |> relu]\n output z = y[0] + y[1]');
    expect([...elaboratedOfText(text).instances.keys()]).toEqual(['convs.0', 'convs.1']);
  });

  test.each([
    ['behind it', 'x |> Pair() |> Scale() as second'],
    ['before it', 'x |> Scale() as second |> Pair()'],
  ])('keeps the paths inside of that instance apart from one %s', (_, element) => {
    expect(codes(`y = [for i in 0..1 as net => ${element}]\n output z = y[0]`)).toEqual(['HED2313']);
  });
});

describe('instances as elements', () => {
  const layers = 'layers = [for i in 0..2 as layers => Scale(i + 1)]';
  const gains = { 'layers.0.gain': f32([], [2]), 'layers.1.gain': f32([], [5]) };
  const x = f32([2], [1, -3]);

  test('stand at the paths of their rounds, in whatever order they are applied', () => {
    expect(parameters(`${layers}\n output y = layers[1](x) + layers[0](x)`)).toEqual([
      'layers.1.gain',
      'layers.0.gain',
    ]);
  });

  test('are applied one after the other by a loop', () => {
    const text = inModel(`${layers}\n y = x\n for layer in layers { y = layer(y) }\n output z = y`);
    expect(evaluate(text, { x }, { parameters: gains }).z).toEqual([20, -60]);
  });

  test('share their weights when they are applied again', () => {
    const statements = `${layers}\n y = x\n for i in 0..3 { for layer in layers { y = layer(y) } }\n output z = y`;
    expect(parameters(statements)).toEqual(['layers.0.gain', 'layers.1.gain']);
    expect(evaluate(inModel(statements), { x }, { parameters: gains }).z).toEqual([20 ** 3, -3 * 20 ** 3]);
  });

  test('keep their inner paths when they are applied again', () => {
    const statements = `pairs = [for i in 0..1 as pairs => Pair()]\n output y = pairs[0](pairs[0](x))`;
    expect(parameters(statements)).toEqual(['pairs.0.first.gain', 'pairs.0.second.gain']);
  });

  test('have no path where the comprehension has none: the first application names them', () => {
    expect(parameters('layers = [for i in 0..2 => Scale()]\n output y = layers[0](layers[1](x))')).toEqual([
      'scale.gain',
      'scale_2.gain',
    ]);
  });

  test('cannot be named again', () => {
    expect(codes(`${layers}\n layer = layers[0]\n output y = x |> layer as other`)).toEqual(['HED2312']);
  });
});

describe('a name that stands in the results alone', () => {
  const halves = (results: string, result: string): string => `
    block Half()(x: f32[b, n]) -> ${results} { y = x[:, ::2]
      return ${result} }
    model M { dims n
      input x: f32[2, n]
      output z = x |> Half() }`;

  test('is bound by what the body gives', () => {
    const { outputs } = graphOfText(halves('f32[b, half]', 'y'));
    expect(outputs[0]!.value.type.shape.map((dim) => dim.key)).toEqual(['2', 'floordiv(n + 1, 2)']);
  });

  test('is the same size wherever it stands', () => {
    const mistakes = (results: string, result: string): string[] =>
      elaborateWhole('test.model', {}, specHost({ 'test.model': halves(results, result) })).diagnostics.map(
        (one) => one.code,
      );
    expect(mistakes('f32[half, b]', 'transpose(y, [1, 0])')).toEqual([]);
    expect(mistakes('f32[b, b]', 'y')).toEqual(['HED2205']);
    expect(mistakes('f32[half, half]', 'y')).toEqual(['HED2205']);
    expect(mistakes('f32[b, 2 * half]', 'y')).toEqual(['HED2005']);
  });

  test('may be that of a tensor of the body', () => {
    const { outputs } = graphOfText(halves('f32[b, y]', 'y'));
    expect(outputs[0]!.value.type.shape).toHaveLength(2);
  });

  test('is no name of the body', () => {
    const { diagnostics } = elaborateWhole(
      'test.model',
      {},
      specHost({ 'test.model': halves('f32[b, half]', 'y * half') }),
    );
    expect(diagnostics.map((one) => one.code)).toEqual(['HED2005']);
  });
});
