import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { scheduleLoad } from '../../src/program/loading.ts';
import type { TargetProgram } from '../../src/program/program.ts';
import { runOf } from '../runtime/sample.ts';

const WEIGHTS = 5;
const BUFFERS = 9;

/** Buffers 0 to 4 are weights, every other one kept; the rest are made by the steps. */
function programWith(steps: readonly (readonly number[])[]): TargetProgram {
  return {
    buffers: Array.from({ length: BUFFERS }, (_, at) => ({
      kind: at % 2 === 0 ? 'staging' : 'persistent',
      size: 4,
      first: 0,
      last: 0,
    })),
    routines: runOf(0),
    weights: Array.from({ length: WEIGHTS }, (_, at) => ({ name: `w${at}`, dtype: 'f32', shape: [4], buffer: at })),
    loadSteps: steps.map((buffers) => ({ kernel: 0, buffers, sizes: [], origin: '' })),
    steps: [],
    kernels: ['k'],
  };
}

const names = [...Array.from({ length: WEIGHTS }, (_, at) => `w${at}`), 'unknown'];
const arrivals = fc.shuffledSubarray(names, { minLength: names.length });
const steps = fc.array(fc.uniqueArray(fc.nat(BUFFERS - 1), { minLength: 1, maxLength: 3 }), { maxLength: 8 });

test('everything happens once, and in an order that computes the same', () => {
  fc.assert(
    fc.property(steps, arrivals, (buffers, order) => {
      const program = programWith(buffers);
      const { moments } = scheduleLoad(program, order);
      const weights = moments.flatMap((moment) => (moment.kind === 'weight' ? [moment.weight.name] : []));
      expect(weights).toEqual(order.filter((name) => name !== 'unknown'));
      const momentOf = (step: number): number =>
        moments.findIndex((moment) => moment.kind === 'step' && moment.step === step);
      expect(moments.length).toBe(WEIGHTS + buffers.length);
      buffers.forEach((used, step) => {
        for (const buffer of used) {
          if (buffer < WEIGHTS) {
            const arrived = moments.findIndex((moment) => moment.kind === 'weight' && moment.weight.buffer === buffer);
            expect(arrived).toBeLessThan(momentOf(step));
          } else {
            buffers.slice(0, step).forEach((others, earlier) => {
              if (others.includes(buffer)) expect(momentOf(earlier)).toBeLessThan(momentOf(step));
            });
          }
        }
      });
    }),
  );
});

test('a staging buffer lives from the first moment that uses it to the last', () => {
  fc.assert(
    fc.property(steps, arrivals, (buffers, order) => {
      const program = programWith(buffers);
      const { moments, lives } = scheduleLoad(program, order);
      const uses = new Map<number, number[]>();
      moments.forEach((moment, at) => {
        const used = moment.kind === 'weight' ? [moment.weight.buffer] : buffers[moment.step]!;
        for (const buffer of used) if (buffer % 2 === 0) uses.set(buffer, [...(uses.get(buffer) ?? []), at]);
      });
      const wanted = [...uses].map(([buffer, at]) => [buffer, { first: Math.min(...at), last: Math.max(...at) }]);
      expect(new Map(lives)).toEqual(new Map(wanted as [number, unknown][]));
    }),
  );
});

test('weights that are packed one by one are never there together, whatever the order of the file', () => {
  const program = programWith([
    [0, 5],
    [2, 7],
    [4, 5],
  ]);
  fc.assert(
    fc.property(arrivals, (order) => {
      const { lives } = scheduleLoad(
        program,
        order.toSorted((a, b) => Number(b === 'w0') - Number(a === 'w0')),
      );
      const spans = [0, 2].map((buffer) => lives.get(buffer)!);
      for (const { first, last } of spans) expect(last - first).toBe(1);
    }),
  );
});

test('a step waits for all weights of a buffer, in whatever order they come', () => {
  const program: TargetProgram = {
    ...programWith([[0, 6], [1]]),
    weights: [
      { name: 'a', dtype: 'f32', shape: [3], buffer: 0 },
      { name: 'b', dtype: 'f32', shape: [1], buffer: 0, at: 3 },
      { name: 'c', dtype: 'f32', shape: [4], buffer: 1 },
    ],
  };
  const orderOf = (names: readonly string[]): (string | number)[] =>
    scheduleLoad(program, names).moments.map((moment) => (moment.kind === 'step' ? moment.step : moment.weight.name));
  expect(orderOf(['a', 'c', 'b'])).toEqual(['a', 'c', 1, 'b', 0]);
  expect(orderOf(['b', 'a', 'c'])).toEqual(['b', 'a', 0, 'c', 1]);
  expect(scheduleLoad(program, ['b', 'c', 'a']).lives.get(0)).toEqual({ first: 0, last: 4 });
});
