/** `quantize_rows`: the activations of a quantised product. */
import { defineOp, type Op } from '../../ir/op.ts';
import { binary, compare, literal, select } from '../../kernel/build.ts';
import type { TensorType } from '../../ir/graph.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { roundHalfEven } from '../pointwise/special.ts';
import { negated, perRow, roundedNegative, whereFinite, wordCount, writeWords } from './words.ts';
import { MOST, packRow, SMALLEST } from './bytes.ts';

type None = Record<string, never>;

export const quantizeRows: Op = defineOp<None>({
  name: 'quantize_rows',
  doc:
    'The rows of an f32 tensor x[…, K], which lie along its last axis, as bytes q of 0 to 127 with ' +
    'x ≈ scale · q + offset. offset is the least element of the row and scale the 127th part of what lies between it ' +
    'and the greatest, so the error is at most scale / 2. Results: q as words of four bytes i32[…, ⌈K / 4⌉], ' +
    'scale f32[…, 1], offset f32[…, 1]. Rows of less than 2⁻¹⁰⁰ between their elements are all offset. Those with ' +
    'elements that are not finite, or farther apart than the greatest f32, have bytes of 0 and NaN for scale and offset.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [],
  infer(inputs) {
    const error = dtypeFault('quantize_rows', inputs, ['f32']);
    if (error) return { error };
    const { shape } = inputs[0]!;
    if (shape.length === 0) return fails('`quantize_rows` needs an axis for the rows');
    const one: TensorType = { dtype: 'f32', shape: perRow(shape) };
    return gives({ dtype: 'i32', shape: perRow(shape, wordCount(shape.at(-1)!)) }, one, one);
  },
  evaluate([x], _, [words, one]) {
    const size = x!.shape.at(-1)!;
    const packed = new Float64Array(words!.shape.reduce((count, part) => count * part, 1));
    const scales = new Float64Array(one!.shape.reduce((count, part) => count * part, 1));
    const offsets = scales.slice();
    for (let row = 0; row < scales.length; row++) {
      const elements = x!.data.subarray(row * size, (row + 1) * size).map(Math.fround);
      const least = elements.reduce((low, element) => Math.min(low, element), Infinity);
      const most = elements.reduce((high, element) => Math.max(high, element), -Infinity);
      const range = Math.fround(most - least);
      if (!Number.isFinite(range)) {
        [scales[row], offsets[row]] = [NaN, NaN];
        continue;
      }
      const factor = range > SMALLEST ? Math.fround(MOST / range) : 0;
      scales[row] = Math.fround(range / MOST);
      offsets[row] = least;
      const bytes = elements.map((element) => roundHalfEven(Math.fround(Math.fround(element - least) * factor)));
      packRow(bytes, packed, row * words!.shape.at(-1)!);
    }
    return [packed, scales, offsets];
  },
  body: {
    kind: 'structured',
    write(nest) {
      const { shape } = nest.inputs[0]!;
      const last = shape.length - 1;
      const size = shape[last]!;
      const [words, scale, offset] = nest.results;
      nest.kernel(perRow(shape), (body, index) => {
        const least = body.variable(literal(Infinity));
        const most = body.variable(literal(-Infinity));
        body.loop(size, 'vector', (step, at) => {
          const element = step.let(step.read(0, index.with(last, at)));
          step.reduce(least, 'min', element);
          step.reduce(most, 'max', element);
        });
        const low = body.let(least);
        const difference = body.let(negated(negated(binary('sub', most, low))));
        const { kept, orNaN } = whereFinite(body, difference);
        const range = orNaN(difference);
        const factor = body.let(
          select(compare('gt', range, literal(SMALLEST)), negated(binary('div', literal(-MOST), range)), literal(0)),
        );
        body.store(scale!, index, binary('div', range, literal(MOST)));
        body.store(offset!, index, orNaN(low));
        writeWords(body, {
          signedness: 'unsigned',
          size,
          words: words!,
          kept,
          at: (word) => index.with(last, word),
          byte: (inner, at) => {
            const above = negated(binary('sub', low, inner.read(0, index.with(last, at))));
            return roundedNegative(negated(binary('mul', above, factor)), 'unsigned');
          },
        });
      });
    },
  },
  // A GPU divides to 2.5 units in the last place.
  noGradient: 'the pass that makes it runs after differentiation, and rounding has none',
  tolerance: { absolute: 0, relative: 5e-7 },
  samples: [
    { inputs: [f32(3, n)], attributes: {} },
    { inputs: [f32(n, 2, 8)], attributes: {}, range: [-1e3, 5] },
    { inputs: [f32(n, 33)], attributes: {}, range: [0, 1e-3] },
    { inputs: [f32(n)], attributes: {}, range: [3, 3] },
  ],
});
