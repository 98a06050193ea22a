/** Kernels whose points are workgroups: their rules, what the interpreter finds wrong, and what may move over a barrier. */
import { describe, expect, it } from 'vitest';
import { add, constant as c, multiply, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, compare, convert, literal, load, position, variable } from '../../src/compiler/kernel/build.ts';
import { hoist } from '../../src/compiler/kernel/hoist.ts';
import { Conflict, interpretKernel } from '../../src/compiler/kernel/interpret.ts';
import type { Expr, Kernel, KernelBuffer, Statement, Workgroup } from '../../src/compiler/kernel/ir.ts';
import { prepareKernel } from '../../src/compiler/kernel/prepare.ts';
import { kernelKey, printKernel } from '../../src/compiler/kernel/print.ts';
import { share } from '../../src/compiler/kernel/share.ts';
import { simplify } from '../../src/compiler/kernel/simplify.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { limitFaults } from '../../src/compiler/kernel/workgroup.ts';
import { assign, declare, GRID, input, kernel, letBe, loop, output, store, when } from './support.ts';

const [i, k, n] = [symbol('i'), symbol('k'), symbol('n')];
const BARRIER: Statement = { kind: 'barrier' };
const X: KernelBuffer = { name: 'x', type: 'f32', access: 'readwrite' };

function tested(
  body: readonly Statement[],
  { size = 4, memory = [{ name: 'm', type: 'f32', length: 8 }] }: Partial<Workgroup> = {},
): Kernel {
  const buffers = [input('a'), input('limits', 'i32'), output('out'), X];
  return { ...kernel(buffers, ['n'], [], body), workgroup: { invocation: 'i', size, memory } };
}

const at = (buffer: string, index = i): Expr => load(buffer, index, 'f32');
const reduced = (name: string, value: Expr = at('a')): Statement => ({ kind: 'reduce', name, op: 'add', value });
const isFirst = compare('eq', position(i), literal(0, 'i32'));

function run(body: readonly Statement[]): Record<string, number[]> {
  const buffers = {
    a: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    limits: Int32Array.of(2, 0),
    out: new Float32Array(8),
    x: Float32Array.of(1, 2, 3, 4),
  };
  interpretKernel(tested(body), buffers, { n: 2 });
  return { out: Array.from(buffers.out), x: Array.from(buffers.x) };
}

