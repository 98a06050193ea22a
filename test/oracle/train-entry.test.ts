/**
 * The sparse language model of the reference cases as a model that a train entry applies: its logits and its loss. The
 * entry's parameters begin with the instance; the reference numbers the layers of an expert and its attention heads.
 */
import { expect, test } from 'vitest';
import type { TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { parameterTensors } from '../../src/compiler/ir/parameter-tensors.ts';
import { toFloat64, toInt32 } from '../../src/program/convert.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import { describeReference, largestDifference, readCase, valuesOf } from '../support/reference.ts';
import { graphOfText, settings } from '../support/specs.ts';

const TEXT = `
import { Linear, LayerNorm } from "std/nn"

block Table(rows: int, dim: int)(index: i32[..s]) -> f32[..s, dim] {
  param weight: f32[rows, dim] = normal(std: 1)
  return embedding(index, weight)
}

block Head(size: int)(x: f32[b, t, c]) -> f32[b, t, size] {
  q = x |> Linear(size, bias: false) as query
  k = x |> Linear(size, bias: false) as key
  v = x |> Linear(size, bias: false) as value
  at = arange(t)
  scores = where(at[none] <= at[:, none], einsum("b i d, b j d -> b i j", q, k) * c ** -0.5, -1.0 / 0.0)
  return einsum("b i j, b j d -> b i d", softmax(scores, axis: -1), v)
}

block Heads(count: int)(x: f32[b, t, c]) -> f32[b, t, c] {
  return concat([for i in 0..count as heads => x |> Head(c / count) as one], axis: -1) |> Linear(c) as proj
}

block Router(count: int, k: int)(x: f32[t, c], noise: f32[t, count]) -> (f32[t, k], i32[t, k]) {
  spread = x |> Linear(count) as noise_linear |> softplus
  top, index = top_k((x |> Linear(count) as topkroute_linear) + noise * spread, k)
  return softmax(top, axis: -1), index
}

block SparseMoE(count: int, k: int, capacity: float?)(x: f32[b, t, c], noise: f32[b, t, count]) -> f32[b, t, c] {
  flat = x |> rearrange("b t c -> (b t) c")
  router = Router(count, k)
  gate, index = router(flat, noise |> rearrange("b t e -> (b t) e"))
  y = mixture(flat, gate, index, count, capacity_factor: capacity) as experts {
    t => t |> Linear(4 * c) as up |> relu |> Linear(c) as down
  }
  return y |> rearrange("(b t) c -> b t c", b: b)
}

model LM(vocab: int, dim: int, heads: int, depth: int, experts: int, k: int, block_size: int, capacity: float?) {
  dims batch, time <= block_size
  input idx: i32[batch, time]
  input noise: f32[depth, batch, time, experts]
  x = (idx |> Table(vocab, dim) as token_embedding_table)
    + (arange(time) |> Table(block_size, dim) as position_embedding_table)
  for i in 0..depth as blocks {
    x = x + (x |> LayerNorm() as ln1 |> Heads(heads) as sa)
    smoe = SparseMoE(experts, k, capacity)
    x = x + smoe(x |> LayerNorm() as ln2, noise[i])
  }
  output logits = x |> LayerNorm() as ln_f |> Linear(vocab) as lm_head
}

train Fit(
  vocab: int, dim: int, heads: int, depth: int, experts: int, k: int, block_size: int, capacity: float? = none,
) {
  dims batch, time <= block_size
  input idx: i32[batch, time]
  input noise: f32[depth, batch, time, experts]
  input targets: i32[batch, time]
  lm = LM(vocab, dim, heads, depth, experts, k, block_size, capacity)
  output logits = lm(idx, noise)
  loss cross_entropy(logits |> rearrange("b t v -> (b t) v"), reshape(targets, [batch * time]))
}`;

function foreignName(name: string): string {
  const numbered = name.replace('.one.', '.').replace('.up.', '.net.0.').replace('.down.', '.net.2.');
  return `param.${numbered.replace(/^lm\./, '')}`;
}

describeReference('a train entry', 'oracle/shared', () => {
  test.each(['head_capacity', 'seed_noisy'])('gives the logits and the loss of makemoe/%s', (name) => {
    const { tensors, config } = readCase(`makemoe/${name}`);
    const graph = graphOfText(TEXT, {
      entry: 'Fit',
      settings: settings({
        vocab: config['vocab_size'],
        dim: config['n_embed'],
        heads: config['n_head'],
        depth: config['n_layer'],
        experts: config['num_experts'],
        k: config['top_k'],
        block_size: config['block_size'],
        capacity: config['capacity_factor'] ?? 'none',
      }),
    });
    const bound = (stored: StoredTensor, type: TensorType): Tensor => {
      const data = type.dtype === 'i32' ? Float64Array.from(toInt32(stored)) : toFloat64(stored);
      return { dtype: type.dtype, shape: stored.shape, data };
    };
    const results = interpret(graph, {
      inputs: new Map(graph.inputs.map((one) => [one.name, bound(tensors.get(`in.${one.name}`)!, one.value.type)])),
      parameters: new Map(
        parameterTensors(graph.parameters).map(({ name, type }) => [
          name,
          bound(tensors.get(foreignName(name))!, type),
        ]),
      ),
    });
    expect(largestDifference(results.get('logits')!.data, valuesOf(tensors, 'out64.logits'))).toBeLessThan(1e-12);
    expect(largestDifference(results.get('loss')!.data, valuesOf(tensors, 'loss64'))).toBeLessThan(1e-12);
  });
});
