/** Weights and inputs drawn so that every layer keeps the scale of its input, and the same on every machine. */

/** Numbers in [0, 1): mulberry32, an integer generator of 32 bits of state. */
export function makeRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FNV-1a of a name, so that a tensor's values do not depend on the others. */
function seedOf(name) {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return hash >>> 0;
}

function uniform(name, count, low, high) {
  const random = makeRandom(seedOf(name));
  return Float32Array.from({ length: count }, () => low + (high - low) * random());
}

const countOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** Matrices and kernels [out, in …] by their fan-in, tables of tokens with deviation 1; scales near 1, variances positive, the rest small. */
export function drawParameter(name, shape) {
  const count = countOf(shape);
  if (name.endsWith('running_var')) return uniform(name, count, 0.5, 1.5);
  if (shape.length < 2)
    return name.endsWith('weight') ? uniform(name, count, 0.9, 1.1) : uniform(name, count, -0.1, 0.1);
  // Where all rows of a residual stream were alike, a router would send them to the same experts.
  const bound = /embedding_table/.test(name) ? Math.sqrt(3) : Math.sqrt(3 / countOf(shape.slice(1)));
  return uniform(name, count, -bound, bound);
}

/** f32 in -1 … 1, i32 in 0 … limit - 1. */
export function drawInput(name, dtype, shape, limit) {
  const count = countOf(shape);
  if (dtype === 'f32') return uniform(name, count, -1, 1);
  return Int32Array.from(uniform(name, count, 0, limit), Math.floor);
}
