import { describe, expect, test } from 'vitest';
import { printType } from '../../src/compiler/ir/types.ts';
import { elaborateSpec } from '../../src/compiler/driver.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { graphOfText, renderAll, runnerOf, settings, specHost, storedTensor } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

const NN = 'import { Dropout, LayerNorm, Linear } from "std/nn"\n';

function parameters(graph: Graph): { [path: string]: string } {
  return Object.fromEntries(graph.parameters.map(({ name, value }) => [name, printType(value.type)]));
}

/** The values of output `y` of a model on `x`, interpreted. */
async function valueOf(text: string, x: readonly number[], shape: readonly number[] = [x.length]): Promise<number[]> {
  const run = await runnerOf(graphOfText(text), 'reference');
  return [...(await run({ x: tensorOf('f32', shape, x) })).get('y')!.data];
}

describe('parameter paths', () => {
  test('follow instance names, loops and blocks', () => {
    const graph = graphOfText(`${NN}
      block Two(width: int)(x: f32[..lead, d]) -> f32[..lead, d] {
        return x |> Linear(width, bias: false) as up |> Linear(d, bias: false) as down
      }
      model M() {
        dims batch
        input x: f32[batch, 4]
        param scale: f32[4] = ones()
        for i in 0..2 as layers { x = x * scale |> Two(3) as two }
        output y = x
      }`);
    expect(parameters(graph)).toEqual({
      scale: 'f32[4]',
      'layers.0.two.up.weight': 'f32[3, 4]',
      'layers.0.two.down.weight': 'f32[4, 3]',
      'layers.1.two.up.weight': 'f32[3, 4]',
      'layers.1.two.down.weight': 'f32[4, 3]',
    });
  });

  test('an unnamed instance is named after its block, numbered from the second', () => {
    const graph = graphOfText(`
      block FeedForward()(x: f32[n]) -> f32[n] { param w: f32[n] = ones()
        return x * w }
      model M() { input x: f32[2]
        output y = x |> FeedForward |> FeedForward() |> FeedForward() }`);
    expect(Object.keys(parameters(graph))).toEqual(['feed_forward.w', 'feed_forward_2.w', 'feed_forward_3.w']);
  });

  test('an instance bound to a name and applied twice shares its parameters', () => {
    const graph = graphOfText(`${NN}
      model M() { dims b
        input x: f32[b, 3]
        layer = Linear(3)
        output y = x |> layer |> layer }`);
    expect(Object.keys(parameters(graph))).toEqual(['layer.weight', 'layer.bias']);
  });

  test('a parameter of an instance can be read', () => {
    const graph = graphOfText(`${NN}
      model M() { dims b
        input x: f32[b, 3]
        layer = Linear(3, bias: false)
        h = x |> layer
        output y = einsum("b i, i o -> b o", h, layer.weight) }`);
    expect(Object.keys(parameters(graph))).toEqual(['layer.weight']);
  });

  test('a parameter deeper below an instance can be read by its path', () => {
    const graph = graphOfText(`${NN}
      block Outer()(x: f32[..s, d]) -> f32[..s, d] { return x |> Linear(d, bias: false) as core.up }
      model M { dims b
        input x: f32[b, 3]
        outer = Outer()
        h = x |> outer
        output y = einsum("b i, i o -> b o", h, outer.core.up.weight) }`);
    expect(Object.keys(parameters(graph))).toEqual(['outer.core.up.weight']);
  });

  test('a comprehension numbers its paths', () => {
    const graph = graphOfText(`${NN}
      model M() { dims b
        input x: f32[b, 3]
        output y = concat([for w in [2, 5] as branches => x |> Linear(w, bias: false) as fc], axis: 1) }`);
    expect(parameters(graph)).toEqual({ 'branches.0.fc.weight': 'f32[2, 3]', 'branches.1.fc.weight': 'f32[5, 3]' });
    expect(printType(graph.outputs[0]!.value.type)).toBe('f32[b, 7]');
  });
});

