/** Words of Python, NumPy and PyTorch that the language has no use for, and how to say here what they mean. */

/** Functions, methods and attributes of tensors. */
const words: Readonly<Record<string, string>> = {
  T: '`transpose(x)` reverses the axes',
  argsort: 'the order is the second result of `sort`: `values, order = sort(x)`',
  bmm: 'matrices are multiplied by `a @ b`',
  cat: 'did you mean `concat`?',
  clip: 'did you mean `clamp`?',
  concatenate: 'did you mean `concat`?',
  contiguous: 'leave it out: tensors have no layout',
  detach: 'did you mean `stop_gradient`?',
  dot: 'matrices are multiplied by `a @ b`',
  flatten: 'axes are joined by `rearrange(x, "b c h w -> b (c h w)")`',
  full_like: 'sizes are named by the signature: `x: f32[n, d]`, then `full([n, d], …)`',
  inf: 'infinity is `1.0 / 0.0`',
  linspace: '`arange(n)` counts; `cast(arange(n), f32)` can be scaled',
  masked_fill: 'did you mean `where(mask, value, x)`?',
  mm: 'matrices are multiplied by `a @ b`',
  moveaxis: 'did you mean `transpose` or `rearrange`?',
  ndim: 'axes are named by the signature: `x: f32[n, d]`',
  ones_like: 'sizes are named by the signature: `x: f32[n, d]`, then `ones([n, d])`',
  permute: 'did you mean `transpose(x, [0, 2, 1])`?',
  pow: 'a power is written `x ** y`',
  range: 'a loop counts with `0..n`; `arange(n)` is a tensor',
  shape: 'sizes are named by the signature of a block or function: `x: f32[n, d]`',
  size: 'sizes are named by the signature of a block or function: `x: f32[n, d]`',
  squeeze: 'an index takes an axis of size 1 away: `x[:, 0]`',
  swapaxes: 'did you mean `transpose` or `rearrange`?',
  tile: 'did you mean `repeat(x, "b c -> b (n c)", n: …)`?',
  tril: 'did you mean `where(tri(n), x, 0)`?',
  triu: 'did you mean `where(tri(n, diagonal: -1), 0, x)`?',
  unsqueeze: '`none` in an index adds an axis: `x[:, none]`',
  view: 'did you mean `reshape` or `rearrange`?',
  zeros_like: 'sizes are named by the signature: `x: f32[n, d]`, then `zeros([n, d])`',
};

/** What to write instead of a word from elsewhere, as a hint. */
export function hintForWord(name: string): string | undefined {
  return Object.hasOwn(words, name) ? words[name] : undefined;
}

/** Names that arguments have elsewhere. */
const argumentNames: Readonly<Record<string, string>> = {
  dim: 'axis',
  dims: 'axis',
  axes: 'axis',
  keepdims: 'keepdim',
  kernel: 'kernel_size',
};

/** The one of `names` that an argument from elsewhere means. */
export function usualArgument(name: string, names: readonly string[]): string | undefined {
  const usual = Object.hasOwn(argumentNames, name) ? argumentNames[name] : undefined;
  return usual !== undefined && names.includes(usual) ? usual : undefined;
}
