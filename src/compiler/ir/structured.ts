/**
 * What a structured op writes its loop nest with: kernels over grids, loops, branches, and the places of operands,
 * results and scratch. Lowering implements it; the record that uses it sees kernel expressions and nothing of lowering.
 */
import type { Bounds, Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import type { Expr, LoopMode, Statement } from '../kernel/ir.ts';
import type { Attributes, TensorType } from './graph.ts';

/** A result of the op, or scratch, as a row-major tensor in memory. */
export interface Storage {
  readonly type: TensorType;
}

export interface StructuredBody<A extends Attributes> {
  readonly kind: 'structured';
  /** Operands of which no element is read more than once: what makes them may be computed where it is read. */
  readonly once?: readonly number[];
  /**
   * The operand of the first result's type in whose place that may be written: the nest stores no element there before
   * it has read the old one for the last time, and leaves alone what stays as it was.
   */
  readonly overwrites?: number;
  /**
   * Axes that operands and results have in common, along which every place is computed by itself, from what the operands
   * have there.
   */
  separate?(attributes: A, inputs: readonly TensorType[]): readonly number[];
  write(nest: NestWriter, attributes: A): void;
}

export interface NestWriter {
  readonly inputs: readonly TensorType[];
  readonly results: readonly Storage[];
  /** Whether the first result is where the operand is that the record `overwrites`. */
  readonly isInPlace: boolean;
  /**
   * Whether points of a grid and iterations of `vector` loops run at once, by the hundreds, as on a GPU: a point's loops are
   * shared out there, where branches and loops around them depend on sizes and operands alone. What is serial is dear then,
   * and so is a loop that many points go through each by itself.
   */
  readonly isParallel: boolean;
  /** Limits of the dimensions. */
  readonly bounds: Bounds;
  /** Memory that lasts from the first to the last kernel; it holds nothing in particular at first. */
  scratch(type: TensorType): Storage;
  /** Adds a kernel. Its body runs once for every index of `grid`, in any order and at once. */
  kernel(grid: Shape, write: (body: BodyWriter, index: readonly Dim[]) => void): void;
}

/** A mutable variable of a kernel. */
export type Variable = Expr & { readonly kind: 'variable' };

type Reduction = NonNullable<Extract<Statement, { readonly kind: 'assign' }>['reduction']>;

/** Appends statements to a list, in order. */
export interface BodyWriter {
  /** The element of an operand. */
  read(operand: number, index: readonly Dim[]): Expr;
  load(from: Storage, index: readonly Dim[]): Expr;
  store(to: Storage, index: readonly Dim[], value: Expr): void;
  /** Names a value, which is then computed here and once. */
  let(value: Expr): Expr;
  /** Names an i32 value, which must be at least 0, for use in positions and extents. */
  integer(value: Expr): Dim;
  /** `integer` of a value that may be anything: it is limited to 0 … size - 1. */
  position(value: Expr, size: Dim): Dim;
  variable(first: Expr): Variable;
  /** Sets a variable of this list or one around it. */
  assign(to: Variable, value: Expr): void;
  /** `to = to op operand`, which `vector` loops may do in lanes. */
  reduce(to: Variable, op: Reduction, operand: Expr): void;
  loop(extent: Dim, mode: LoopMode, write: (body: BodyWriter, at: Dim) => void): void;
  when(condition: Expr, then: (body: BodyWriter) => void, otherwise?: (body: BodyWriter) => void): void;
}
