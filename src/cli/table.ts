/** Text in columns, and how sizes and numbers are written in it. */
import { gzipSync } from 'node:zlib';

export type Alignment = 'left' | 'right';

/** Rows as lines, columns two spaces apart. The last alignment holds for all further columns. */
export function alignColumns(rows: readonly (readonly string[])[], alignments: readonly Alignment[]): string[] {
  const shown = rows.map((row) => row.map(visible));
  const widths: number[] = [];
  for (const row of shown) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return shown.map((row) =>
    row
      .map((cell, at) => {
        const alignment = alignments[Math.min(at, alignments.length - 1)];
        return alignment === 'right' ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A text from a file as one harmless line: control characters could move the cursor. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '�');
}

/** A list in JSON with one item on each line. */
export function jsonLines(items: readonly unknown[]): string {
  return items.length === 0 ? '[]' : `[\n${items.map((item) => `  ${JSON.stringify(item)}`).join(',\n')}\n]`;
}

/** `553.0 kB` */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'];
  let size = bytes / 1000;
  let unit = 0;
  while (size >= 999.95 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size.toFixed(1)} ${units[unit]}`;
}

/** Beyond this, compressing takes seconds; such files are weights, which hardly shrink. */
const MAX_GZIP = 2 ** 24;

export function formatGzip(bytes: Uint8Array): string {
  return bytes.length > MAX_GZIP ? '–' : formatBytes(gzipSync(bytes).length);
}

/** Six significant digits, without trailing zeros. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

export function count(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}
