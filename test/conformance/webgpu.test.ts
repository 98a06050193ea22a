/**
 * WebGPU against evaluation, generated from the op records: each sample is compiled once with `n` symbolic and run at
 * sizes from nothing to beyond a tile, with guards behind all buffers. Ops run alone, and again behind neighbours that
 * fusion merges them with.
 */
import { describe, test } from 'vitest';
import type { Op, Sample } from '../../src/compiler/ir/op.ts';
import { describeGpu } from '../support/webgpu.ts';
import { checkSizes, testedOps } from './agreement.ts';
import { nameSample, surrounded } from './instances.ts';

/** Nothing, one, odd ones, and the columns of a tile. */
const SIZES = [0, 1, 3, 5, 8, 17] as const;

/** What a workgroup computes together also at a size that takes several. */
function sizesOf({ body }: Op): readonly number[] {
  return ['reduction', 'contraction', 'attention', 'structured'].includes(body.kind) ? [...SIZES, 67] : SIZES;
}

describeGpu('webgpu', () => {
  describe.each(testedOps)('$name', (op: Op) => {
    const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with evaluation', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, ['webgpu'], (graph) => graph, sizesOf(op)),
    );
    test.each(cases)('$name agrees with evaluation when fused', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, ['webgpu'], surrounded, sizesOf(op)),
    );
  });
});
