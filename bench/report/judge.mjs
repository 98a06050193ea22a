/** Holds a report against what is asked for: acceptance.mjs. */
import { summarize } from './statistics.mjs';
import { printBytes, printTime } from './table.mjs';

const PRINTERS = {
  ratio: (value) => `${value.toFixed(2)} ×`,
  coldStart: (value) => `${value.toFixed(2)} ×`,
  ceiling: (value) => `${(100 * value).toFixed(0)} %`,
  time: printTime,
  memory: printBytes,
  part: (value) => `${(100 * value).toFixed(0)} %`,
  trainingMemory: printBytes,
  bytes: printBytes,
  growth: (value) => `${value.toFixed(2)} ×`,
  gpuCalls: String,
};

/**
 * For each criterion `{ what, limit, values }`, with `{ value, text, isMet }` for each engine of the report; undefined
 * where it was not measured.
 */
export function judge(report, criteria) {
  return criteria.map((criterion) => {
    const { kind, what, atLeast, atMost } = criterion;
    const print = PRINTERS[kind];
    const values = report.engines.map((engine) => {
      const value = valueOf(criterion, engine, report);
      if (value === undefined) return undefined;
      return { value, text: print(value), isMet: atLeast === undefined ? value <= atMost : value >= atLeast };
    });
    return { what, limit: atLeast === undefined ? `≤ ${print(atMost)}` : `≥ ${print(atLeast)}`, values };
  });
}

function valueOf(criterion, engine, { sizes, lengths = [], webgpu = [] }) {
  const { kind, model, slow, fast, of, order, from, to } = criterion;
  switch (kind) {
    case 'ratio':
      return quotient(fastest(engine, model, slow), fastest(engine, model, fast));
    case 'time':
      return fastest(engine, model, of);
    case 'part':
      return figureNamed(engine, model, of)?.ofCeiling;
    case 'trainingMemory':
      return figureNamed(engine, model, of)?.peakBytes;
    case 'ceiling':
      return least(
        (engine.products ?? []).filter((product) => product.order === order).map(({ figures }) => figures[0].ofCeiling),
      );
    case 'coldStart':
      return quotient(start(engine, model, slow)?.min, start(engine, model, fast)?.min);
    case 'memory':
      return start(engine, model, of)?.peak;
    case 'bytes': {
      const whole = (sizes ?? []).filter(({ isWhole }) => isWhole).map(({ gzip }) => gzip);
      return whole.length > 0 ? Math.max(...whole) : undefined;
    }
    case 'growth': {
      const times = lengths.find((entry) => entry.model === model)?.rows;
      const timeAt = (wanted) => times?.find(({ length }) => length === wanted)?.cached;
      return quotient(timeAt(to), timeAt(from));
    }
    case 'gpuCalls': {
      const figures = webgpu.find((entry) => entry.model === model)?.figures ?? [];
      const { counts } = figures.find(({ name }) => name === of) ?? {};
      return counts && criterion.counts.reduce((sum, name) => sum + counts[name], 0);
    }
    default:
      throw new Error(`acceptance.mjs: there is no kind ${kind}`);
  }
}

const quotient = (slow, fast) => (slow === undefined || fast === undefined ? undefined : slow / fast);

/** Undefined unless all were measured. */
const least = (values) => (values.length > 0 && !values.includes(undefined) ? Math.min(...values) : undefined);

const fastest = (engine, model, name) => figureNamed(engine, model, name)?.min;

function figureNamed({ speed = [], training = [], decoding = [] }, model, name) {
  return [...speed, ...training, ...decoding]
    .find((entry) => entry.model === model)
    ?.figures.find((figure) => figure.name === name);
}

function start({ coldStart = [] }, model, name) {
  const row = coldStart.find((entry) => entry.model === model)?.rows.find((one) => one.name === name);
  if (!row || row.absent) return undefined;
  const peak = row.firstPeaks.length > 0 ? summarize(row.firstPeaks).median : undefined;
  return { min: summarize(row.samples).min, peak };
}
