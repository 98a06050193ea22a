/**
 * Attribute values: telling their kinds apart, checking them against an op's specs, filling in defaults and reading
 * axes and dimensions from them. Knows the form of op records but no op.
 */
import { constant, evaluate, type Dim } from '../dims/dim.ts';
import type { Attribute, Attributes, DType, Region } from './graph.ts';
import type { AttributeKind, AttributeSpec, Op } from './op.ts';
import { DTYPES } from './types.ts';

type Structured = Exclude<Attribute, null | boolean | number | string>;

function isStructured(value: Attribute): value is Structured {
  return typeof value === 'object' && value !== null;
}

export function isDim(value: Attribute): value is Dim {
  return isStructured(value) && 'terms' in value && Array.isArray(value.terms) && 'key' in value;
}

export function isRegion(value: Attribute): value is Region {
  return isStructured(value) && 'nodes' in value && Array.isArray(value.nodes) && 'results' in value;
}

export function isList(value: Attribute): value is readonly Attribute[] {
  return Array.isArray(value);
}

/** A plain record: structured, and neither a list, a dimension nor a region. */
export function isRecord(value: Attribute): value is { readonly [name: string]: Attribute } {
  return isStructured(value) && !isList(value) && !isDim(value) && !isRegion(value);
}

/** A dimension, or a number that stands for one: `default`s are written as numbers. */
export function toDim(value: Dim | number): Dim {
  return typeof value === 'number' ? constant(value) : value;
}

export function toDims(values: readonly (Dim | number)[]): Dim[] {
  return values.map(toDim);
}

export function sizeOf(value: Dim | number, symbols: ReadonlyMap<string, number>): number {
  return typeof value === 'number' ? value : evaluate(value, symbols);
}

/** Adds the defaults of absent attributes; required ones stay absent. */
export function withDefaults(op: Op, given: Attributes): Attributes {
  const missing = op.attributes.filter((spec) => spec.default !== undefined && !(spec.name in given));
  if (missing.length === 0) return given;
  return { ...given, ...Object.fromEntries(missing.map((spec) => [spec.name, spec.default!])) };
}

const isDimLike = (value: Attribute): boolean => isDim(value) || Number.isSafeInteger(value);
const isListOf = (value: Attribute, test: (item: Attribute) => boolean): boolean => isList(value) && value.every(test);

function fitsKind(kind: AttributeKind, value: Attribute): boolean {
  switch (kind) {
    case 'int':
    case 'axis':
      return Number.isSafeInteger(value);
    case 'float':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'string':
    case 'pattern':
      return typeof value === 'string';
    case 'axes':
    case 'ints':
      return Number.isSafeInteger(value) || isListOf(value, Number.isSafeInteger);
    case 'dim':
      return isDimLike(value);
    case 'shape':
      return isListOf(value, isDimLike);
    case 'dims':
      return isListOf(value, (item) => isListOf(item, isDimLike));
    case 'dtype':
      return DTYPES.includes(value as DType);
    case 'sizes':
      return isRecord(value) && Object.values(value).every(isDimLike);
  }
}

/** What is wrong with a node's attributes, measured by the op's specs; empty when they fit. */
export function attributeFaults(op: Op, given: Attributes): string[] {
  const faults: string[] = [];
  for (const spec of op.attributes) {
    const value = given[spec.name];
    if (value === undefined) faults.push(`attribute ${spec.name} is missing`);
    else if (value === null ? !acceptsNull(op, spec.name) : !isWordOf(spec, value) && !fitsKind(spec.kind, value))
      faults.push(`attribute ${spec.name} is not of kind ${spec.kind}`);
  }
  if (!op.internal) {
    for (const name of Object.keys(given)) {
      if (!op.attributes.some((spec) => spec.name === name)) faults.push(`attribute ${name} is not declared`);
    }
  }
  return faults;
}

function isWordOf(spec: AttributeSpec, value: Attribute): boolean {
  return typeof value === 'string' && (spec.words ?? []).includes(value);
}

function acceptsNull(op: Op, name: string): boolean {
  const spec = op.attributes.find((candidate) => candidate.name === name);
  return spec?.default === null;
}

/** What `axes` attributes hold: one axis, several, or null for all; negative ones count from the end. */
export type Axes = number | readonly number[] | null;

/** The axis counted from the front, or undefined when there is none such. */
export function normalizeAxis(axis: number, rank: number): number | undefined {
  const from = axis < 0 ? axis + rank : axis;
  return from >= 0 && from < rank ? from : undefined;
}

export type NormalizedAxes = { readonly axes: readonly number[] } | { readonly error: string };

/** Axes counted from the front, in the given order; none may be out of range or repeated. */
export function normalizeAxes(axes: Axes, rank: number): NormalizedAxes {
  if (axes === null) return { axes: Array.from({ length: rank }, (_, axis) => axis) };
  const list = typeof axes === 'number' ? [axes] : axes;
  const found: number[] = [];
  for (const axis of list) {
    const from = normalizeAxis(axis, rank);
    if (from === undefined) return { error: `axis ${axis} is out of range for ${rankName(rank)}` };
    if (found.includes(from)) return { error: `axis ${axis} is named twice` };
    found.push(from);
  }
  return { axes: found };
}

/** `a tensor of rank 3` */
export function rankName(rank: number): string {
  return rank === 0 ? 'a scalar, which has no axes' : `a tensor of rank ${rank}`;
}
