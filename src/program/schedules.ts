/**
 * The schedules of the learning rate in f64: closed forms as in PyTorch's `torch.optim.lr_scheduler`. Which settings a
 * schedule has, their defaults and limits are the language's business.
 */
import type { ScheduleSpec } from './training.ts';

/** Reads the settings of one schedule. */
interface Reader {
  number(name: string): number;
  list(name: string): readonly number[];
  is(name: string, value: boolean | string): boolean;
}

type Schedule = (t: number, settings: Reader) => number;

/** From `a` to `b` along half a cosine, as `x` goes from 0 to 1. */
function cosineBetween(a: number, b: number, x: number): number {
  return b + ((a - b) / 2) * (1 + Math.cos(Math.PI * x));
}

function linearBetween(a: number, b: number, x: number): number {
  return a + (b - a) * x;
}

/** How many of the steps are left for the schedule proper. */
function span({ number, is }: Reader): number {
  return is('warmup_prefix', true) ? number('steps') - number('warmup') : number('steps');
}

/** How far a schedule that stays at its end has come, from 0 to 1. */
function progress(t: number, settings: Reader): number {
  return Math.min(t / span(settings), 1);
}

/** The rate climbs to the peak first. Behind that t counts anew, unless the warm-up covers the schedule's beginning. */
function warmed(proper: Schedule): Schedule {
  return (t, settings) => {
    const { number, is } = settings;
    const warmup = number('warmup');
    if (t >= warmup) return proper(is('warmup_prefix', true) ? t - warmup : t, settings);
    const climbed = is('warmup_inclusive', true) ? (t + 1) / warmup : t / warmup;
    return linearBetween(number('warmup_start'), number('peak'), climbed);
  };
}

/** `OneCycleLR` with two phases, which end at t = pct_start steps - 1 and steps - 1; the last rate stays. */
const oneCycle: Schedule = (t, { number, is }) => {
  const peak = number('peak');
  const first = peak / number('div_factor');
  const between = is('anneal', 'cos') ? cosineBetween : linearBetween;
  const top = number('pct_start') * number('steps') - 1;
  const end = number('steps') - 1;
  if (t >= end) return first / number('final_div_factor');
  if (t < top) return between(first, peak, t / top);
  return between(peak, first / number('final_div_factor'), (t - top) / (end - top));
};

const SCHEDULES: { readonly [name: string]: Schedule } = {
  constant: warmed((_, { number }) => number('peak')),
  linear: warmed((t, settings) => {
    const { number } = settings;
    return number('peak') * linearBetween(number('start_factor'), number('end_factor'), progress(t, settings));
  }),
  cosine: warmed((t, settings) => cosineBetween(settings.number('peak'), settings.number('end'), t / span(settings))),
  step: warmed((t, { number }) => number('peak') * number('gamma') ** Math.floor(t / number('step_size'))),
  multistep: warmed((t, { number, list }) => {
    const passed = list('milestones').filter((milestone) => milestone <= t).length;
    return number('peak') * number('gamma') ** passed;
  }),
  exponential: warmed((t, { number }) => number('peak') * number('gamma') ** t),
  polynomial: warmed((t, settings) => {
    const { number } = settings;
    const left = (1 - progress(t, settings)) ** number('power');
    return linearBetween(number('end'), number('peak'), left);
  }),
  one_cycle: oneCycle,
};

export const SCHEDULE_NAMES: readonly string[] = Object.keys(SCHEDULES);

/**
 * The learning rate of update `t`, counted from 0 on. Throws RangeError for a schedule that there is not, and for a
 * setting that is missing or of another type.
 */
export function scheduledRate({ name, settings }: ScheduleSpec, t: number): number {
  const schedule = Object.hasOwn(SCHEDULES, name) ? SCHEDULES[name] : undefined;
  if (!schedule) throw new RangeError(`there is no schedule ${name}`);
  const malformed = (setting: string): RangeError =>
    new RangeError(`the setting ${setting} of the schedule ${name} is ${JSON.stringify(settings[setting])}`);
  return schedule(t, {
    number(setting) {
      const value = settings[setting];
      if (typeof value !== 'number') throw malformed(setting);
      return value;
    },
    list(setting) {
      const value = settings[setting];
      if (!Array.isArray(value)) throw malformed(setting);
      return value;
    },
    is(setting, wanted) {
      const value = settings[setting];
      if (typeof value !== typeof wanted) throw malformed(setting);
      return value === wanted;
    },
  });
}
