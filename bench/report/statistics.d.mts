export interface Summary {
  readonly count: number;
  readonly min: number;
  readonly median: number;
}
export type Values = { readonly [output: string]: ArrayLike<number> };

export function summarize(samples: readonly number[]): Summary;
export function gigaflops(operations: number, milliseconds: number): number;
export function compareOutputs(
  wanted: Values,
  found: Values,
  numbers: 'f32' | 'int8',
): { difference: number; scale: number; agrees: boolean };
