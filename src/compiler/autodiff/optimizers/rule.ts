/** What an optimizer's update is written with. The names and defaults of settings are the language's business. */
import type { Value } from '../../ir/graph.ts';
import type { Apply } from '../../ops/formula.ts';
import type { HostExpr } from '../../../program/training.ts';
import type { Settings } from '../../semantics/optimizers/optimizer.ts';

/** One parameter at one update. Numbers of the host are f32[] when they arrive; all else has the parameter's shape. */
export interface Slot {
  readonly parameter: Value;
  readonly gradient: Value;
  readonly settings: Settings;
  readonly lr: HostExpr;
  readonly apply: Apply;
  /** What is kept of earlier updates, which is `initial` everywhere before the first. */
  state(name: string, initial?: number): Value;
  /** A number that the host computes for each update; one of a name in each group. */
  host(name: string, value: HostExpr): Value;
}

export interface Updated {
  readonly parameter: Value;
  /** New values of the states that were asked for, all of them. */
  readonly states: { readonly [name: string]: Value };
}

export type UpdateRule = (slot: Slot) => Updated;

/** A setting of a record that is a number. Throws Error for any other: the records allow none. */
export function numberSetting(settings: Settings, name: string): number {
  const value = settings[name];
  if (typeof value !== 'number') throw new Error(`internal: ${name} is ${String(value)}, not a number`);
  return value;
}

/** The two decays of running means. */
export function betasOf({ betas }: Settings): readonly [number, number] {
  if (!Array.isArray(betas)) throw new Error('internal: betas is no list');
  const [first, second] = betas as readonly number[];
  return [first!, second!];
}

/** g + weight_decay p: an L2 penalty. */
export function penalized({ apply, gradient, parameter, settings }: Slot): Value {
  const decay = numberSetting(settings, 'weight_decay');
  return decay === 0 ? gradient : apply('add', gradient, apply('mul', parameter, decay));
}

/** p (1 - lr weight_decay): decoupled decay (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101). */
export function decayed({ apply, parameter, settings, lr, host }: Slot): Value {
  const decay = numberSetting(settings, 'weight_decay');
  return decay === 0 ? parameter : apply('mul', parameter, host('keep', ['-', 1, ['*', lr, decay]]));
}

/** `mean` moved towards `value`: decay mean + (1 - decay) value. */
export function runningMean({ apply }: Slot, mean: Value, value: Value, decay: number): Value {
  return apply('add', apply('mul', mean, decay), apply('mul', value, 1 - decay));
}
