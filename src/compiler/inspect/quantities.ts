/** How counts, bytes and symbolic sizes are written for people. */
import { constantValue, evaluate, print, symbolsOf, type Dim, type Term } from '../dims/dim.ts';

/** Values of dimensions by name. */
export type DimValues = ReadonlyMap<string, number>;

const COUNT_UNITS = ['', ' k', ' M', ' G', ' T', ' P'];
const BYTE_UNITS = [' B', ' kB', ' MB', ' GB', ' TB', ' PB'];

function scaled(value: number, units: readonly string[]): string {
  let [size, unit] = [value, 0];
  while (Math.abs(size) >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  const digits = unit === 0 || Math.abs(size) >= 99.95 ? 0 : Math.abs(size) >= 9.995 ? 1 : 2;
  return `${size.toFixed(digits)}${units[unit]}`;
}

/** `1.05 M` */
export function formatCount(value: number): string {
  return scaled(value, COUNT_UNITS);
}

/** `4.20 MB`, in powers of 1000. */
export function formatBytes(value: number): string {
  return scaled(value, BYTE_UNITS);
}

/** `1,048,576` */
export function formatExact(value: number): string {
  return value.toLocaleString('en-US');
}

/** What is written for a number that cannot be told exactly. */
export const BEYOND = 'beyond 2^53';

/** `batch * 1.26 G + 4.10 k`: a number where `dims` give every symbol or there is none. */
export function formatSize(
  size: Dim | undefined,
  format: (value: number) => string,
  dims: DimValues = new Map(),
): string {
  if (!size) return BEYOND;
  const value = valueOf(size, dims);
  if (value !== undefined) return format(value);
  const parts = size.terms.map((term) => formatTerm(term, format));
  return parts.join(' + ').replaceAll('+ -', '- ');
}

function formatTerm({ coefficient, factors }: Term, format: (value: number) => string): string {
  if (factors.length === 0) return format(coefficient);
  const powers = new Map<string, number>();
  for (const { key } of factors) powers.set(key, (powers.get(key) ?? 0) + 1);
  const product = [...powers].map(([key, power]) => (power === 1 ? key : `${key}**${power}`)).join(' * ');
  return `${product} * ${format(coefficient)}`;
}

/** The number behind a size, where it is one or `dims` make it one. Throws RangeError on a division by zero. */
export function valueOf(size: Dim, dims: DimValues): number | undefined {
  const value = constantValue(size);
  if (value !== undefined) return value;
  return symbolsOf(size).every((name) => dims.has(name)) ? evaluate(size, dims) : undefined;
}

/** `[batch, 65, 1024]`, with what `dims` tell. */
export function formatShape(shape: readonly Dim[], dims: DimValues = new Map()): string {
  return `[${shape.map((dim) => String(valueOf(dim, dims) ?? print(dim))).join(', ')}]`;
}
