/**
 * Greedy decoding with a cache of keys and values, as ONNX files made by hand for onnxruntime-web. Of the forms that were
 * tried, these are the fastest (200 tokens of stories260K in Node 24, one thread, ms): the step as here 38; with the caches
 * as outputs that come back as inputs 51, and 56 with GroupQueryAttention; the loop 26, and 31 with GroupQueryAttention.
 */
import { mergedWeights } from '../peers/decoding-weights.mjs';
import { GraphBuilder } from './builder.mjs';
import { encodeModel } from './model.mjs';

/** Bytes of a file: its form is `step` or `loop`, `weights` has tensors by name, and `config` is that of decodings.mjs. */
export function exportDecoding(form, weights, config) {
  return { step: exportStep, loop: exportLoop }[form](mergedWeights(weights, config), config);
}

const token = { name: 'token', dtype: 'i64', shape: [1] };
const past = { name: 'past', dtype: 'i64', shape: [1] };
const next = { name: 'next', dtype: 'i64', shape: [1] };

/**
 * One token. What is kept is the caller's: `cache` [past, layers * (keys and values)], to which the caller adds `rows`, so
 * that nothing comes out but what is new.
 */
function exportStep(merged, config) {
  const { depth, kvHeads } = config;
  const size = sizeOf(config);
  const kept = kvHeads * size;
  const width = 2 * depth * kept;
  const graph = new GraphBuilder();
  const parts = graph.addSplit('Split', ['cache', graph.integers(Array(2 * depth).fill(kept))], 2 * depth, { axis: 1 });
  const byHead = graph.integers([-1, kvHeads, size]);
  const rows = [];
  const keep = (row, perm) => {
    const all = graph.add('Concat', [parts[rows.length], row], { axis: 0 });
    rows.push(row);
    return graph.add('Transpose', [graph.add('Reshape', [all, byHead])], { perm });
  };
  writeToken(graph, merged, config, {
    keys: (row) => keep(row, [1, 2, 0]),
    values: (row) => keep(row, [1, 0, 2]),
  });
  graph.add('Concat', rows, { axis: 1 }, 'rows');
  const { nodes, initializers } = graph;
  const cache = { name: 'cache', dtype: 'f32', shape: ['past', width] };
  const outputs = [next, { name: 'rows', dtype: 'f32', shape: [1, width] }];
  return encodeModel({ name: 'step', nodes, initializers, inputs: [token, past, cache], outputs });
}

/** All tokens in one run, which shows none before it has them all: the step within a Loop, which carries what is kept. */
function exportLoop(merged, config) {
  const { kvHeads, tokens } = config;
  const size = sizeOf(config);
  const graph = new GraphBuilder();
  const one = graph.integers([1]);
  graph.add('Reshape', ['iteration', one], {}, past.name);
  const carried = [];
  const keep = (row, { axis, shape, added }) => {
    const [before, after] = ['before', 'after'].map((when) => `${when}_${carried.length}`);
    carried.push({ before, after, shape });
    return graph.add('Concat', [before, graph.add('Reshape', [row, graph.integers(added)])], { axis }, after);
  };
  writeToken(graph, merged, config, {
    keys: (row) => keep(row, { axis: 2, shape: (length) => [kvHeads, size, length], added: [kvHeads, size, 1] }),
    values: (row) => keep(row, { axis: 1, shape: (length) => [kvHeads, length, size], added: [kvHeads, 1, size] }),
  });
  graph.add('Identity', ['goes'], {}, 'goes_on');
  graph.add('Identity', [next.name], {}, 'made');
  const scalar = (name, dtype) => ({ name, dtype, shape: [] });
  const caches = (when) => carried.map(({ [when]: name, shape }) => ({ name, dtype: 'f32', shape: shape(when) }));
  const body = {
    name: 'step',
    nodes: graph.nodes.splice(0),
    initializers: [],
    inputs: [scalar('iteration', 'i64'), scalar('goes', 'bool'), token, ...caches('before')],
    outputs: [scalar('goes_on', 'bool'), next, ...caches('after'), { ...next, name: 'made' }],
  };
  const empty = carried.map(({ shape }) => graph.constant('f32', shape(0), new Float32Array(0)));
  const count = graph.constant('i64', [], BigInt64Array.of(BigInt(tokens)));
  const always = graph.constant('bool', [], Uint8Array.of(1));
  graph.nodes.push({
    op: 'Loop',
    inputs: [count, always, 'begin', ...empty],
    outputs: ['last', ...carried.map((_, at) => `last_${at}`), 'tokens'],
    attributes: { body: { graph: body } },
  });
  const { nodes, initializers } = graph;
  const outputs = [{ ...next, name: 'tokens', shape: [tokens, 1] }];
  return encodeModel({ name: 'loop', nodes, initializers, inputs: [{ ...token, name: 'begin' }], outputs });
}

