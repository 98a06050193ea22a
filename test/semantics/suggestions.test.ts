/** Wherever a spec or an option names something, a slip of the pen is answered with what was meant. */
import { describe, expect, test } from 'vitest';
import { checkSpec, elaborateSpec } from '../../src/compiler/driver.ts';
import type { EntryOptions } from '../../src/compiler/options.ts';
import { specHost } from '../support/specs.ts';

const IMPORTS = `import { Attention } from "std/transformer"
import { Embedding, LayerNorm, Linear } from "std/nn"
`;

const REST = `
block Router(experts: int, noise: float = 0.0)(x: f32[n, c], mask?: f32[n]) -> f32[n, c] {
  state seen: f32[c] = zeros()
  if training { next seen = seen * 0.9 + mean(x, axis: 0) }
  logits = x |> Linear(experts, bias: noise == 0) as route
  aux balance = mean(logits) + mean(seen)
  y = if given(mask) then x * mask[:, none] else x
  return y + noise
}

fn scaled(x: f32[..shape], factor: float = 2.0) -> f32[..shape] {
  return x * factor
}

model Net(width: int = 4, pool: "cls" | "mean" = "cls", act: fn = relu, mixer: block = Attention) {
  require width % 2 == 0, "an even width, not {width}"
  const half = width / 2
  dims batch, tokens <= 16
  input idx: i32[batch, tokens]
  input weight?: f32[batch, tokens]
  param gain: f32[width] = trunc_normal(std: 0.02)
  emb = Embedding(10, width)
  x = emb(idx) * gain * (if given(weight) then weight[:, :, none] else 1.0)
  for i in 0..2 as layers { x = x |> LayerNorm() as norm |> mixer(2, half) as attn }
  router = Router(experts: 3)
  flat = x |> rearrange("b t (head e) -> (b t) (head e)", head: 2) |> router
  scores = einsum("rows c, vocab c -> rows vocab", flat, emb.weight)
  y = if pool == "cls" then act(gelu(scores, approximate: "tanh")) else scaled(scores, factor: 3.0)
  output logits: f32[batch, tokens, 10] = reshape(softmax(y, axis: -1), [batch, tokens, 10])
  output pooled = mean(x, axis: 1, keepdim: true)
  output reduced = reduce(x, "b t c -> b c", "mean")
  generate idx along tokens from logits
}

train Fit(rate: float = 1e-3) {
  dims batch, tokens <= 16
  input idx: i32[batch, tokens]
  teacher = frozen Net()
  net = Net(pool: "mean")
  out = net(idx)
  loss mean((out.logits - teacher(idx).logits) ** 2) + 0.1 * sum(net.router.aux.balance)
  metric best = max(out.pooled)
  optimizer adamw(lr: cosine(peak: rate, steps: 100, warmup: 10), weight_decay: 0.1) {
    group "**.bias" (weight_decay: 0)
  }
}
`;

const SPEC = IMPORTS + REST;

