/** Sharing out the loops of kernels that no op writes: the same results, and nothing shared where it must not be. */
import { describe, expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { add, constant, floorDiv, multiply, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, compare, literal, load, position, variable } from '../../src/compiler/kernel/build.ts';
import { interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/kernel/ir.ts';
import { forEachStatement } from '../../src/compiler/kernel/rewrite.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { shareLoops } from '../../src/compiler/lowering/workgroups/share-loops.ts';
import { assign, buffer, constantly, declare, kernel, loop, store, when } from '../codegen/dsl.ts';

const [i, j, r, n] = [symbol('i'), symbol('j'), symbol('r'), symbol('n')];
const x = (index: Dim): Expr => load('x', index, 'f32');
const y = (index: Dim): Expr => load('y', index, 'f32');

function reduce(name: string, op: 'add' | 'max', value: Expr): Statement {
  return { kind: 'assign', name, value: binary(op, variable(name, 'f32'), value), reduction: op };
}

function tested(body: readonly Statement[]): Kernel {
  const buffers = [{ ...buffer('x'), access: 'read' as const }, buffer('y')];
  return kernel({ buffers, body, sizes: ['n'] });
}

function run(kernel: Kernel, count: number): Float32Array {
  const given = Float32Array.from({ length: count }, (_, at) => ((at * 7) % 13) - 4);
  const result = new Float32Array(count + 1).fill(-1);
  interpretKernel(kernel, { x: given, y: result }, { n: count });
  return result;
}

const total = [
  declare('sum', literal(2)),
  loop('i', n, [reduce('sum', 'add', x(i))], 'vector'),
  store('y', n, variable('sum', 'f32')),
];

/** Bodies of kernels that are the same in parts; sums are of small integers, and so exact. */
const bodies: { readonly [what: string]: readonly Statement[] } = {
  'a sum that begins with something': total,
  'a sum that is read in between': [
    declare('sum', literal(1)),
    loop(
      'r',
      constant(3),
      [
        loop('i', n, [reduce('sum', 'add', binary('add', x(i), literal(1)))], 'vector'),
        when(compare('eq', position(r), literal(1, 'i32')), [
          assign('sum', binary('mul', variable('sum', 'f32'), literal(2))),
        ]),
      ],
      'serial',
    ),
    loop('i', n, [store('y', i, binary('mul', x(i), variable('sum', 'f32')))], 'vector'),
  ],
  'what is read where others wrote': [
    loop('i', n, [store('y', i, binary('mul', x(i), literal(3)))], 'vector'),
    declare('most', literal(-Infinity)),
    loop('i', n, [reduce('most', 'max', y(add(n, multiply(constant(-1), i), constant(-1))))], 'vector'),
    store('y', n, variable('most', 'f32')),
  ],
  'rounds over the same elements': [
    loop('i', n, [store('y', i, x(i))], 'vector'),
    loop('r', constant(3), [
      loop('j', n, [store('y', j, binary('add', y(j), x(floorDiv(j, constant(2)))))], 'vector'),
      store('y', n, y(floorDiv(r, constant(2)))),
    ]),
  ],
  'a store and a loop around it that one invocation does': [
    loop('i', n, [store('y', i, x(i))], 'vector'),
    loop('r', n, [store('y', r, binary('add', y(r), literal(1)))]),
    loop('j', n, [store('y', j, binary('mul', y(j), literal(2)))], 'vector'),
  ],
};

describe.each(Object.entries(bodies))('%s', (_, body) => {
  test.each([1, 2, 31, 64, 65, 300])('%i iterations', (count) => {
    const plain = tested(body);
    const shared = shareLoops(plain, webgpuTarget);
    expect(shared.workgroup).toBeDefined();
    expect(kernelFaults(shared)).toEqual([]);
    expect(run(shared, count)).toEqual(run(plain, count));
  });
});

function barriers({ body }: Kernel): number {
  let count = 0;
  forEachStatement(body, ({ kind }) => (count += kind === 'barrier' ? 1 : 0));
  return count;
}

test('invocations wait for each other where one reads what another wrote, and nowhere else', () => {
  const count = (body: readonly Statement[]): number => barriers(shareLoops(tested(body), webgpuTarget));
  expect(count(total)).toBe(0);
  expect(count(bodies['what is read where others wrote']!)).toBe(2);
});

describe('a kernel stays as it is', () => {
  const unchanged: { readonly [what: string]: readonly Statement[] } = {
    'whose loop is all it does: its iterations become points': [loop('i', n, [store('y', i, x(i))], 'vector')],
    'whose loops are short': [
      declare('sum', literal(0)),
      loop('i', constant(9), [reduce('sum', 'add', x(i))], 'vector'),
      store('y', n, variable('sum', 'f32')),
    ],
    'that decides by a sum whether there is another loop': [
      declare('sum', literal(0)),
      loop('i', n, [reduce('sum', 'add', x(i))], 'vector'),
      when(compare('gt', variable('sum', 'f32'), literal(0)), [loop('j', n, [store('y', j, x(j))], 'vector')]),
    ],
    'that counts while it stores': [
      loop('i', n, [store('y', i, x(i))], 'vector'),
      declare('count', literal(0)),
      loop('r', n, [
        store('y', r, variable('count', 'f32')),
        assign('count', binary('add', variable('count', 'f32'), x(r))),
      ]),
      store('y', n, variable('count', 'f32')),
    ],
  };

  test.each(Object.entries(unchanged))('%s', (_, body) => {
    const plain = tested(body);
    expect(shareLoops(plain, webgpuTarget)).toBe(plain);
  });

  test('where there are no workgroups', () => {
    const plain = tested(total);
    expect(shareLoops(plain, wasmTarget)).toBe(plain);
  });
});

test('what an iteration computes for itself stays its own', () => {
  const own = [
    declare('most', literal(-Infinity)),
    loop(
      'i',
      n,
      [
        declare('inner', literal(0)),
        loop('j', constant(3), [assign('inner', binary('add', variable('inner', 'f32'), x(i)))]),
        constantly('twice', binary('mul', variable('inner', 'f32'), literal(2))),
        reduce('most', 'max', variable('twice', 'f32')),
      ],
      'vector',
    ),
    store('y', n, variable('most', 'f32')),
  ];
  const shared = shareLoops(tested(own), webgpuTarget);
  expect(shared.workgroup).toBeDefined();
  expect(run(shared, 70)).toEqual(run(tested(own), 70));
});
