/** Dot products of bytes on every backend, with operands that are shared, that change, and that come from loops. */
import { beforeAll, describe, expect, it } from 'vitest';
import { add, constant, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, dot4, literal, load, splat, variable } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Kernel, Lanes } from '../../src/compiler/kernel/ir.ts';
import { avoidWrongDotProducts } from '../support/relaxed.ts';
import { describeGpu } from '../support/webgpu.ts';
import { randomNumbers } from '../support/tensors.ts';
import { assign, buffer, constantly, declare, kernel, loop, store, when } from './dsl.ts';
import { execute, type Backend } from './harness.ts';

beforeAll(avoidWrongDotProducts);

const SHAPES: readonly (readonly [Backend, Lanes])[] = [
  ['js', 1],
  ['wasm', 1],
  ['wasm', 4],
  ['relaxed', 1],
  ['relaxed', 4],
];
const COUNT = 64;
const i = symbol('i');

function word(bytes: readonly number[]): number {
  return bytes.reduce((all, byte, at) => all | ((byte & 255) << (8 * at)), 0);
}

/** Words whose bytes are the extremes of signed ones, or of 0 … 127, and others between them. */
function words(low: number, high: number, seed: number): Int32Array {
  const random = randomNumbers(seed);
  const byte = (): number => {
    const drawn = Math.floor(random() * (high - low + 5)) + low - 2;
    return Math.min(Math.max(drawn, low), high);
  };
  const extremes = [word([low, low, low, low]), word([high, high, high, high]), word([low, high, 0, high])];
  return Int32Array.from({ length: COUNT }, (_, at) => extremes[at] ?? word([byte(), byte(), byte(), byte()]));
}

const SIGNED = words(-128, 127, 1);
const SMALL = words(0, 127, 2);
const SUMS = Int32Array.from({ length: COUNT }, (_, at) => [2 ** 31 - 1, -(2 ** 31), 0][at] ?? 1000 * at);

async function expectLikeInterpreter(backend: Backend, tested: Kernel): Promise<void> {
  const contents = { a: SIGNED, b: SMALL, sum: SUMS, out: new Int32Array(COUNT) };
  const wanted = Object.fromEntries(Object.entries(contents).map(([name, data]) => [name, data.slice()]));
  interpretKernel(tested, wanted, {});
  const given = Object.fromEntries(Object.entries(contents).map(([name, data]) => [name, Array.from(data)]));
  expect((await execute(backend, tested, given))['out']).toEqual(Array.from(wanted['out']!));
}

const buffers = ['a', 'b', 'sum', 'out'].map((name) => buffer(name, 'i32'));

function kernels(lanes: Lanes): Readonly<Record<string, Kernel>> {
  const at = multiply(i, constant(lanes));
  const [a, b, sum] = ['a', 'b', 'sum'].map((name) => load(name, at, 'i32', lanes));
  const groups = COUNT / lanes;
  const zero = splat(literal(0, 'i32'), lanes);
  const held = (name: string): ReturnType<typeof variable> => variable(name, 'i32', lanes);
  return {
    'of loads': kernel({ buffers, body: [loop('i', groups, [store('out', at, dot4(a!, b!, sum!))])] }),
    'of operands that several share': kernel({
      buffers,
      body: [
        loop('i', groups, [
          constantly('x', a!),
          constantly('y', b!),
          constantly('first', dot4(held('x'), held('y'), sum!)),
          // What is 0 … 127 may be the signed operand as well.
          constantly('second', dot4(held('y'), held('y'), dot4(held('x'), held('y'), held('first')))),
          when({ kind: 'literal', type: 'bool', lanes: 1, value: 1 }, [
            store('out', at, dot4(held('x'), held('y'), held('second'))),
          ]),
        ]),
      ],
    }),
    'of a variable that changes': kernel({
      buffers,
      body: [
        loop('i', groups, [
          declare('x', a!),
          declare('total', dot4(held('x'), b!, zero)),
          assign('x', binary('xor', held('x'), splat(literal(0x00800001, 'i32'), lanes))),
          assign('total', dot4(held('x'), b!, held('total'))),
          store('out', at, held('total')),
        ]),
      ],
    }),
    'summed in a loop': kernel({
      buffers,
      body: [
        declare('total', zero),
        loop('i', groups, [assign('total', dot4(a!, splat(load('b', add(i, i), 'i32'), lanes), held('total')))]),
        store('out', constant(0), held('total')),
      ],
    }),
  };
}

// The last kernel reads b at 2 i, which scalars would do beyond its end.
const named = (lanes: Lanes): [string, Kernel][] =>
  Object.entries(kernels(lanes)).filter(([name]) => lanes === 4 || name !== 'summed in a loop');

describe.each(SHAPES)('dot4 on %s with %i lanes', (backend, lanes) => {
  it.each(named(lanes))('%s', (_, tested) => expectLikeInterpreter(backend, tested));
});

describeGpu('dot4 on webgpu', () => {
  it.each(named(1))('%s', (_, tested) => expectLikeInterpreter('webgpu', tested));
});
