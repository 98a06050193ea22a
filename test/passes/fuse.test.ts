import { describe, expect, test } from 'vitest';
import type { Graph, Region } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { largestDifference } from '../support/reference.ts';
import { graphOf, graphOfText, runnerOf, specFile } from '../support/specs.ts';
import { tensorOf } from '../support/tensors.ts';

interface Kernel {
  readonly kind: string;
  readonly ops: readonly string[];
}

/** The fused nodes of a model, in order, with the ops in their regions. */
function kernelsOf(graph: Graph): Kernel[] {
  return runPasses(graph, passes, ops, { verify: true }).graph.nodes.map(({ op, attributes }) => {
    expect(op.name).toBe('fusion');
    return { kind: String(attributes.kind), ops: (attributes.body as Region).nodes.map((node) => node.op.name) };
  });
}

function model(statements: string, inputs = 'input x: f32[n, 8]'): Graph {
  return graphOfText(`import { LayerNorm, Linear } from "std/nn"\nmodel M() {\n dims n\n ${inputs}\n ${statements}\n}`);
}

describe('what becomes one kernel', () => {
  test('a chain of pointwise ops and movements', () => {
    const kernels = kernelsOf(model('output y = tanh(transpose(x * 2 + 1)) * 3'));
    expect(kernels).toHaveLength(1);
    expect(kernels[0]).toMatchObject({ kind: 'pointwise' });
  });

  test('softmax, whatever feeds it', () => {
    expect(kernelsOf(model('output y = softmax(x * 0.5, axis: -1)'))).toMatchObject([{ kind: 'row' }]);
  });

  test('layer norm', () => {
    expect(kernelsOf(model('output y = x |> LayerNorm() as norm'))).toMatchObject([{ kind: 'row' }]);
  });

  test('a linear layer with bias, activation and residual', () => {
    const kernels = kernelsOf(model('output y = x + gelu(x |> Linear(8) as fc)'));
    expect(kernels).toHaveLength(1);
    expect(kernels[0]!.kind).toBe('contract');
    expect(kernels[0]!.ops).toEqual(expect.arrayContaining(['contract', 'add', 'gelu']));
  });

  test('a product apart from a dear function of another tensor, which streams past it', () => {
    const inputs = 'input x: f32[n, 8] input z: f32[n, 8]';
    const kernels = kernelsOf(model('output y = (x |> Linear(8) as fc) * gelu(z)', inputs));
    expect(kernels).toMatchObject([{ kind: 'contract' }, { kind: 'pointwise', ops: ['gelu', 'mul'] }]);
    expect(kernels[0]!.ops).toEqual(expect.arrayContaining(['contract', 'add']));
  });

  test('a product with cheap functions of another tensor, and with dear ones that are in memory or of the product', () => {
    const inputs = 'input x: f32[n, 8] input z: f32[n, 8]';
    const cheap = kernelsOf(model('output y = (x |> Linear(8) as fc) * (z * 2 + 1)', inputs));
    expect(cheap).toMatchObject([{ kind: 'contract' }]);
    const stored = kernelsOf(model('g = gelu(z) output y = (x |> Linear(8) as fc) * g output h = g', inputs));
    expect(stored.map(({ kind }) => kind).sort()).toEqual(['contract', 'pointwise']);
    expect(stored.find(({ kind }) => kind === 'contract')!.ops).toContain('mul');
    const own = kernelsOf(model('output y = z * gelu(x |> Linear(8) as fc)', inputs));
    expect(own).toMatchObject([{ kind: 'contract' }]);
    const gated = kernelsOf(model('output y = (x |> Linear(8) as up) * silu(x |> Linear(8) as gate)'));
    expect(gated).toMatchObject([{ kind: 'contract' }, { kind: 'contract' }]);
  });

  test('an op with a nest of its own, with what is read once on the way to it', () => {
    const once = kernelsOf(model('output y = cumsum(tanh(x) * 2, axis: 1) + 1'));
    expect(once).toMatchObject([{ kind: 'structured' }, { kind: 'pointwise' }]);
    expect(once[0]!.ops).toEqual(expect.arrayContaining(['tanh', 'mul', 'cumsum']));
    const often = kernelsOf(model('values, order = sort(tanh(x)) output y = values output at = order'));
    expect(often.slice(0, 2)).toEqual([
      { kind: 'pointwise', ops: ['tanh'] },
      { kind: 'structured', ops: ['sort'] },
    ]);
  });

  test('rows of a table, with their sum and norm', () => {
    const kernels = kernelsOf(
      model(
        'output y = embedding(ids, table) + x |> LayerNorm() as norm',
        'input ids: i32[n] input x: f32[n, 8] param table: f32[5, 8] = zeros()',
      ),
    );
    expect(kernels).toMatchObject([{ kind: 'row' }]);
    expect(kernels[0]!.ops).toContain('embedding');
  });

  test('cross entropy of logits in a row kernel, whose classes are gathered', () => {
    const kernels = kernelsOf(
      model('output y = cross_entropy(x, target, reduction: "none")', 'input x: f32[n, 8] input target: i32[n]'),
    );
    expect(kernels).toMatchObject([{ kind: 'row' }]);
    expect(kernels[0]!.ops).toContain('gather');
  });

  test('what follows a reduction, also where its axes are dropped', () => {
    const kernels = kernelsOf(
      model('output y = relu(mean(x, axis: [0, 2]) + b)', 'input x: f32[n, 8, n] input b: f32[8]'),
    );
    expect(kernels).toMatchObject([{ kind: 'row' }]);
    expect(kernels[0]!.ops).toEqual(expect.arrayContaining(['reduce_sum', 'reshape', 'add', 'relu']));
    // The other way round there is no row for each element.
    const crossed = kernelsOf(model('output y = relu(transpose(mean(x, axis: 2)))', 'input x: f32[n, 8, n]'));
    expect(crossed.map((kernel) => kernel.kind)).toEqual(['row', 'pointwise']);
  });

  test('products that are summed, where an operand has no axes of its own', () => {
    const kernels = kernelsOf(
      model('output y = einsum("b n d, b d -> n b", x, q)', 'input x: f32[n, 4, 8] input q: f32[n, 8]'),
    );
    expect(kernels.map((kernel) => kernel.kind)).toEqual(['row', 'pointwise']);
    expect(
      kernelsOf(model('output y = einsum("i d, d -> i", x, q)', 'input x: f32[n, 8] input q: f32[8]')),
    ).toMatchObject([{ kind: 'row' }]);
  });

  test('a depthwise convolution with its bias and activation, behind the padding', () => {
    const kernels = kernelsOf(
      model(
        'output y = relu(conv2d(relu(x), w, b, padding: 1, groups: 4))',
        'input x: f32[n, 4, 8, 8] param w: f32[4, 1, 3, 3] = zeros() param b: f32[4] = zeros()',
      ),
    );
    expect(kernels.map((kernel) => kernel.kind)).toEqual(['pointwise', 'row']);
    expect(kernels[0]!.ops).toEqual(expect.arrayContaining(['relu', 'pad']));
    expect(kernels[1]!.ops).toContain('windows');
  });

  test('a product whose heads are transposed behind it', () => {
    const kernels = kernelsOf(
      model(
        'output y = einsum("b h i e, b h e j -> b h i j", x, x) |> rearrange("b h i j -> b i (h j)")',
        'input x: f32[n, 2, 4, 4]',
      ),
    );
    expect(kernels).toMatchObject([{ kind: 'contract' }]);
    expect(kernels[0]!.ops).toEqual(['contract', 'transpose', 'reshape']);
  });

  test('a transformer layer is seven fused nodes: two norms, four linear layers, and attention', () => {
    const depth = (layers: string): Kernel[] =>
      kernelsOf(graphOf(specFile('vit.model'), { entry: 'ViT', settings: [{ name: 'depth', text: layers }] }));
    const [one, two] = [depth('1'), depth('2')];
    const layer = two.slice(0, two.length - one.length).length;
    expect(layer).toBe(2 + 4 + 1);
    const count = (kind: string): number =>
      two.filter((kernel) => kernel.kind === kind).length - one.filter((kernel) => kernel.kind === kind).length;
    const kinds = ['row', 'contract', 'attention', 'pointwise'];
    expect(Object.fromEntries(kinds.map((kind) => [kind, count(kind)]))).toEqual({
      row: 2,
      contract: 4,
      attention: 1,
      pointwise: 0,
    });
  });

  const qkv = 'input q: f32[2, n, 4]\n input k: f32[2, n, 4]\n input v: f32[2, n, 4]\n input m: f32[n]';

  test('attention, with what its operands are computed from, and what follows it one to one', () => {
    const text = 'output y = gelu(attention(q * 2, tanh(k), v, mask: m - 1)) + q |> rearrange("h n e -> n (h e)")';
    const kernels = kernelsOf(model(text, qkv));
    expect(kernels).toMatchObject([{ kind: 'attention' }]);
    expect(kernels[0]!.ops).toEqual(expect.arrayContaining(['mul', 'tanh', 'sub']));
    const { ops: own } = kernels[0]!;
    expect(own.slice(own.indexOf('attend'))).toEqual(['attend', 'gelu', 'add', 'transpose', 'reshape']);
  });
});

