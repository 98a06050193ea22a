import type { Summary } from './statistics.mjs';

export interface Row {
  readonly contestant: {
    readonly name: string;
    readonly threads: number;
    readonly ceiling?: string;
    readonly isCeiling?: string;
  };
  readonly samples?: readonly number[];
  readonly operations?: number;
  readonly difference?: number;
  readonly agrees?: boolean;
  readonly absent?: string;
}

export interface Figure extends Partial<Summary> {
  readonly name: string;
  readonly absent?: string;
  readonly gigaflops?: number;
  readonly ofCeiling?: number;
  readonly isCeiling?: true;
  readonly ahead?: { readonly min: number; readonly median: number };
  readonly difference?: number;
  readonly agrees?: boolean;
}

export function figuresOf(rows: readonly Row[]): Figure[];
