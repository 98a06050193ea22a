import { describe, expect, test } from 'vitest';
import { scheduleRecords } from '../../src/compiler/semantics/optimizers/schedules.ts';
import { evaluateHost } from '../../src/program/host-expr.ts';
import { SCHEDULE_NAMES, scheduledRate } from '../../src/program/schedules.ts';
import type { ScheduleSpec } from '../../src/program/training.ts';
import { describeReference, readCase, valuesOf } from '../support/reference.ts';

type Settings = ScheduleSpec['settings'];

/** A schedule with the language's defaults. */
function schedule(name: string, given: Settings): ScheduleSpec {
  const record = scheduleRecords.find((one) => one.name === name)!;
  const unknown = Object.keys(given).filter((key) => !record.arguments.some((argument) => argument.name === key));
  expect(unknown).toEqual([]);
  const usual = record.arguments.flatMap((one) => (one.default === undefined ? [] : [[one.name, one.default]]));
  return { name, settings: { ...Object.fromEntries(usual), ...given } };
}

function rates(spec: ScheduleSpec, count: number): number[] {
  return Array.from({ length: count }, (_, t) => scheduledRate(spec, t));
}

describeReference('the reference rates', 'oracle/shared/optim/schedules.json', () => {
  const { tensors, sidecar } = readCase('optim/schedules');
  const subcases = sidecar['subcases'] as { readonly [name: string]: { readonly attrs: Attrs } };
  type Attrs = { readonly [name: string]: number } & { readonly at_steps?: readonly number[] };

  /** Each case in the words of the language. */
  const written: { readonly [name: string]: (attrs: Attrs) => ScheduleSpec } = {
    cosine_annealing: ({ base_lr, T_max, eta_min }) =>
      schedule('cosine', { peak: base_lr!, steps: T_max!, end: eta_min! }),
    cosine_annealing_past_T_max: ({ base_lr, T_max, eta_min }) =>
      schedule('cosine', { peak: base_lr!, steps: T_max!, end: eta_min! }),
    warmup_cosine: ({ base_lr, warmup, total, eta_min }) =>
      schedule('cosine', { peak: base_lr!, steps: total!, warmup: warmup!, end: eta_min! }),
    warmup_cosine_from_1: ({ base_lr, warmup, total, eta_min }) =>
      schedule('cosine', {
        peak: base_lr!,
        steps: total!,
        warmup: warmup!,
        end: eta_min!,
        warmup_inclusive: true,
      }),
    timm_cosine: ({ base_lr, warmup, warmup_lr_init, lr_min, t_initial }) =>
      schedule('cosine', {
        peak: base_lr!,
        steps: t_initial!,
        end: lr_min!,
        warmup: warmup!,
        warmup_start: warmup_lr_init!,
        warmup_prefix: false,
      }),
    step: ({ base_lr, step_size, gamma }) => schedule('step', { peak: base_lr!, step_size: step_size!, gamma: gamma! }),
    multistep: ({ base_lr, milestones, gamma }) =>
      schedule('multistep', { peak: base_lr!, milestones: milestones as unknown as number[], gamma: gamma! }),
    exponential: ({ base_lr, gamma }) => schedule('exponential', { peak: base_lr!, gamma: gamma! }),
    linear: ({ base_lr, start_factor, end_factor, total_iters }) =>
      schedule('linear', {
        peak: base_lr!,
        steps: total_iters!,
        start_factor: start_factor!,
        end_factor: end_factor!,
      }),
    polynomial: ({ base_lr, power, total_iters }) =>
      schedule('polynomial', { peak: base_lr!, steps: total_iters!, power: power! }),
    one_cycle: ({ max_lr, total_steps, pct_start, div_factor, final_div_factor }) =>
      schedule('one_cycle', {
        peak: max_lr!,
        steps: total_steps!,
        pct_start: pct_start!,
        div_factor: div_factor!,
        final_div_factor: final_div_factor!,
      }),
    seed000_cosine: ({ base_lr, T_max }) => schedule('cosine', { peak: base_lr!, steps: T_max! }),
  };

  function expectRates(spec: ScheduleSpec, wanted: Float64Array, at: readonly number[] = [...wanted.keys()]): void {
    expect(wanted.length).toBeGreaterThan(0);
    const largest = Math.max(...wanted);
    for (const [index, t] of at.entries()) {
      const [got, want] = [scheduledRate(spec, t), wanted[index]!];
      // What is 0 in the reference may be a rounding error of the peak here.
      expect(Math.abs(got - want), `t = ${t}: ${got}, ${want}`).toBeLessThanOrEqual(1e-12 * want + 1e-16 * largest);
    }
  }

  test('cover every case', () => expect(Object.keys(written)).toEqual(Object.keys(subcases)));

  test.each(Object.keys(subcases))('are met by %s', (name) => {
    const { attrs } = subcases[name]!;
    expectRates(written[name]!(attrs), valuesOf(tensors, `${name}/out64.lr`), attrs.at_steps);
  });

  test('are met by the momentum that a cycle moves the other way', () => {
    const { total_steps, pct_start, base_momentum, max_momentum } = subcases['one_cycle']!.attrs;
    const spec = schedule('one_cycle', {
      peak: base_momentum!,
      steps: total_steps!,
      pct_start: pct_start!,
      div_factor: base_momentum! / max_momentum!,
      final_div_factor: 1,
    });
    expectRates(spec, valuesOf(tensors, 'one_cycle/out64.momentum'));
  });
});

