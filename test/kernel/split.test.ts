/** Loops are cut where choices between loads turn, and only where that can be proved. */
import { describe, expect, test } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { add, constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, compare, literal, load, position, select } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel, Statement } from '../../src/compiler/kernel/ir.ts';
import { split } from '../../src/compiler/kernel/split.ts';

const i = symbol('i');

/** `y` is `x` between one zero in front and two behind. */
function padding(size: Dim, extent: Dim = add(size, constant(3))): Kernel {
  const at = add(i, constant(-1));
  const inside = binary(
    'and',
    compare('ge', position(at), literal(0, 'i32')),
    compare('lt', position(at), position(size)),
  );
  const value = select(inside, load('x', at, 'f32'), literal(0));
  return {
    name: 'pad',
    buffers: [
      { name: 'x', type: 'f32', access: 'read' },
      { name: 'y', type: 'f32', access: 'write' },
    ],
    sizes: ['n', 'm'],
    grid: [],
    body: [
      { kind: 'loop', variable: 'i', extent, mode: 'vector', body: [{ kind: 'store', buffer: 'y', index: i, value }] },
    ],
  };
}

function hasSelect(statements: readonly Statement[]): boolean {
  return JSON.stringify(statements).includes('"kind":"select"');
}

describe('a padded row', () => {
  test.each([constant(9), symbol('n')])('is cut into pieces without a choice', (size) => {
    const kernel = split(padding(size), wasmTarget);
    expect(hasSelect(kernel.body)).toBe(false);
    const x = Float32Array.from({ length: 9 }, (_, at) => at + 1);
    const y = new Float32Array(12).fill(NaN);
    interpretKernel(kernel, { x, y }, { n: 9, m: 0 });
    expect([...y]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0]);
  });

  test('stays whole where nothing tells on which side of its end the edge is', () => {
    const kernel = padding(symbol('n'), symbol('m'));
    expect(split(kernel, wasmTarget)).toBe(kernel);
  });

  test('stays whole without lanes', () => {
    const kernel = padding(constant(9));
    expect(split(kernel, jsTarget)).toBe(kernel);
  });
});
