/**
 * The record that declares an operation, once: what it is called, what it takes, its shape rule, its meaning in f64,
 * how it is lowered, and what the conformance suite tries it on. The ir knows the record's form but no op.
 */
import type { Dim } from '../dims/dim.ts';
import type { Expr, ScalarType } from '../kernel/ir.ts';
import type { Builder } from './builder.ts';
import type { Attributes, DType, Node, ShapeContext, TensorType, Value } from './graph.ts';
import type { StructuredBody } from './structured.ts';

/** A concrete tensor in the interpreter: row-major, every dtype held in doubles, bool as 0 and 1. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A tensor operand as the language shows it. `variadic`: a list of tensors. */
export interface OperandSpec {
  readonly name: string;
  readonly variadic?: boolean;
  /** The node may lack it; only the last operands can be optional, and one that is left out ends the list. */
  readonly optional?: boolean;
}

/**
 * What an attribute is in the language. `axis` and `axes` are integers (negative counts from the end), `axes` one or
 * several or none for all; `ints` are one int or several; `dim` is a possibly symbolic integer, `shape` a list of them;
 * `sizes` collects all further named integers (`p: 4` of a pattern); `pattern` is a string literal whose errors point
 * into it.
 */
export type AttributeKind =
  | 'int'
  | 'ints'
  | 'float'
  | 'bool'
  | 'string'
  | 'axis'
  | 'axes'
  | 'dim'
  | 'shape'
  | 'dims'
  | 'dtype'
  | 'sizes'
  | 'pattern';

export interface AttributeSpec {
  readonly name: string;
  readonly kind: AttributeKind;
  /** Absent: the attribute is required. `null` is the language's `none`. */
  readonly default?: boolean | number | string | null;
  /** Strings that may stand in the place of a value: `padding: "same"`. */
  readonly words?: readonly string[];
  readonly doc: string;
}

/** Why operands do not fit, in the words of a diagnostic. */
export interface TypeError {
  /** `` `+` needs broadcastable shapes`` */
  readonly message: string;
  /** Further facts: `axis 1: 65 against 64`. */
  readonly notes?: readonly string[];
  readonly hint?: string;
  /** The operand to point at, if one is to blame. */
  readonly operand?: number;
  /** The attribute to point at, if one is to blame; `at` is an offset into a pattern's text. */
  readonly attribute?: string;
  readonly at?: number;
}

/** What only a run can tell: the dimension must not be negative, or the message says why the op makes no sense. */
export interface SizeCondition {
  readonly atLeastZero: Dim;
  readonly message: string;
}

export type Inference =
  | { readonly types: readonly TensorType[]; readonly conditions?: readonly SizeCondition[] }
  | { readonly error: TypeError };

/** Fetches the element of an operand at a position of that operand; positions are polynomials over loop variables. */
export type Reader = (index: readonly Dim[]) => Expr;

/** What element-wise bodies may ask for besides their operands. */
export interface ElementContext {
  readonly inputs: readonly TensorType[];
  readonly outputs: readonly TensorType[];
  /** Limits of every integer name in scope, loop variables included. */
  readonly bounds: ShapeContext['bounds'];
  /** A position in an axis of `size` that an i32 value gives; it is limited to 0 … size - 1. For `indirect` bodies. */
  position(value: Expr, size: Dim): Dim;
}

/** One scalar expression of the operands at the same position; all operands and results have one shape. */
export interface PointwiseBody<A extends Attributes> {
  readonly kind: 'pointwise';
  scalar(operands: readonly Expr[], attributes: A, type: ScalarType): Expr;
  /** True when recomputing it is dearer than storing it: exp, erf, division. */
  readonly expensive?: boolean;
}

/**
 * Each result element is read from some place of the operands (or from none: constants, arange), without arithmetic
 * worth storing: reshape, transpose, expand, slice, concat, pad, gather.
 */
export interface MovementBody<A extends Attributes> {
  readonly kind: 'movement';
  /** Reads at positions that operands hold, and reads all it reads whatever they hold: gather. */
  readonly indirect?: true;
  element(readers: readonly Reader[], index: readonly Dim[], attributes: A, context: ElementContext): Expr;
  /** For one-to-one movements: where an element of the operand goes, so that a writer may store through them. */
  destination?(index: readonly Dim[], attributes: A, context: ElementContext): readonly Dim[];
  /** One element is read at many places, as by windows: what is computed before it is stored, not computed at each. */
  readonly overlaps?: boolean;
  /** True when making an element of nothing is dearer than reading it: random numbers. */
  readonly expensive?: boolean;
}

/** Defined by other ops; the expand pass replaces it unless a fusion claims it first. */
export interface CompositeBody<A extends Attributes> {
  readonly kind: 'composite';
  expand(builder: Builder, inputs: readonly Value[], attributes: A): readonly Value[];
}

/** Combines all elements along some axes into one: `axes` are sorted and non-negative; the axes are kept with size 1. */
export interface ReductionBody<A extends Attributes> {
  readonly kind: 'reduction';
  readonly combine: 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';
  /** The value of an empty reduction, as dtype allows. */
  identity(dtype: DType): number;
  axes(attributes: A): readonly number[];
}

/**
 * A sum of products over labelled axes. Labels of operand and result axes; a label in both operands and not in the
 * result is summed; no label repeats within one operand.
 */
