import { describe, expect, test } from 'vitest';
import { add, constant, symbol } from '../../src/compiler/dims/dim.ts';
import { binary, load, variable } from '../../src/compiler/kernel/build.ts';
import type { Expr, Kernel, Statement } from '../../src/compiler/kernel/ir.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { share } from '../../src/compiler/kernel/share.ts';
import { assign, declare, input, kernel, letBe, loop, output, store } from './support.ts';

const i = symbol('i');
const x = load('x', i, 'f32');
const twice = (value: Expr): Expr => binary('add', value, value);

function shared(body: readonly Statement[]): string {
  const given = kernel(
    [input('x'), { ...output('out'), access: 'readwrite' }],
    ['n'],
    [],
    [loop('i', symbol('n'), 'serial', body)],
  );
  return printKernel(share(given));
}

describe('an expression that recurs', () => {
  test('is computed once', () => {
    const square = binary('mul', x, variable('a', 'f32'));
    expect(shared([letBe('a', x), store('out', i, twice(square))])).toContain('let shared: f32 = (a * a)');
  });

  test('is computed again after what it reads has changed', () => {
    const own = load('out', i, 'f32');
    expect(shared([store('out', i, twice(own)), store('out', i, twice(own))]).match(/let shared/g)).toHaveLength(2);
    const [s, one] = [variable('s', 'f32'), constant(1)];
    const text = shared([
      declare('s', x),
      store('out', i, binary('mul', s, s)),
      assign('s', twice(s)),
      store('out', add(i, one), binary('mul', s, s)),
    ]);
    expect(text).not.toContain('let shared: f32 = (s * s)');
  });
});

describe('time', () => {
  const chain = (length: number): Kernel => {
    let sum: Expr = x;
    for (let at = 1; at < length; at++) sum = binary('add', sum, load('x', add(i, constant(at)), 'f32'));
    return kernel([input('x'), output('out')], ['n'], [], [loop('i', symbol('n'), 'serial', [store('out', i, sum)])]);
  };
  const timeOf = (length: number): number => {
    const given = chain(length);
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      share(given);
      return performance.now() - start;
    });
    return Math.min(...times);
  };

  test('grows with the size of an expression, not with its square', () => {
    timeOf(1200);
    expect(timeOf(1200) / timeOf(150)).toBeLessThan(24);
  });
});
