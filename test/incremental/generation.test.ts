/** Models whose sequence goes through all kinds of ops: what is derived gives the scores of the whole graph. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tensorOf } from '../support/tensors.ts';
import { expectSame, modelOf, routinesOf, type Comparison, type Prompts } from './support.ts';

const PROMPTS: Prompts = {
  texts: [
    [1, 4, 0, 2, 3, 3],
    [2, 2, 1, 0],
    [3, 0, 4, 1, 2],
  ],
  lengths: [3, 1, 2],
};

const ONE_TEXT: Prompts = { texts: [[1, 0, 3, 2, 4]], lengths: [2] };

type Options = NonNullable<Parameters<typeof modelOf>[1]> & Comparison & { readonly prompts?: Prompts };

const CASES: readonly (readonly [string, string, Options?])[] = [
  ['nothing but single tokens', 'x = gelu(x |> Linear(4))'],
  ['attention with heads', 'x = x + (x |> Attention(2))'],
  ['two layers of attention with other heads', 'x = x + (x |> Attention(4))\n x = x + (x |> Attention(1))'],
  [
    'attention written out under a triangle',
    `
    scores = einsum("b i d, b j d -> b i j", x, x |> Linear(4))
    x = einsum("b i j, b j d -> b i d", softmax(where(tri(time), scores, -1.0 / 0.0), axis: -1), x)`,
  ],
  [
    'attention under a triangle that is added',
    `
    hidden = where(arange(time)[none, :] > arange(time)[:, none], -1.0 / 0.0, 0.0)
    x = attention(x[:, none], x[:, none] * 0.5, x[:, none], mask: hidden)[:, 0]`,
  ],
  [
    'attention with the heads in the axis of the batch',
    `
    h = rearrange(x, "b t (h e) -> (b h) t e", h: 2)[:, none]
    x = attention(h, h * 0.3, h, causal: true)[:, 0] |> rearrange("(b h) t e -> b t (h e)", h: 2)`,
  ],
  [
    'attention with an axis before the heads',
    `
    h = rearrange(x, "b t (g h e) -> g b h t e", g: 2, h: 2)
    x = attention(h, h * 0.3, h, causal: true, scale: 0.7) |> rearrange("g b h t e -> b t (g h e)")`,
  ],
  [
    'attention to a parameter',
    `
    param memory: f32[3, 4] = normal(std: 1)
    weights = softmax(einsum("b t d, b m d -> b t m", x, expand(memory, [batch, 3, 4])), axis: -1)
    x = x + einsum("b t m, b m d -> b t d", weights, expand(memory, [batch, 3, 4]))`,
  ],
  [
    'attention to an input, in heads and under a mask',
    `
    heads = rearrange(x |> Linear(4), "b t (h e) -> b h t e", h: 2)
    keys = rearrange(about |> Linear(4), "b m (h e) -> b h m e", h: 2)
    x = x + rearrange(attention(heads, keys, keys * 0.5, mask: sees[:, none, none]), "b h t e -> b t (h e)")
    x = x + (x |> Attention(2))`,
    {
      dims: 'batch, time <= 6, m',
      more: 'input about: f32[batch, m, 3]\n input sees: bool[batch, m]',
      prompts: ONE_TEXT,
      others: new Map([
        ['about', tensorOf('f32', [1, 3, 3], [0.5, -1, 2, 0.1, 0.7, -0.3, 1, 1, -2])],
        ['sees', tensorOf('bool', [1, 3], [1, 0, 1])],
      ]),
    },
  ],
  [
    'attention among the features of a token',
    `
    parts = rearrange(x, "b t (s e) -> b t s e", s: 2)
    x = rearrange(attention(parts, parts * 0.4, parts, causal: true), "b t s e -> b t (s e)")`,
  ],
  [
    'attention among positions',
    `
    param places: f32[6, 4] = normal(std: 1)
    row = places[none, :time]
    x = x * attention(row, row * 0.5, row, causal: true) |> Attention(2)`,
  ],
  [
    'the positions in an axis with the batch',
    'x = rearrange(rearrange(x, "b t d -> (b t) d") |> Linear(4), "(b t) d -> b t d", b: batch)',
  ],
  [
    'the positions before the batch',
    'x = rearrange(rearrange(x, "b t d -> (t b) d") |> Linear(4), "(t b) d -> b t d", b: batch)',
  ],
  [
    'the positions in an axis with features',
    'x = rearrange(relu(rearrange(x, "b t d -> b (t d)")) * 2, "b (t d) -> b t d", d: 4)',
  ],
  ['positions from a table', 'x = x |> PositionEmbedding(9) as places |> tanh'],
  ['positions looked up', 'x = x * (arange(time) |> Embedding(6, 4) as places)'],
  [
    'positions that are spread over the batch first',
    'x = x + cos(expand(cast(arange(time), f32)[none, :, none], [batch, time, 4]))',
  ],
  [
    'positions in an axis with features',
    `
    turn = expand(sin(cast(arange(time), f32))[:, none, none], [time, 2, 2])
    x = x * rearrange(expand(turn[none], [batch, time, 2, 2]), "b t h e -> b t (h e)")`,
  ],
  [
    'positions in a product',
    'x = einsum("b t d, t d -> b t d", x, cos(cast(arange(time), f32))[:, none] * cast(arange(4), f32))',
  ],
  ['positions that choose', 'x = where((arange(time) < 2)[:, none], x, 0.5 * x)'],
  [
    'sorting, summing and choosing along features',
    `
    values, index = top_k(x, 2)
    x = cumsum(sort(x)[0], axis: -1) + x * cast(argmax(x, axis: -1), f32)[..., none] + sum(values * cast(index, f32), axis: -1)[..., none]`,
  ],
  ['moving along features', 'x = concat([flip(x, axis: -1), roll(x, shifts: 1, axis: -1)], axis: -1)[..., 1:8:2]'],
  ['experts', 'x = x + SparseMoE(3, 2)(x)'],
  ['experts of which one is chosen', 'x = SparseMoE(4, 1, noisy: false, hidden: 3)(x)\n x = x + (x |> Attention(2))'],
  [
    'an applied model',
    'x = Inner()(x)',
    {
      before: `
    model Inner {
      dims batch, time
      input x: f32[batch, time, 4]
      output y = x |> PositionEmbedding(6) as places |> Attention(2)
    }`,
    },
  ],
  [
    'an input without the sequence',
    'x = (x + about[:, none]) |> Attention(2)',
    {
      more: 'input about: f32[batch, 4]',
      prompts: ONE_TEXT,
      others: new Map([['about', tensorOf('f32', [1, 4], [0.5, -1, 2, 0.1])]]),
    },
  ],
  [
    'an optional input along the sequence',
    'if given(about) { x = x + about }\n x = x |> Attention(2)',
    {
      more: 'input about?: f32[batch, time, 4]',
    },
  ],
  ['other outputs, which look at the whole text', 'x = x |> Attention(2)\n output mean_of_all = mean(x, axis: 1)'],
  [
    'tokens before the batch',
    'x = rearrange(x, "t b d -> b t d") |> Attention(2) |> rearrange("b t d -> t b d")',
    {
      input: 'i32[time, batch]',
      axes: 'tbv',
    },
  ],
  [
    'scores before the sequence',
    'x = x |> Attention(2)',
    {
      output: 'rearrange(x |> Linear(5) as head, "b t v -> b v t")',
      axes: 'bvt',
    },
  ],
  [
    'one text',
    'x = x |> PositionEmbedding(6) as places |> Attention(2)',
    {
      dims: 'time <= 6',
      input: 'i32[1, time]',
      prompts: ONE_TEXT,
    },
  ],
  [
    'a fixed number of texts',
    'x = x |> PositionEmbedding(6) as places |> Attention(2)',
    {
      dims: 'time <= 6',
      input: 'i32[3, time]',
      together: true,
    },
  ],
];

describe('the scores are those of the whole text', () => {
  test.each(CASES.map(([name, body, options = {}]) => ({ name, body, options })))('$name', ({ body, options }) => {
    expectSame(modelOf(body, options), options.prompts ?? PROMPTS, options);
  });
});

/** Statements that go on with x, each position by itself or by causal attention. */
const STEPS = [
  'x = x |> Linear(4)',
  'x = x + tanh(x |> Linear(4))',
  'x = x + 0.5 * (x |> Attention(2))',
  'x = x |> Attention(1)',
  'x = x - mean(x, axis: -1, keepdim: true)',
  'x = softmax(x, axis: -1) * 2',
  'x = x |> PositionEmbedding(6)',
  'x = x * cos(cast(arange(time), f32))[:, none]',
  'x = x + sin(cast(arange(time)[:, none] * arange(4), f32))',
  'x = rearrange(rearrange(x, "b t d -> (b t) d") |> Linear(4) |> relu, "(b t) d -> b t d", b: batch)',
  'x = rearrange(rearrange(x, "b t d -> (t b) d") * cast(arange(4), f32), "(t b) d -> b t d", b: batch)',
  'x = rearrange(rearrange(x, "b t (h e) -> h e b t", h: 2) * 2, "h e b t -> b t (e h)")',
  'x = rearrange(cumsum(rearrange(x, "b t (h e) -> h t e b", h: 2), axis: 2), "h t e b -> b t (h e)")',
  'x = concat([x[..., 2:], x[..., :2] * 0.5], axis: -1)',
  'x = flip(x, axis: -1)',
  'x = where(x > 0, x, 0.1 * x)',
  'x = x + 0.3 * sort(x)[0]',
  'x = x + SparseMoE(3, 2)(x)',
];

