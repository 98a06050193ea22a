/** A decoder in plain JavaScript: loops over typed arrays, with a cache of keys and values, as C programs have it. */
import { BEGIN, rotaryTables, TOKENS } from './decoding.mjs';
import { readSafetensors } from './safetensors.mjs';

export async function load({ config, files }) {
  const weights = readSafetensors(await files.read('weights.safetensors'));
  const decode = makeDecoder((name) => weights.get(name).data, config);
  const call = () => {
    const tokens = new Int32Array(config.tokens);
    let token = BEGIN;
    for (let at = 0; at < config.tokens; at++) tokens[at] = token = decode(token, at);
    return tokens;
  };
  return { isSync: true, call, valuesOf: (tokens) => ({ [TOKENS]: tokens }) };
}

/** y = W x, of W [rows, columns]; four rows at once, whose sums do not wait for each other. */
function multiply(y, matrix, x) {
  const columns = x.length;
  for (let row = 0; row < y.length; row += 4) {
    const first = row * columns;
    const second = first + columns;
    const third = second + columns;
    const fourth = third + columns;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let at = 0; at < columns; at++) {
      const value = x[at];
      a += matrix[first + at] * value;
      b += matrix[second + at] * value;
      c += matrix[third + at] * value;
      d += matrix[fourth + at] * value;
    }
    y[row] = a;
    y[row + 1] = b;
    y[row + 2] = c;
    y[row + 3] = d;
  }
}

function normalize(y, x, weight, epsilon) {
  let sum = 0;
  for (let at = 0; at < x.length; at++) sum += x[at] * x[at];
  const factor = 1 / Math.sqrt(sum / x.length + epsilon);
  for (let at = 0; at < x.length; at++) y[at] = weight[at] * (factor * x[at]);
}

function accumulate(x, y) {
  for (let at = 0; at < x.length; at++) x[at] += y[at];
}

function makeDecoder(weight, { dim, depth, heads, kvHeads, hidden, vocab, length, theta, eps }) {
  const size = dim / heads;
  const width = kvHeads * size;
  const { cos, sin } = rotaryTables(length, size, theta);
  const layers = Array.from({ length: depth }, (_, at) => ({
    of: Object.fromEntries(
      ['attention.wq', 'attention.wk', 'attention.wv', 'attention.wo', 'attention_norm', 'ffn_norm'].map((part) => [
        part,
        weight(`layers.${at}.${part}.weight`),
      ]),
    ),
    w1: weight(`layers.${at}.feed_forward.w1.weight`),
    w2: weight(`layers.${at}.feed_forward.w2.weight`),
    w3: weight(`layers.${at}.feed_forward.w3.weight`),
    keys: new Float32Array(length * width),
    values: new Float32Array(length * width),
  }));
  const [table, lastNorm] = [weight('tok_embeddings.weight'), weight('norm.weight')];
  const [x, normed, mixed, out, q] = [0, 0, 0, 0, 0].map(() => new Float32Array(dim));
  const [gate, up] = [0, 0].map(() => new Float32Array(hidden));
  const [scores, logits] = [new Float32Array(length), new Float32Array(vocab)];

  function rotate(vector, at) {
    for (let i = 0; i < vector.length; i += 2) {
      const angle = (at * size + (i % size)) / 2;
      const [even, odd] = [vector[i], vector[i + 1]];
      vector[i] = even * cos[angle] - odd * sin[angle];
      vector[i + 1] = even * sin[angle] + odd * cos[angle];
    }
  }

  function attend(head, keys, values, at) {
    const [from, to] = [head * size, Math.floor((head * kvHeads) / heads) * size];
    let most = -Infinity;
    for (let t = 0; t <= at; t++) {
      let score = 0;
      for (let i = 0; i < size; i++) score += q[from + i] * keys[t * width + to + i];
      scores[t] = score / Math.sqrt(size);
      most = Math.max(most, scores[t]);
    }
    let sum = 0;
    for (let t = 0; t <= at; t++) sum += scores[t] = Math.exp(scores[t] - most);
    for (let i = 0; i < size; i++) mixed[from + i] = 0;
    for (let t = 0; t <= at; t++) {
      const share = scores[t] / sum;
      for (let i = 0; i < size; i++) mixed[from + i] += share * values[t * width + to + i];
    }
  }

  return (token, at) => {
    x.set(table.subarray(token * dim, (token + 1) * dim));
    for (const { of, w1, w2, w3, keys, values } of layers) {
      const [key, value] = [keys, values].map((cache) => cache.subarray(at * width, (at + 1) * width));
      normalize(normed, x, of.attention_norm, eps);
      multiply(q, of['attention.wq'], normed);
      multiply(key, of['attention.wk'], normed);
      multiply(value, of['attention.wv'], normed);
      rotate(q, at);
      rotate(key, at);
      for (let head = 0; head < heads; head++) attend(head, keys, values, at);
      multiply(out, of['attention.wo'], mixed);
      accumulate(x, out);
      normalize(normed, x, of.ffn_norm, eps);
      multiply(gate, w1, normed);
      multiply(up, w3, normed);
      for (let i = 0; i < hidden; i++) gate[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
      multiply(out, w2, gate);
      accumulate(x, out);
    }
    normalize(normed, x, lastNorm, eps);
    multiply(logits, table, normed);
    let best = 0;
    for (let i = 1; i < vocab; i++) if (logits[i] > logits[best]) best = i;
    return best;
  };
}