export interface ContractionBody<A extends Attributes> {
  readonly kind: 'contraction';
  labels(attributes: A): {
    readonly left: readonly string[];
    readonly right: readonly string[];
    readonly result: readonly string[];
  };
  readonly arithmetic: ContractionArithmetic;
  /** Absent: every row takes part with every element of the other operand. */
  ragged?(attributes: A): Ragged;
}

/**
 * The rows of an axis in groups: group g has the rows from element g of the operand `offsets` up to element g + 1, and
 * those that are in no group count as zeros. Either the result has the axis of the rows and one operand that of the
 * groups, of which each row takes its own part, or the rows of each group are summed and the result has the groups.
 */
export interface Ragged {
  /** The label of the axis whose rows are in groups. */
  readonly rows: string;
  /** The label of the axis of the groups. */
  readonly group: string;
  /** The operand, i32[groups + 1], ascending. */
  readonly offsets: number;
}

/** What a contraction computes with: the register-tiled nest is written over it. */
export interface ContractionArithmetic {
  /** The elements of both operands; an element may hold several numbers that are multiplied and summed together. */
  readonly operand: DType;
  /** How many numbers an element holds. */
  readonly numbers: number;
  /** The sum, which starts from 0, and the result. */
  readonly sum: DType;
  /** `sum` with the products of `left` and `right` added; the same for scalars and for lanes. */
  step(left: Expr, right: Expr, sum: Expr): Expr;
}

/**
 * softmax(scale * q kᵀ + mask) v over operands [..b, h, i, e], [..b, g, j, e], [..b, g, j, f] and, if there is a fourth,
 * a mask that broadcasts to [..b, h, i, j]: bool (true keeps) or f32 (added). Results: the output [..b, h, i, f] and the
 * logarithm of the softmax's denominators [..b, h, i].
 */
export interface AttentionBody<A extends Attributes> {
  readonly kind: 'attention';
  /** Whether query i sees keys 0 … i only. */
  causal(attributes: A): boolean;
  /** The factor of the scores; undefined: 1 / sqrt(e). */
  scale(attributes: A): number | undefined;
}

/** A nested region run as one kernel; made by the fuse pass only. */
export interface FusionBody {
  readonly kind: 'fusion';
}

export type OpBody<A extends Attributes> =
  | PointwiseBody<A>
  | MovementBody<A>
  | CompositeBody<A>
  | ReductionBody<A>
  | ContractionBody<A>
  | AttentionBody<A>
  | StructuredBody<A>
  | FusionBody;

/** How far a backend in f32 may be from f64 evaluation: `absolute + relative * |truth|`. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** A call for the conformance suite. Sizes may mention the symbol `n`, which the suite sets around each tile edge. */
export interface Sample {
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
  /** Values are drawn from this range (default -2 … 2); integers are rounded. */
  readonly range?: readonly [number, number];
  /** What operands hold at a size instead of what is drawn, where they have to fit together, by place. */
  values?(n: number): readonly (readonly number[] | undefined)[];
  /** False where gradients are other than the derivatives of evaluation, by definition. */
  readonly smooth?: false;
}

export interface Op<A extends Attributes = Attributes> {
  /** As the language and the IR text spell it. */
  readonly name: string;
  /** Meaning, shapes and dtypes, and the source of a formula that is not common knowledge. */
  readonly doc: string;
  readonly operands: readonly OperandSpec[];
  readonly attributes: readonly AttributeSpec[];
  /** Absent names are callable in the language; `internal` ops are made by passes and operators only. */
  readonly internal?: boolean;
  /** Of an internal op, the operator that stands for it in the language. */
  readonly operator?: string;
  /** The number of results depends on the operands, so that in the language they are a tuple even when there is one. */
  readonly several?: boolean;
  /**
   * Draws random numbers: the last operand is the key, u32[2], and the last attribute, `call`, tells the calls of one
   * entry apart. The language gives neither.
   */
  readonly random?: true;
  /** The shape rule. Operand count and attribute kinds have been checked. Total: it never throws on user input. */
  infer(inputs: readonly TensorType[], attributes: A, context: ShapeContext): Inference;
  /** The definition: f64 evaluation on concrete tensors. `outputs` are the inferred types with concrete shapes. */
  evaluate(
    inputs: readonly Tensor[],
    attributes: A,
    outputs: readonly ConcreteType[],
    symbols: ReadonlyMap<string, number>,
  ): readonly Float64Array[];
  readonly body: OpBody<A>;
  /**
   * The vector-Jacobian product: cotangents of the results in, cotangents of the operands out (undefined where an
   * operand has none). A composite without one is differentiated through its expansion.
   */
  vjp?(builder: Builder, node: Node, cotangents: readonly (Value | undefined)[]): readonly (Value | undefined)[];
  /** Why there is no vector-Jacobian product though operands and results are f32. */
  readonly noGradient?: string;
  /** The result is a constant to differentiation, whatever the operands are. */
  readonly cutsGradients?: true;
  readonly tolerance: Tolerance;
  /** At least one; all dtypes and attribute corners that matter. */
  readonly samples: readonly Sample[];
}

export interface ConcreteType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** All ops by name. The driver makes it and hands it on; nothing else lists ops. */
export type OpTable = ReadonlyMap<string, Op>;

/** Erases the attribute type, which inference has established, so that records of all ops fit one table. */
export function defineOp<A extends Attributes>(op: Op<A>): Op {
  return op as unknown as Op;
}
