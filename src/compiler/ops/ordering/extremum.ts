/** `argmax` and `argmin`: where along an axis the largest or smallest element stands. */
import { ONE } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { DType, ShapeContext, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { forEachLine } from '../lines.ts';
import { broadcast, emptinessOf } from '../reduce/composite.ts';
import { axisOf, dtypeFault } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { sortedIndices } from './order.ts';

type Along = { readonly axis: number | null; readonly keepdim: boolean };

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

function infer(called: string, [x]: readonly TensorType[], along: Along, context: ShapeContext): Inference {
  const error = dtypeFault(called, [x!], NUMBERS);
  if (error) return { error };
  const { axis, keepdim } = along;
  const found = axis === null ? undefined : axisOf(called, axis, x!);
  if (found && 'error' in found) return found;
  const isReduced = (at: number): boolean => found === undefined || at === found.axis;
  const shape = keepdim
    ? x!.shape.map((size, at) => (isReduced(at) ? ONE : size))
    : x!.shape.filter((_, at) => !isReduced(at));
  const empty = emptinessOf(called, x!, found ? x!.shape[found.axis]! : elementCount(x!.shape), context);
  if (empty.error) return { error: empty.error };
  return { types: [{ dtype: 'i32', shape }], conditions: empty.conditions };
}

/** The first index whose element is the extremum; one that is NaN is both. */
function expand(builder: Builder, x: Value, along: Along, primitive: string): Value {
  const flat = along.axis === null ? builder.one('reshape', [x], { shape: [elementCount(x.type.shape)] }) : x;
  const { shape } = flat.type;
  const axis = normalizeAxis(along.axis ?? 0, shape.length)!;
  const best = broadcast(builder, builder.one(primitive, [flat], { axes: [axis] }), shape);
  const isBest = builder.one('or', [builder.one('equal', [flat, best]), builder.one('not_equal', [flat, flat])]);
  const counted = builder.one('arange', [], { stop: shape[axis]! });
  const counting = builder.one('reshape', [counted], { shape: shape.map((size, at) => (at === axis ? size : ONE)) });
  const beyond = builder.one('size', [], { size: shape[axis]!, dtype: 'i32' });
  const candidates = builder.one('where', [
    isBest,
    broadcast(builder, counting, shape),
    broadcast(builder, beyond, shape),
  ]);
  const index = builder.one('reduce_min', [candidates], { axes: [axis] });
  const kept = along.keepdim ? x.type.shape.map((size, at) => (at === axis || along.axis === null ? ONE : size)) : [];
  return builder.one('reshape', [index], { shape: along.keepdim ? kept : shape.toSpliced(axis, 1) });
}

function indices(x: Tensor, along: Along, descending: boolean): Float64Array {
  const shape = along.axis === null ? [countOf(x.shape)] : x.shape;
  const axis = normalizeAxis(along.axis ?? 0, shape.length)!;
  const found: number[] = [];
  forEachLine(shape, axis, (first, count, step) => {
    const keys = Array.from({ length: count }, (_, at) => x.data[first + at * step]!);
    // NaN is above all numbers in the order, and the extremum in both directions.
    const nan = keys.findIndex(Number.isNaN);
    found.push(nan === -1 ? sortedIndices(keys, descending)[0]! : nan);
  });
  return Float64Array.from(found);
}

interface ExtremumSpec {
  readonly name: string;
  readonly word: string;
  readonly descending: boolean;
  readonly primitive: string;
}

function extremum({ name, word, descending, primitive }: ExtremumSpec): Op {
  return defineOp<Along>({
    name,
    doc:
      `The i32 index of the ${word} element along an axis (f32, i32, u32), the first of several; with the axis none, ` +
      'that in row-major order of all. As in PyTorch, NaN is found before any number. There must be an element.',
    operands: [{ name: 'x' }],
    attributes: [
      { name: 'axis', kind: 'axis', default: null, doc: 'The axis to look along, or none for all elements.' },
      { name: 'keepdim', kind: 'bool', default: false, doc: 'Whether the axis stays with size 1.' },
    ],
    infer: (inputs, along, context) => infer(name, inputs, along, context),
    evaluate: ([x], along) => [indices(x!, along, descending)],
    body: { kind: 'composite', expand: (builder, [x], along) => [expand(builder, x!, along, primitive)] },
    tolerance: { absolute: 0, relative: 1e-9 },
    samples: [
      { inputs: [tensor('f32', 3, n)], attributes: { axis: -1, keepdim: false } },
      { inputs: [tensor('f32', n, 5, 2)], attributes: { axis: 1, keepdim: true } },
      { inputs: [tensor('f32', 2, n)], attributes: { axis: null, keepdim: false } },
      { inputs: [tensor('f32', 2, n)], attributes: { axis: null, keepdim: true } },
      { inputs: [tensor('i32', n, 9)], attributes: { axis: 1, keepdim: false } },
      { inputs: [tensor('u32', 4, n)], attributes: { axis: 0, keepdim: false } },
    ] satisfies Sample[],
  });
}

export const extrema: readonly Op[] = [
  extremum({ name: 'argmax', word: 'largest', descending: true, primitive: 'reduce_max' }),
  extremum({ name: 'argmin', word: 'smallest', descending: false, primitive: 'reduce_min' }),
];