describe('schedules', () => {
  test('are those of the language', () => {
    expect([...SCHEDULE_NAMES].sort()).toEqual(scheduleRecords.map(({ name }) => name).sort());
  });

  test('are constant where nothing else is said', () => {
    expect(rates(schedule('constant', { peak: 0.5 }), 3)).toEqual([0.5, 0.5, 0.5]);
  });

  test('warm up from a rate to the peak, behind which t counts anew', () => {
    const spec = schedule('step', { peak: 8, step_size: 2, gamma: 0.5, warmup: 2, warmup_start: 4 });
    expect(rates(spec, 7)).toEqual([4, 6, 8, 8, 4, 4, 2]);
  });

  test('that warm up inclusively have the peak in the last update of the warm-up', () => {
    const spec = schedule('constant', { peak: 3, warmup: 3, warmup_inclusive: true });
    expect(rates(spec, 4)).toEqual([1, 2, 3, 3]);
  });

  test('that the warm-up is no prefix of are only covered by it', () => {
    const spec = schedule('linear', { peak: 8, steps: 4, warmup: 2, warmup_prefix: false });
    expect(rates(spec, 6)).toEqual([0, 4, 4, 2, 0, 0]);
  });

  test('of linear and polynomial decay end at the last step, warm-up included, and stay', () => {
    expect(rates(schedule('linear', { peak: 8, steps: 6, warmup: 2 }), 8)).toEqual([0, 4, 8, 6, 4, 2, 0, 0]);
    expect(rates(schedule('polynomial', { peak: 9, end: 1, steps: 5, warmup: 1, power: 2 }), 7)).toEqual([
      0, 9, 5.5, 3, 1.5, 1, 1,
    ]);
  });

  test('of one cycle stay at their last rate, and may have linear slopes', () => {
    const spec = schedule('one_cycle', {
      peak: 8,
      steps: 6,
      pct_start: 0.5,
      anneal: 'linear',
      div_factor: 4,
      final_div_factor: 4,
    });
    expect(rates(spec, 8)).toEqual([2, 5, 8, 5.5, 3, 0.5, 0.5, 0.5]);
  });

  test.each<[ScheduleSpec, string]>([
    [{ name: 'cubic', settings: {} }, 'there is no schedule cubic'],
    [{ name: 'toString', settings: {} }, 'there is no schedule toString'],
    [{ name: 'one_cycle', settings: {} }, 'the setting peak of the schedule one_cycle is undefined'],
    [schedule('constant', { peak: '1' }), 'the setting peak of the schedule constant is "1"'],
  ])('that are not what they should be are refused: %j', (spec, message) => {
    expect(() => scheduledRate(spec, 0)).toThrow(new RangeError(message));
  });
});

describe('a number of the host', () => {
  const rate = { schedule: schedule('linear', { peak: 1, steps: 4 }) } as const;
  test.each([
    [0.25, 0.25],
    ['update', 3],
    [rate, 0.5],
    [['+', 'update', 2], 5],
    [['-', 1, ['**', 0.5, 'update']], 0.875],
    [['*', rate, 8], 4],
    [['/', rate, ['sqrt', ['+', 'update', 1]]], 0.25],
  ] as const)('%j is %f at the third update', (expr, value) => {
    expect(evaluateHost(expr, 3)).toBe(value);
  });
});
