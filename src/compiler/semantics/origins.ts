/** Where the sizes of a tensor come from: for the secondary labels of shape errors. */
import type { Label } from '../base/diagnostic.ts';
import { textOf } from '../base/source.ts';
import type { Value } from '../ir/graph.ts';
import { symbolsOf } from '../dims/dim.ts';
import type { Expr, TensorTypeExpr } from '../syntax/ast.ts';
import type { Elaboration } from './frame.ts';
import type { Scope } from './scope.ts';
import { printValue } from './values.ts';

/** The declaration of an input, parameter or state, with the scope that its type was read in. */
export interface Declared {
  readonly type: TensorTypeExpr;
  readonly scope: Scope;
}

/** More labels than this hide the mistake. */
const MAX_LABELS = 4;

/** One axis of a value. */
export type Place = readonly [Value, number];

/** What the names were bound to that declared the axes. */
export function originsOf({ declared }: Elaboration, places: readonly Place[]): Label[] {
  const labels = places.flatMap(([value, axis]) => {
    const declaration = declared.get(value);
    const expr = declaration && sizeExpr(declaration.type, axis);
    return expr ? bindingsIn(expr, declaration.scope) : [];
  });
  return distinct(labels);
}

/** The declarations of the dimensions in the sizes. */
export function symbolsOfSizes({ dimSpans }: Elaboration, places: readonly Place[]): Label[] {
  const names = places.flatMap(([value, axis]) => [...symbolsOf(value.type.shape[axis]!)]);
  const labels = names.flatMap((name) => {
    const span = dimSpans.get(name);
    return span ? [{ span, text: `\`${name}\` is a dimension of the run` }] : [];
  });
  return distinct(labels);
}

function distinct(labels: readonly Label[]): Label[] {
  return labels.filter(({ span }, at) => labels.findIndex((one) => one.span === span) === at).slice(0, MAX_LABELS);
}

/** What the names in a size were bound to. */
export function bindingsIn(expr: Expr, scope: Scope): Label[] {
  return [...new Set(namesIn(expr))].flatMap((name) => {
    const binding = scope.lookup(name);
    if (!binding || binding.role === 'declaration' || binding.value.kind === 'error') return [];
    const value = printValue(binding.value);
    // A dimension of the entry is what it is called.
    return value === name ? [] : [{ span: binding.span, text: `\`${name}\` was bound to ${value} here` }];
  });
}

function namesIn(expr: Expr): string[] {
  switch (expr.kind) {
    case 'name':
      return [expr.text];
    case 'binary':
      return [...namesIn(expr.left), ...namesIn(expr.right)];
    case 'unary':
      return namesIn(expr.operand);
    case 'index':
      return namesIn(expr.base);
    case 'call':
      return expr.arguments.flatMap((argument) => namesIn(argument.value));
    default:
      return [];
  }
}

/** The size of an axis as it was written; undefined behind a run of axes. */
export function sizeText(type: TensorTypeExpr, axis: number): string | undefined {
  const expr = sizeExpr(type, axis);
  return expr && textOf(expr.span);
}

function sizeExpr(type: TensorTypeExpr, axis: number): Expr | undefined {
  const found = type.axes.slice(0, axis + 1);
  const last = found[axis];
  return found.some((one) => one.kind === 'rest') || last?.kind !== 'size' ? undefined : last.value;
}
