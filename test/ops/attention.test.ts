/** What attention takes, and what it says of the rest. */
import { describe, expect, test } from 'vitest';
import { elaborateSpec } from '../../src/compiler/driver.ts';
import { graphOfText, renderAll, specHost } from '../support/specs.ts';
import { f32, inferred, type } from './dsl.ts';

describe('attention', () => {
  const [q, k, v] = [f32('b', 8, 'i', 64), f32('b', 2, 'j', 64), f32('b', 2, 'j', 32)];

  test('takes any sizes, grouped heads and masks that broadcast', () => {
    expect(inferred('attention', [q, k, v])).toBe('f32[b, 8, i, 32]');
    expect(inferred('attend', [q, k, v])).toBe('f32[b, 8, i, 32] f32[b, 8, i]');
    expect(inferred('attention', [f32('h', 'i', 3), f32('h', 'j', 3), f32('h', 'j', 3)])).toBe('f32[h, i, 3]');
    expect(inferred('attention', [f32('h', 'i', 3), f32(1, 'j', 3), f32(1, 'j', 3)])).toBe('f32[h, i, 3]');
    for (const mask of [type('bool', 'i', 'j'), type('bool', 'b', 1, 1, 'j'), f32(8, 'i', 1), f32()])
      expect(inferred('attention', [q, k, v, mask])).toBe('f32[b, 8, i, 32]');
  });

  test('names the sizes that do not fit', () => {
    expect(inferred('attention', [q, f32('c', 2, 'j', 48), v])).toBe(
      '`attention` of q f32[b, 8, i, 64], k f32[c, 2, j, 48], v f32[b, 2, j, 32] does not fit\n' +
        '= axis 0: b in q against c in k\n= the last axis: 64 in q against 48 in k',
    );
    expect(inferred('attention', [q, k, f32('b', 1, 'i', 32)])).toContain(
      '= heads: 2 in k against 1 in v\n= keys: j in k against i in v',
    );
    expect(inferred('attention', [q, f32('b', 3, 'j', 64), f32('b', 3, 'j', 64)])).toBe(
      '`attention` needs the 8 heads of q to be a multiple of the 3 heads of k and v\n' +
        '= q is f32[b, 8, i, 64]\n= k is f32[b, 3, j, 64]',
    );
    expect(inferred('attention', [q, k, v, type('bool', 'b', 1, 'j')])).toBe(
      'the mask bool[b, 1, j] of `attention` does not broadcast to the scores [b, 8, i, j]\n= axis 1: b against 8',
    );
    expect(inferred('attention', [q, k, v, type('i32', 'j')])).toContain('is bool (true keeps) or f32');
    expect(inferred('attention', [f32('i', 3), f32('j', 3), f32('j', 3)])).toContain('= hint: give it an axis of one');
  });

  const inputs = 'dims n\n input q: f32[2, n, 4]\n input keep: bool[n, n]\n';

  test.each([
    ['a mask by position', 'attention(q, q, q, keep)', 4],
    ['a mask by name', 'attention(q, q, q, mask: keep, causal: true)', 4],
    ['no mask', 'attention(q, q, q, causal: true, scale: 1.0)', 3],
    ['none for a mask', 'attention(q, q, q, mask: none)', 3],
  ])('is called with %s', (_, call, operands) => {
    const graph = graphOfText(`model M() { ${inputs} output y = ${call} }`);
    expect(graph.nodes.at(-1)!.inputs).toHaveLength(operands);
  });

  test('needs its other operands', () => {
    const host = specHost({ 'test.model': `model M() { ${inputs} output y = attention(q, q, mask: keep) }` });
    const { diagnostics } = elaborateSpec('test.model', {}, host);
    expect(renderAll(diagnostics)).toContain('`attention` needs the tensor `v`');
  });
});
