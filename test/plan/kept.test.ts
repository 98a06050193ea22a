/** Buffers whose contents stay between runs: how they are planned and where they lie. */
import { expect, test } from 'vitest';
import { loadTimeCalls } from '../../src/compiler/plan/hoist.ts';
import { plan } from '../../src/compiler/plan/plan.ts';
import { memoryFor, placeArena, placeKept, placePersistent, touchesKept } from '../../src/program/memory.ts';
import type { Dims } from '../../src/program/size.ts';
import { MAX, planned, program } from '../runtime/generate/sample.ts';
import { call, kernel, lowered } from './programs.ts';

const target = planned.program;
const [run, prefill, step] = target.routines;
const cache = target.buffers.findIndex(({ kind }) => kind === 'kept');

test('a kept tensor is one buffer of all routines, alive at all times', () => {
  expect(target.buffers.filter(({ kind }) => kind === 'kept')).toEqual([
    { kind: 'kept', size: ['*', MAX, 'batch'], first: 0, last: 0 },
  ]);
  expect([run, prefill, step].map((routine) => touchesKept(target, routine!))).toEqual([false, true, true]);
  expect([prefill, step].every((routine) => routine!.table.buffers.includes(cache))).toBe(true);
});

test('it lies between the persistent buffers and the arenas, wherever those end', () => {
  const persistent = placePersistent(target, 64);
  const place = (dims: Dims) => {
    const kept = placeKept(target, persistent, dims);
    return { kept, arena: placeArena(target, prefill!, kept, dims) };
  };
  for (const time of [1, MAX]) {
    const { kept, arena } = place(new Map(Object.entries({ batch: 5, time })));
    expect([kept.byBuffer[cache], kept.end]).toEqual([64, 64 + 128]);
    expect(arena.byBuffer[cache]).toBe(64);
    const used = prefill!.table.buffers.filter((buffer) => buffer !== cache);
    for (const buffer of used) expect(arena.byBuffer[buffer]).toBeGreaterThanOrEqual(kept.end);
  }
});

test('the memory of a program has it once', () => {
  const dims: Dims = new Map(Object.entries({ batch: 100, time: MAX }));
  const without = memoryFor(
    { ...target, buffers: target.buffers.map((buffer, at) => (at === cache ? { ...buffer, size: 0 } : buffer)) },
    dims,
  );
  expect(memoryFor(target, dims) - without).toBe(4 * 100 * MAX + 32);
});

test('nothing that reads or writes it runs at load, though its size were known', () => {
  const sizes = [4, 4, 4, 4];
  const calls = [call(kernel('fill', 1), [0, 1]), call(kernel('read', 1), [1, 2]), call(kernel('fold', 1), [0, 3])];
  const whole = {
    ...lowered({ sizes, weights: [0], calls }),
    kept: [{ name: 'cache', type: 'f32' as const, shape: [], buffer: 1 }],
  };
  expect([...loadTimeCalls(whole)]).toEqual([2]);
  expect(plan(whole).program.buffers.map(({ kind }) => kind)).toEqual(['persistent', 'kept', 'arena', 'staging']);
});

test('the program says what generates', () => {
  expect(program.generation).toMatchObject({ input: 'idx', max: MAX });
  expect(Object.keys(program).sort()).toEqual(['dims', 'generation', 'name', 'targets', 'version']);
});
