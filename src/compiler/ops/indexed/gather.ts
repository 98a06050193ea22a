/** Reading at positions held in a tensor: `gather` picks elements along an axis, `embedding` whole rows. */
import { add, constant, isAtLeast, ONE, print, subtract, type Bounds } from '../../dims/dim.ts';
import { elementCount } from '../../dims/shape.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type SizeCondition, type Tensor } from '../../ir/op.ts';
import { countOf, printType } from '../../ir/types.ts';
import { axisOf, fails, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { MOVED } from '../movement/define.ts';
import { scattered, tableGradient } from './gradients.ts';
import { concretePlace, elementIf, emptyAxis, indexFault, missing, OUT_OF_RANGE, placeOf } from './place.ts';

type Axis = { readonly axis: number };

const AXIS = { name: 'axis', kind: 'axis', doc: 'The axis that the indices count along.' } as const;

/**
 * Whether `index` has at most the size of `x` in all axes but `axis`, which ops along an axis need. What depends on a
 * symbol is a condition.
 */
export function alongFault(
  called: string,
  x: TensorType,
  index: TensorType,
  axis: number,
  bounds: Bounds,
): { readonly error?: Mismatch; readonly conditions: readonly SizeCondition[] } {
  const types = `${printType(x)} and indices ${printType(index)}`;
  if (x.shape.length !== index.shape.length)
    return { error: { message: `\`${called}\` needs one rank: ${types}`, operand: 1 }, conditions: [] };
  const conditions: SizeCondition[] = [];
  for (const [at, size] of index.shape.entries()) {
    const limit = x.shape[at]!;
    if (at === axis || isAtLeast(limit, size, bounds)) continue;
    const message = `\`${called}\` of ${types}: the indices have ${print(size)} elements in axis ${at}, x has ${print(limit)}`;
    if (isAtLeast(size, add(limit, ONE), bounds)) return { error: { message, operand: 1 }, conditions };
    conditions.push({ atLeastZero: subtract(limit, size), message });
  }
  return { conditions };
}

function gatherTensor(x: Tensor, index: Tensor, axis: number): Float64Array {
  const strides = rowMajor(x.shape);
  const steps = rowMajor(index.shape);
  return index.data.map((value, at) => {
    const place = concretePlace(value, x.shape[axis]!);
    if (place === undefined) return missing(x.dtype);
    const offsets = steps.map(
      (step, i) => (i === axis ? place : Math.floor(at / step) % index.shape[i]!) * strides[i]!,
    );
    return x.data[offsets.reduce((sum, offset) => sum + offset, 0)]!;
  });
}

const gather = defineOp<Axis>({
  name: 'gather',
  doc:
    'Elements of x (any dtype) at i32 positions along an axis, as PyTorch: with axis 1, result[i][j] = ' +
    'x[i][index[i][j]]. x and index have one rank, the result the shape of index, which may be smaller than x in the ' +
    `other axes. ${OUT_OF_RANGE}`,
  operands: [{ name: 'x' }, { name: 'index' }],
  attributes: [AXIS],
  infer([x, index], { axis }, { bounds }) {
    const at = axisOf('gather', axis, x!);
    if ('error' in at) return at;
    const along = alongFault('gather', x!, index!, at.axis, bounds);
    const empty = emptyAxis('gather', x!, at.axis, elementCount(index!.shape), bounds);
    const error = indexFault('gather', index!, 1) ?? along.error ?? empty.error;
    if (error) return { error };
    return {
      types: [{ dtype: x!.dtype, shape: index!.shape }],
      conditions: [...along.conditions, ...empty.conditions],
    };
  },
  evaluate: ([x, index], { axis }) => [gatherTensor(x!, index!, normalizeAxis(axis, x!.shape.length)!)],
  body: {
    kind: 'movement',
    indirect: true,
    element([x, indices], index, { axis }, context) {
      const at = normalizeAxis(axis, index.length)!;
      const place = placeOf(indices!(index), context.inputs[0]!.shape[at]!, context);
      return elementIf(place.inside, x!(index.with(at, place.at)));
    },
  },
  vjp(builder, { inputs: [x, index], attributes }, [cotangent]) {
    const axis = normalizeAxis((attributes as Axis).axis, x!.type.shape.length)!;
    return [scattered(builder, x!, index!, cotangent!, axis), undefined];
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(3, n), tensor('i32', 3, 4)], attributes: { axis: 1 } },
    { inputs: [f32(n, 3), tensor('i32', n, 2)], attributes: { axis: -1 }, range: [-4, 4] },
    { inputs: [f32(4, n), tensor('i32', 2, n)], attributes: { axis: 0 } },
    { inputs: [f32(4, n, 2), tensor('i32', 3, add(n, n), 2)], attributes: { axis: 1 }, range: [-17, 17] },
    { inputs: [tensor('i32', n), tensor('i32', 5)], attributes: { axis: 0 } },
    { inputs: [tensor('u32', 5), tensor('i32', n)], attributes: { axis: 0 }, range: [-6, 6] },
    { inputs: [tensor('bool', n), tensor('i32', 0)], attributes: { axis: 0 } },
    { inputs: [tensor('bool', 2, 3), tensor('i32', 2, n)], attributes: { axis: 1 } },
  ],
});

