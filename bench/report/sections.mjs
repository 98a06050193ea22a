/** The tables of the report's sections: `{ heading, header, rows, notes }`, printed by table.mjs as text or as Markdown. */
import { summarize } from './statistics.mjs';
import { printBytes, printTime } from './table.mjs';

const NONE = '–';
const percent = (ratio) => (ratio === undefined ? NONE : `${(100 * ratio).toFixed(0)} %`);
const times = (ratio) => (ratio === undefined ? NONE : `${ratio.toFixed(2)} ×`);
const rate = (gigaflops) => (gigaflops === undefined ? NONE : gigaflops.toFixed(1));

/** Who could not be measured, with the reason. */
const reasons = (rows) => rows.filter(({ absent }) => absent).map(({ name, absent }) => `${name}: – (${absent})`);

/** Speed of one model. `figures` as `figuresOf` makes them. */
export function speedTable({ title, multiplyAdds, figures }) {
  return {
    heading: `${title}: ${(multiplyAdds / 1e6).toPrecision(4)} million multiply-adds`,
    header: ['', 'min', 'median', 'Gop/s', 'of ceiling', 'heddle is', 'by median', 'max difference', 'samples'],
    rows: figures
      .filter(({ absent }) => !absent)
      .map((figure) => [
        figure.name,
        printTime(figure.min),
        printTime(figure.median),
        rate(figure.gigaflops),
        percent(figure.ofCeiling),
        times(figure.ahead?.min),
        times(figure.ahead?.median),
        differenceOf(figure),
        figure.count,
      ]),
    notes: reasons(figures),
  };
}

/** Training steps: speed, and the most memory that a process took. */
export function trainingTable(entry) {
  const { header, rows, ...table } = speedTable(entry);
  const peaks = entry.figures.filter(({ absent }) => !absent).map(({ peakBytes }) => peakBytes);
  return {
    ...table,
    header: [...header, 'peak memory'],
    rows: rows.map((row, at) => [...row, peaks[at] === undefined ? NONE : printBytes(peaks[at])]),
  };
}

/** Of the largest value of the first row's outputs; the first row itself differs by nothing. */
function differenceOf({ difference, scale, agrees }) {
  if (difference === undefined) return NONE;
  const part = difference === 0 ? '0' : (difference / scale).toExponential(1);
  return agrees ? part : `${part} MISMATCH`;
}

/** One row a product; `entries` are `{ order, orderTitle, of, sizes, figures }`. */
export function productTable(entries) {
  const named = (figures, name) => figures.find((figure) => figure.name === name && !figure.absent);
  const cells = (figures, name) => {
    const figure = named(figures, name);
    return [rate(figure?.gigaflops), percent(figure?.ofCeiling)];
  };
  const rows = entries.map(({ orderTitle, of, sizes: { m, n, k }, figures }) => [
    `${of}: ${orderTitle}`,
    `${m} × ${n} × ${k}`,
    ...cells(figures, 'heddle'),
    ...cells(figures, 'heddle, strict'),
    rate(named(figures, 'onnxruntime-web')?.gigaflops),
  ]);
  const absent = new Set(entries.flatMap(({ figures }) => reasons(figures)));
  const wrong = entries.flatMap(({ orderTitle, of, figures }) =>
    figures.filter(({ agrees }) => agrees === false).map(({ name }) => `${of}: ${orderTitle}: ${name} MISMATCH`),
  );
  return {
    heading: 'Products, one thread, GFLOP/s',
    header: ['', 'M × N × K', 'heddle', 'of ceiling', 'strict', 'of ceiling', 'onnxruntime-web'],
    rows,
    notes: [...absent, ...wrong],
  };
}

/**
 * `rows` as `measureStarts` makes them, with names: the time to the first output, and the most memory until then and after
 * three more runs.
 */
export function coldStartTable({ title, rows }) {
  const started = rows.filter(({ absent }) => !absent);
  const ours = new Map(started.map(({ name, samples }) => [name, summarize(samples).min]));
  return {
    heading: `Cold start to the first output, ${title}`,
    header: ['', 'min', 'median', 'heddle is', 'peak memory', 'after 3 more runs'],
    rows: started.map(({ name, against, samples, firstPeaks, peaks }) => {
      const summary = summarize(samples);
      const ahead = ours.has(against) ? times(summary.min / ours.get(against)) : NONE;
      const figures = [printTime(summary.min), printTime(summary.median), ahead, memory(firstPeaks), memory(peaks)];
      return [name, ...figures];
    }),
    notes: reasons(rows),
  };
}

const memory = (peaks) => (peaks.length > 0 ? printBytes(summarize(peaks).median) : NONE);

/** `rows` as `measureSizes` makes them. */
export function sizeTable(rows) {
  return {
    heading: 'What a page loads besides weights',
    header: ['', 'raw', 'gzip'],
    rows: rows.map(({ name, raw, gzip }) => [name, printBytes(raw), printBytes(gzip)]),
    notes: [],
  };
}

