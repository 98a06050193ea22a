/** A kernel with as many operands as one likes, of alternating types. */
import { symbol } from '../../src/compiler/dims/dim.ts';
import { binary, convert, load } from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel, KernelBuffer } from '../../src/compiler/kernel/ir.ts';
import { kernel, store } from './dsl.ts';

const i = symbol('i');
const TYPES = ['f32', 'i32', 'bool', 'u32'] as const;

/** `any = x2 or x6 or …` of the bools, and `sum += x0 + x1 + …` of all; both come last. */
export function addition(operands: number): Kernel {
  const inputs = Array.from({ length: operands }, (_, at): KernelBuffer => {
    return { name: `x${at}`, type: TYPES[at % TYPES.length]!, access: 'read' };
  });
  const elements = inputs.map(({ name, type }): Expr => load(name, i, type));
  const sum = elements.map((element) => convert(element, 'f32')).reduce((a, b) => binary('add', a, b));
  const any = elements.filter(({ type }) => type === 'bool').reduce((a, b) => binary('or', a, b));
  return kernel({
    name: 'addition',
    buffers: [
      ...inputs,
      { name: 'any', type: 'bool', access: 'write' },
      { name: 'sum', type: 'f32', access: 'readwrite' },
    ],
    sizes: ['n'],
    grid: [['i', symbol('n')]],
    body: [store('any', i, any), store('sum', i, binary('add', load('sum', i, 'f32'), sum))],
  });
}
