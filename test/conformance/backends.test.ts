/**
 * The backends of a CPU against evaluation, generated from the op records: each sample is compiled once with `n` symbolic and
 * run at sizes around every tile edge. Ops run alone, and again behind neighbours that fusion merges them with.
 */
import { describe, test } from 'vitest';
import type { Op, Sample } from '../../src/compiler/ir/op.ts';
import { chooseSimd } from '../../src/runtime/devices/simd.ts';
import type { CompiledTarget } from '../support/specs.ts';
import { checkSizes, testedOps } from './agreement.ts';
import { nameSample, surrounded } from './instances.ts';

function conformanceTests(target: 'js' | 'wasm'): void {
  describe.each(testedOps)('$name', (op: Op) => {
    const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
    test.each(cases)('$name agrees with evaluation', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, [target], (graph) => graph),
    );
    test.each(cases)('$name agrees with evaluation when fused', ({ sample }: { sample: Sample }) =>
      checkSizes(op, sample, target === 'wasm' ? wasmVariants(op) : [target], surrounded),
    );
  });
}

/** Engines that had relaxed SIMD behind a flag got its dot product wrong, and are given the strict module by a load. */
function wasmVariants(op: Op): readonly CompiledTarget[] {
  const isWrong = op.name === 'contract_words' && chooseSimd() === 'strict';
  return isWrong ? ['wasm'] : ['wasm', 'relaxed', 'relaxed 4x8'];
}

describe.each(['js', 'wasm'] as const)('%s', conformanceTests);