/**
 * What one call asks of WebGPU. `figures` are those of `figuresOf` with `first`, the milliseconds from the start of loading to
 * the first result, `counts` as seats/count-gpu.mjs answers them, and `runtime`, the bytes to load besides weights.
 */
export function gpuTable({ title, engine, adapter, reference, figures }) {
  const measured = figures.filter(({ absent }) => !absent);
  return {
    heading: title,
    header: [
      '',
      'dispatches',
      'passes',
      'submits',
      'bind groups',
      'buffers',
      'their bytes',
      'pipelines',
      'writes',
      'maps',
      'runtime, gzip',
      'first result',
      'min',
      'median',
      'max difference',
    ],
    rows: measured.map(({ name, counts, runtime, first, ...figure }) => [
      name,
      counts.indirect > 0 ? `${counts.dispatches} (${counts.indirect} indirect)` : counts.dispatches,
      counts.passes,
      counts.submits,
      counts.bindGroups,
      counts.buffers,
      printBytes(counts.bytes),
      counts.pipelines,
      counts.writes,
      counts.maps,
      printBytes(runtime.gzip),
      printTime(first),
      printTime(figure.min),
      printTime(figure.median),
      differenceOf(figure),
    ]),
    notes: [`${engine}, adapter: ${adapter}; differences are from ${reference} on the CPU`, ...reasons(figures)],
  };
}

/** `rows` as compile-time.mjs prints them. */
export function compileTable(rows) {
  return {
    heading: 'Compiling DeiT-tiny for wasm',
    header: ['layers', 'elaborate', 'compile', 'total', 'a layer', 'modules'],
    rows: rows.map(({ layers, elaborate, compile, total, wasmBytes }) => [
      layers,
      printTime(elaborate),
      printTime(compile),
      printTime(total),
      printTime(total / layers),
      printBytes(wasmBytes),
    ]),
    notes: [],
  };
}

/**
 * Layers of more and more experts, each in a sparse form and in one that computes all experts for all tokens. What grows with
 * the parameters, packing and the optimizer's update, stands apart.
 */
export function expertsTable({ tokens, choices, width, rows }) {
  const all = ({ work, packing, update }) => work + packing + update;
  return {
    heading: `Training a layer of experts, ${tokens} tokens of width ${width}, ${choices} experts each, one thread`,
    header: [
      'experts',
      'forward, backward',
      'packing',
      'update',
      'dense',
      'packing',
      'update',
      'sparse is',
      'multiply-adds',
    ],
    rows: rows.map(({ count, sparse, dense }) => [
      count,
      ...[sparse.work, sparse.packing, sparse.update].map(printTime),
      ...[dense.work, dense.packing, dense.update].map(printTime),
      `${times(dense.work / sparse.work)} (all: ${times(all(dense) / all(sparse))})`,
      `${(sparse.executed / 1e6).toFixed(1)} million`,
    ]),
    notes: [],
  };
}

/** `rows` as lengths-time.mjs prints them. */
export function lengthsTable({ model, rows }) {
  return {
    heading: `The next token of ${model}, one thread`,
    header: ['tokens before it', 'with the cache', 'without', 'the cache is'],
    rows: rows.map(({ length, cached, whole }) => [length, ...[cached, whole].map(printTime), times(whole / cached)]),
    notes: rows.filter(({ agrees }) => !agrees).map(({ length }) => `${length}: other tokens without it: MISMATCH`),
  };
}

/** The fastest time of each contestant in each engine; `engines` are those of the report. */
export function engineTable(engines, title) {
  const figuresIn = ({ speed = [] }) => speed.find((entry) => entry.title === title)?.figures ?? [];
  const names = [...new Set(engines.flatMap((engine) => figuresIn(engine).map(({ name }) => name)))];
  const cell = (engine, name) => {
    const figure = figuresIn(engine).find((one) => one.name === name);
    if (!figure || figure.absent) return NONE;
    return figure.kind === 'ceiling' ? `${rate(figure.gigaflops)} Gop/s` : printTime(figure.min);
  };
  return {
    heading: title,
    header: ['', ...engines.map(({ engine }) => engine)],
    rows: names.map((name) => [name, ...engines.map((engine) => cell(engine, name))]),
    notes: [],
  };
}

/** `results` as `judge` of acceptance.mjs makes them: what was asked for, and what each engine reached. */
export function acceptanceTable(engines, results) {
  const mark = { true: 'yes', false: 'NO' };
  return {
    heading: 'What was asked for',
    header: ['', 'limit', ...engines.map(({ engine }) => engine)],
    rows: results.map(({ what, limit, values }) => [
      what,
      limit,
      ...values.map((value) => (value ? `${value.text} ${mark[value.isMet]}` : NONE)),
    ]),
    notes: [],
  };
}
