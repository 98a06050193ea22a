/**
 * The measured networks for libraries that have no compiler of their own: written over the layers that each of them has
 * (`layers` of tensorflow-layers.mjs and jax.mjs), with the parameters that the specs name. They answer the outputs by name.
 */

function product(layers, { x }) {
  return { y: layers.linear(x, 'weight') };
}

function mlp(layers, { x }) {
  const hidden = layers.linear(x, 'hidden.weight', 'hidden.bias', 'relu');
  return { y: layers.linear(hidden, 'out.weight', 'out.bias') };
}

/** A layer of pre-normalised transformers; `names` has the parts' paths. */
function encoderLayer(layers, x, heads, eps, names) {
  const normed = layers.layerNorm(x, names.norm1, eps);
  const qkv = layers.linear(normed, `${names.qkv}.weight`, names.qkvBias);
  const mixed = layers.attention(...layers.thirds(qkv), heads);
  const attended = layers.add(x, layers.linear(mixed, `${names.out}.weight`, `${names.out}.bias`));
  const inner = layers.layerNorm(attended, names.norm2, eps);
  const up = layers.gelu(layers.linear(inner, `${names.up}.weight`, `${names.up}.bias`));
  return layers.add(attended, layers.linear(up, `${names.down}.weight`, `${names.down}.bias`));
}

function vit(layers, { img }, { patch, depth, heads }) {
  // Patches as vit-pytorch cuts them: pixels of one place lie together, channel by channel.
  const tokens = layers.linear(
    layers.patches(img, patch, 'pqc'),
    'to_patch_embedding.weight',
    'to_patch_embedding.bias',
  );
  let x = layers.add(layers.prepend(layers.parameter('cls_token'), tokens), layers.parameter('pos_embedding'));
  for (let i = 0; i < depth; i++) {
    const at = (part) => `layers.${i}.${part}`;
    x = encoderLayer(layers, x, heads, 1e-5, {
      norm1: at('norm1'),
      qkv: at('attn.to_qkv'),
      out: at('attn.to_out'),
      norm2: at('norm2'),
      up: at('ff.up'),
      down: at('ff.down'),
    });
  }
  const pooled = layers.layerNorm(layers.firstToken(x), 'norm', 1e-5);
  return { logits: layers.linear(pooled, 'head.weight', 'head.bias') };
}

function deit(layers, { img }, { patch, depth, heads }) {
  // A convolution whose stride is its kernel is a product with the patches.
  const tokens = layers.linear(layers.patches(img, patch, 'cpq'), 'patch_embed.proj.weight', 'patch_embed.proj.bias');
  let x = layers.add(layers.prepend(layers.parameter('cls_token'), tokens), layers.parameter('pos_embed'));
  for (let i = 0; i < depth; i++) {
    const at = (part) => `blocks.${i}.${part}`;
    x = encoderLayer(layers, x, heads, 1e-6, {
      norm1: at('norm1'),
      qkv: at('attn.qkv'),
      qkvBias: at('attn.qkv.bias'),
      out: at('attn.proj'),
      norm2: at('norm2'),
      up: at('mlp.fc1'),
      down: at('mlp.fc2'),
    });
  }
  // Only the first token is read, and normalisation is by token.
  const pooled = layers.layerNorm(layers.firstToken(x), 'norm', 1e-6);
  return { logits: layers.linear(pooled, 'head.weight', 'head.bias') };
}

function bert(layers, { ids }, { layers: depth, heads }) {
  const dense = (x, name, activation) => layers.linear(x, `${name}.weight`, `${name}.bias`, activation);
  const embeddings = 'embeddings';
  const words = layers.embedding(ids, `${embeddings}.word_embeddings.weight`);
  const kind = layers.firstRows(`${embeddings}.token_type_embeddings.weight`, 1);
  const places = layers.firstRows(`${embeddings}.position_embeddings.weight`, layers.length(words));
  let x = layers.layerNorm(layers.add(layers.add(words, kind), places), `${embeddings}.LayerNorm`, 1e-12);
  for (let i = 0; i < depth; i++) {
    const at = `encoder.layer.${i}`;
    const [q, k, v] = ['query', 'key', 'value'].map((part) => dense(x, `${at}.attention.self.${part}`));
    const mixed = dense(layers.attention(q, k, v, heads), `${at}.attention.output.dense`);
    const attended = layers.layerNorm(layers.add(x, mixed), `${at}.attention.output.LayerNorm`, 1e-12);
    const up = layers.gelu(dense(attended, `${at}.intermediate.dense`));
    x = layers.layerNorm(layers.add(attended, dense(up, `${at}.output.dense`)), `${at}.output.LayerNorm`, 1e-12);
  }
  const pooled = layers.tanh(dense(layers.firstToken(x), 'pooler.dense'));
  return { hidden: x, pooled, logits: dense(pooled, 'classifier') };
}

