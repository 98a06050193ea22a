/** `quantize_channels`: the weights of a quantised product. */
import { defineOp, type Op } from '../../ir/op.ts';
import { binary, compare, convert, literal, select, unary } from '../../kernel/build.ts';
import type { TensorType } from '../../ir/graph.ts';
import { roundHalfEven } from '../pointwise/special.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { MOST, packRow, SMALLEST } from './bytes.ts';
import { negated, perRow, roundedNegative, roundedZero, whereFinite, wordCount, writeWords } from './words.ts';

type None = Record<string, never>;

export const quantizeChannels: Op = defineOp<None>({
  name: 'quantize_channels',
  doc:
    'The channels of an f32 tensor w[…, K], which lie along its last axis, as signed bytes q of -127 to 127 with ' +
    'w ≈ scale · q, where scale is the 127th part of the greatest magnitude of the channel. Results: q as words of four ' +
    'bytes i32[…, ⌈K / 4⌉], scale f32[…, 1], and scale · Σ q as f32[…, 1], which is what an offset of the other ' +
    'operand is multiplied by. Channels without a magnitude above 2⁻¹⁰⁰ are 0. Those with elements that are ' +
    'not finite have bytes of 0 and NaN for the others.',
  internal: true,
  operands: [{ name: 'w' }],
  attributes: [],
  infer(inputs) {
    const error = dtypeFault('quantize_channels', inputs, ['f32']);
    if (error) return { error };
    const { shape } = inputs[0]!;
    if (shape.length === 0) return fails('`quantize_channels` needs an axis for the channels');
    const one: TensorType = { dtype: 'f32', shape: perRow(shape) };
    return gives({ dtype: 'i32', shape: perRow(shape, wordCount(shape.at(-1)!)) }, one, one);
  },
  evaluate([w], _, [words, one]) {
    const size = w!.shape.at(-1)!;
    const packed = new Float64Array(words!.shape.reduce((count, part) => count * part, 1));
    const scales = new Float64Array(one!.shape.reduce((count, part) => count * part, 1));
    const sums = scales.slice();
    for (let channel = 0; channel < scales.length; channel++) {
      const elements = w!.data.subarray(channel * size, (channel + 1) * size).map(Math.fround);
      const most = elements.reduce((high, element) => Math.max(high, Math.abs(element)), 0);
      if (!Number.isFinite(most)) {
        [scales[channel], sums[channel]] = [NaN, NaN];
        continue;
      }
      const factor = most > SMALLEST ? Math.fround(MOST / most) : 0;
      const bytes = elements.map((element) => roundHalfEven(Math.fround(element * factor)));
      scales[channel] = Math.fround(most / MOST);
      sums[channel] = Math.fround(scales[channel]! * bytes.reduce((sum, byte) => sum + byte, 0));
      packRow(bytes, packed, channel * words!.shape.at(-1)!);
    }
    return [packed, scales, sums];
  },
  body: {
    kind: 'structured',
    write(nest) {
      const { shape } = nest.inputs[0]!;
      const last = shape.length - 1;
      const size = shape[last]!;
      const [words, scales, sums] = nest.results;
      nest.kernel(perRow(shape), (body, index) => {
        const most = body.variable(literal(0));
        body.loop(size, 'vector', (step, at) =>
          step.reduce(most, 'max', unary('abs', step.read(0, index.with(last, at)))),
        );
        const greatest = body.let(most);
        const { kept, orNaN } = whereFinite(body, greatest);
        const magnitude = orNaN(greatest);
        const factor = body.let(
          select(
            compare('gt', magnitude, literal(SMALLEST)),
            negated(binary('div', literal(-MOST), magnitude)),
            literal(0),
          ),
        );
        const sum = body.variable(literal(0, 'i32'));
        writeWords(body, {
          signedness: 'signed',
          size,
          words: words!,
          kept,
          at: (word) => index.with(last, word),
          byte: (inner, at) =>
            roundedNegative(negated(binary('mul', inner.read(0, index.with(last, at)), factor)), 'signed'),
          see: (inner, bytes) => {
            const all = bytes.reduce((total, byte) => binary('add', total, byte));
            inner.reduce(sum, 'add', binary('sub', all, literal((4 * roundedZero('signed')) | 0, 'i32')));
          },
        });
        const scale = body.let(negated(binary('div', magnitude, literal(-MOST))));
        body.store(scales!, index, scale);
        body.store(sums!, index, binary('mul', scale, convert(sum, 'f32')));
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
    { inputs: [f32(2, n)], attributes: {}, range: [0, 0] },
  ],
});
