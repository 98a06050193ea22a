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

export const inline = `/// Injective linear attention (Han et al. 2024, https://arxiv.org/abs/2412.06590), with the local residual branch.
block InLineAttention(heads: int, window: (int, int), cls: bool = true,
                      kernel: "identity" | "relu" | "leaky_relu" | "exp" = "identity")(x: f32[b, n, c]) -> f32[b, n, c] {
  qkv = x |> Linear(3 * c) as qkv |> rearrange("b n (s h d) -> s b h n d", s: 3, h: heads)
  q, k, v = unstack(qkv, axis: 0)
  return (q @ k) @ v
}
`;

export const moe = `block NoisyTopKRouter(count: int, k: int)(x: f32[t, c], noise?: f32[t, count]) -> (f32[t, k], i32[t, k]) {
  logits = x |> Linear(count) as topkroute_linear
  spread = x |> Linear(count) as noise_linear |> softplus
  if given(noise) { logits = logits + noise * spread }
  else if training { logits = logits + random_normal([t, count]) * spread }
  top, index = top_k(logits, k)
  return softmax(top, axis: -1), index
}

block SparseMoE(count: int, k: int, hidden: int, capacity_factor: float? = none)(x: f32[b, t, c]) -> f32[b, t, c] {
  flat = x |> rearrange("b t c -> (b t) c")
  gate, index = flat |> NoisyTopKRouter(count, k) as router
  // Each token visits k experts; the other experts' matrices are never multiplied.
  y = mixture(flat, gate, index, count, capacity_factor: capacity_factor) as experts {
    t => t |> Linear(hidden) as up |> relu |> Linear(c) as down
  }
  return y |> rearrange("(b t) c -> b t c", b: b)
}

model MoELanguageModel(vocab: int, block_size: int = 32) {
  dims batch, time <= block_size
  input idx: i32[batch, time]
  x = idx |> Embedding(vocab, 128) as embedding |> SparseMoE(8, 2, 512) as moe
  output logits: f32[batch, time, vocab] = x |> Linear(vocab) as head
  generate idx along time from logits
}
`;

export const distill = `train DistillTextCNN(T: float = 4.0, classes: int = 2) {
  dims batch, seq <= 64
  input tokens: i32[batch, seq]
  input label: i32[batch]

  teacher = frozen BertClassifier(classes)
  student = TextCNN(vocab: 30522, dim: 128, widths: [3, 4, 5], filters: 100, classes: classes)
  t = teacher(tokens)
  s = student(tokens)

  hard = cross_entropy(s, label)
  soft = kl_div(log_softmax(s / T, axis: -1), softmax(t / T, axis: -1), reduction: "batchmean") * T ** 2
  loss 0.1 * hard + 0.9 * soft
  metric accuracy = mean(argmax(s, axis: -1) == label)

  optimizer adamw(lr: cosine(peak: 3e-4, steps: 5000, warmup: 200), weight_decay: 0.01, clip_norm: 1.0) {
    group "**.bias", "**.norm*.*" (weight_decay: 0)
  }
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
  state mean: f32[b] = zeros()
  state count: i32[]
  next mean = 0.9 * mean + 0.1 * z
  aux balance = sum(z) + (mixture(x, z, q, 4) { t => if training then t else mixture(t, z, q, 2) as a.b { u => u } })
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
  generate tokens along seq from out
}

train Empty { loss frozen M()(x: 1) ** 2 }

train T(a: int = 3) {
  model, loss = frozen M()
  loss (loss + 1) * 2
  loss -(loss)
  metric accuracy = loss + 1
  optimizer sgd
  optimizer adamw() { group "**" (lr: 0.1,) group "a", "b" () }
  optimizer lion { }
}
`;