describe('what is stored', () => {
  test('a pointwise value that two kernels need is computed once', () => {
    const kernels = kernelsOf(model('h = tanh(x)\n output y = h @ transpose(h)\n output z = softmax(h, axis: -1)'));
    expect(kernels.filter((kernel) => kernel.ops.includes('tanh'))).toHaveLength(1);
  });

  test('values of one shape of which one reads the other are made by one kernel', async () => {
    const graph = model(
      'm = x * 0.5 + y\n output mean = m\n output next = y - tanh(m)',
      'input x: f32[n, 8]\n input y: f32[n, 8]',
    );
    expect(kernelsOf(graph)).toHaveLength(1);
    const [x, y] = [1, 2].map((factor) =>
      tensorOf(
        'f32',
        [1, 8],
        [0, 1, 2, 3, 4, 5, 6, 7].map((i) => factor * i - 3),
      ),
    );
    const truth = await (await runnerOf(graph, 'reference'))({ x: x!, y: y! });
    for (const target of ['js', 'wasm'] as const) {
      const got = await (await runnerOf(graph, target))({ x: x!, y: y! });
      for (const name of ['mean', 'next'])
        expect(largestDifference(got.get(name)!.data, truth.get(name)!.data)).toBeLessThan(1e-5);
    }
  });

  test('but not where the one is also needed by what the other waits for', () => {
    const kernels = kernelsOf(model('m = x * 2\n output a = m\n output b = m * cumsum(m, axis: 1)'));
    expect(kernels.map(({ kind }) => kind)).toEqual(['pointwise', 'structured', 'pointwise']);
  });

  test('nor where it is read at other places', () => {
    const kernels = kernelsOf(model('m = x * 2\n output a = m\n output b = m + transpose(m)', 'input x: f32[8, 8]'));
    expect(kernels).toHaveLength(2);
  });

  test('what is cheap to compute again from what is in memory is not stored for another kernel', async () => {
    const graph = model(
      'c = x - mean(x, axis: -1, keepdim: true)\n output y = c * rsqrt(mean(c * c, axis: -1, keepdim: true) + 1)\n' +
        ' output z = sum(c * 3, axis: 0)',
    );
    const kernels = kernelsOf(graph);
    expect(kernels.map(({ kind }) => kind)).toEqual(['row', 'row']);
    expect(kernels[1]!.ops).toEqual(expect.arrayContaining(['sub', 'reduce_sum']));
    expect(kernels[1]!.ops).not.toContain('div');
    const x = tensorOf('f32', [2, 8], [-3, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 4, 2, 1, 0, -5, 6, 1]);
    const truth = await (await runnerOf(graph, 'reference'))({ x });
    for (const target of ['js', 'wasm'] as const) {
      const got = await (await runnerOf(graph, target))({ x });
      for (const name of ['y', 'z'])
        expect(largestDifference(got.get(name)!.data, truth.get(name)!.data)).toBeLessThan(1e-5);
    }
  });

  test('random numbers that two kernels need are drawn once, and by the kernel that needs them alone', () => {
    const drawn = kernelsOf(
      model('z = random_normal([n, 8]) output y = softmax(x + z, axis: 1) output s = softmax(x * z, axis: 0)'),
    );
    expect(drawn.filter(({ ops: own }) => own.includes('random_normal'))).toEqual([
      { kind: 'pointwise', ops: ['random_normal'] },
    ]);
    const alone = kernelsOf(model('output y = softmax(x + random_normal([n, 8]), axis: -1)'));
    expect(alone).toMatchObject([{ kind: 'row' }]);
  });

  test('a movement that two kernels need is repeated in each instead', () => {
    const kernels = kernelsOf(
      model('h = transpose(x)\n output y = softmax(h, axis: -1)\n output z = sum(h * h, axis: 1)'),
    );
    expect(kernels.filter((kernel) => kernel.ops.includes('transpose')).map((kernel) => kernel.kind)).toEqual([
      'row',
      'row',
    ]);
  });

  test('a dear function of few elements is not repeated for many', () => {
    const kernels = kernelsOf(model('param w: f32[8] = zeros()\n output y = x * exp(w)'));
    expect(kernels.map((kernel) => kernel.ops)).toEqual([['exp'], expect.arrayContaining(['expand', 'mul'])]);
  });

  test('a dear mask that attention reads once for every query is computed before', () => {
    const text = 'output y = attention(x, x, x, mask: log(m))';
    const kernels = kernelsOf(model(text, 'input x: f32[2, n, 4]\n input m: f32[n]'));
    expect(kernels.map((kernel) => kernel.ops)).toEqual([['log'], ['attend']]);
  });

  test('what needs a reduction both directly and through a product waits for both', () => {
    const kernels = kernelsOf(
      model(
        'm = max(x, axis: -1, keepdim: true)\n s = (x * m) @ transpose(x) |> sum(axis: -1, keepdim: true)\n output y = x * m * s',
      ),
    );
    expect(kernels.map((kernel) => kernel.kind).sort()).toEqual(['contract', 'pointwise', 'row', 'row']);
  });

  describe('kernels of which one reads a part of what the other makes', () => {
    const inputs = 'input x: f32[n, 8]\n input y: f32[n, 8]\n input z: f32[n, 5]';
    const forms = {
      'and needs something of it through a third':
        'm = max(x, axis: 1, keepdim: true)\n s = mean(z, axis: 1, keepdim: true)\n' +
        ' output a = sum(z * m + s, axis: 1)\n output b = x * m + cumsum(z * s, axis: 1)[:, 4:]',
      'and which stands behind that in the graph':
        'p = softmax(x, axis: 1)\n c = cumsum(p, axis: 0)\n g = sigmoid(y)\n b = x * g\n' +
        ' output w = x * c * (g * y)\n output v = p * (flip(cumsum(flip(b, 0), axis: 0), 0) - y)',
    };
    test.each(Object.entries(forms))('%s', async (_, text) => {
      const graph = model(text, inputs);
      expect(kernelsOf(graph).length).toBeGreaterThan(3);
      const numbers = (count: number): number[] => Array.from({ length: count }, (__, at) => Math.sin(at));
      const x = tensorOf('f32', [3, 8], numbers(24));
      const given = { x, y: x, z: tensorOf('f32', [3, 5], numbers(15)) };
      const truth = await (await runnerOf(graph, 'reference'))(given);
      const got = await (await runnerOf(graph, 'js'))(given);
      for (const [name, { data }] of truth)
        expect(largestDifference(got.get(name)!.data, data), name).toBeLessThan(1e-5);
    });
  });

  test('an input that is an output, and a value with two names, get places of their own', () => {
    const kernels = kernelsOf(model('h = x * 2\n output a = x\n output b = h\n output c = h'));
    expect(kernels).toHaveLength(3);
  });

  test('a chain far too long for one kernel is cut, and still right', async () => {
    const graph = model('y = x\n for i in 0..500 { y = abs(y * 1.001 + 0.01) - 0.1 }\n output o = y');
    const kernels = kernelsOf(graph);
    expect(kernels.length).toBeGreaterThan(5);
    expect(Math.max(...kernels.map((kernel) => kernel.ops.length))).toBeLessThan(300);
    const x = tensorOf('f32', [1, 8], [-3, -1, -0.5, 0, 0.5, 1, 2, 3]);
    const truth = (await (await runnerOf(graph, 'reference'))({ x })).get('o')!;
    for (const target of ['js', 'wasm'] as const) {
      const { data } = (await (await runnerOf(graph, target))({ x })).get('o')!;
      expect(largestDifference(data, truth.data)).toBeLessThan(1e-4);
    }
  });
});