/** Its batch normalisations have been folded into the convolutions: `foldBatchNorm`. */
function resnet(layers, { img }, { layers: counts }) {
  let x = layers.convolve(layers.fromPlanes(img), 'conv1', { stride: 2, padding: 3, relu: true });
  x = layers.maxPool(x, { kernel: 3, stride: 2, padding: 1 });
  counts.forEach((count, stage) => {
    for (let i = 0; i < count; i++) {
      const at = `layer${stage + 1}.${i}`;
      const stride = stage > 0 && i === 0 ? 2 : 1;
      const inner = layers.convolve(x, `${at}.conv1`, { stride, padding: 1, relu: true });
      const skip = stride === 2 ? layers.convolve(x, `${at}.downsample.0`, { stride, padding: 0 }) : x;
      x = layers.relu(layers.add(layers.convolve(inner, `${at}.conv2`, { stride: 1, padding: 1 }), skip));
    }
  });
  return { logits: layers.linear(layers.planeMeans(x), 'fc.weight', 'fc.bias') };
}

/** `idx` fills the block, so that every position has a row of the table. */
function gpt(layers, { idx }, { depth, heads }) {
  let x = layers.add(layers.rowsOf(idx, 'net.wte.weight'), layers.wholeTable('net.wpe.weight'));
  for (let i = 0; i < depth; i++) {
    const at = (part) => `net.h.${i}.${part}`;
    const linear = (y, part) => layers.linear(y, `${at(part)}.weight`, `${at(part)}.bias`);
    const qkv = linear(layers.layerNorm(x, at('ln_1'), 1e-5), 'attn.c_attn');
    x = layers.add(x, linear(layers.causalAttention(...layers.thirds(qkv), heads), 'attn.c_proj'));
    const hidden = layers.gelu(linear(layers.layerNorm(x, at('ln_2'), 1e-5), 'mlp.c_fc'));
    x = layers.add(x, linear(hidden, 'mlp.c_proj'));
  }
  return { logits: layers.linear(layers.layerNorm(x, 'net.ln_f', 1e-5), 'net.lm_head.weight') };
}

/**
 * makeMoE's language model. The projections of the heads and the matrices of the experts have been put together: `stackParts`
 * of parts.mjs. `noise` holds the routers' normal numbers, layer by layer.
 */
function moe(layers, { idx, noise }, { depth, heads, experts, form, capacity }) {
  let x = layers.add(
    layers.rowsOf(idx, 'net.token_embedding_table.weight'),
    layers.wholeTable('net.position_embedding_table.weight'),
  );
  for (let i = 0; i < depth; i++) {
    const at = (part) => `net.blocks.${i}.${part}`;
    const linear = (y, part) => layers.linear(y, `${at(part)}.weight`, `${at(part)}.bias`);
    const normed = layers.layerNorm(x, at('ln1'), 1e-5);
    const qkv = layers.linear(normed, at('sa.heads.qkv.weight'));
    // Scores are scaled by the width of the model.
    const scale = layers.length(layers.firstToken(normed)) ** -0.5;
    x = layers.add(x, linear(layers.causalAttention(...layers.thirds(qkv), heads, scale), 'sa.proj'));
    const tokens = layers.rows(layers.layerNorm(x, at('ln2'), 1e-5));
    const spread = layers.softplus(linear(tokens, 'smoe.router.noise_linear'));
    const logits = layers.add(
      linear(tokens, 'smoe.router.topkroute_linear'),
      layers.mul(layers.rows(layers.part(noise, i)), spread),
    );
    const mixed = layers.expertsOf(tokens, logits, at('smoe.experts'), { form, count: experts, capacity });
    x = layers.add(x, layers.shapedAs(mixed, x));
  }
  return { logits: layers.linear(layers.layerNorm(x, 'net.ln_f', 1e-5), 'net.lm_head.weight', 'net.lm_head.bias') };
}

export const networks = { product, mlp, vit, deit, bert, resnet, gpt, moe };

/** The convolution before a batch normalisation, in torchvision's naming. */
const convolutionOf = (norm) => norm.replace(/bn(\d)$/, 'conv$1').replace(/downsample\.1$/, 'downsample.0');

/**
 * Weights whose batch normalisations are folded into the convolutions before them, as converters do: w' = w g and
 * b' = bias - mean g with g = weight / sqrt(variance + 1e-5).
 */
export function foldBatchNorm(weights) {
  const folded = new Map(weights);
  const norms = [...weights.keys()].filter((name) => name.endsWith('.running_mean'));
  for (const norm of norms.map((name) => name.slice(0, -'.running_mean'.length))) {
    const of = (part) => weights.get(`${norm}.${part}`).data;
    const kernel = weights.get(`${convolutionOf(norm)}.weight`);
    const gain = of('weight').map((value, c) => value / Math.sqrt(of('running_var')[c] + 1e-5));
    const each = kernel.data.length / gain.length;
    const data = kernel.data.map((value, at) => value * gain[Math.floor(at / each)]);
    const bias = of('bias').map((value, c) => value - of('running_mean')[c] * gain[c]);
    folded.set(`${convolutionOf(norm)}.weight`, { ...kernel, data });
    folded.set(`${convolutionOf(norm)}.bias`, { shape: [bias.length], data: bias });
  }
  return folded;
}