const sizeOf = ({ dim, heads }) => dim / heads;

/** From `token` and `past` to `next`. `keep` makes all keys and values, [heads, size, length] and [heads, length, size]. */
function writeToken(graph, merged, config, keep) {
  const { dim, heads, kvHeads, hidden, eps } = config;
  const size = sizeOf(config);
  const kept = kvHeads * size;
  const rotated = dim + kept;
  const split = (value, sizes) => graph.addSplit('Split', [value, graph.integers(sizes)], sizes.length, { axis: -1 });
  const product = (value, { data, shape }) => graph.add('MatMul', [value, graph.constant('f32', shape, data)]);
  const rowOf = ({ data, shape }, at) => graph.add('Gather', [graph.constant('f32', shape, data), at], { axis: 0 });
  const epsilon = { float: eps };
  const weight = graph.constant('f32', [dim], new Float32Array(dim).fill(1));
  const inGroups = graph.integers([kvHeads, heads / kvHeads, size]);
  const asRow = graph.integers([1, dim]);

  /** `x + y`, and the same normalised. */
  function addNormed(x, y) {
    const [normed, sum] = ['normed', 'sum'].map((name) => `${name}_${graph.nodes.length}`);
    graph.nodes.push({
      op: 'SkipSimplifiedLayerNormalization',
      domain: 'com.microsoft',
      inputs: [x, y, weight],
      outputs: [normed, '', '', sum],
      attributes: { epsilon },
    });
    return { normed, sum };
  }

  function attend(normed, layer, rotation) {
    const [turning, value] = split(product(normed, layer.attention), [2 * rotated, kept]);
    const turned = graph.add('Add', split(graph.add('Mul', [turning, rotation]), [rotated, rotated]));
    const [query, key] = split(turned, [dim, kept]);
    const scores = graph.add('MatMul', [graph.add('Reshape', [query, inGroups]), keep.keys(key)]);
    const mixed = graph.add('MatMul', [graph.add('Softmax', [scores], { axis: -1 }), keep.values(value)]);
    return product(graph.add('Reshape', [mixed, asRow]), layer.out);
  }

  function feedForward(normed, layer) {
    const [gate, up] = split(product(normed, layer.halves), [hidden, hidden]);
    const silu = `silu_${graph.nodes.length}`;
    const attributes = { alpha: { float: 1 } };
    graph.nodes.push({ op: 'QuickGelu', domain: 'com.microsoft', inputs: [gate], outputs: [silu], attributes });
    return product(graph.add('Mul', [silu, up]), layer.down);
  }

  const rotation = rowOf(merged.rotations, past.name);
  const embedded = rowOf(merged.table, token.name);
  const first = graph.add('SimplifiedLayerNormalization', [embedded, weight], { axis: -1, epsilon });
  let x = { normed: first, sum: embedded };
  for (const layer of merged.layers) {
    x = addNormed(x.sum, attend(x.normed, layer, rotation));
    x = addNormed(x.sum, feedForward(x.normed, layer));
  }
  graph.add('ArgMax', [product(x.normed, merged.head)], { axis: -1, keepdims: 0 }, next.name);
}