describe('the rules', () => {
  const faults = (body: readonly Statement[], workgroup?: Partial<Workgroup>): string[] =>
    kernelFaults(tested(body, workgroup)).map((text) => text.replace('kernel test: ', ''));

  it('let a barrier and a reduction be where all invocations come by', () => {
    const rounds = letBe('rounds', load('limits', c(0), 'i32'));
    expect(
      faults([
        rounds,
        loop('k', n, 'serial', [BARRIER, reduced('r')]),
        loop('k', symbol('rounds'), 'serial', [BARRIER]),
        when(compare('gt', load('limits', c(1), 'i32'), position(n)), [BARRIER]),
      ]),
    ).toEqual([]);
  });

  it.each<[string, readonly Statement[]]>([
    ['the invocation', [when(isFirst, [BARRIER])]],
    ['an extent with the invocation', [loop('k', i, 'serial', [BARRIER])]],
    ['what is loaded at a place with the invocation', [when(convert(load('limits', i, 'i32'), 'bool'), [BARRIER])]],
    ['what is loaded from a buffer that is written', [when(compare('gt', at('x', c(0)), literal(0)), [BARRIER])]],
    ['what is loaded from shared memory', [when(compare('gt', at('m', c(0)), literal(0)), [BARRIER])]],
    ['a let with the invocation', [letBe('own', position(i)), loop('k', symbol('own'), 'serial', [BARRIER])]],
    ['a reduction', [reduced('r'), when(compare('gt', variable('r', 'f32'), literal(0)), [BARRIER])]],
    [
      'a variable that is assigned under a condition of that kind, behind in a loop',
      [
        declare('v', literal(0)),
        loop('k', n, 'serial', [
          when(compare('gt', variable('v', 'f32'), literal(0)), [BARRIER]),
          when(isFirst, [assign('v', literal(1))]),
        ]),
      ],
    ],
  ])('refuse a barrier that depends on %s', (_, body) => {
    expect(faults(body)).toEqual(['a barrier is in divergent control flow']);
  });

  it('refuse a reduction there, too, and either without a workgroup', () => {
    expect(faults([when(isFirst, [reduced('r')])])).toEqual(['the reduction r is in divergent control flow']);
    expect(kernelFaults(kernel([input('a')], [], [], [BARRIER, reduced('r', at('a', c(0)))]))).toEqual([
      'kernel test: a barrier without a workgroup',
      'kernel test: r is reduced without a workgroup',
    ]);
  });

  it('refuse sizes that are no powers of two, empty memory, names twice, and what has no such operation', () => {
    expect(faults([], { size: 48 })).toEqual(['a workgroup of 48 is no power of two']);
    expect(faults([], { memory: [{ name: 'm', type: 'f32', length: 0 }] })).toEqual(['the memory m has 0 elements']);
    expect(faults([], { memory: [{ name: 'a', type: 'f32', length: 1 }] })).toContain('a is defined twice');
    expect(faults([letBe('m', literal(0))])).toEqual(['m is defined twice']);
    expect(faults([{ kind: 'reduce', name: 'r', op: 'and', value: at('a') }])).toEqual(['r: there is no and of f32']);
    expect(faults([store('m', i, literal(0, 'i32'))])).toEqual(['0 is i32 where f32 is needed']);
  });

  it('know the limits of a device, with the memory that reductions need', () => {
    const { workgroups } = GRID;
    const limits = (body: readonly Statement[], workgroup: Partial<Workgroup>): string[] =>
      limitFaults(tested(body, workgroup), workgroups!);
    expect(limits([BARRIER], { size: 256, memory: [{ name: 'm', type: 'f32', length: 4096 }] })).toEqual([]);
    expect(limits([reduced('r')], { size: 256, memory: [{ name: 'm', type: 'f32', length: 4096 }] })).toEqual([
      '18432 bytes of workgroup memory, where 16384 is the most',
    ]);
    expect(limits([], { size: 512 })).toEqual(['a workgroup of 512, where 256 is the most']);
  });
});

describe('the interpreter', () => {
  it('runs the invocations together, and combines their values', () => {
    const other = subtract(c(3), i);
    expect(
      run([
        store('m', i, at('a')),
        BARRIER,
        reduced('sum', binary('mul', at('m', other), at('a'))),
        store('out', i, binary('add', at('m', other), variable('sum', 'f32'))),
      ]).out,
    ).toEqual([24, 23, 22, 21, 0, 0, 0, 0]);
  });

  it('lets loops and branches diverge where nothing waits', () => {
    expect(
      run([
        declare('sum', literal(0)),
        loop('k', add(i, c(1)), 'serial', [assign('sum', binary('add', variable('sum', 'f32'), at('a', k)))]),
        when(isFirst, [assign('sum', literal(-1))], [store('out', add(i, c(4)), literal(9))]),
        store('out', i, variable('sum', 'f32')),
      ]).out,
    ).toEqual([-1, 3, 6, 10, 0, 9, 9, 9]);
  });

  const neighbour = subtract(c(3), i);
  it.each<[string, readonly Statement[]]>([
    ['reads what another has just written', [store('m', i, at('a')), store('out', i, at('m', neighbour))]],
    ['writes what another has just read', [letBe('v', at('x', neighbour)), store('x', i, variable('v', 'f32'))]],
    ['writes something else where another writes', [store('m', c(0), at('a'))]],
    ['does not arrive', [when(isFirst, [BARRIER])]],
  ])('finds that an invocation %s', (_, body) => {
    expect(() => run(body)).toThrow(Conflict);
  });

  it('lets several write the same, and one read what it wrote itself', () => {
    const body = [
      store('m', c(0), literal(5)),
      store('m', add(i, c(1)), at('a')),
      store('out', i, at('m', add(i, c(1)))),
    ];
    expect(run(body).out!.slice(0, 4)).toEqual([1, 2, 3, 4]);
  });

  it('gives memory no value that could be relied on', () => {
    expect(run([store('out', i, at('m'))]).out!.slice(0, 4)).toEqual([NaN, NaN, NaN, NaN]);
  });
});

