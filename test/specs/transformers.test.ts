import { describe, test } from 'vitest';
import { graphOf, settings, specFile, TARGETS } from '../support/specs.ts';
import { randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';
import { drawWeights, expectResults } from './drawn.ts';
import { attend, each, gelu, geluTanh, layerNorm, linear, plus, type Parameters, type Rows } from './plain.ts';

/** Rows of a table by number. */
function lookUp(table: ArrayLike<number>, ids: readonly number[], width: number): number[][] {
  return ids.map((id) => Array.from({ length: width }, (_, at) => table[id * width + at]!));
}

describe.each([false, true])('DeiT with distilled = %s', (distilled) => {
  const [rows, columns, patch, dim, depth, heads, classes] = [8, 12, 4, 12, 2, 3, 5];
  const sizes = { num_classes: classes, embed_dim: dim, depth, num_heads: heads, mlp_ratio: 1.5 };
  const graph = graphOf(specFile('deit.model'), {
    settings: settings({ ...sizes, img_size: [rows, columns], patch_size: patch, distilled }),
  });
  const weights = drawWeights(graph, 7);
  const img = randomTensor('f32', [2, 3, rows, columns], randomNumbers(8));

  /** Every patch as the product of its pixels with the filters, written out. */
  function patches(parameters: Parameters, sample: number): number[][] {
    const pixels: number[][] = [];
    for (let top = 0; top < rows; top += patch)
      for (let left = 0; left < columns; left += patch)
        pixels.push(
          Array.from({ length: 3 * patch * patch }, (_, at) => {
            const [c, i, j] = [Math.floor(at / patch / patch), Math.floor(at / patch) % patch, at % patch];
            return img.data[((sample * 3 + c) * rows + top + i) * columns + left + j]!;
          }),
        );
    return linear(pixels, parameters, 'patch_embed.proj');
  }

  function logits(parameters: Parameters, sample: number): number[] {
    const tokens = distilled ? ['cls_token', 'dist_token'] : ['cls_token'];
    const all = [...tokens.map((name) => Array.from(parameters(name))), ...patches(parameters, sample)];
    let x: Rows = plus(all, lookUp(parameters('pos_embed'), [...all.keys()], dim));
    for (let at = 0; at < depth; at++) {
      const qkv = linear(layerNorm(x, parameters, `blocks.${at}.norm1`, 1e-6), parameters, `blocks.${at}.attn.qkv`);
      const [q, k, v] = [0, 1, 2].map((part) => qkv.map((row) => row.slice(part * dim, (part + 1) * dim)));
      x = plus(x, linear(attend(q!, k!, v!, heads), parameters, `blocks.${at}.attn.proj`));
      const up = linear(layerNorm(x, parameters, `blocks.${at}.norm2`, 1e-6), parameters, `blocks.${at}.mlp.fc1`);
      x = plus(x, linear(each(up, gelu), parameters, `blocks.${at}.mlp.fc2`));
    }
    const [cls, dist] = layerNorm(x, parameters, 'norm', 1e-6);
    const [answer] = linear([cls!], parameters, 'head');
    if (!distilled) return answer!;
    const [second] = linear([dist!], parameters, 'head_dist');
    return answer!.map((value, at) => (value + second![at]!) / 2);
  }

  test.each(TARGETS)('computes what the paper says on %s', async (target) => {
    const wanted = [0, 1].flatMap((sample) => logits(weights.read, sample));
    await expectResults(graph, weights, { img }, { logits: wanted }, target);
  });
});

describe('ALBERT', () => {
  const [vocab, positions, narrow, wide, heads, length] = [11, 8, 6, 12, 3, 7];
  const ids = [3, 10, 0, 7, 7, 1, 5, 2, 2, 9, 4, 8, 6, 0];
  const segment = [0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1];
  const mask = [1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1];
  const input = (values: readonly number[]) => tensorOf('i32', [2, length], values);

  /** The layers in the order of their application, by the group and the place in it. */
  const cases = [
    { layers: 3, groups: 1, inner_layers: 1, order: ['0 0', '0 0', '0 0'] },
    { layers: 4, groups: 2, inner_layers: 1, order: ['0 0', '0 0', '1 0', '1 0'] },
    { layers: 2, groups: 2, inner_layers: 2, order: ['0 0', '0 1', '1 0', '1 1'] },
  ];

  describe.each(cases)('of $layers layers in $groups groups of $inner_layers', ({ order, ...sizes }) => {
    const shape = {
      vocab,
      max_position: positions,
      embedding_size: narrow,
      hidden_size: wide,
      heads,
      intermediate: 10,
    };
    const options = { settings: settings({ ...sizes, ...shape }), given: ['segment', 'mask'] };
    const graph = graphOf(specFile('albert.model'), { ...options, entry: 'Albert' });
    const weights = drawWeights(graph, 9);
    const inputs = { ids: input(ids), segment: input(segment), mask: input(mask) };

    function hidden(parameters: Parameters, sample: number): Rows {
      const part = (values: readonly number[]): readonly number[] =>
        values.slice(sample * length, (sample + 1) * length);
      const table = (name: string): ArrayLike<number> => parameters(`embeddings.${name}_embeddings.weight`);
      const words = lookUp(table('word'), part(ids), narrow);
      const kinds = lookUp(table('token_type'), part(segment), narrow);
      const places = lookUp(table('position'), [...part(ids).keys()], narrow);
      const embedded = layerNorm(plus(plus(words, kinds), places), parameters, 'embeddings.LayerNorm', 1e-12);
      const bias = part(mask).map((kept) => -10000 * (1 - kept));
      return order.reduce<Rows>(
        (x, place) => {
          const [group, inner] = place.split(' ');
          const path = `encoder.albert_layer_groups.${group}.albert_layers.${inner}`;
          const [q, k, v] = ['query', 'key', 'value'].map((name) => linear(x, parameters, `${path}.attention.${name}`));
          const mixed = linear(attend(q!, k!, v!, heads, bias), parameters, `${path}.attention.dense`);
          const y = layerNorm(plus(x, mixed), parameters, `${path}.attention.LayerNorm`, 1e-12);
          const up = each(linear(y, parameters, `${path}.ffn`), geluTanh);
          const down = linear(up, parameters, `${path}.ffn_output`);
          return layerNorm(plus(y, down), parameters, `${path}.full_layer_layer_norm`, 1e-12);
        },
        linear(embedded, parameters, 'encoder.embedding_hidden_mapping_in'),
      );
    }

    test.each(TARGETS)('computes what the paper says on %s', async (target) => {
      const rows = [0, 1].map((sample) => hidden(weights.read, sample));
      const pooled = rows.flatMap(([first]) => each(linear([first!], weights.read, 'pooler'), Math.tanh));
      await expectResults(graph, weights, inputs, { hidden: rows.flat(2), pooled: pooled.flat() }, target);
    });

    const masked = graphOf(specFile('albert.model'), { ...options, entry: 'AlbertForMaskedLM' });
    const own = drawWeights(masked, 10);

    /** The scores of all words: the likeness of what the head makes of a place to their embeddings, and a bias. */
    function logits(sample: number): number[] {
      const dense = linear(
        hidden((path) => own.read(`albert.${path}`), sample),
        own.read,
        'predictions.dense',
      );
      const rows = layerNorm(each(dense, geluTanh), own.read, 'predictions.LayerNorm', 1e-12);
      const table = own.read('albert.embeddings.word_embeddings.weight');
      const bias = own.read('predictions.bias');
      return rows.flatMap((row) =>
        Array.from(bias, (start, word) =>
          row.reduce((sum, value, at) => sum + value * table[word * narrow + at]!, start),
        ),
      );
    }

    test.each(TARGETS)('tells words by their embeddings on %s', async (target) => {
      await expectResults(masked, own, inputs, { logits: [0, 1].flatMap(logits) }, target);
    });
  });
});
