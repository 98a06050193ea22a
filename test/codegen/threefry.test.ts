/** The generator's words on every backend, against the vectors that its authors publish. */
import { describe, expect, it } from 'vitest';
import { jsTarget } from '../../src/compiler/codegen/js/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, load, threefry } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel, Lanes } from '../../src/compiler/kernel/ir.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { describeGpu } from '../support/webgpu.ts';
import { buffer, kernel, loop, store } from './dsl.ts';
import { execute, type Backend } from './harness.ts';

/** Key, counter and result from Random123's `kat_vectors`, threefry2x32 with 20 rounds. */
const VECTORS = [
  [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
  [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
  [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
] as const;

/** One vector more than there are, so that lanes are full. */
const COUNT = 4;
const column = (at: number): number[] => Array.from({ length: COUNT }, (_, row) => VECTORS[row % VECTORS.length]![at]!);
const OPERANDS = ['key0', 'key1', 'counter0', 'counter1'] as const;
const RESULTS = ['first', 'second'] as const;
const contents = Object.fromEntries(
  [...OPERANDS, ...RESULTS].map((name, at) => [name, at < 4 ? column(at) : column(0)]),
);

const TARGETS = { js: jsTarget, wasm: wasmTarget, relaxed: wasmTarget, webgpu: webgpuTarget } as const;

function drawing(lanes: Lanes): Kernel {
  const at = multiply(symbol('i'), constant(lanes));
  const [key0, key1, counter0, counter1] = OPERANDS.map((name) => load(name, at, 'u32', lanes));
  const word = (which: 0 | 1) => threefry([key0!, key1!], [counter0!, counter1!], which);
  return kernel({
    buffers: [...OPERANDS, ...RESULTS].map((name) => buffer(name, 'u32')),
    body: [loop('i', COUNT / lanes, [store('first', at, word(0)), store('second', at, word(1))])],
  });
}

async function expectVectors(backend: Backend, lanes: Lanes): Promise<void> {
  const results = await execute(backend, prepareKernel(drawing(lanes), TARGETS[backend]), contents);
  expect(results['first']).toEqual(column(4));
  expect(results['second']).toEqual(column(5));
}

describe('threefry', () => {
  it('has the published words when it is interpreted', () => {
    const data = Object.fromEntries(Object.entries(contents).map(([name, values]) => [name, Uint32Array.from(values)]));
    interpretKernel(drawing(1), data, {});
    expect([...data['first']!, ...data['second']!]).toEqual([...column(4), ...column(5)]);
  });

  it.each([
    ['js', 1],
    ['wasm', 1],
    ['wasm', 4],
    ['relaxed', 4],
  ] as const)('has the published words on %s with %i lanes', expectVectors);

  it('computes both words of a counter together', () => {
    const operand = load('key0', symbol('i'), 'u32');
    const both = ([0, 1] as const).map((which) => threefry([operand, operand], [operand, operand], which));
    const sum = loop('i', COUNT, [store('first', symbol('i'), binary('add', both[0]!, both[1]!))]);
    const { body } = prepareKernel(
      kernel({ buffers: [buffer('key0', 'u32'), buffer('first', 'u32')], body: [sum] }),
      jsTarget,
    );
    // Each of the twenty rounds turns a word.
    expect(JSON.stringify(body).split('"shl"').length - 1).toBe(20);
  });
});

describeGpu('threefry on webgpu', () => {
  it('has the published words', () => expectVectors('webgpu', 1));
});
