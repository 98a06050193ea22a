/** The steps of one module of a target: which of their alternatives it is ever asked for. */
import type { SimdVariant } from '../../program/program.ts';
import type { Plan } from './plan.ts';
import type { RunCall } from './routines.ts';

/** A call whose alternatives that this module never calls are absent. */
export interface VariantCall extends Omit<RunCall, 'choice'> {
  readonly choice?: { readonly slot: number; readonly kernels: readonly (number | undefined)[] };
}

/** Kernels that the runtime calls itself: those of steps at load, and those that tell tiles apart, if there are several. */
export function exportsOf({ program: { tiles }, exportedKernels }: Plan, variant: SimdVariant): number[] {
  const tried = tiles?.order[variant] ?? [];
  return [...exportedKernels, ...(tried.length > 1 ? tried.map((tile) => tiles!.candidates[tile]!.kernel) : [])];
}

export function callsOf({ program, runArguments }: Plan, variant: SimdVariant): VariantCall[] {
  const { tiles, steps } = program;
  const isTried = (tile: number | undefined): boolean =>
    tile === undefined || (tiles?.order[variant].includes(tile) ?? false);
  return runArguments.map((call, at) => {
    const { choice } = call;
    if (!choice) return call;
    const { alternatives = [] } = steps[at]!;
    const kernels = choice.kernels.map((kernel, one) => (isTried(alternatives[one]!.tile) ? kernel : undefined));
    return { ...call, choice: { ...choice, kernels } };
  });
}
