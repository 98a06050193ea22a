import { describe, expect, test } from 'vitest';
import { constant, multiply, symbol, ZERO, type Dim } from '../../src/compiler/dims/dim.ts';
import { compileGraph } from '../../src/compiler/driver.ts';
import { peakMemory, type SizedBuffer } from '../../src/compiler/plan/memory.ts';
import { memoryFor } from '../../src/program/memory.ts';
import { evaluateSize, printSize } from '../../src/program/size.ts';
import { graphOf, graphOfText, settings, specFile } from '../support/specs.ts';

const n = symbol('n');
const m = symbol('m');
const times = (factor: number, dim: Dim): Dim => multiply(constant(factor), dim);
const arena = (size: Dim, first: number, last: number): SizedBuffer => ({ kind: 'arena', size, first, last });
const kept = (size: number): SizedBuffer => ({ kind: 'persistent', size: constant(size), first: 0, last: 0 });
const staging = (size: number, at: number): SizedBuffer => ({
  kind: 'staging',
  size: constant(size),
  first: at,
  last: at,
});
const arenaOf = (buffers: readonly SizedBuffer[]): number[] =>
  buffers.flatMap(({ kind }, at) => (kind === 'arena' ? [at] : []));
const peak = (...buffers: SizedBuffer[]): string => printSize(peakMemory(buffers, [arenaOf(buffers)], new Map())!);

describe('peak memory', () => {
  test('of nothing is nothing', () => {
    expect(peak()).toBe('0');
    expect(peak(arena(ZERO, -1, 3))).toBe('0');
  });

  test('is what is alive at the worst step, in bytes, with what is kept', () => {
    expect(peak(kept(5), arena(n, -1, 0), arena(times(3, n), 0, 1), arena(times(2, n), 1, 2))).toBe('20*n + 20');
    expect(peak(arena(n, -1, 0), arena(n, 1, 2), arena(n, 3, 4))).toBe('4*n');
  });

  test('names the alternatives where the dimensions decide which step is the worst', () => {
    expect(peak(arena(n, 0, 0), arena(m, 1, 1))).toBe('max(4*n, 4*m)');
    expect(peak(kept(1), staging(10, 0), staging(20, 1), arena(n, 0, 0))).toBe('max(84, 4*n + 4)');
    expect(peak(kept(1), staging(10, 0), arena(times(2, n), 0, 0), arena(constant(10), 0, 0))).toBe('8*n + 44');
  });

  test('is that of the routine which needs most', () => {
    const buffers = [kept(1), arena(times(2, n), 0, 0), arena(n, 1, 2), arena(m, 1, 1), arena(n, 2, 2)];
    expect(printSize(peakMemory(buffers, [[1], [2, 3, 4]], new Map())!)).toBe('max(8*n + 4, 4*m + 4*n + 4)');
  });

  test('has what stays between runs beside every routine, but not while loading', () => {
    const cache: SizedBuffer = { kind: 'kept', size: times(5, m), first: 0, last: 0 };
    const buffers = [kept(1), cache, staging(100, 0), arena(times(2, n), 0, 0), arena(n, 1, 1)];
    const size = peakMemory(buffers, [[3], [4]], new Map())!;
    expect(printSize(size)).toBe('max(404, 20*m + 8*n + 4)');
  });

  test('beyond 2^53 has no number', () => {
    expect(peakMemory([arena(constant(2 ** 52), 0, 0)], [[0]], new Map())).toBeUndefined();
  });

  const SMALL = { image: 8, patch: 4, channels: 2, classes: 5, dim: 12, depth: 2, heads: 2, dim_head: 5, mlp_dim: 17 };
  const SEQUENCE = `
    import { LayerNorm } from "std/nn"
    import { Attention } from "std/transformer"
    model Sequence {
      dims batch, seq <= 64
      input x: f32[batch, seq, 10]
      output y = x + (x |> LayerNorm() as norm |> Attention(2, 6) as attn)
    }`;

  test.each([
    ['a ViT', () => graphOf(specFile('vit.model'), { entry: 'ViT', settings: settings(SMALL) })],
    ['a sequence model', () => graphOfText(SEQUENCE)],
  ] as const)('of %s is what the runtime reserves, but for padding and gaps', (_, make) => {
    const { program, facts } = compileGraph(make(), { targets: ['wasm', 'js'] });
    for (const target of ['wasm', 'js'] as const) {
      for (const [batch, seq] of [
        [1, 1],
        [3, 64],
        [64, 17],
      ] as const) {
        const dims = new Map(Object.entries({ batch, seq }));
        const needed = evaluateSize(facts.peakMemory[target]!, dims);
        const reserved = memoryFor(program.targets[target]!, dims);
        const padding = 64 * program.targets[target]!.buffers.length;
        expect(reserved).toBeGreaterThanOrEqual(needed);
        expect(reserved).toBeLessThanOrEqual(1.25 * needed + padding);
      }
    }
  });
});
