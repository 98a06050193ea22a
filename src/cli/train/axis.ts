/** Round numbers for the marks of an axis. */

/** About `wanted` marks from `low` to `high`, apart by 1, 2 or 5 times a power of ten. */
export function marks(low: number, high: number, wanted: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

/** A mark as text, with as many digits as its neighbours need to differ; very small and very large ones by powers of ten. */
export function printMark(value: number, all: readonly number[]): string {
  const step = all.length > 1 ? Math.abs(all[1]! - all[0]!) : Math.abs(value) || 1;
  if (Math.abs(value) < step / 1e6) return '0';
  const largest = all.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  if (largest >= 1e7 || largest < 1e-5) return printPower(value, step);
  if (step >= 1)
    return Math.abs(value) >= 1e4 && step >= 1000 ? `${Number((value / 1000).toFixed(1))}k` : String(Math.round(value));
  return value.toFixed(Math.min(12, Math.ceil(-Math.log10(step) - 1e-9)));
}

/** `1.5e-12` */
function printPower(value: number, step: number): string {
  const digits = Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9);
  return value.toExponential(Math.min(12, Math.max(0, digits))).replace('+', '');
}
