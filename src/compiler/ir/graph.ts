/**
 * Graph IR: a list of nodes in static single assignment. Pure data; a pass makes a new graph and never changes one.
 * Shapes are symbolic; the only symbols in them are the graph's `dims`.
 */
import type { Distribution } from '../../program/training.ts';
import type { Span } from '../base/source.ts';
import type { Bounds, Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import type { Op } from './op.ts';

export type DType = 'f32' | 'i32' | 'u32' | 'bool';

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** A value is known by identity; `id` is unique within its graph and only serves printing and ordering. */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
}

/** What an attribute may hold. `Region` is a nested graph body (a fused computation). */
export type Attribute =
  null | boolean | number | string | Dim | Region | readonly Attribute[] | { readonly [name: string]: Attribute };
export type Attributes = { readonly [name: string]: Attribute };

/** Where in the spec a node came from. */
export interface Origin {
  /** Dotted instance path, `layers.0.attn`; empty at the top of the entry. */
  readonly path: string;
  readonly span?: Span;
  /** What the node does for what the path and the span tell: its gradients, or new values of its parameters. */
  readonly phase?: 'backward' | 'update';
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly results: readonly Value[];
  readonly origin: Origin;
}

/** A body with parameters and results: the inside of a fused node. It sees nothing but its parameters. */
export interface Region {
  readonly parameters: readonly Value[];
  readonly nodes: readonly Node[];
  readonly results: readonly Value[];
}

export interface GraphInput {
  readonly name: string;
  readonly value: Value;
}

export interface GraphParameter {
  /** Dotted path, `layers.0.attn.to_qkv.weight`. Its shape is static. */
  readonly name: string;
  readonly value: Value;
  /**
   * The parameter is a stack, along axis 0, of as many tensors with these names, `experts.0.up.weight` and so on. They are
   * what files hold and users name; its own name stands for all of them: `experts.{i}.up.weight`.
   */
  readonly members?: readonly string[];
  /** How its first value is drawn. */
  readonly initial?: Distribution;
  /** A tensor without a gradient, which the updates of a training step write. */
  readonly state?: true;
  /** Declared inside of `frozen`: no gradient is taken for it. */
  readonly frozen?: true;
  readonly origin: Origin;
}

export interface GraphOutput {
  readonly name: string;
  readonly value: Value;
  /** The parameter or kept tensor that takes this value when all nodes have been computed; its type is the same. */
  readonly into?: string;
}

/** What stays in memory from run to run of all routines that have a kept tensor of this name. Outputs may write it. */
export interface KeptTensor {
  readonly name: string;
  /** What it holds when a run begins. */
  readonly value: Value;
}

/** A declared symbolic dimension and its inclusive upper limit. */
export interface DimDeclaration {
  readonly name: string;
  readonly max?: number;
}

/**
 * What the dims must satisfy beyond their limits: `atLeastZero` is at least 0 for the values that a run binds, or the
 * run fails with `message`. It holds what could not be decided while compiling; nodes may rely on it.
 */
export interface Condition {
  readonly atLeastZero: Dim;
  readonly message: string;
  readonly origin: Origin;
}

export interface Graph {
  readonly name: string;
  readonly dims: readonly DimDeclaration[];
  /** In the order in which they are checked; absent where there are none. */
  readonly conditions?: readonly Condition[];
  readonly inputs: readonly GraphInput[];
  readonly parameters: readonly GraphParameter[];
  /** Absent where there are none. */
  readonly kept?: readonly KeptTensor[];
  /** In an order in which every input is defined before it is used. */
  readonly nodes: readonly Node[];
  readonly outputs: readonly GraphOutput[];
}

/** The limits of a graph's dims, for proofs about shapes. */
export type ShapeContext = { readonly bounds: Bounds };
