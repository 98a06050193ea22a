import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderDiagnostic } from '../../src/compiler/base/render.ts';
import { checkSpec } from '../../src/compiler/driver.ts';
import { renderAll, specFile, specHost } from '../support/specs.ts';

const SPECS = [
  'vit.model',
  'mlp.model',
  'multi_branch.model',
  'llama.model',
  'std/transformer.model',
  'std/nn.model',
  'std/conv.model',
].map((name) => readFileSync(specFile(name), 'utf8'));
/** Small sizes, so that a mutant that is still right costs little. */
const TEXTS = SPECS.map((text) =>
  text
    .replaceAll('= 256', '= 8')
    .replaceAll('= 32', '= 4')
    .replaceAll('= 1024', '= 8')
    .replaceAll('= 2048', '= 8')
    .replaceAll('depth: int = 6', 'depth: int = 2'),
);
/** What the specs of the project do not use. */
const TRAINING = `
import { Linear } from "std/nn"

block Experts(count: int, k: int, factor: float? = none)(x: f32[n, c]) -> f32[n, c] {
  state seen: f32[c] = zeros()
  if training { next seen = seen * 0.9 + mean(x, axis: 0) }
  gate = softmax(x |> Linear(k) as gate, axis: -1)
  index = cast(floor(gate * count), i32)
  aux balance = mean(gate) + mean(seen)
  return mixture(x, gate, index, count, capacity_factor: factor) as experts { t => t |> Linear(c) as up |> relu }
}

model Student(width: int = 4) {
  dims n <= 16
  input x: f32[n, width]
  input mask?: f32[n]
  moe = Experts(3, 2, 1.5)
  h = moe(x)
  output y = if given(mask) then h * mask[:, none] else h
  output z: f32[n] = (h @ transpose(moe.gate.weight, [1, 0]))[:, 0]
}

train Fit(T: float = 2.0) {
  dims n <= 8
  input x: f32[n, 4]
  teacher = frozen Student()
  student = Student()
  t, other = teacher(x)
  s = student(x, mask: other)
  loss mean((s.y - t) ** 2) / T + sum(student.moe.aux.balance)
  metric worst = max(s.z)
  optimizer adamw(lr: cosine(peak: 3e-4, steps: 50, warmup: 2), betas: [0.9, 0.99], clip_norm: 1.0) {
    group "**.bias", "student.*.gate.*" (weight_decay: 0)
  }
}

model Next {
  dims batch, time <= 16
  input idx: i32[batch, time]
  output logits = cast(idx, f32)[..., none]
  generate idx along time from logits
}
`;
/** Ops with many arguments, indices and shapes. */
const WINDOWS = `
import { BatchNorm2d, Conv2d } from "std/conv"
import { Linear } from "std/nn"

const kernels = [1, 3, 5]

fn pooled(x: f32[n, c, h, w], size: int = 2, kind: "max" | "mean" = "max") -> f32[n, c, y, z] {
  if kind == "max" { return max_pool2d(x, size, stride: 1, padding: floordiv(size, 2), ceil_mode: true) }
  return avg_pool2d(x, size, stride: size)
}

block Unit(width: int, unit: block = Conv2d, act: fn = relu)(x: f32[n, c, ..places], gate?: f32[n]) -> f32[n, width, ..rest] {
  y = x |> unit(width, 3, padding: 1) as conv.0 |> BatchNorm2d() as conv.1 |> act
  aux size = mean(y, axis: (1, 2, 3), keepdim: true)
  return if given(gate) then y * gate[:, none, none, none] else y
}

model Places(labels: [string] = ["a", "b"], sizes: (int, int) = 8, factor: float? = none) {
  require sizes[0] % 2 == 0 and not len(labels) == 0, "sizes {sizes} of {labels}"
  const half = floordiv(sizes[0], 2)
  dims n <= 4, steps
  input x: f32[n, 3, sizes[0], sizes[1]]
  input where_to: i32[n, steps]
  input gate?: f32[n]
  units = [for k in kernels as units => Conv2d(4, k, padding: floordiv(k, 2), groups: 1)]
  stem = Unit(4)
  y = stem(x, gate)
  for unit in units { y = y + unit(y) |> pooled(1) }
  q, k, v = split(y, [1, 1, 2], axis: 1)
  best, at = top_k(reshape(y, [n, -1]), min(3, half), axis: -1)
  near = gather(reshape(y, [n, 4 * sizes[0] * sizes[1]]), where_to, axis: 1)
  spread = scatter_add(zeros([n, 9]), where_to, near, axis: 1)
  turned = flip(roll(concat([q, k, v], axis: 1), [1, -1], axis: [2, 3]), axis: -1)[..., ::-1]
  large = interpolate(turned, scale_factor: 2.0, mode: "bilinear", align_corners: factor == none)
  swapped = transpose(y[:, none, :, 0], [0, 1, 3, 2])
  seen = attention(rearrange(y, "n c h w -> n 1 (h w) c"), swapped, swapped, mask: none)
  output a = einsum("n c h w, n c h w -> n c", large[:, :, :half, :half], turned[:, :, :half, :half])
  output b: f32[n, 9] = spread + cast(sum(at, axis: -1, keepdim: true), f32)
  output c = repeat(reduce(seen, "n o t c -> n c", "max"), "n c -> n c k", k: half) / sqrt(2.0)
  output d = where(best > 0, best, exp(-best)) + cumsum(best, axis: 1) + sum(stem.aux.size)
  output e = pad(one_hot(at, 7), (1, 2), (0, 1), mode: "constant", value: 0.5) - cast(tri(n)[0, 0], f32)
}
`;
TEXTS.push(TRAINING, WINDOWS);
const TOKENS = TEXTS.map((text) => text.split(/(\s+|[^\w\s]|\b)/).filter((token) => token !== ''));
const WORDS = [
  ...new Set(TOKENS.flat()),
  '0',
  '-1',
  '99999999999999999999',
  'none',
  '"',
  '..',
  '...',
  'x',
  '1e400',
  '\u0000',
  '😀',
];

const mutation = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('drop', 'replace', 'insert', 'swap'),
  word: fc.constantFrom(...WORDS),
});

function mutate(tokens: readonly string[], mutations: readonly { at: number; kind: string; word: string }[]): string {
  const out = [...tokens];
  for (const { at, kind, word } of mutations) {
    const place = at % Math.max(1, out.length);
    if (kind === 'drop') out.splice(place, 1);
    else if (kind === 'replace') out[place] = word;
    else if (kind === 'insert') out.splice(place, 0, word);
    else [out[place], out[place + 1]] = [out[place + 1] ?? '', out[place] ?? ''];
  }
  return out.join('');
}

test.each([TRAINING, WINDOWS])('a spec of the test is right before it is mutated', (text) => {
  const found = checkSpec('test.model', specHost({ 'test.model': text }));
  expect(renderAll(found.filter((item) => item.severity === 'error'))).toBe('');
});

test('a mutated spec gives diagnostics, never an exception, and they can be rendered', () => {
  fc.assert(
    fc.property(fc.nat(TOKENS.length - 1), fc.array(mutation, { minLength: 1, maxLength: 4 }), (which, mutations) => {
      const text = mutate(TOKENS[which]!, mutations);
      for (const item of checkSpec('test.model', specHost({ 'test.model': text }))) {
        expect(item.message).not.toMatch(/internal|undefined|\[object/);
        expect(renderDiagnostic(item, { color: false })).toContain(item.code);
      }
    }),
    { numRuns: Number(process.env.HOSTILE_SPECS ?? 300) },
  );
});
