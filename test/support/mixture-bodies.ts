/** Bodies of mixtures of all kinds, and a model for them. */
import { f32, i32, type Tensors } from '../semantics/support.ts';
import { randomNumbers } from './tensors.ts';

const BLOCKS = `
import { LayerNorm, Linear, RMSNorm } from "std/nn"

block Scale()(x: f32[n, c]) -> f32[n, c] {
  param by: f32[] = ones()
  return x * by
}
block Bias()(x: f32[n, c]) -> f32[n, c] {
  param of: f32[c] = zeros()
  return x + of
}
block Product(out: int)(x: f32[n, c]) -> f32[n, out] {
  param weight: f32[c, out] = zeros()
  return x @ softplus(weight)
}
block Dot()(x: f32[n, c]) -> f32[n, 1] {
  param weight: f32[c] = zeros()
  return (x @ weight)[:, none]
}
block Outer()(x: f32[n, c]) -> f32[n, c] {
  param weight: f32[c] = zeros()
  return einsum("n, c -> n c", mean(x, axis: 1), weight)
}
block Heads(h: int)(x: f32[n, c]) -> f32[n, c] {
  param weight: f32[h, c / h, c / h] = zeros()
  heads = x |> rearrange("n (h e) -> n h e", h: h)
  return einsum("n h e, h e f -> n h f", heads, weight) |> rearrange("n h f -> n (h f)")
}
block Within(h: int)(x: f32[n, c]) -> f32[n, c] {
  q = x |> Linear(c) as q |> rearrange("n (h i e) -> n h i e", h: h, i: 2)
  k = x |> Linear(c) as k |> rearrange("n (h i e) -> n h i e", h: h, i: 2)
  return attention(q, k, k, causal: true) |> rearrange("n h i e -> n (h i e)")
}
block Sorted()(x: f32[n, c]) -> f32[n, c] {
  param weight: f32[c, 3] = zeros()
  best, index = top_k(weight, 2, axis: 1)
  values, order = sort(x, axis: 1)
  sums = cumsum(values, axis: 1)
  return sums * mean(best) + sum(concat([flip(best, 1), weight[:, :1]], axis: 1), axis: 1)
}
block Two()(x: f32[n, c]) -> (f32[n, c], f32[n, 1]) {
  return x |> Linear(c) as left, x |> Linear(1) as right
}
block Numbered()(x: f32[n, c]) -> f32[n, c] {
  return x * cast(arange(n), f32)[:, none] + cast(tri(n, c), f32)
}
block Twice()(x: f32[n, c]) -> f32[n, c] {
  one = Linear(c)
  return one(one(x)) + one.bias
}
block Batched()(x: f32[b, t, c]) -> f32[b, t, c] {
  return x |> Linear(c) as map |> LayerNorm() as norm
}
fn joined(a: f32[n, c], b: f32[n, 1]) -> f32[n, c] { return a * b }
`;

export const BODIES: readonly (readonly [what: string, body: string])[] = [
  ['linear maps with biases', 't |> Linear(8) as up |> relu |> Linear(4) as down'],
  ['the token', 't'],
  ['something else of the token', 'condition'],
  ['the same for all tokens', 'zeros([n, 4]) + 2'],
  ['a condition of each token', 't * condition'],
  ['a condition through what experts have', 't + (condition |> Linear(4) as c)'],
  ['a matrix of all tokens, read as a whole', 't * mean(condition) + sum(x, axis: 0)'],
  ['what is outside, both by token and as a whole', 't @ transpose(x, [1, 0]) @ x + x'],
  ['a vector for all', 't + vector'],
  ['a matrix for all', '(t |> Linear(4) as up) @ matrix'],
  ['a shared instance', 't |> shared |> Linear(4) as up'],
  ['a number of each expert', 't |> Scale() as scale'],
  ['a vector of each expert', 't |> Bias() as bias'],
  ['a function of a parameter', 't |> Product(4) as product'],
  ['a product with a vector', 't * (t |> Dot() as dot)'],
  ['a product that sums nothing', 't |> Outer() as outer'],
  ['products of heads', 't |> Heads(2) as heads'],
  ['attention within a token', 't |> Linear(8) as wide |> Within(2) as within |> Linear(4) as narrow'],
  ['norms along a token', 't |> LayerNorm() as norm |> Linear(4) as up |> RMSNorm() as last'],
  [
    'a softmax, an extremum and a choice',
    'where(t > max(t, axis: 1, keepdim: true) - 1, softmax(t |> Linear(4) as up, axis: -1), t)',
  ],
  ['order along a token and of parameters', 't |> Sorted() as sorted'],
  ['parts of a token', 'concat([for i in 0..2 as parts => t[:, 2 * i : 2 * i + 2] |> Linear(2) as part], axis: 1)'],
  ['several results', 'joined(t |> Linear(4) as first, (t |> Two() as two)[1])'],
  ['the number of a token', 't |> Numbered() as numbered |> Linear(4) as up'],
  ['an instance applied twice', 't |> Twice() as twice'],
  ['an axis before the tokens', '(t[none] |> Batched() as batched)[0]'],
  ['a pattern', 'einsum("n a, n b -> n a", t |> Linear(4) as up, condition)'],
  [
    'another axis first',
    'transpose(transpose(t |> Linear(4) as up, [1, 0]) * 2 + transpose(condition, [1, 0]), [1, 0])',
  ],
];

/** A model around statements that make `y` of its inputs. `tokens` is `free` or a number. */
export function model(tokens: string, statements: string, count = 3): string {
  return `${BLOCKS}
model M(count: int = ${count}) {
  ${tokens === 'free' ? 'dims free' : ''}
  const n = ${tokens}
  input x: f32[n, 4]
  input condition: f32[n, 4]
  input vector: f32[4]
  input matrix: f32[4, 4]
  input gate: f32[n, 2]
  input index: i32[n, 2]
  shared = Linear(4)
  ${statements}
  output y = y
}`;
}

export function inputsFor(tokens: number): Tensors {
  const random = randomNumbers(tokens);
  const numbers = (...shape: number[]): Tensors[string] =>
    f32(
      shape,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 4 - 2),
    );
  return {
    x: numbers(tokens, 4),
    condition: numbers(tokens, 4),
    vector: numbers(4),
    matrix: numbers(4, 4),
    gate: numbers(tokens, 2),
    // Expert 1 has no token; one index is no expert's; one token names an expert twice.
    index: i32(
      [tokens, 2],
      Array.from({ length: 2 * tokens }, (_, at) => [0, 2, 2, 0, 7, 2, 0, 0][at % 8]!),
    ),
    'cot.y': numbers(tokens, 4),
  };
}
