/** A prefetch changes nothing, but what it names has to exist. */
import { expect, test } from 'vitest';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { constant, symbol } from '../../src/compiler/dims/dim.ts';
import { literal } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { simplify } from '../../src/compiler/kernel/simplify.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';

const touching = (buffer: string): Kernel => ({
  name: 'touching',
  buffers: [
    { name: 'x', type: 'f32', access: 'read' },
    { name: 'y', type: 'f32', access: 'write' },
  ],
  sizes: ['n'],
  grid: [],
  body: [
    { kind: 'prefetch', buffer, index: symbol('n') },
    { kind: 'store', buffer: 'y', index: constant(0), value: literal(2) },
  ],
});

test('it stays where it is, and computes nothing', () => {
  const kernel = simplify(touching('x'));
  expect(kernelFaults(kernel)).toEqual([]);
  expect(printKernel(kernel)).toContain('prefetch x[n]');
  const y = new Float32Array(1);
  interpretKernel(kernel, { x: new Float32Array(4), y }, { n: 3 });
  expect([...y]).toEqual([2]);
  expect(emitJs([kernel])).not.toContain('prefetch');
});

test('the interpreter rejects an element that does not exist', () => {
  const run = (): number =>
    interpretKernel(touching('x'), { x: new Float32Array(4), y: new Float32Array(1) }, { n: 4 });
  expect(run).toThrow('x');
});

test('a buffer that does not exist is a fault', () => {
  expect(kernelFaults(touching('z'))).toEqual(['kernel touching: there is no buffer z']);
});
