/** Buffers that no binding of the device holds, with bindings of 64 elements in place of 128 MiB. */
import { expect, it } from 'vitest';
import { add, constant as c, multiply, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, literal, load } from '../../src/compiler/kernel/build.ts';
import { controlBuffers, ownBindings } from '../../src/compiler/kernel/bindings.ts';
import type { Kernel, KernelBuffer, Lanes, ScalarType } from '../../src/compiler/kernel/ir.ts';
import { describeGpu } from '../support/webgpu.ts';
import { buffer, kernel, store } from './dsl.ts';
import { runWebgpu } from './webgpu.ts';

const OPTIONS = { bindingBytes: 256 };
const i = symbol('i');

function parted(name: string, parts: number, access: KernelBuffer['access'], type: ScalarType = 'f32'): KernelBuffer {
  return { name, type, access, parts };
}

const numbers = (length: number): number[] => Array.from({ length }, (_, at) => at + 1);

it('buffers have bindings of their own while there are enough, each part one', () => {
  const parts = (...counts: number[]) => counts.map((count) => (count === 1 ? {} : { parts: count }));
  expect(ownBindings(parts(2, 3, 1, 2), 8)).toBe(4);
  expect(ownBindings(parts(2, 3, 1, 1, 2), 8)).toBe(4);
  expect(ownBindings(parts(2, 3, 2, 1, 1), 8)).toBe(3);
  expect(ownBindings(parts(), 8)).toBe(0);
});

describeGpu('a buffer in parts', () => {
  it.each([
    [1, 'f32'],
    [4, 'f32'],
    [4, 'i32'],
    [1, 'bool'],
  ] as const)('is read and written across their ends, %i elements of %s at a time', async (lanes: Lanes, type) => {
    // 150 elements are two parts and a rest; what is read begins two elements further on than what is written.
    const length = 152;
    const at = multiply(c(lanes), i);
    const tested: Kernel = kernel({
      buffers: [parted('x', 3, 'read', type), parted('out', 3, 'write', type)],
      sizes: ['n'],
      grid: [['i', symbol('n')]],
      body: [store('out', at, load('x', add(at, c(4)), type, lanes))],
    });
    const x = numbers(length).map((value) => (type === 'bool' ? value % 2 : value));
    const { out } = await runWebgpu(tested, { x, out: x.map(() => 0) }, { n: (length - 4) / lanes }, OPTIONS);
    expect(out).toEqual([...x.slice(4), 0, 0, 0, 0]);
  });

  it('is read four elements at once that two parts share', async () => {
    const tested = kernel({
      buffers: [parted('x', 2, 'read'), buffer('out')],
      body: [store('out', 0, load('x', c(62), 'f32', 4))],
    });
    const { out } = await runWebgpu(tested, { x: numbers(100), out: [0, 0, 0, 0] }, {}, OPTIONS);
    expect(out).toEqual([63, 64, 65, 66]);
  });

  it('is changed in place, beside others that share a binding', async () => {
    const others = ['a', 'b', 'c', 'd', 'e', 'f'];
    const tested = kernel({
      buffers: [parted('x', 3, 'readwrite'), ...others.map((name) => buffer(name))],
      sizes: ['n'],
      grid: [['i', symbol('n')]],
      body: [
        store(
          'x',
          i,
          others.reduce((sum, name) => binary('add', sum, load(name, i, 'f32')), load('x', i, 'f32')),
        ),
        store('f', i, literal(7)),
      ],
    });
    const length = 130;
    const contents = Object.fromEntries(['x', ...others].map((name) => [name, numbers(length)]));
    const { x, f } = await runWebgpu(tested, contents, { n: length }, OPTIONS);
    expect(x).toEqual(numbers(length).map((value) => 7 * value));
    expect(f).toEqual(numbers(length).map(() => 7));
  });
});

it('finds the buffers that decide whether a barrier is come by', () => {
  const read = (name: string): KernelBuffer => ({ name, type: 'i32', access: 'read' });
  const flag = (name: string) => load(name, c(0), 'i32');
  const tested: Kernel = {
    ...kernel({
      buffers: [read('rounds'), read('flag'), read('data'), { ...read('out'), access: 'readwrite' }],
      body: [
        { kind: 'let', name: 'n', value: flag('rounds') },
        {
          kind: 'if',
          condition: { kind: 'convert', type: 'bool', lanes: 1, operand: flag('flag') },
          then: [{ kind: 'loop', variable: 'k', extent: symbol('n'), mode: 'serial', body: [{ kind: 'barrier' }] }],
          else: [],
        },
        { kind: 'loop', variable: 'j', extent: c(2), mode: 'serial', body: [store('out', symbol('j'), flag('data'))] },
      ],
    }),
    workgroup: { invocation: 'i', size: 4, memory: [] },
  };
  expect([...controlBuffers(tested)]).toEqual(['rounds', 'flag']);
});
