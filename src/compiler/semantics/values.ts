/** Compile-time values: what a name in a spec can stand for while the spec is elaborated. */
import type { Span } from '../base/source.ts';
import { constantValue, print, type Dim } from '../dims/dim.ts';
import type { DType, Value } from '../ir/graph.ts';
import type { Op } from '../ir/op.ts';
import { printType } from '../ir/types.ts';
import type { BlockDeclaration, FunctionDeclaration, ModelDeclaration, TrainDeclaration } from '../syntax/ast.ts';
import type { Module } from './modules.ts';

export type StaticValue =
  /** An exact integer; symbolic when it comes from a dimension. */
  | { readonly kind: 'integer'; readonly value: Dim }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  /** `choices` are all it could be, where a hyperparameter says so. */
  | { readonly kind: 'string'; readonly text: string; readonly choices?: readonly string[] }
  | { readonly kind: 'none' }
  /** `names` are those of the outputs, where a model gave them. */
  | {
      readonly kind: 'tuple';
      readonly elements: readonly StaticValue[];
      readonly names?: readonly string[];
      readonly size?: number;
    }
  /** `size` counts what it holds, the elements of its elements too, where a spec spelled it out. */
  | { readonly kind: 'list'; readonly elements: readonly StaticValue[]; readonly size?: number }
  | { readonly kind: 'dtype'; readonly dtype: DType }
  /** The axes bound by `..name`. */
  | { readonly kind: 'axes'; readonly axes: readonly Dim[] }
  | { readonly kind: 'tensor'; readonly value: Value }
  | { readonly kind: 'block'; readonly declaration: BlockDeclaration; readonly module: Module }
  | { readonly kind: 'function'; readonly declaration: FunctionDeclaration; readonly module: Module }
  | { readonly kind: 'model'; readonly declaration: ModelDeclaration; readonly module: Module }
  | { readonly kind: 'train'; readonly declaration: TrainDeclaration }
  | { readonly kind: 'op'; readonly op: Op }
  /** A function of compile-time values: `isqrt`, `len` … */
  | { readonly kind: 'staticFunction'; readonly name: string }
  | { readonly kind: 'instance'; readonly instance: Instance }
  /** Something was reported here; whatever uses it stays silent. */
  | { readonly kind: 'error' };

/** A block or model with its hyperparameters. Its parameters' path is fixed when it is bound to a name or first applied. */
export interface Instance {
  readonly declaration: BlockDeclaration | ModelDeclaration;
  readonly module: Module;
  readonly hyperparameters: ReadonlyMap<string, StaticValue>;
  readonly span: Span;
  /** Made by `frozen`. */
  readonly frozen: boolean;
  /** Set once; an instance applied again keeps its path and so its weights. */
  path?: string;
  /** Where it stands at the path of a round: the paths taken by the rest of the round, which its own must not meet. */
  beside?: Map<string, Span>;
}

export const ERROR: StaticValue = { kind: 'error' };
export const NONE: StaticValue = { kind: 'none' };

/** What a list or tuple may hold in all: nested ones may share their elements, but whoever walks them does not know. */
export const MAX_ELEMENTS = 100_000;

/** Undefined where it would hold more than MAX_ELEMENTS. */
export function sequence(kind: 'list' | 'tuple', elements: readonly StaticValue[]): StaticValue | undefined {
  const size = elements.reduce((sum, element) => sum + sizeOf(element), 0);
  return size <= MAX_ELEMENTS ? { kind, elements, size } : undefined;
}

function sizeOf(value: StaticValue): number {
  if (value.kind !== 'list' && value.kind !== 'tuple') return 1;
  return value.size ?? value.elements.reduce((sum, element) => sum + sizeOf(element), 1);
}

export function integer(value: Dim): StaticValue {
  return { kind: 'integer', value };
}

export function tensor(value: Value): StaticValue {
  return { kind: 'tensor', value };
}

/** What a value is, for messages: `an int`, `a tensor`. */
export function describeKind(value: StaticValue): string {
  switch (value.kind) {
    case 'integer':
      return 'an int';
    case 'none':
      return 'none';
    case 'axes':
      return 'a run of axes';
    case 'staticFunction':
      return 'a function';
    case 'op':
    case 'instance':
      return `an ${value.kind}`;
    case 'train':
      return 'a train entry';
    case 'error':
      return 'an error';
    default:
      return `a ${value.kind}`;
  }
}

/** The value as a reader would write it: `(28, 28)`, `f32[batch, 10]`. */
export function printValue(value: StaticValue): string {
  switch (value.kind) {
    case 'integer':
      return print(value.value);
    case 'float':
      return String(value.value);
    case 'bool':
      return String(value.value);
    case 'string':
      return JSON.stringify(value.text);
    case 'none':
      return 'none';
    case 'tuple':
      return `(${printElements(value.elements)})`;
    case 'list':
      return `[${printElements(value.elements)}]`;
    case 'dtype':
      return value.dtype;
    case 'axes':
      return `[${value.axes.map(print).join(', ')}]`;
    case 'tensor':
      return printType(value.value.type);
    case 'block':
    case 'function':
    case 'model':
    case 'train':
      return value.declaration.name.text;
    case 'op':
      return value.op.name;
    case 'staticFunction':
      return value.name;
    case 'instance':
      return value.instance.declaration.name.text;
    case 'error':
      return '?';
  }
}

/** The first few, where there are many. */
function printElements(elements: readonly StaticValue[]): string {
  const few = elements.slice(0, 12).map(printValue).join(', ');
  return elements.length > 12 ? `${few}, …` : few;
}

/** The number behind an int or float, or undefined when it is symbolic or no number. */
export function numberOf(value: StaticValue): number | undefined {
  if (value.kind === 'float') return value.value;
  return value.kind === 'integer' ? constantValue(value.value) : undefined;
}