describe('hyperparameters', () => {
  const SIZES = `model M(size: (int, int) = 2, kind: "a" | "b" = "a", scale: float = 1, on: bool = false, extra: int? = none) {
    input x: f32[size[0], size[1]]
    output y = if kind == "a" and not on then x * scale else x[:1]
  }`;
  const typeWith = (values: { [name: string]: unknown }): string =>
    printType(graphOfText(SIZES, { settings: settings(values) }).outputs[0]!.value.type);

  test('take a single value for a pair, a pair, words, numbers and bools', () => {
    expect(typeWith({})).toBe('f32[2, 2]');
    expect(typeWith({ size: 3 })).toBe('f32[3, 3]');
    expect(typeWith({ size: '3,4' })).toBe('f32[3, 4]');
    expect(typeWith({ size: '(3, 4)', kind: 'b' })).toBe('f32[1, 4]');
    expect(typeWith({ on: 'true', scale: '2', extra: '7' })).toBe('f32[1, 2]');
    expect(typeWith({ kind: '"b"', extra: 'none' })).toBe('f32[1, 2]');
  });

  test('a block can be one, from the spec and from a setting', async () => {
    const text = `
      block Double()(x: f32[..s]) -> f32[..s] { return x * 2 }
      block Triple()(x: f32[..s]) -> f32[..s] { return x * 3 }
      model M(inner: block = Double) { input x: f32[1]
        output y = x |> inner() as inner }`;
    const three = graphOfText(text, { settings: settings({ inner: 'Triple' }) });
    expect(three.nodes.map((node) => node.op.name)).toContain('mul');
    expect(await valueOf(text, [5])).toEqual([10]);
  });

  test('a parameter may bear the name of the one that switches it on', () => {
    const text = `block B(bias: bool = true)(x: f32[n]) -> f32[n] {
        if bias { param bias: f32[n] = zeros()
          return x + bias }
        return x }
      model M(bias: bool = true) { input x: f32[2]
        output y = x |> B(bias) as b }`;
    expect(parameters(graphOfText(text))).toEqual({ 'b.bias': 'f32[2]' });
    expect(parameters(graphOfText(text, { settings: settings({ bias: false }) }))).toEqual({});
  });
});

