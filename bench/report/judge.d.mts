import type { Figure } from './figures.mjs';
import type { LengthRow, ProductEntry, StartRow } from './sections.mjs';

export interface EngineResult {
  readonly engine: string;
  readonly speed?: readonly { readonly model: string; readonly figures: readonly Partial<Figure>[] }[];
  readonly training?: readonly { readonly model: string; readonly figures: readonly Partial<Figure>[] }[];
  readonly decoding?: readonly { readonly model: string; readonly figures: readonly Partial<Figure>[] }[];
  readonly products?: readonly (Pick<ProductEntry, 'order'> & { readonly figures: readonly Partial<Figure>[] })[];
  readonly coldStart?: readonly { readonly model: string; readonly rows: readonly StartRow[] }[];
}

export interface Judged {
  readonly what: string;
  readonly limit: string;
  readonly values: readonly ({ readonly value: number; readonly text: string; readonly isMet: boolean } | undefined)[];
}

export function judge(
  report: {
    readonly engines: readonly EngineResult[];
    readonly lengths?: readonly { readonly model: string; readonly rows: readonly LengthRow[] }[];
    readonly webgpu?: readonly {
      readonly model: string;
      readonly figures: readonly { readonly name: string; readonly counts?: Readonly<Record<string, number>> }[];
    }[];
    readonly sizes?: readonly { readonly gzip: number; readonly isWhole?: boolean }[];
  },
  criteria: readonly object[],
): Judged[];
