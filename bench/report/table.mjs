/** Tables as text and as Markdown: a header, then rows of cells; the first column is aligned left, the others right. */

/** `{ heading, header, rows, notes }` as text. */
export function printSection({ heading, header, rows, notes }) {
  return [heading, ...(rows.length > 0 ? [printTable(header, rows)] : []), ...notes].join('\n');
}

/** The same as Markdown; `level` is that of the heading. */
export function markdownSection({ heading, header, rows, notes }, level) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = line(header.map((_, column) => (column === 0 ? '---' : '---:')));
  const table = rows.length > 0 ? [[line(header), rule, ...rows.map(line)].join('\n')] : [];
  const list = notes.length > 0 ? [notes.map((note) => `- ${note}`).join('\n')] : [];
  return [`${'#'.repeat(level)} ${heading}`, ...table, ...list].join('\n\n');
}

function printTable(header, rows) {
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
