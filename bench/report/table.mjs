/** Text tables: a header, then rows of cells; the first column is aligned left, the others right. */

export function printTable(header, rows) {
  const all = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...all.map((row) => [...(row[column] ?? '')].length)));
  const line = (row) =>
    row
      .map((cell, column) => {
        const space = ' '.repeat(widths[column] - [...cell].length);
        return column === 0 ? cell + space : space + cell;
      })
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(all[0]), rule, ...all.slice(1).map(line)].join('\n');
}

/** Milliseconds with three significant digits; below a tenth of one, microseconds. */
export function printTime(milliseconds) {
  return milliseconds < 0.1 ? `${significant(milliseconds * 1000)} µs` : `${significant(milliseconds)} ms`;
}

function significant(value) {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(value, 1e-3))));
  return value.toFixed(Math.min(digits, 3));
}

/** Kilobytes of 1000 bytes, or megabytes. */
export function printBytes(bytes) {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
