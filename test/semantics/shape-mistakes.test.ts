/**
 * Mistakes that people make with shapes, each made by one edit of a spec of the project: one error at the right place,
 * and where the way out is mechanical a hint which, followed to the letter, mends the spec.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Code } from '../../src/compiler/base/catalog.ts';
import type { Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import { checkSpec } from '../../src/compiler/driver.ts';
import { renderAll, specFile, specHost } from '../support/specs.ts';

interface Mistake {
  readonly what: string;
  /** The spec that is checked; the mistake is made in `file`, by default there too. */
  readonly spec: string;
  readonly file?: string;
  readonly right: string;
  readonly wrong: string;
  readonly code: Code;
  /** The text under the primary label, or its beginning with `…`; in `«»` where there is text around it too. */
  readonly at: string;
  /** What message, notes and labels say, among other things. */
  readonly says?: readonly string[];
  /** What the hint has in backticks. */
  readonly hint?: string;
  /** Where to put that, `⟨hint⟩`, for the text before it; by default for the text at the primary label. */
  readonly mend?: readonly [from: string, to: string] | 'not alone';
}

const MISTAKES: readonly Mistake[] = [
  {
    what: 'joining along another axis',
    spec: 'vit.model',
    right: 'tokens], axis: 1)',
    wrong: 'tokens], axis: 2)',
    code: 'HED2210',
    at: 'batch), «tokens»]',
    says: ['f32[batch, 1, 1024]', 'f32[batch, 64, 1024]', 'axis 1: 1 against 64'],
    hint: 'axis: 1',
    mend: ['axis: 2', '⟨hint⟩'],
  },
  {
    what: 'forgetting the class token in the position embedding',
    spec: 'vit.model',
    right: 'patches + 1, dim]',
    wrong: 'patches, dim]',
    code: 'HED2210',
    at: 'pos_embedding',
    says: ['axis 1: 65 against 64', '`patches` was bound to 64 here'],
    hint: 'patches + 1',
    mend: ['patches, dim]', '⟨hint⟩, dim]'],
  },
  {
    what: 'forgetting to choose the class token',
    spec: 'vit.model',
    right: 'else x[:, 0]',
    wrong: 'else x',
    code: 'HED2202',
    at: 'pooled |> LayerNorm()…',
    says: ['f32[batch, 65, 1000]', '`f32[batch, classes]` is asked for here'],
    hint: 'x[:, 0]',
    mend: ['else x', 'else ⟨hint⟩'],
  },
  {
    what: 'a patch size that does not divide the image',
    spec: 'vit.model',
    right: 'p: patch[0], q',
    wrong: 'p: patch[0] + 1, q',
    code: 'HED2210',
    at: 'b c («h» p)',
    says: ['axis 2 of f32[batch, 3, 256, 256] is not a multiple of 33', '`image` was bound to (256, 256) here'],
  },
  {
    what: 'losing an axis in a rearrangement',
    spec: 'vit.model',
    right: '(p q c)',
    wrong: '(p q)',
    code: 'HED2210',
    at: '"b «c» (h p)',
    says: ['axis `c` is missing on the right'],
  },
  {
    what: 'an input of fewer axes than a pattern',
    spec: 'mlp.model',
    right: 'input x: f32[batch, features]\n\n  h = x |> Linear(hidden) as hidden',
    wrong: 'input x: f32[batch, features]\n\n  h = x |> rearrange("b c h -> b (c h)") |> Linear(hidden) as hidden',
    code: 'HED2210',
    at: 'rearrange("«b» c',
    says: ['the pattern takes a tensor of 3 axes, but this is f32[batch, 64]'],
  },
  {
    what: 'repeating the class token along another axis',
    spec: 'vit.model',
    right: 'expand(cls_token, axis: 0,',
    wrong: 'expand(cls_token, axis: 1,',
    code: 'HED2210',
    at: 'batch), «tokens»]',
    says: ['f32[1, batch, 1024]', 'axis 0: 1 against batch'],
  },
  {
    what: 'a residual branch that changes the width',
    spec: 'vit.model',
    right: 'FeedForward(mlp_dim, dropout, activation) as ff',
    wrong: 'Linear(mlp_dim) as ff',
    code: 'HED2210',
    at: '(x |> LayerNorm() as norm2…',
    says: ['f32[batch, 65, 2048]', 'axis 2: 1024 against 2048'],
  },
  {
    what: 'an output with its axes exchanged',
    spec: 'vit.model',
    right: 'output logits: f32[batch, classes]',
    wrong: 'output logits: f32[classes, batch]',
    code: 'HED2205',
    at: 'pooled |> LayerNorm()…',
    says: ['axis 0: batch against 1000', '`classes` was bound to 1000 here', 'for some values of the dimensions only'],
  },
  {
    what: 'a dimension that nothing declares',
    spec: 'vit.model',
    right: '  dims batch\n',
    wrong: '\n',
    code: 'HED2005',
    at: 'input img: f32[«batch»',
    hint: 'dims batch',
    mend: ['\n  input img', '\n  ⟨hint⟩\n  input img'],
  },
  {
    what: 'a dimension declared twice',
    spec: 'vit.model',
    right: '  dims batch\n',
    wrong: '  dims batch, batch\n',
    code: 'HED2507',
    at: 'dims batch, «batch»',
  },
  {
    what: 'a block that is not applied',
    spec: 'vit.model',
    right: '= pooled |> LayerNorm() as norm |> Linear(classes) as head',
    wrong: '= Linear(classes)',
    code: 'HED2510',
    at: 'Linear(classes)',
    hint: 'x |> Linear(classes)',
    mend: ['= Linear(classes)', '= x[:, 0] |> Linear(classes)'],
  },
  {
    what: 'adding a block that is not applied',
    spec: 'vit.model',
    right: 'x |> LayerNorm() as norm1 |> Attention(heads, dim_head, dropout) as attn',
    wrong: 'x + LayerNorm()',
    code: 'HED2207',
    at: 'LayerNorm()',
    hint: 'x |> LayerNorm()',
    mend: ['x + LayerNorm()', 'x + (⟨hint⟩ as norm1)'],
  },
  {
    what: 'a mean that drops its axis',
    spec: 'vit.model',
    file: 'std/nn.model',
    right: 'centred = x - mean(x, axis: -1, keepdim: true)',
    wrong: 'centred = x - mean(x, axis: -1)',
    code: 'HED2210',
    at: 'mean(x, axis: -1)',
    says: ['f32[batch, 65, 1024]', 'f32[batch, 65]'],
    hint: 'keepdim: true',
    mend: ['x - mean(x, axis: -1)', 'x - mean(x, axis: -1, ⟨hint⟩)'],
  },
  {
    what: 'a weight that is stored the other way round',
    spec: 'mlp.model',
    file: 'std/nn.model',
    right: '"... i, o i -> ... o"',
    wrong: '"... i, i o -> ... o"',
    code: 'HED2210',
    at: '... i, «i» o',
    says: ['f32[batch, 64]', 'f32[128, 64]', '`out` was bound to 128 here', '`d` was bound to 64 here'],
    hint: 'transpose(weight, [1, 0])',
    mend: ['x, weight)', 'x, ⟨hint⟩)'],
  },
  {
    what: 'a tied head with its axes exchanged',
    spec: 'llama.model',
    right: 'b t d, v d -> b t v',
    wrong: 'b t d, d v -> b t v',
    code: 'HED2210',
    at: 't d, «d» v',
    says: ['axis `d` is 64 and 512'],
    hint: 'transpose(tok_embeddings.weight, [1, 0])',
    mend: ['tok_embeddings.weight)', '⟨hint⟩)'],
  },
  {
    what: 'a product of matrices that does not fit',
    spec: 'llama.model',
    right: 'einsum("b t d, v d -> b t v", h, tok_embeddings.weight)',
    wrong: 'h @ tok_embeddings.weight',
    code: 'HED2210',
    at: 'tok_embeddings.weight',
    says: ['the last axis of the first is 64, the second last axis of the second 512'],
    hint: 'transpose(tok_embeddings.weight, [1, 0])',
  },
  {
    what: 'tokens that are no integers',
    spec: 'llama.model',
    right: 'input idx: i32',
    wrong: 'input idx: f32',
    code: 'HED2201',
    at: 'tok_embeddings(«idx»)',
    says: ['f32[batch, time]', '`i32[..lead]` is asked for here'],
    hint: 'cast(idx, i32)',
    // What is generated has to be integers from the start.
    mend: 'not alone',
  },
  {
    what: 'a tensor among the hyperparameters',
    spec: 'llama.model',
    right: 'gate = x |> Linear(hidden, bias: false) as w1',
    wrong: 'gate = Linear(x, hidden)',
    code: 'HED2401',
    at: 'gate = Linear(«x», hidden)',
    says: ['found `f32[batch, time, 64]`'],
    hint: 'x |> Linear(…)',
  },
  {
    what: 'splitting an axis into sizes of another product',
    spec: 'llama.model',
    right: 'wq |> rearrange("b t (h e) -> b h t e", h: heads)',
    wrong: 'wq |> rearrange("b t (h e) -> b h t e", h: heads, e: 16)',
    code: 'HED2210',
    at: '"b t «(»h e)',
    says: ['axis 2 of f32[batch, time, 64] is 64, not 128'],
  },
  {
    what: 'targets that are no integers',
    spec: 'moe_lm.model',
    right: 'input targets: i32',
    wrong: 'input targets: f32',
    code: 'HED2210',
    at: 'rearrange(targets…',
    hint: 'cast(…, i32)',
    mend: ['rearrange(targets, "b t -> (b t)")', 'cast(rearrange(targets, "b t -> (b t)"), i32)'],
  },
  {
    what: 'more heads than the width divides into',
    spec: 'moe_lm.model',
    right: 'n_head: int = 8',
    wrong: 'n_head: int = 7',
    code: 'HED2104',
    at: 'c / heads',
    says: ['128 / 7 is not a whole number', '`heads` was bound to 7 here', '`c` was bound to 128 here'],
  },
  {
    what: 'more experts a token than there are',
    spec: 'moe_lm.model',
    right: 'num_experts: int = 8',
    wrong: 'num_experts: int = 1',
    code: 'HED2210',
    at: 'top_k(logits, «k»)',
    says: ['`top_k` wants 2 of the 1 elements of axis 1'],
  },
  {
    what: 'another number of names than of results',
    spec: 'moe_lm.model',
    file: 'std/moe.model',
    right: 'best, index = top_k(logits, k)',
    wrong: 'best, second, index = top_k(logits, k)',
    code: 'HED2504',
    at: 'top_k(logits, k)',
    says: ['3 names are assigned, found 2 values'],
  },
  {
    what: 'results in the wrong order',
    spec: 'moe_lm.model',
    file: 'std/moe.model',
    right: 'axis: -1)))\n  return gate, index',
    wrong: 'axis: -1)))\n  return index, gate',
    code: 'HED2201',
    at: 'return «index», gate',
    says: ['result 0 of `Choose` must be f32, found i32[batch*time, 2]'],
  },
  {
    what: 'a result of another width than the signature says',
    spec: 'moe_lm.model',
    right: 'return y |> Linear(c) as proj',
    wrong: 'return y |> Linear(2 * c) as proj',
    code: 'HED2205',
    at: 'y |> Linear(2 * c)…',
    says: ['`f32[b, t, c]` is asked for here', '`c` was bound to 128 here', 'axis 2: 256 against 128'],
  },
  {
    what: 'merged axes without the size of one',
    spec: 'moe_lm.model',
    file: 'std/moe.model',
    right: 'rearrange(y, "(b t) c -> b t c", b: b)',
    wrong: 'rearrange(y, "(b t) c -> b t c")',
    code: 'HED2210',
    at: '"(b «t») c -> b t c")',
    hint: 't: …',
    mend: ['"(b t) c -> b t c")', '"(b t) c -> b t c", t: t)'],
  },
  {
    what: 'heads stacked along another axis',
    spec: 'moe_lm.model',
    right: 'as value], axis: 1)',
    wrong: 'as value], axis: 2)',
    code: 'HED2210',
    at: 'attention(q, k, «v»,',
    says: ['f32[batch, time, 8, 16]', 'heads: 8 in k against time in v'],
  },
  {
    what: 'a sequence longer than its position embedding',
    spec: 'moe_lm.model',
    right: 'dims batch, time <= block_size\n  input idx: i32[batch, time]\n  input noise',
    wrong: 'dims batch, time\n  input idx: i32[batch, time]\n  input noise',
    code: 'HED2210',
    at: 'weight[:n]',
    says: ['axis 1: time against min(32, time)', '`time` is a dimension of the run'],
    hint: 'dims time <= 32',
    mend: ['dims batch, time\n', 'dims batch\n  ⟨hint⟩\n'],
  },
  {
    what: 'a factor without the axis to spread along',
    spec: 'inline_deit.model',
    file: 'std/linear_attention.model',
    right: 'rest[..., none] * mean',
    wrong: 'rest * mean',
    code: 'HED2210',
    at: 'mean(v…',
    hint: 'rest[:, :, :, none]',
    mend: ['rest * mean', '⟨hint⟩ * mean'],
  },
  {
    what: 'a convolution in groups of other channels',
    spec: 'inline_deit.model',
    file: 'std/linear_attention.model',
    right: 'groups: b * c',
    wrong: 'groups: b',
    code: 'HED2210',
    at: 'pixels',
    says: ['axis 1 of x: 192*batch against batch'],
  },
  {
    what: 'a window larger than the image',
    spec: 'multi_branch.model',
    right: 'hw: (int, int) = (6, 8)',
    wrong: 'hw: (int, int) = (1, 8)',
    code: 'HED2210',
    at: 'images[i] |> Conv2d…',
    says: ['`max_pool2d` needs 2 elements of axis 2 for one window, and there are 1'],
  },
  {
    what: 'branches of other sizes',
    spec: 'multi_branch.model',
    right: 'Conv2d(cb[1], 3, padding: 1)',
    wrong: 'Conv2d(cb[1], 3)',
    code: 'HED2210',
    at: '[one, «three», five]',
    says: ['axis 2: floordiv(height, 2) against floordiv(height, 2) - 2'],
  },
  {
    what: 'a model of several inputs behind a pipe',
    spec: 'multi_branch.model',
    right: 'y = net(x1, x2, x3)',
    wrong: 'y = x1 |> net',
    code: 'HED2315',
    at: 'x1 |> «net»',
    says: ['`MultiBranchInputs` needs the tensor `x2`', 'declared here'],
  },
  {
    what: 'a filter wider than the embedding',
    spec: 'text_cnn.model',
    right: '(width, embedding_dim))',
    wrong: '(width, 2 * embedding_dim))',
    code: 'HED2210',
    at: 'conv2d(«x», weight',
    says: ['`conv2d` needs 256 elements of axis 3 for one window, and there are 128'],
  },
  {
    what: 'an axis beyond the last',
    spec: 'text_cnn.model',
    right: 'concat(features, axis: 1)',
    wrong: 'concat(features, axis: 2)',
    code: 'HED2210',
    at: 'concat(features, axis: «2»)',
    says: ['axis 2 is out of range for a tensor of rank 2'],
  },
  {
    what: 'an image without channels',
    spec: 'text_cnn.model',
    right: 'words[:, none] |> Conv2d',
    wrong: 'words |> Conv2d',
    code: 'HED2202',
    at: '«words» |> Conv2d',
    says: ['must have 4 axes, found f32[batch, length, 128]'],
  },
  {
    what: 'a model applied with an input it does not have',
    spec: 'text_cnn.model',
    right: 'student(ids)',
    wrong: 'student(tokens: ids)',
    code: 'HED2314',
    at: 'student(«tokens»: ids)',
    says: ['`TextCNN` takes one tensor: ids'],
  },
  {
    what: 'a loss with its arguments exchanged',
    spec: 'text_cnn.model',
    right: 'cross_entropy(logits, label)',
    wrong: 'cross_entropy(label, logits)',
    code: 'HED2210',
    at: 'cross_entropy(«label», logits)',
    hint: 'cross_entropy(logits, label)',
    mend: ['cross_entropy(label, logits)', '⟨hint⟩'],
  },
  {
    what: 'a loss that is no number',
    spec: 'mlp.model',
    right: 'then mean(square(t - y))',
    wrong: 'then square(t - y)',
    code: 'HED2520',
    at: 'if …',
    says: ['f32[batch, 2]'],
    hint: 'mean(…)',
  },
  {
    what: 'the first sample instead of the first token',
    spec: 'bert.model',
    right: 'x[:, 0] |> Linear',
    wrong: 'x[0] |> Linear',
    code: 'HED2205',
    at: 'x[0] |> Linear…',
    says: ['axis 0: length against batch'],
  },
  {
    what: 'an element beyond the last',
    spec: 'bert.model',
    right: 'x[:, 0] |> Linear',
    wrong: 'x[:, 0, 768] |> Linear',
    code: 'HED2603',
    at: '768',
    says: ['index 768 is out of range: axis 2 has size 768', 'f32[batch, length, 768]'],
  },
  {
    what: 'a mask without the axes of heads and queries',
    spec: 'bert.model',
    right: 'f32[b, 1, 1, n] {\n  return -10000.0 * (1.0 - cast(mask, f32))[:, none, none]',
    wrong: 'f32[b, n] {\n  return -10000.0 * (1.0 - cast(mask, f32))',
    code: 'HED2202',
    at: 'layer(x, «bias»)',
    says: ['must have 4 axes, found f32[batch, length]'],
  },
  {
    what: 'a residual block that shrinks the image',
    spec: 'resnet.model',
    file: 'std/vision.model',
    right: 'if stride == 1 and c == planes { return relu(u + x) }',
    wrong: 'return relu(u + x)',
    code: 'HED2210',
    at: 'relu(u + «x»)',
    says: ['axis 1: 128 against 64', 'axis 2: floordiv(height + 7, 8) against floordiv(height + 3, 4)'],
  },
];

