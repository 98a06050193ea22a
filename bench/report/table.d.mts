export interface Table {
  readonly heading: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly notes: readonly string[];
}

export function printSection(table: Table): string;
export function markdownSection(table: Table, level: number): string;
export function printTime(milliseconds: number): string;
export function printBytes(bytes: number): string;