test('any chain of such ops can be continued', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 6 }), fc.nat(100), (steps, seed) => {
      expectSame(modelOf(steps.join('\n')), PROMPTS, { seed });
    }),
    { numRuns: 25 },
  );
});

test('a layer behind the last attention is computed for the last tokens alone', () => {
  const { prefill } = routinesOf(
    modelOf('x = x + (x |> Attention(2) as attention)\n x = x + (x |> Linear(16) as up |> Linear(4) as down)'),
  );
  const sizes = prefill.nodes
    .filter(({ op, origin }) => op.body.kind === 'contraction' && ['up', 'down', 'head'].includes(origin.path))
    .map(({ results }) => results[0]!.type.shape.map(({ key }) => key).slice(0, 2));
  expect(sizes).toEqual([
    ['batch', '1'],
    ['batch', '1'],
    ['batch', '1'],
  ]);
});

test('what depends on positions alone is a table that depends on no input', () => {
  const { step } = routinesOf(modelOf('x = x * exp(cos(cast(arange(time), f32)))[:, none]'));
  const dependent = new Set(step.inputs.map(({ value }) => value));
  for (const { inputs, results } of step.nodes)
    if (inputs.some((input) => dependent.has(input))) for (const result of results) dependent.add(result);
  const table = step.nodes.find(({ op }) => op.name === 'exp')!;
  expect(table.results[0]!.type.shape.map(({ key }) => key)).toEqual(['6']);
  expect(dependent.has(table.results[0]!)).toBe(false);
});

test('keys and values are kept once for each attention, in one form for both routines', () => {
  const { prefill, step, generation } = routinesOf(modelOf('x = x |> Attention(2)\n x = x |> Attention(1)'));
  const shapes = [prefill, step].map(({ kept = [] }) =>
    kept.map(({ name, value }) => `${name} ${value.type.shape.map(({ key }) => key).join(' ')}`),
  );
  expect(shapes[0]).toEqual([
    'generate.keys.0 batch 2 6 2',
    'generate.values.0 batch 2 6 2',
    'generate.keys.1 batch 1 6 4',
    'generate.values.1 batch 1 6 4',
    'generate.seen batch 5',
  ]);
  expect(shapes[1]).toEqual(shapes[0]);
  expect(generation).toEqual({ input: 'idx', along: 'time', output: 'logits', max: 6, vocabulary: 5, inputs: [] });
});
