/** Ops without operands: constants, filled tensors, counting, and dimensions as values. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  isAtLeast,
  maximum,
  multiply,
  print,
  subtract,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { linearize, printShape } from '../../dims/shape.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import type { DType, TensorType } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op } from '../../ir/op.ts';
import { countOf } from '../../ir/types.ts';
import { compare, convert, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { fails, gives, valueFault } from '../rules.ts';
import { n } from '../samples.ts';

const EXACT = { absolute: 0, relative: 1e-6 };

type Constant = { readonly dtype: DType; readonly shape: readonly (Dim | number)[]; readonly data: readonly number[] };

/** Literal data chosen by position: halves are told apart by comparisons, so the depth is logarithmic. */
function choose(data: readonly number[], at: Dim, dtype: DType, from = 0): Expr {
  if (data.length <= 1) return literal(data[0] ?? 0, dtype);
  const half = Math.ceil(data.length / 2);
  return select(
    compare('lt', position(at), position(constant(from + half))),
    choose(data.slice(0, half), at, dtype, from),
    choose(data.slice(half), at, dtype, from + half),
  );
}

const constantOp: Op = defineOp<Constant>({
  name: 'constant',
  doc: 'Literal data of a static shape, row-major; a scalar has the shape []. Meant for few elements.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'dtype', kind: 'dtype', doc: 'The dtype of the result.' },
    { name: 'shape', kind: 'shape', doc: 'The sizes of the result, numbers.' },
  ],
  infer(_, { dtype, shape, data }) {
    const type: TensorType = { dtype, shape: toDims(shape) };
    const sizes = type.shape.map(constantValue);
    if (!sizes.every((size) => size !== undefined) || countOf(sizes) !== data.length)
      return fails(`a constant of ${data.length} elements cannot have the shape ${printShape(type.shape)}`);
    const error = data.map((value) => valueFault(value, dtype)).find((fault) => fault);
    return error ? { error } : gives(type);
  },
  evaluate: (_, { data }) => [Float64Array.from(data)],
  body: {
    kind: 'movement',
    element: (_, index, { dtype, data }, { outputs }) => choose(data, linearize(index, outputs[0]!.shape), dtype),
  },
  tolerance: EXACT,
  samples: [
    { inputs: [], attributes: { dtype: 'f32', shape: [], data: [0.5] } },
    { inputs: [], attributes: { dtype: 'i32', shape: toDims([2, 3]), data: [1, -2, 3, 4, 5, 6] } },
    { inputs: [], attributes: { dtype: 'bool', shape: toDims([1]), data: [1] } },
    { inputs: [], attributes: { dtype: 'f32', shape: toDims([0, 2]), data: [] } },
  ],
});

type Full = { readonly shape: readonly (Dim | number)[]; readonly value: number; readonly dtype: DType };

function filled(called: string, shape: readonly (Dim | number)[], dtype: DType): Inference {
  const dims = toDims(shape);
  const negative = dims.find((dim) => isAtLeast(constant(-1), dim));
  if (negative) return fails(`\`${called}\` with the negative size ${print(negative)}`, { attribute: 'shape' });
  return gives({ dtype, shape: dims });
}

const shapeSpec = { name: 'shape', kind: 'shape', doc: 'The sizes of the result.' } as const;
const dtypeSpec = { name: 'dtype', kind: 'dtype', default: 'f32', doc: 'The dtype of the result.' } as const;

export const full: Op = defineOp<Full>({
  name: 'full',
  doc: 'A tensor of one value (any dtype).',
  operands: [],
  attributes: [shapeSpec, { name: 'value', kind: 'float', doc: 'Every element.' }, dtypeSpec],
  infer(_, { shape, value, dtype }) {
    const error = valueFault(value, dtype);
    return error ? { error } : filled('full', shape, dtype);
  },
  evaluate: (_, { value }, [output]) => [new Float64Array(countOf(output!.shape)).fill(value)],
  body: { kind: 'movement', element: (_, _index, { value, dtype }) => literal(value, dtype) },
  tolerance: EXACT,
  samples: [
    { inputs: [], attributes: { shape: toDims([n, 2]), value: 1.5, dtype: 'f32' } },
    { inputs: [], attributes: { shape: [], value: -3, dtype: 'i32' } },
    { inputs: [], attributes: { shape: [n], value: 1, dtype: 'bool' } },
    { inputs: [], attributes: { shape: [n], value: -Infinity, dtype: 'f32' } },
  ],
});

type Filled = { readonly shape: readonly (Dim | number)[]; readonly dtype: DType };

