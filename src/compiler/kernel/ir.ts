/**
 * Kernel IR: what every backend's emitter sees. Scalars and short vectors, counted loops, loads and stores on flat
 * buffers. It knows no tensors and no ops.
 *
 * Integer arithmetic on positions is not spelled as expressions: a load's index, a loop's extent and a comparison of
 * positions are symbolic polynomials (`Dim`) over the kernel's integer names: its size arguments, grid and loop
 * variables, and immutable i32 lets. So affinity, strides and invariance can be read off, and every emitter derives
 * its own addressing. Dimensions take every symbol to be at least 0: a loaded integer that may be negative is compared
 * as a value, not in a position, and where an index with it is evaluated it has to be 0 or more.
 */
import type { Dim } from '../dims/dim.ts';

/** `bool` lives in registers and in bool buffers, where an element is an i32 of 0 or 1. */
export type ScalarType = 'f32' | 'i32' | 'u32' | 'bool';

/** Vector width of an expression; 1 is a scalar. */
export type Lanes = 1 | 4;

/**
 * f32 functions, with IEEE 754 or C meanings. `round` is to nearest, ties to even. `not` is logical on bool and
 * bitwise on integers. `normcdf` is the distribution function of the standard normal.
 */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'trunc'
  | 'not'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'normcdf';

/**
 * `min`/`max` propagate NaN. `pow` and `mod` are f32 only, `pow` with C's meaning; `mod` is the remainder with the sign
 * of the divisor, smaller than it, and NaN of an infinity or by 0. `div` of integers truncates. `and`/`or`/`xor` are logical
 * on bool, bitwise on integers; `shl`, `shr` (logical for u32, arithmetic for i32) are for integers.
 */
export type BinaryOp =
  'add' | 'sub' | 'mul' | 'div' | 'mod' | 'min' | 'max' | 'pow' | 'and' | 'or' | 'xor' | 'shl' | 'shr';

export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** Every expression carries its type and width. */
export type Expr =
  /** A scalar literal; of f32 the nearest single is meant; bool is 0 or 1. */
  | { readonly kind: 'literal'; readonly type: ScalarType; readonly lanes: 1; readonly value: number }
  /** The value of a let or a mutable variable. */
  | { readonly kind: 'variable'; readonly type: ScalarType; readonly lanes: Lanes; readonly name: string }
  /** A position as an i32 value. */
  | { readonly kind: 'position'; readonly type: 'i32'; readonly lanes: 1; readonly index: Dim }
  /** `lanes` consecutive elements of `buffer` from element `index` on. */
  | {
      readonly kind: 'load';
      readonly type: ScalarType;
      readonly lanes: Lanes;
      readonly buffer: string;
      readonly index: Dim;
    }
  | {
      readonly kind: 'unary';
      readonly type: ScalarType;
      readonly lanes: Lanes;
      readonly op: UnaryOp;
      readonly operand: Expr;
    }
  | {
      readonly kind: 'binary';
      readonly type: ScalarType;
      readonly lanes: Lanes;
      readonly op: BinaryOp;
      readonly left: Expr;
      readonly right: Expr;
    }
  /** left · right + addend; whether the product is rounded before the addition is the target's choice. */
  | {
      readonly kind: 'multiplyAdd';
      readonly type: 'f32';
      readonly lanes: Lanes;
      readonly left: Expr;
      readonly right: Expr;
      readonly addend: Expr;
    }
  /**
   * addend + the sum of the products of four bytes, which an i32 holds lowest first: those of `left` are signed, those
   * of `right` 0 … 127, or the result is whatever the target makes of it. Exact; it wraps around as i32 does.
   */
  | {
      readonly kind: 'dot4';
      readonly type: 'i32';
      readonly lanes: Lanes;
      readonly left: Expr;
      readonly right: Expr;
      readonly addend: Expr;
    }
  /**
   * Word `word` of the two that Threefry-2x32 with 20 rounds (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405)
   * makes of a key and a counter of two words each. No target has it: it is written as arithmetic.
   */
  | {
      readonly kind: 'threefry';
      readonly type: 'u32';
      readonly lanes: Lanes;
      readonly word: 0 | 1;
      /** u32: the words of the key, then those of the counter. */
      readonly operands: readonly [Expr, Expr, Expr, Expr];
    }
  /** `type` is bool; the operands share another type. IEEE comparison: all but `ne` are false on NaN. */
  | {
      readonly kind: 'compare';
      readonly type: 'bool';
      readonly lanes: Lanes;
      readonly op: CompareOp;
      readonly left: Expr;
      readonly right: Expr;
    }
  /**
   * Both arms may be evaluated; a scalar select evaluates loads only of the arm taken. So an arm may load out of range
   * where it is not taken, if the condition depends on positions or the index on what a buffer holds. (A condition on
   * data alone says nothing about where a load may go: a transformation may then load regardless.)
   */
  | {
      readonly kind: 'select';
      readonly type: ScalarType;
      readonly lanes: Lanes;
      readonly condition: Expr;
      readonly then: Expr;
      readonly else: Expr;
    }
  /** Value conversion. f32 to integer truncates and saturates, NaN gives 0; to bool is `!= 0`. */
  | { readonly kind: 'convert'; readonly type: ScalarType; readonly lanes: Lanes; readonly operand: Expr }
  /** The same 32 bits as another type (f32, i32, u32). */
  | { readonly kind: 'bitcast'; readonly type: ScalarType; readonly lanes: Lanes; readonly operand: Expr }
  /** A scalar repeated in every lane. */
  | { readonly kind: 'splat'; readonly type: ScalarType; readonly lanes: Lanes; readonly operand: Expr }
  /** One scalar a lane. */
  | { readonly kind: 'combine'; readonly type: ScalarType; readonly lanes: Lanes; readonly parts: readonly Expr[] }
  /** One lane of a vector. */
  | {
      readonly kind: 'lane';
      readonly type: ScalarType;
      readonly lanes: 1;
      readonly operand: Expr;
      readonly lane: number;
    }
  /** All lanes of a vector combined pairwise: (0 op 2) op (1 op 3). */
  | {
      readonly kind: 'reduceLanes';
      readonly type: ScalarType;
      readonly lanes: 1;
      readonly op: 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';
      readonly operand: Expr;
    };

