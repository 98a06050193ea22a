import type { Summary } from './statistics.mjs';

export interface Row {
  readonly contestant: {
    readonly name: string;
    readonly threads: number;
    readonly numbers?: 'f32' | 'int8';
    readonly build?: string;
    readonly isNative?: boolean;
    readonly against?: string;
    readonly ceilings?: readonly string[];
    readonly isCeiling?: string;
  };
  readonly samples?: readonly number[];
  readonly operations?: number;
  readonly peakBytes?: number;
  readonly difference?: number;
  readonly scale?: number;
  readonly agrees?: boolean;
  readonly absent?: string;
}

export interface Figure extends Partial<Summary> {
  readonly name: string;
  readonly kind: 'ours' | 'peer' | 'native' | 'ceiling';
  readonly threads: number;
  readonly numbers?: 'f32' | 'int8';
  readonly absent?: string;
  readonly gigaflops?: number;
  readonly ceiling?: number;
  readonly ofCeiling?: number;
  readonly ahead?: { readonly min: number; readonly median: number };
  readonly peakBytes?: number;
  readonly difference?: number;
  readonly scale?: number;
  readonly agrees?: boolean;
}

export function figuresOf(rows: readonly Row[]): Figure[];