describe('statements', () => {
  test('an assignment in a loop rebinds the outer name; one made inside stays inside', async () => {
    const text = 'model M() { input x: f32[1]\n for i in 1..4 { t = x + i\n x = t * 2 }\n output y = x }';
    expect(await valueOf(text, [0])).toEqual([((0 + 1) * 2 + 2) * 2 * 2 + 6]);
    const { diagnostics } = elaborateSpec(
      'test.model',
      {},
      specHost({ 'test.model': text.replace('output y = x', 'output y = t') }),
    );
    expect(diagnostics.map((item) => item.code)).toEqual(['HED2005']);
  });

  test('functions take tensors and values, by position and by name', async () => {
    const text = `fn scaled(x: f32[..s], by: float = 2, plus: float = 0) -> f32[..s] { return x * by + plus }
      model M() { input x: f32[2]
        output y = scaled(x) + scaled(x, 3, plus: 1) + (x |> scaled(by: 0.5)) }`;
    expect(await valueOf(text, [2, 4])).toEqual([4 + 7 + 1, 8 + 13 + 2]);
  });

  test('optional tensors may be left out', async () => {
    const text = `block Add()(x: f32[n], mask?: f32[n]) -> f32[n] {
        if given(mask) { return x + mask }
        return x * 10 }
      model M() { input x: f32[2]
        add = Add()
        output y = add(x) + add(x, mask: x) }`;
    expect(await valueOf(text, [1, 2])).toEqual([12, 24]);
  });

  test('a type may have several runs of axes where all but one are bound', async () => {
    const text = `fn outer(a: f32[..s], b: f32[..t]) -> f32[..s, ..t] {
        return reshape(reshape(a, [-1, 1]) * reshape(b, [1, -1]), [s, t]) }
      fn rows(a: f32[..s], both: f32[..s, n, ..t]) -> f32[..t] { return sum(a) + sum(both) + ones([t]) }
      model M() { input x: f32[2]
        both: f32[2, 2, 1] = outer(x, x[:, none])
        kept: f32[1] = rows(x, both)
        output y = reshape(both, [-1]) + kept }`;
    expect(await valueOf(text, [1, 2])).toEqual([1, 2, 2, 4].map((one) => one + 3 + 9 + 1));
  });

  test('one part of a tensor is a tuple too', async () => {
    const text = `model M() { input x: f32[2]
        output y = split(x, [2])[0] + chunk(x, 1)[0] + unstack(x[none])[0] }`;
    expect(await valueOf(text, [1, 2])).toEqual([3, 6]);
  });

  test('`none` leaves out the optional thing at its place', async () => {
    const text = `fn moved(x: f32[n], shift?: f32[n], factor: float? = none) -> f32[n] {
        y = if given(shift) then x + shift else x
        return if factor == none then y else y * factor }
      model M() { input x: f32[2]
        output y = moved(x, none, 3) + moved(x, x, none) + (x |> moved(none)) + moved(x, factor: 10) }`;
    expect(await valueOf(text, [1, 2])).toEqual([3 + 2 + 1 + 10, 6 + 4 + 2 + 20]);
  });

  test('several results are a tuple', async () => {
    const text = `block Both()(x: f32[n]) -> (f32[n], f32[n]) { return x + 1, x * 2 }
      model M() { input x: f32[2]
        a, b = x |> Both() as both
        output y = a * b }`;
    expect(await valueOf(text, [1, 2])).toEqual([4, 12]);
  });

  test('constants of a file are seen by its blocks, also when they are imported', () => {
    const host = specHost({
      'test.model': 'import { Wide } from "./lib"\nmodel M() { input x: f32[2]\n output y = x |> Wide() as w }',
      'lib.model':
        'const width = 3 * 2\nblock Wide()(x: f32[n]) -> f32[width, n] { return expand(x[none], axis: 0, size: width) }',
    });
    const { result, diagnostics } = elaborateSpec('test.model', {}, host);
    expect(renderAll(diagnostics)).toBe('');
    expect(printType(result!.outputs[0]!.value.type)).toBe('f32[6, 2]');
  });
});

describe('expressions', () => {
  const cases: readonly (readonly [string, readonly number[]])[] = [
    ['x[1]', [2]],
    ['x[-1]', [4]],
    ['x[1:3]', [2, 3]],
    ['x[:-1]', [1, 2, 3]],
    ['x[-2:]', [3, 4]],
    ['x[::2]', [1, 3]],
    ['x[3:1]', []],
    ['x[1:100]', [2, 3, 4]],
    ['x[none, 2]', [3]],
    ['x[..., :2]', [1, 2]],
    ['2 ** 3 + x[0] ** 2', [9]],
    ['-x[0] ** 2', [-1]],
    ['7 % 4 - x[:1]', [2]],
    ['x[:2] * floordiv(7, 2)', [3, 6]],
    ['x[:1] * scaled(10, 0.7) + scaled(3, 1.0) + scaled(1000, 0.000001)', [10]],
    ['x[:1] + len([1, 2, 3]) + isqrt(17) + min(4, 2) + max(1, 5)', [15]],
    ['x[:2] + (if 1 < 2 then 10 else 20)', [11, 12]],
    ['x[:1] * sqrt(16)', [4]],
    ['x[:2] |> square', [1, 4]],
    ['where(x > 2, x, 0)', [0, 0, 3, 4]],
    ['cast(x >= 3, f32)', [0, 0, 1, 1]],
    ['maximum(x, 2.5)', [2.5, 2.5, 3, 4]],
    ['sum(x) / x', [10, 5, 10 / 3, 2.5]],
    ['stack([x[0], x[1]], axis: 0) @ stack([x[2], x[3]], axis: 0)', [11]],
  ];
  test.each(cases)('%s', async (expression, wanted) => {
    const got = await valueOf(`model M() { input x: f32[4]\n output y = ${expression} }`, [1, 2, 3, 4]);
    expect(got).toEqual(wanted.map((value) => expect.closeTo(value, 12)));
  });

  test('long chains in functions that call each other are evaluated', async () => {
    const body = (at: number): string =>
      `${at === 0 ? 'x' : `f${at - 1}(x)`} ${'+ 1'.repeat(500)} |> ${'f |> '.repeat(100)}f`;
    const functions = Array.from(
      { length: 30 },
      (_, at) => `fn f${at}(x: f32[..s]) -> f32[..s] { return ${body(at)} }`,
    );
    const text = `fn f(x: f32[..s]) -> f32[..s] { return x }
      ${functions.join('\n')}
      model M { input x: f32[1]
        output y = f29(x) }`;
    expect(await valueOf(text, [2])).toEqual([2 + 30 * 500]);
  });

  test('a symbolic dimension can stand in arithmetic with tensors', async () => {
    const text = 'model M() { dims n\n input x: f32[n]\n output y = x / n + (2 * n + 1) }';
    expect(await valueOf(text, [2, 4])).toEqual([6, 7]);
  });
});