/** `zeros` and `ones`. */
function filledWith(name: string, value: number): Op {
  return defineOp<Filled>({
    name,
    doc: `A tensor of ${name} (any dtype): \`full\` with ${value}.`,
    operands: [],
    attributes: [shapeSpec, dtypeSpec],
    infer: (_, { shape, dtype }) => filled(name, shape, dtype),
    evaluate: (_, _attributes, [output]) => [new Float64Array(countOf(output!.shape)).fill(value)],
    body: {
      kind: 'composite',
      expand: (builder, _, { shape, dtype }) => [builder.one('full', [], { shape: toDims(shape), value, dtype })],
    },
    tolerance: EXACT,
    samples: [
      { inputs: [], attributes: { shape: toDims([2, n]), dtype: 'f32' } },
      { inputs: [], attributes: { shape: [n], dtype: 'bool' } },
    ],
  });
}

type Arange = {
  readonly stop: Dim | number;
  readonly start: Dim | number;
  readonly step: number;
  readonly dtype: DType;
};

/** How many numbers there are from start to stop: `ceil((stop - start) / step)`, at least 0. */
function arangeSize({ stop, start, step }: Arange): Dim {
  const distance = step > 0 ? subtract(toDim(stop), toDim(start)) : subtract(toDim(start), toDim(stop));
  const size = Math.abs(step);
  return floorDiv(add(maximum(distance, ZERO), constant(size - 1)), constant(size));
}

const arange: Op = defineOp<Arange>({
  name: 'arange',
  doc: 'The numbers start, start + step … before stop, along one axis (f32, i32, u32); where there are none, an empty axis.',
  operands: [],
  attributes: [
    { name: 'stop', kind: 'dim', doc: 'The end, not included.' },
    { name: 'start', kind: 'dim', default: 0, doc: 'The first number.' },
    { name: 'step', kind: 'int', default: 1, doc: 'The distance of neighbours; may be negative.' },
    { name: 'dtype', kind: 'dtype', default: 'i32', doc: 'The dtype of the result.' },
  ],
  infer(_, attributes) {
    const { step, dtype } = attributes;
    if (step === 0) return fails('`arange` with a step of 0', { attribute: 'step' });
    if (dtype === 'bool') return fails('`arange` counts in f32, i32 or u32, not bool', { attribute: 'dtype' });
    return gives({ dtype, shape: [arangeSize(attributes)] });
  },
  evaluate(_, { start, step, dtype }, [output], symbols) {
    const from = sizeOf(start, symbols);
    const numbers = Float64Array.from({ length: output!.shape[0]! }, (_, at) => from + at * step);
    return [dtype === 'u32' ? numbers.map((number) => number >>> 0) : numbers];
  },
  body: {
    kind: 'movement',
    element: (_, [at], { start, step, dtype }) =>
      convert(position(add(toDim(start), multiply(at!, constant(step)))), dtype),
  },
  tolerance: EXACT,
  samples: [
    { inputs: [], attributes: { stop: n, start: toDim(0), step: 1, dtype: 'i32' } },
    { inputs: [], attributes: { stop: multiply(n, n), start: n, step: 2, dtype: 'f32' } },
    { inputs: [], attributes: { stop: toDim(-3), start: n, step: -3, dtype: 'i32' } },
    { inputs: [], attributes: { stop: toDim(5), start: toDim(1), step: 2, dtype: 'u32' } },
  ],
});

type Size = { readonly size: Dim | number; readonly dtype: DType };

const size: Op = defineOp<Size>({
  name: 'size',
  doc: 'A dimension as a scalar (f32, i32, u32): the count of a mean over symbolic axes.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'size', kind: 'dim', doc: 'The dimension.' },
    { name: 'dtype', kind: 'dtype', doc: 'The dtype of the result.' },
  ],
  infer: (_, { dtype }) =>
    dtype === 'bool' ? fails('`size` gives f32, i32 or u32, not bool') : gives({ dtype, shape: [] }),
  evaluate: (_, { size }, _outputs, symbols) => [Float64Array.of(sizeOf(size, symbols))],
  body: { kind: 'movement', element: (_, _index, { size, dtype }) => convert(position(toDim(size)), dtype) },
  tolerance: EXACT,
  samples: [
    { inputs: [], attributes: { size: multiply(n, n), dtype: 'f32' } },
    { inputs: [], attributes: { size: n, dtype: 'i32' } },
  ],
});

export const generators: readonly Op[] = [
  constantOp,
  full,
  filledWith('zeros', 0),
  filledWith('ones', 1),
  arange,
  size,
];
