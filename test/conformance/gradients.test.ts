/**
 * Gradients, generated from the op records. Each sample is differentiated with random cotangents: in f64 against central
 * differences of its evaluation, and compiled for each backend against the interpreter.
 */
import { describe, expect, test } from 'vitest';
import type { Op, Sample } from '../../src/compiler/ir/op.ts';
import { formula } from '../../src/compiler/ops/formula.ts';
import { checkGradients, gradientFault } from '../support/gradients.ts';
import type { CompiledTarget } from '../support/specs.ts';
import { acceptedSizes, checkCompiledGradients, differentiable, isFloat } from './compiled-gradients.ts';
import { instantiate, nameSample } from './instances.ts';

const TARGETS: readonly CompiledTarget[] = ['js', 'wasm', 'relaxed'];

test.each(differentiable)('$name has a gradient, or a reason why it has none', ({ op }) => {
  const hasGradient = op.vjp !== undefined || op.body.kind === 'composite';
  expect(hasGradient, op.noGradient).toBe(op.noGradient === undefined);
});

describe.each(differentiable.filter(({ op }) => op.noGradient === undefined))('$name', ({ op, samples }) => {
  const cases = samples.map((sample) => ({ name: nameSample(op, sample), sample }));
  test.each(cases.filter(({ sample }) => sample.smooth !== false))('$name agrees with differences', ({ sample }) => {
    for (const n of acceptedSizes(op, sample)) {
      const { graph, inputs, symbols } = instantiate(op, sample, n);
      checkGradients({ graph, inputs, symbols, seed: n + 1 });
    }
  });

  test.each(cases)('$name agrees on all backends', ({ sample }) => checkCompiledGradients(op, sample, TARGETS));
});

/** The op with a gradient of one operand that is a little too large. */
function exaggerated(op: Op, operand: number): Op {
  return {
    ...op,
    vjp(builder, node, cotangents) {
      const found = op.vjp!(builder, node, cotangents);
      const own = found[operand];
      return own ? found.with(operand, formula(builder)('mul', own, 1.001)) : found;
    },
  };
}

function isNoticed(op: Op, samples: readonly Sample[]): boolean {
  const size = 5;
  return samples.some((sample) => {
    if (sample.smooth === false || !acceptedSizes(op, sample).includes(size)) return false;
    const { graph, inputs, symbols } = instantiate(op, sample, size);
    return gradientFault({ graph, inputs, symbols }) !== undefined;
  });
}

/** Ops whose gradients are 0. */
const FLAT = ['floor', 'ceil', 'round', 'sign', 'stop_gradient'];

describe('a gradient that is wrong is noticed', () => {
  const ruled = differentiable.filter(({ op }) => op.vjp && !FLAT.includes(op.name));
  test.each(ruled)('$name', ({ op, samples }) => {
    const floats = Math.max(...samples.map(({ inputs }) => inputs.filter(isFloat).length));
    const noticed = op.operands.map((_, operand) => isNoticed(exaggerated(op, operand), samples));
    expect(noticed.filter((is) => is).length).toBe(Math.min(floats, op.operands.length));
  });
});