type Embedding = { readonly padding_idx: number | null };

function rowsFault(ids: TensorType, weight: TensorType, { padding_idx: padding }: Embedding): Mismatch | undefined {
  const wrongIndex = indexFault('embedding', ids, 0);
  if (wrongIndex) return wrongIndex;
  const [rows] = weight.shape;
  if (!rows) return { message: '`embedding` needs a table of rows, not a scalar', operand: 1 };
  if (padding === null) return undefined;
  const least = padding < 0 ? -padding : padding + 1;
  const message = `row ${padding} of ${printType(weight)} does not exist`;
  return isAtLeast(constant(least - 1), rows) ? { message, attribute: 'padding_idx' } : undefined;
}

const embedding = defineOp<Embedding>({
  name: 'embedding',
  doc:
    'The rows of `weight` (any dtype), along its first axis, at i32 positions: f32[..ids, dim] from i32[..ids] and ' +
    `f32[count, dim]. The row \`padding_idx\` is read as any other and gets no gradient. ${OUT_OF_RANGE}`,
  operands: [{ name: 'ids' }, { name: 'weight' }],
  attributes: [
    {
      name: 'padding_idx',
      kind: 'int',
      default: null,
      doc: 'The row that gets no gradient; none for no such row.',
    },
  ],
  infer([ids, weight], attributes, { bounds }) {
    const error = rowsFault(ids!, weight!, attributes);
    if (error) return fails(error.message, error);
    const shape = [...ids!.shape, ...weight!.shape.slice(1)];
    const empty = emptyAxis('embedding', weight!, 0, elementCount(shape), bounds);
    if (empty.error) return { error: { ...empty.error, operand: 1 } };
    return { types: [{ dtype: weight!.dtype, shape }], conditions: empty.conditions };
  },
  evaluate([ids, weight]) {
    const width = countOf(weight!.shape.slice(1));
    const target = new Float64Array(ids!.data.length * width).fill(missing(weight!.dtype));
    ids!.data.forEach((id, at) => {
      const row = concretePlace(id, weight!.shape[0]!);
      if (row !== undefined) target.set(weight!.data.subarray(row * width, (row + 1) * width), at * width);
    });
    return [target];
  },
  body: {
    kind: 'movement',
    indirect: true,
    element([ids, weight], index, _, context) {
      const rank = context.inputs[0]!.shape.length;
      const place = placeOf(ids!(index.slice(0, rank)), context.inputs[1]!.shape[0]!, context);
      return elementIf(place.inside, weight!([place.at, ...index.slice(rank)]));
    },
  },
  vjp(builder, { inputs: [ids, weight], attributes }, [cotangent]) {
    const { padding_idx } = attributes as Embedding;
    return [undefined, tableGradient(builder, ids!, weight!, cotangent!, padding_idx)];
  },
  tolerance: MOVED,
  samples: [
    { inputs: [tensor('i32', 2, 3), f32(5, n)], attributes: { padding_idx: null }, range: [-6, 6] },
    { inputs: [tensor('i32', n), f32(3, 4)], attributes: { padding_idx: 0 }, smooth: false },
    { inputs: [tensor('i32', 2, n), f32(3, 4)], attributes: { padding_idx: -3 }, smooth: false },
    { inputs: [tensor('i32', 2, 2), f32(n, 3)], attributes: { padding_idx: null } },
    { inputs: [tensor('i32'), f32(n, 2, 3)], attributes: { padding_idx: null } },
    { inputs: [tensor('i32', n, 2), tensor('bool', 4)], attributes: { padding_idx: -1 }, range: [-9, 9] },
  ],
});

export const gathers: readonly Op[] = [gather, embedding];
