/**
 * How long a token takes after texts of some lengths, with what is kept of the text and without, where all of it is
 * computed again. A program of its own, so that it can run under another Node: `node bench/lengths-time.mjs ARTIFACT
 * LENGTH…` prints JSON.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BEGIN } from './peers/decoding.mjs';

/** A token alone is too short for the clock. */
const TOKENS = 16;
const ROUNDS = 20;

const [artifact, ...lengths] = process.argv.slice(2);
const sizes = lengths.map(Number);
const { load } = await import(pathToFileURL(join(resolve(artifact), 'index.js')));
const model = await load();

/** Milliseconds a token: of the last ones that make a text as long as each of `lengths`. */
async function timeCached() {
  const longest = Math.max(...sizes);
  const ends = new Float64Array(longest + 1);
  const text = [BEGIN];
  for await (const { token } of model.generate([BEGIN], { tokens: longest })) {
    // It was computed from that many.
    ends[text.length] = performance.now();
    text.push(token);
  }
  return { text, times: sizes.map((size) => (ends[size] - ends[size - TOKENS]) / TOKENS) };
}

/** The same by running the model on the whole text; answers the token too. */
function timeWhole(text, size) {
  const idx = { shape: [1, size], data: Int32Array.from(text.slice(0, size)) };
  const start = performance.now();
  const { data, shape } = model.runSync({ idx }).logits;
  const token = likeliest(data.subarray(data.length - shape[2]));
  return { token, time: performance.now() - start };
}

function likeliest(scores) {
  let best = 0;
  for (let at = 1; at < scores.length; at++) if (scores[at] > scores[best]) best = at;
  return best;
}

const rows = sizes.map((length) => ({ length, cached: Infinity, whole: Infinity, agrees: true }));
for (let round = 0; round < ROUNDS; round++) {
  const { text, times } = await timeCached();
  for (const [at, row] of rows.entries()) {
    const { token, time } = timeWhole(text, row.length);
    row.cached = Math.min(row.cached, times[at]);
    row.whole = Math.min(row.whole, time);
    row.agrees &&= token === text[row.length];
  }
}
model.dispose();
console.log(JSON.stringify(rows));
