/** Specs of the language's own documentation, as the tests' material. */

export const linear = `/// Affine map over the last axis. Weights as PyTorch stores them: [out, in].
block Linear(out: int, bias: bool = true)(x: f32[..lead, d]) -> f32[..lead, out] {
  param weight: f32[out, d] = kaiming_uniform(a: sqrt(5))
  y = einsum("... i, o i -> ... o", x, weight)
  if bias {
    param bias: f32[out] = uniform(-1 / sqrt(d), 1 / sqrt(d))
    return y + bias
  }
  return y
}
`;

export const vit = `import { LayerNorm, Linear, Dropout } from "std/nn"
import { Attention, FeedForward } from "std/transformer"

/// Vision Transformer (Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929).
model ViT(
  image: (int, int) = 256, patch: (int, int) = 32, channels: int = 3, classes: int = 1000,
  dim: int = 1024, depth: int = 6, heads: int = 16, dim_head: int = 64, mlp_dim: int = 2048,
  pool: "cls" | "mean" = "cls", dropout: float = 0.0, emb_dropout: float = 0.0,
) {
  require image[0] % patch[0] == 0 and image[1] % patch[1] == 0, "image {image} is not a multiple of patch {patch}"
  const patches = (image[0] / patch[0]) * (image[1] / patch[1])

  dims batch
  input img: f32[batch, channels, image[0], image[1]]

  param cls_token: f32[1, 1, dim] = normal(std: 1)
  param pos_embedding: f32[1, patches + 1, dim] = normal(std: 1)

  tokens = img
    |> rearrange("b c (h p) (w q) -> b (h w) (p q c)", p: patch[0], q: patch[1])
    |> Linear(dim) as to_patch_embedding

  x = concat([expand(cls_token, axis: 0, size: batch), tokens], axis: 1) + pos_embedding |> Dropout(emb_dropout)

  for i in 0..depth as layers {
    x = x + (x |> LayerNorm() as norm1 |> Attention(heads, dim_head, dropout) as attn)
    x = x + (x |> LayerNorm() as norm2 |> FeedForward(mlp_dim, dropout) as ff)
  }

  pooled = if pool == "mean" then mean(x, axis: 1) else x[:, 0]
  output logits: f32[batch, classes] = pooled |> LayerNorm() as norm |> Linear(classes) as head
}
`;

/** A file that uses every construct there is. */
export const everything = `import { A, B as C, } from "std/nn"

const width = 3 * 4

/// Adds.
/// Twice.
fn add(x: f32[..n], y?: f32[..n], k: int? = none) -> (f32[..n], i32[]) {
  return x + y, k
}

block Every(
  a: int, b: float = -0.5, c: bool = true, d: string = "s\\n", e: block = A, f: fn = relu, g: dtype = f32,
  h: "x" | "y" = "x", i: (int, (int, int)) = (1, (2, 3)), j: [int] = [1, 2,], k: "none"? = none,
)(x: f32[b, ..lead, 3 * c + 1], mask?: bool[b,],) -> f32[b] {
  q, k, v = unstack(x, axis: 0)
  y: f32[b, max(c, 2)] = x[..., 0, :, 1:, :2, ::3, -1:none:2, none]
  if a > 3 and not c or d == "s" {
    z = emb.weight.scale(1)(2)[0]
  } else if a != 3 {
    z = [for w in j as convs.inner => x |> Conv1d(w) |> relu]
  } else {
    z = if training then x else if c then y else -x ** -2 @ y
  }
  for i in 0..a as layers.deep { z = z |> e(i) as block1.inner |> f }
  for w in j { z = z % w }
  return z
}

model M() {
  dims batch, seq <= 512, other
  input tokens: i32[batch, seq]
  input mask?: bool[batch]
  param scale: f32[]
  require seq >= 1
  output out = (tokens)
  output typed: f32[] = ()
}
`;
