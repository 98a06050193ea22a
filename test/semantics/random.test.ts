/** What a spec's random calls become: one key for all, a number for each, and nothing where nothing is drawn. */
import { describe, expect, test } from 'vitest';
import { elaborateSpec } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { printType } from '../../src/compiler/ir/types.ts';
import { graphOfText, settings, specHost } from '../support/specs.ts';

function inputsOf(graph: Graph): string[] {
  return graph.inputs.map(({ name, value }) => `${name}: ${printType(value.type)}`);
}

/** The ops that draw, with the numbers of their calls. */
function drawsOf(graph: Graph): string[] {
  const key = graph.inputs.find(({ name }) => name === 'random.key')?.value;
  return graph.nodes.flatMap(({ op, inputs, attributes }) => {
    if (!op.random) return [];
    expect(inputs.at(-1)).toBe(key);
    return [`${op.name} ${attributes['call'] as number}`];
  });
}

function codes(text: string): string[] {
  const { diagnostics } = elaborateSpec('test.model', {}, specHost({ 'test.model': text }));
  return diagnostics.map(({ code, message }) => `${code} ${message}`);
}

describe('random calls', () => {
  test('share one key and are numbered in their order, in functions, blocks and loops', () => {
    const graph = graphOfText(`
      fn noisy(x: f32[..s]) -> f32[..s] { return x + random_normal([s]) }
      block Noise()(x: f32[..s]) -> f32[..s] { return noisy(x) * random_uniform([s]) }
      model M { dims n
        input x: f32[n, 2]
        y = dropout(x, 0.5)
        for i in 0..2 as layers { y = y |> Noise() as noise }
        output z = y
        output bits = random_bits([n]) }`);
    expect(inputsOf(graph)).toEqual(['x: f32[n, 2]', 'random.key: u32[2]']);
    expect(drawsOf(graph)).toEqual([
      'dropout 0',
      'random_normal 1',
      'random_uniform 2',
      'random_normal 3',
      'random_uniform 4',
      'random_bits 5',
    ]);
  });

  test('take their shapes and probabilities by name or by position, and no key', () => {
    expect(inputsOf(graphOfText('model M { output y = random_uniform(shape: [3]) }'))).toEqual(['random.key: u32[2]']);
    const wrong = (call: string) => codes(`model M { input x: f32[3]\n output y = ${call} }`);
    expect(wrong('dropout(x, p: 0.5, call: 3)')).toEqual(['HED2307 `dropout` has no argument `call`']);
    expect(wrong('dropout(x, 0.5, key: x)')).toEqual(['HED2307 `dropout` has no argument `key`']);
    expect(wrong('dropout(x, 1.5)')).toEqual(['HED2210 `dropout` with the probability 1.5, which is not from 0 to 1']);
    expect(wrong('dropout(x)')[0]).toMatch(/^HED2310 `dropout` needs `p`/);
    expect(wrong('random_normal([65536, 65537])')).toEqual(['HED2210 `random_normal` draws more than 2^32 elements']);
  });
});

describe('Dropout of std/nn', () => {
  const text = `import { Dropout } from "std/nn"
    model Net(p: float = 0.5) { input x: f32[4]
      output y = x |> Dropout(p) }
    train T(p: float = 0.5) { input x: f32[4]
      frozen_net = frozen Net(p)
      net = Net(p)
      loss sum(net(x)) + sum(frozen_net(x)) }`;

  test('draws in training only, and not in what is frozen', () => {
    expect(drawsOf(graphOfText(text, { entry: 'T' }))).toEqual(['dropout 0']);
    expect(inputsOf(graphOfText(text, { entry: 'Net' }))).toEqual(['x: f32[4]']);
    expect(drawsOf(graphOfText(text, { entry: 'T', settings: settings({ p: 0 }) }))).toEqual([]);
  });
});
