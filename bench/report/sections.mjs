/** The printed tables of the report's sections. */
import { summarize } from './statistics.mjs';
import { printBytes, printTable, printTime } from './table.mjs';

const NONE = '–';
const percent = (ratio) => (ratio === undefined ? NONE : `${(100 * ratio).toFixed(0)} %`);
const times = (ratio) => (ratio === undefined ? NONE : `${ratio.toFixed(2)} ×`);

/** Rows that could not be measured, with the reason, below the table. */
function withReasons(table, absent) {
  return [table, ...absent.map(({ name, absent: reason }) => `${name}: – (${reason})`)].join('\n');
}

/** Speed of one model. `figures` as `figuresOf` makes them. */
export function speedTable({ title }, { multiplyAdds }, figures) {
  const header = ['', 'min', 'median', 'GFLOP/s', 'of ceiling', 'heddle is', 'by median', 'max difference', 'samples'];
  const rows = figures
    .filter(({ absent }) => !absent)
    .map((figure, at) => [
      figure.name,
      printTime(figure.min),
      printTime(figure.median),
      figure.gigaflops.toFixed(1),
      figure.isCeiling ? NONE : percent(figure.ofCeiling),
      ...(at === 0 ? [NONE, NONE] : [times(figure.ahead?.min), times(figure.ahead?.median)]),
      differenceOf(figure, at),
      figure.count,
    ]);
  const heading = `${title}: ${(multiplyAdds / 1e6).toPrecision(4)} million multiply-adds`;
  return `${heading}\n${withReasons(
    printTable(header, rows),
    figures.filter(({ absent }) => absent),
  )}`;
}

function differenceOf({ difference, agrees }, at) {
  if (difference === undefined || at === 0) return NONE;
  return agrees ? difference.toExponential(1) : `${difference.toExponential(1)} MISMATCH`;
}

/** `rows` as `measureColdStarts` makes them. */
export function coldStartTable({ title }, rows) {
  const started = rows.filter(({ absent }) => !absent);
  const ours = started[0] && summarize(started[0].samples);
  const body = started.map(({ contestant, samples, peaks }, at) => {
    const { min, median } = summarize(samples);
    const peak = peaks.length > 0 ? printBytes(summarize(peaks).median) : NONE;
    const ahead = at === 0 ? NONE : times(min / ours.min);
    return [contestant.name, printTime(min), printTime(median), ahead, peak];
  });
  const absent = rows
    .filter((row) => row.absent)
    .map(({ contestant, absent: reason }) => ({ name: contestant.name, absent: reason }));
  const table = printTable(['', 'min', 'median', 'heddle is', 'peak memory'], body);
  return `Cold start to the first output, ${title}\n${withReasons(table, absent)}`;
}

/** `rows` as `measureSizes` makes them. */
export function sizeTable(rows) {
  const body = rows.map(({ name, raw, gzip }) => [name, printBytes(raw), printBytes(gzip)]);
  return `What a page loads besides weights\n${printTable(['', 'raw', 'gzip'], body)}`;
}

/** `rows` as compile-time.mjs prints them. */
export function compileTable(rows) {
  const body = rows.map(({ layers, elaborate, compile, total, wasmBytes }) => [
    layers,
    printTime(elaborate),
    printTime(compile),
    printTime(total),
    printTime(total / layers),
    printBytes(wasmBytes),
  ]);
  const header = ['layers', 'elaborate', 'compile', 'total', 'a layer', 'program.wasm'];
  return `Compiling DeiT-tiny for wasm\n${printTable(header, body)}`;
}
