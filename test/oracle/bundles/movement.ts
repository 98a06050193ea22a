/** The bundles that move elements: layouts, parts, and what is read or written by index. */
import { aligned, except, form, literal, named, numbers, type Call, type Form, type Table } from './form.ts';

type Range = readonly (number | null)[];

/** `start:stop:step`, whatever is null left out. */
function range([start, stop, step]: Range): string {
  const bound = (at: number | null | undefined): string => String(at ?? '');
  return `${bound(start)}:${bound(stop)}${step === 1 ? '' : `:${bound(step)}`}`;
}

/** Names for the axes of operands that differ along one of them only. */
function alongside(...operands: readonly string[]): (call: Call) => { [operand: string]: string } {
  return (call) =>
    Object.fromEntries(
      operands.map((name) => {
        const axis = Number(call.attributes['axis']);
        return [
          name,
          call
            .sizes(name)
            .map((_, at) => (at === axis ? `along_${name}` : `n${at}`))
            .join(' '),
        ];
      }),
    );
}

/** The parts of `x`, as many as the call gives. */
function parts(count: (call: Call) => number, expression: (call: Call) => string): Form {
  return form(
    (call) => {
      const names = Array.from({ length: count(call) }, (_, at) => `y${at}`);
      const outputs = names.map((name) => `output ${name} = ${name}`);
      return [`${names.join(', ')} = ${expression(call)}`, ...outputs].join('\n');
    },
    (call) => except(call, Number(call.attributes['axis'])),
  );
}

/** `x` tiled: einops with a new axis in front of each. */
function tiled({ attributes, sizes }: Call): string {
  const repeats = numbers(attributes['reps']);
  const lead = repeats.length - sizes('x').length;
  const own = sizes('x').map((_, at) => `n${at}`);
  const result = repeats.map((_, at) => (at < lead ? `r${at}` : `(r${at} ${own[at - lead]})`));
  const counts = Object.fromEntries(repeats.map((count, at) => [`r${at}`, count]));
  return `output y = repeat(x, "${own.join(' ')} -> ${result.join(' ')}", ${named(counts)})`;
}

/** Axes of the index need not be as long as those of `x`. */
const INDEXED = { x: 'rows columns', idx: 'i j', src: 'i j' };

export const movementForms: Table = {
  chunk: parts(
    // PyTorch's chunks are as long as the first, so that there may be fewer.
    ({ attributes, sizes }) => {
      const size = Number(sizes('x').at(Number(attributes['axis'])));
      return Math.ceil(size / Math.ceil(size / Number(attributes['n'])));
    },
    ({ attributes: { n, axis } }) => `chunk(x, ${literal(n!)}, ${named({ axis: axis! })})`,
  ),
  concat: form(({ attributes }) => `output y = concat([a, b, c], ${named(attributes)})`, alongside('a', 'b', 'c')),
  embedding: form(({ attributes }) => `output y = embedding(ids, w, ${named(attributes)})`, {
    ids: 'rows columns',
    w: 'count',
  }),
  expand: form(({ attributes, sizes }) => {
    const own = sizes('x');
    const shape = numbers(attributes['shape']);
    const wanted = shape.map((size, at) => {
      const from = own[at - (shape.length - own.length)] ?? '1';
      return from === '1' ? String(size) : from;
    });
    return `output y = expand(x, [${wanted.join(', ')}])`;
  }, aligned),
  flip: form(({ attributes: { axes } }) => `output y = flip(x, ${named({ axis: axes! })})`, aligned),
  gather: form(({ attributes }) => `output y = gather(x, idx, ${named(attributes)})`, INDEXED),
  index_add: form(() => 'output y = index_add(x, idx, src)', { x: 'n d', idx: 'm', src: 'm d' }),
  // Along the first axis, as in all sub-cases, it is a table of rows.
  index_select: form(() => 'output y = embedding(idx, x)', { x: 'n d', idx: 'm' }),
  one_hot: form(({ attributes: { n } }) => `output y = one_hot(ids, ${literal(n!)})`, aligned),
  pad: form(
    ({ attributes: { pads, ...attributes } }) => {
      const pairs = pads as readonly (readonly number[])[];
      const [before, after] = [0, 1].map((end) => pairs.map((pair) => pair[end]!));
      return `output y = pad(x, ${named({ before: before!, after: after!, ...attributes })})`;
    },
    // Reflection wants an axis longer than the padding, which a symbolic one may not be.
    (call) => (call.attributes['mode'] === 'constant' ? aligned(call) : { x: 'n c' }),
  ),
  permute: form(({ attributes: { axes } }) => `output y = transpose(x, ${literal(axes!)})`, aligned),
  pixel_shuffle: [
    form(
      ({ attributes: { r } }) =>
        `output y = rearrange(x, "n (c p q) h w -> n c (h p) (w q)", p: ${literal(r!)}, q: ${literal(r!)})`,
      { x: 'n . h w' },
    ),
    form(
      ({ attributes: { r } }) => ({
        preamble: 'import { PixelShuffle } from "std/conv"',
        body: `output y = x |> PixelShuffle(${literal(r!)})`,
      }),
      { x: 'n . h w' },
    ),
  ],
  rearrange: form(
    ({ attributes: { pattern, sizes } }) => {
      const counts = named(sizes as { readonly [name: string]: number });
      return `output y = rearrange(x, ${literal(pattern!)}${counts && `, ${counts}`})`;
    },
    { x: 'n' },
  ),
  repeat: form(tiled, aligned),
  reshape: form(
    ({ attributes: { axes, shape } }) => `output y = reshape(transpose(x, ${literal(axes!)}), ${literal(shape!)})`,
  ),
  roll: form(
    ({ attributes: { shifts, axes } }) => `output y = roll(x, ${literal(shifts!)}, ${named({ axis: axes! })})`,
    aligned,
  ),
  scatter: form(({ attributes }) => `output y = scatter(x, idx, src, ${named(attributes)})`, INDEXED),
  scatter_add: form(({ attributes }) => `output y = scatter_add(x, idx, src, ${named(attributes)})`, INDEXED),
  slice: form(({ attributes: { slices } }) => {
    const ranges = slices as unknown as readonly Range[];
    return `output y = x[${ranges.map(range).join(', ')}]`;
  }, aligned),
  split: parts(
    ({ attributes }) => numbers(attributes['sizes']).length,
    ({ attributes: { sizes, axis } }) => `split(x, ${literal(sizes!)}, ${named({ axis: axis! })})`,
  ),
  stack: form(({ attributes }) => `output y = stack([a, b], ${named(attributes)})`, aligned),
  tri: form(({ attributes, sizes }) => {
    const [rows, columns] = sizes('x').slice(-2);
    const diagonal = Number(attributes['diagonal']);
    return `output tril = where(tri(${rows}, ${columns}, ${diagonal}), x, 0.0)
      output triu = where(tri(${rows}, ${columns}, ${diagonal - 1}), 0.0, x)`;
  }, aligned),
};