/** `[what, text of the spec, with a slip, what was meant if that is another text]` */
const SLIPS: readonly (readonly [name: string, right: string, wrong: string, meant: string])[] = [
  ['a file of the library', '"std/transformer"', '"std/transfomer"', '"std/transformer"'],
  ['an imported name', 'import { Attention }', 'import { Atention }', '`Attention`'],
  ['a block', 'x |> Linear(experts', 'x |> Linaer(experts', '`Linear`'],
  ['a model', 'net = Net(', 'net = Nte(', '`Net`'],
  ['a function', 'else scaled(', 'else scaledd(', '`scaled`'],
  ['an op', 'softmax(y', 'sotfmax(y', '`softmax`'],
  ['a compile-time function', 'if given(mask)', 'if givne(mask)', '`given`'],
  ['a variable', '-> rows vocab", flat', '-> rows vocab", falt', '`flat`'],
  ['an input', 'emb(idx)', 'emb(ixd)', '`idx`'],
  ['a hyperparameter in a body', 'Embedding(10, width)', 'Embedding(10, widht)', '`width`'],
  ['a constant', 'mixer(2, half)', 'mixer(2, hafl)', '`half`'],
  ['a hyperparameter by name', 'Router(experts: 3)', 'Router(expert: 3)', '`experts`'],
  ['a hyperparameter of a model', 'Net(pool:', 'Net(poool:', '`pool`'],
  ['an argument of a function', 'factor: 3.0', 'facter: 3.0', '`factor`'],
  ['an argument of an op', 'keepdim: true', 'keepdims: true', '`keepdim`'],
  ['a value of a choice', 'pool: "mean")', 'pool: "maen")', '"mean"'],
  ['a default of a choice', '= "cls", act', '= "clss", act', '"cls"'],
  ['a compared value of a choice', 'pool == "cls"', 'pool == "csl"', '"cls"'],
  ['a dimension of an input', 'weight?: f32[batch, tokens]', 'weight?: f32[batch, token]', '`tokens`'],
  ['a dimension of an output', 'logits: f32[batch, tokens', 'logits: f32[batch, tokns', '`tokens`'],
  ['a dimension in an expression', '[batch, tokens, 10])', '[bacth, tokens, 10])', '`batch`'],
  ['a dtype', 'idx: i32[batch, tokens]\n  input weight', 'idx: i23[batch, tokens]\n  input weight', '`i32`'],
  ["another language's dtype", 'x: f32[n, c]', 'x: float32[n, c]', '`f32`'],
  ['a type', 'noise: float', 'noise: flaot', '`float`'],
  ['an initialiser', 'trunc_normal(', 'trunk_normal(', '`trunc_normal`'],
  ['an argument of an initialiser', 'std: 0.02', 'sdt: 0.02', '`std`'],
  ['a parameter of an instance', 'emb.weight', 'emb.wieght', '`weight`'],
  ['an output of a model', 'out.logits', 'out.logitz', '`logits`'],
  ['an output of an application', 'teacher(idx).logits', 'teacher(idx).logit', '`logits`'],
  ['an auxiliary value', 'aux.balance)', 'aux.balanse)', '`balance`'],
  ['an instance inside', 'net.router.aux', 'net.ruoter.aux', '`router.aux.balance`'],
  ['`aux`', 'net.router.aux.', 'net.router.axu.', '`router.aux.balance`'],
  ['a state', 'next seen', 'next seeen', '`seen`'],
  ['an axis of an einsum', '-> rows vocab"', '-> rows vocba"', '`vocab`'],
  ['an axis of a rearrangement', '-> (b t) (head e)"', '-> (b t) (haed e)"', '`head`'],
  ['a size of a rearrangement', 'head: 2)', 'haed: 2)', '`head`'],
  ['an optimizer', 'optimizer adamw', 'optimizer rmsporp', '`rmsprop`'],
  ['a schedule', 'cosine(', 'cosin(', '`cosine`'],
  ['an argument of an optimizer', ', weight_decay: 0.1', ', wieght_decay: 0.1', '`weight_decay`'],
  ['an argument of a group', '(weight_decay: 0)', '(weigth_decay: 0)', '`weight_decay`'],
  ['an argument of a schedule', 'warmup: 10', 'warm_up: 10', '`warmup`'],
  ['a pattern of a group', '"**.bias"', '"**.bais"', '"**.bias"'],
  ['what is generated', 'generate idx', 'generate ixd', '`idx`'],
  ['the dimension that grows', 'along tokens', 'along token', '`tokens`'],
  ['what it is chosen from', 'from logits\n', 'from logit\n', '`logits`'],
  ['an interpolated name', '{width}', '{wdith}', '`width`'],
  ['a word of an argument', 'approximate: "tanh"', 'approximate: "tahn"', '"tanh"'],
  ['a reduction', '"b t c -> b c", "mean"', '"b t c -> b c", "maen"', '"mean"'],
  ['a statement', 'metric best', 'metrik best', '`metric`'],
  ['a declaration', 'train Fit', 'trian Fit', '`train`'],
];

test('the spec of the test is right without a slip', () => {
  expect(hintsOf(SPEC)).toEqual([]);
});

describe('a slip in the name of', () => {
  test.each(SLIPS)('%s', (_, right, wrong, meant) => {
    expect(SPEC.split(right), `\`${right}\` stands once`).toHaveLength(2);
    const hints = hintsOf(SPEC.replace(right, wrong));
    expect(hints.map(({ hint }) => hint)).toContain(`did you mean ${meant}?`);
  });
});

function hintsOf(text: string): { code: string; hint: string }[] {
  const host = {
    ...specHost({ 'test.model': text }),
    beside: () => ['nn', 'transformer', 'conv'],
  };
  return checkSpec('test.model', host).map(({ code, message, hint }) => ({ code, hint: hint ?? message }));
}

/** `[what, options, what was meant]` */
const OPTIONS: readonly (readonly [name: string, options: EntryOptions, meant: string])[] = [
  ['an entry', { entry: 'Nett' }, '`Net`'],
  ['a hyperparameter', { entry: 'Net', settings: [{ name: 'widht', text: '4' }] }, '`width`'],
  ['a value of a choice', { entry: 'Net', settings: [{ name: 'pool', text: 'maen' }] }, '"mean"'],
  ['a function', { entry: 'Net', settings: [{ name: 'act', text: 'sigmiod' }] }, '`sigmoid`'],
  ['a block', { entry: 'Net', settings: [{ name: 'mixer', text: 'Atention' }] }, '`Attention`'],
  ['an optional input', { entry: 'Net', given: ['wieght'] }, '`weight`'],
  ['a tapped instance', { entry: 'Net', taps: ['layers.0.atn'] }, '`layers.0.attn`'],
  ['a tapped instance of every layer', { entry: 'Net', taps: ['layer.*.attn'] }, '`layers.*.attn`'],
];

describe('a slip in an option that names', () => {
  test.each(OPTIONS)('%s', (_, options, meant) => {
    const { diagnostics } = elaborateSpec('test.model', options, specHost({ 'test.model': SPEC }));
    expect(diagnostics.map(({ hint }) => hint)).toContain(`did you mean ${meant}?`);
  });
});