test.each(MISTAKES)('$what', (mistake) => {
  const { spec, file = spec, right, wrong, code, at, says = [], hint, mend } = mistake;
  const path = specFile(file);
  const text = readFileSync(path, 'utf8');
  expect(text, `the text that the test edits is in ${file}`).toContain(right);
  const edited = text.replace(right, () => wrong);
  const found = errorsOf(spec, path, edited);
  expect(
    found.map((item) => item.code),
    renderAll(found),
  ).toEqual([code]);
  const [error] = found;
  expect(placed(error!, at), `the place: ${renderAll(found)}`).toBe(true);
  const told = renderAll(found);
  for (const part of says) expect(told).toContain(part);
  if (hint === undefined) return;
  expect(error!.hint).toContain(`\`${hint}\``);
  if (mend === 'not alone' || (!mend && hint.includes('…'))) return;
  const [from, to] = mend ?? [at, '⟨hint⟩'];
  const mended = edited.replace(from, () => to.replace('⟨hint⟩', hint));
  expect(mended).not.toBe(edited);
  expect(renderAll(errorsOf(spec, path, mended))).toBe('');
});

test('the specs that the mistakes are made in are right without them', () => {
  for (const spec of new Set(MISTAKES.map((mistake) => mistake.spec)))
    expect(renderAll(errorsOf(spec, '', ''))).toBe('');
});

function errorsOf(spec: string, path: string, text: string): readonly Diagnostic[] {
  return checkSpec(specFile(spec), specHost({ [path]: text })).filter((item) => item.severity === 'error');
}

/** Whether the primary label stands where `at` says. */
function placed({ primary }: Diagnostic, at: string): boolean {
  const { source, start, end } = primary!.span;
  if (at.endsWith('…')) return source.text.slice(start, end).startsWith(at.slice(0, -1));
  const [before, under, behind] = at.includes('«') ? at.split(/[«»]/) : ['', at, ''];
  return source.text.slice(start - before!.length, end + behind!.length) === before! + under! + behind!;
}