describe('transformations', () => {
  const sumOf = (...values: Expr[]): Expr => values.reduce((a, b) => binary('add', a, b));
  const text = (body: readonly Statement[]): string => printKernel(tested(body));

  it('load again after a barrier, but what nobody writes', () => {
    const twice = (buffer: string): Expr => sumOf(at(buffer), at(buffer));
    const body = [
      store('m', i, literal(1)),
      store('x', i, literal(1)),
      store('out', i, sumOf(twice('m'), twice('x'), at('a'))),
      BARRIER,
      store('out', add(i, c(4)), sumOf(twice('m'), twice('x'), at('a'))),
    ];
    const shared = printKernel(share(tested(body)));
    expect(shared.match(/= m\[i\]/g)).toHaveLength(2);
    expect(shared.match(/= x\[i\]/g)).toHaveLength(2);
    expect(shared.match(/a\[i\]/g)).toHaveLength(1);
  });

  it('leave in a loop with a barrier what others may have written', () => {
    const body = [
      store('m', i, literal(0)),
      loop('k', n, 'serial', [
        store('m', add(i, c(4)), sumOf(at('m'), at('a'))),
        BARRIER,
        store('out', i, at('m', subtract(c(7), i))),
      ]),
    ];
    const hoisted = printKernel(hoist(tested(body)));
    expect(hoisted).toMatch(/let fixed\w*: f32 = a\[i\]/);
    expect(hoisted.indexOf('m[i] +')).toBeGreaterThan(hoisted.indexOf('for k'));
    const free = [loop('k', n, 'serial', [store('out', multiply(k, c(4)), at('m'))])];
    expect(printKernel(hoist(tested(free)))).toMatch(/let fixed\w*: f32 = m\[i\][^]*for k/);
  });

  it('drop barriers that follow barriers, and reductions that nobody reads', () => {
    const body = [
      store('m', i, literal(0)),
      loop('k', c(2), 'unrolled', [BARRIER, store('m', i, at('m')), BARRIER]),
      reduced('unread'),
      store('out', i, at('m')),
    ];
    const simple = printKernel(simplify(tested(body)));
    expect(simple.match(/barrier/g)).toHaveLength(3);
    expect(simple).not.toContain('unread');
  });

  it('keep a workgroup whole: its loops make no grid', () => {
    const vector = loop('k', n, 'vector', [store('out', add(multiply(c(4), k), i), at('a'))]);
    const prepared = prepareKernel(tested([vector]), GRID);
    expect(prepared.grid).toEqual([]);
    expect(printKernel(prepared)).toContain('workgroup (i < 4, m: f32[8])');
  });

  it('know kernels apart by their workgroups, whatever their names', () => {
    const body = [reduced('r'), store('m', i, variable('r', 'f32'))];
    const renamed: Kernel = {
      ...kernel(
        tested([]).buffers,
        ['n'],
        [],
        [
          { kind: 'reduce', name: 's', op: 'add', value: at('a', symbol('me')) },
          store('tile', symbol('me'), variable('s', 'f32')),
        ],
      ),
      workgroup: { invocation: 'me', size: 4, memory: [{ name: 'tile', type: 'f32', length: 8 }] },
    };
    expect(kernelKey(renamed)).toBe(kernelKey(tested(body)));
    expect(kernelKey(tested(body, { size: 8 }))).not.toBe(kernelKey(tested(body)));
    expect(kernelKey(tested(body, { memory: [{ name: 'm', type: 'f32', length: 9 }] }))).not.toBe(
      kernelKey(tested(body)),
    );
    expect(text(body)).toContain('let r: f32 = workgroup_add(a[i])');
  });
});