describe('shapes', () => {
  test('a name of a signature binds once and is checked from then on', () => {
    const spec = (second: string): string => `block Same()(a: f32[n, m], b: f32[m, n]) -> f32[n, n] { return a @ b }
      model M() { dims k
        input x: f32[k, 3]
        input z: f32[${second}]
        same = Same()
        output y = same(x, z) }`;
    expect(printType(graphOfText(spec('3, k')).outputs[0]!.value.type)).toBe('f32[k, k]');
    const { diagnostics } = elaborateSpec('test.model', {}, specHost({ 'test.model': spec('k, 3') }));
    expect(diagnostics.map((item) => item.code)).toEqual(['HED2205']);
  });

  test('arithmetic in a signature is checked symbolically', () => {
    const graph = graphOfText(`block Halves()(x: f32[2 * n, n]) -> f32[n, n] { return x[:n] + x[n:] }
      model M() { dims k
        input x: f32[2 * k, k]
        output y = x |> Halves() as halves }`);
    expect(printType(graph.outputs[0]!.value.type)).toBe('f32[k, k]');
  });

  test('`none` in the place of an optional operand leaves it out', async () => {
    const convolved = (call: string): Promise<number[]> =>
      valueOf(`model M() { input x: f32[1, 1, 5]\n output y = ${call} }`, [1, 2, 3, 4, 5], [1, 1, 5]);
    expect(await convolved('conv1d(x, full([1, 1, 2], 1), none, 2)')).toEqual([3, 7]);
    expect(await convolved('conv1d(x, full([1, 1, 2], 1), 2, bias: none)')).toEqual([3, 7]);
  });

  test('an optional input that is not given leaves out the operand in its place', () => {
    const text = `model M() {
      input q: f32[1, 2, 4, 8]
      input m?: bool[4, 4]
      output y = attention(q, q, q, m, causal: true)
    }`;
    const operandsOf = (given: readonly string[]): number | undefined =>
      graphOfText(text, { given }).nodes.find(({ op }) => op.name === 'attention')?.inputs.length;
    expect(operandsOf([])).toBe(3);
    expect(operandsOf(['m'])).toBe(4);
  });

  test('the weights of a Linear are used as PyTorch stores them', async () => {
    const graph = graphOfText(`${NN}model M() { dims b\n input x: f32[b, 2]\n output y = x |> Linear(3) as fc }`);
    const weights = new Map([
      ['fc.weight', storedTensor([3, 2], [1, 2, 3, 4, 5, 6])],
      ['fc.bias', storedTensor([3], [10, 20, 30])],
    ]);
    const run = await runnerOf(graph, 'wasm', weights);
    const { data } = (await run({ x: tensorOf('f32', [1, 2], [1, -1]) })).get('y')!;
    expect([...data]).toEqual([9, 19, 29]);
  });
});
