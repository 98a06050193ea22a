import type { Figure } from './figures.mjs';
import type { Table } from './table.mjs';

export interface SpeedEntry {
  readonly title: string;
  readonly multiplyAdds: number;
  readonly figures: readonly Figure[];
}

export interface ProductEntry {
  readonly order: string;
  readonly orderTitle: string;
  readonly of: string;
  readonly sizes: { readonly m: number; readonly n: number; readonly k: number };
  readonly figures: readonly Figure[];
}

export interface StartRow {
  readonly name: string;
  readonly against?: string;
  readonly samples: readonly number[];
  readonly firstPeaks: readonly number[];
  readonly peaks: readonly number[];
  readonly absent?: string;
}

export interface LengthRow {
  readonly length: number;
  readonly cached: number;
  readonly whole: number;
  readonly agrees: boolean;
}

export interface GpuEntry {
  readonly title: string;
  readonly engine: string;
  readonly adapter: string;
  readonly reference: string;
  readonly figures: readonly (Figure & {
    readonly first?: number;
    readonly counts?: Readonly<Record<string, number>>;
    readonly runtime?: { readonly raw: number; readonly gzip: number };
  })[];
}

export function gpuTable(entry: GpuEntry): Table;
export function speedTable(entry: SpeedEntry): Table;
export function trainingTable(entry: SpeedEntry): Table;
export function productTable(entries: readonly ProductEntry[]): Table;
export function lengthsTable(entry: { readonly model: string; readonly rows: readonly LengthRow[] }): Table;
export function coldStartTable(entry: { readonly title: string; readonly rows: readonly StartRow[] }): Table;
