/** An optimizer as plain data: what it is, its settings, and which parameters they are for. */

/** A learning rate that changes: the name and settings of a record in `schedules.ts`. */
export interface Schedule {
  readonly kind: 'schedule';
  readonly name: string;
  readonly settings: Settings;
}

/** `null` is the language's `none`: the setting is off. */
export type Setting = number | boolean | string | null | readonly number[] | Schedule;

/** Every argument of a record by name, those at their default included. */
export type Settings = { readonly [name: string]: Setting };

export interface Optimizer {
  /** Of a record in `records.ts`. */
  readonly name: string;
  /** The settings of the whole step: clipping and accumulation. */
  readonly step: Settings;
  /** Every trainable parameter is in exactly one of them; the last has no patterns and holds the rest. */
  readonly groups: readonly ParameterGroup[];
}

export interface ParameterGroup {
  readonly patterns: readonly string[];
  /** Of the optimizer, with what the group overrides. */
  readonly settings: Settings;
  /** Paths. */
  readonly parameters: readonly string[];
}