/**
 * `serial` keeps the order of iterations. `vector` promises that iterations are independent apart from accumulators
 * (see `Assign.reduction`) and that neighbouring ones may run as lanes; the vectorizer removes it. `unrolled` has a
 * constant extent and is written out.
 */
export type LoopMode = 'serial' | 'vector' | 'unrolled';

export type Statement =
  /** An immutable value, visible until the end of the enclosing list. A scalar i32 let is also an integer name. */
  | { readonly kind: 'let'; readonly name: string; readonly value: Expr }
  /** A mutable variable with its first value. */
  | { readonly kind: 'declare'; readonly name: string; readonly value: Expr }
  /** Sets a mutable variable. In a `vector` loop it must be a reduction: `name = name op operand`. */
  | {
      readonly kind: 'assign';
      readonly name: string;
      readonly value: Expr;
      readonly reduction?: 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';
    }
  /** `variable` counts 0, 1 … extent - 1; none if extent <= 0. */
  | {
      readonly kind: 'loop';
      readonly variable: string;
      readonly extent: Dim;
      readonly mode: LoopMode;
      readonly body: readonly Statement[];
    }
  | {
      readonly kind: 'if';
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly else: readonly Statement[];
    }
  /** Writes `value.lanes` consecutive elements from element `index` on. */
  | { readonly kind: 'store'; readonly buffer: string; readonly index: Dim; readonly value: Expr }
  /** The element will be needed soon: it may be brought nearer. It must exist; nothing is computed from it. */
  | { readonly kind: 'prefetch'; readonly buffer: string; readonly index: Dim }
  /** Adds to the number of multiply-adds that the run reports. Nothing is computed from it; a target may leave it out. */
  | { readonly kind: 'count'; readonly amount: Dim }
  /**
   * All invocations of the workgroup arrive before any goes on. What they wrote before, to workgroup memory and to
   * buffers, is seen by all of them after. Control flow around it must be uniform.
   */
  | { readonly kind: 'barrier' }
  /**
   * A let with the same value in every invocation of the workgroup: their values combined pairwise as a tree, in halves:
   * invocation i with i + size / 2, and so on. A device with operations of subgroups may take another order, always the
   * same one. Control flow around it must be uniform. It orders no accesses to memory.
   */
  | {
      readonly kind: 'reduce';
      readonly name: string;
      readonly op: 'add' | 'mul' | 'min' | 'max' | 'and' | 'or';
      readonly value: Expr;
    };

export interface KernelBuffer {
  readonly name: string;
  readonly type: ScalarType;
  readonly access: 'read' | 'write' | 'readwrite';
  /** Bindings that it is reached through, where one of the device's cannot hold it: each holds as much as it can. */
  readonly parts?: number;
  /** Of f32: stored in 16 bits where the device can. A load gives f32, a store rounds. */
  readonly half?: true;
}

/** One axis of the grid: independent iterations that may run in any order or at once. */
export interface GridAxis {
  readonly variable: string;
  readonly extent: Dim;
}

/** Memory that the invocations of one workgroup share; undefined contents at first. */
export interface WorkgroupMemory {
  readonly name: string;
  readonly type: ScalarType;
  /** Elements. */
  readonly length: number;
}

/**
 * Invocations that run the body together, for each point of the grid. Between two barriers they run in any order or at
 * once, so none may touch what another one writes there.
 */
export interface Workgroup {
  /** The number of the invocation, an integer name as the grid's variables are: 0 … size - 1. */
  readonly invocation: string;
  /** A power of two. */
  readonly size: number;
  /** Loaded and stored by name, as buffers are. */
  readonly memory: readonly WorkgroupMemory[];
}

/**
 * A kernel runs its body once for every point of its grid (once if the grid is empty). Buffers do not overlap unless
 * the same one is passed twice. Outermost grid axis first; an emitter enters the body as one function per point, so
 * that engines which never replace a running loop still reach their optimising tier.
 */
export interface Kernel {
  readonly name: string;
  readonly buffers: readonly KernelBuffer[];
  /** Integer size arguments, in call order. */
  readonly sizes: readonly string[];
  readonly grid: readonly GridAxis[];
  /** With it, each point of the grid is a workgroup. Only for targets that have workgroups. */
  readonly workgroup?: Workgroup;
  readonly body: readonly Statement[];
}
