/** How the calls of the stored PyTorch bundles are written as models. */
import type { Attribute, Attributes } from '../../../src/compiler/ir/graph.ts';

/** What a model is written for: the attributes of a call, and its operands. */
export interface Call {
  readonly attributes: Attributes;
  readonly operands: readonly string[];
  has(name: string): boolean;
  /** The sizes of an operand's axes as the model has them: numbers, or names of `dims`. */
  readonly sizes: (name: string) => readonly string[];
  /** Those of the operands that the call has, as arguments. */
  given(...names: readonly string[]): string;
}

export function callOf(attributes: Attributes, sizes: ReadonlyMap<string, readonly string[]>): Call {
  return {
    attributes,
    operands: [...sizes.keys()],
    has: (name) => sizes.has(name),
    sizes(name) {
      const found = sizes.get(name);
      if (!found) throw new Error(`the call has no operand ${name}`);
      return found;
    },
    given: (...names) => names.filter((name) => sizes.has(name)).join(', '),
  };
}

/** A model of one call: each operand is an input or a parameter, each result an output. */
export interface Written {
  /** Imports and functions in front of the model. */
  readonly preamble?: string;
  /** The statements behind the inputs. */
  readonly body: string;
  /** Paths of parameters by the operands that they hold; the other operands are inputs. */
  readonly parameters?: { readonly [operand: string]: string };
  /** Results that are what a step of training writes into states: paths by the names of results. */
  readonly updates?: { readonly [result: string]: string };
}

/** One way to write a bundle's calls. */
export interface Form {
  /** The model, or its body alone. */
  write(call: Call): Written | string;
  /** Names for axes that `dims` may declare, operand by operand from the first axis; `.` keeps a literal size. */
  dims?(call: Call): { readonly [operand: string]: string };
}

export interface Table {
  readonly [bundle: string]: Form | readonly Form[];
}

type Dims = ReturnType<NonNullable<Form['dims']>>;

/** A form from the writer, and from axes' names for operands that may be there. */
export function form(write: Form['write'], dims?: Dims | ((call: Call) => Dims)): Form {
  return { write, ...(dims && { dims: typeof dims === 'function' ? dims : () => dims }) };
}

/** `axis: -1, keepdim: false` */
export function named(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name}: ${literal(value)}`)
    .join(', ');
}

/** A value of the sidecar as it is written in a model. */
export function literal(value: Attribute): string {
  if (value === null) return 'none';
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value as number | boolean);
}

export const numbers = (value: Attribute | undefined): readonly number[] => value as readonly number[];

/** Names for all axes of all operands, aligned at the last axis as in broadcasting. */
export function aligned(call: Call): Dims {
  const names = (name: string): string =>
    call
      .sizes(name)
      .map((_, axis, { length }) => `n${length - axis}`)
      .join(' ');
  return Object.fromEntries(call.operands.map((name) => [name, names(name)]));
}

/** Names for all axes of `x` but some. */
export function except(call: Call, ...axes: readonly number[]): Dims {
  const { length } = call.sizes('x');
  const kept = axes.map((axis) => (axis < 0 ? axis + length : axis));
  return {
    x: call
      .sizes('x')
      .map((_, axis) => (kept.includes(axis) ? '.' : `n${axis}`))
      .join(' '),
  };
}
