/** Writing at positions held in a tensor. Writes to one place happen in order, so results are the same on every run. */
import { constant, equal, floorDiv, add, minimum, multiply, ONE, print, subtract, type Dim } from '../../dims/dim.ts';
import { sameShape, type Shape } from '../../dims/shape.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { DType, ShapeContext, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Inference, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import type { BodyWriter, NestWriter } from '../../ir/structured.ts';
import { printType } from '../../ir/types.ts';
import { binary, compare, position } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { wrapTo } from '../integers.ts';
import { separateLines, writeLines } from '../lines.ts';
import { MOVED } from '../movement/define.ts';
import { axisOf, dtypeFault, gives, mixedDtypeFault, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { rowMajor } from '../strided.ts';
import { alongFault } from './gather.ts';
import { gatheredOrZero, scatterGradients, slicesAt } from './gradients.ts';
import { concretePlace, indexFault, placeOf } from './place.ts';
import { writeIndexAddAtOnce, writeScatterAtOnce } from './scatter-at-once.ts';

type Axis = { readonly axis: number };

const AXIS = { name: 'axis', kind: 'axis', doc: 'The axis that the indices count along.' } as const;
const OPERANDS = [{ name: 'x' }, { name: 'index' }, { name: 'src' }];
const DROPPED = 'Negative indices count from the end; what goes out of range is dropped.';
const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];
const ALL: readonly DType[] = [...NUMBERS, 'bool'];

/** What happens to the element that is there already. */
type Combine = (old: () => Expr, given: Expr) => Expr;
const replace: Combine = (_, given) => given;
const accumulate: Combine = (old, given) => binary('add', old(), given);

function operandFault(called: string, inputs: readonly TensorType[], dtypes: readonly DType[]): Mismatch | undefined {
  const [x, index, src] = inputs as [TensorType, TensorType, TensorType];
  const wrongIndex = indexFault(called, index, 1);
  const mixed = mixedDtypeFault(called, [x, src]);
  return wrongIndex ?? dtypeFault(called, [x], dtypes) ?? (mixed && { ...mixed, operand: 2 });
}

interface ScatterSpec {
  readonly name: string;
  readonly doc: string;
  readonly dtypes: readonly DType[];
  readonly combine: Combine;
  readonly compute: (old: number, given: number, dtype: DType) => number;
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  /** The gradients of x and of src. */
  readonly gradients: (
    builder: Builder,
    index: Value,
    cotangent: Value,
    axis: number,
  ) => { readonly x: Value; readonly src: Value };
}

function inferScatter(
  { name, dtypes }: ScatterSpec,
  inputs: readonly TensorType[],
  { axis }: Axis,
  { bounds }: ShapeContext,
): Inference {
  const [x, index, src] = inputs as [TensorType, TensorType, TensorType];
  const error = operandFault(name, inputs, dtypes);
  if (error) return { error };
  const at = axisOf(name, axis, x);
  if ('error' in at) return at;
  const along = alongFault(name, x, index, at.axis, bounds);
  if (along.error) return { error: along.error };
  if (!sameShape(index.shape, src.shape)) {
    const message = `\`${name}\` needs an index for each element: ${printType(index)} against ${printType(src)}`;
    return { error: { message, operand: 2 } };
  }
  return { types: [x], conditions: along.conditions };
}

function scatterTensor(
  { compute }: ScatterSpec,
  [x, index, src]: readonly [Tensor, Tensor, Tensor],
  axis: number,
): Float64Array {
  const target = x.data.slice();
  const [strides, steps] = [rowMajor(x.shape), rowMajor(index.shape)];
  index.data.forEach((value, at) => {
    const place = concretePlace(value, x.shape[axis]!);
    if (place === undefined) return;
    const offsets = steps.map(
      (step, i) => (i === axis ? place : Math.floor(at / step) % index.shape[i]!) * strides[i]!,
    );
    const to = offsets.reduce((sum, offset) => sum + offset, 0);
    target[to] = compute(target[to]!, src.data[at]!, x.dtype);
  });
  return target;
}

/** Whether the line at `index` is one of the smaller tensor's; undefined if each is. */
function isWithin(index: readonly Dim[], shape: Shape, outer: Shape, axis: number): Expr | undefined {
  const conditions = shape.flatMap((size, at) =>
    at === axis || equal(size, outer[at]!) ? [] : [compare('lt', position(index[at]!), position(size))],
  );
  return conditions.length === 0 ? undefined : conditions.reduce((all, one) => binary('and', all, one));
}

function writeScatter(nest: NestWriter, axis: number, combine: Combine): void {
  const [x, index] = nest.inputs as [TensorType, TensorType];
  const [result] = nest.results;
  if (nest.isParallel && axis === x.shape.length - 1)
    return writeScatterAtOnce(nest, combine, (line) => isWithin(line, index.shape, x.shape, axis));
  writeLines(nest, x.shape, axis, (body, line) => {
    if (!nest.isInPlace)
      body.loop(x.shape[axis]!, line.mode, (copy, at) => copy.store(result!, line.at(at), copy.read(0, line.at(at))));
    const update = (list: BodyWriter): void =>
      list.loop(index.shape[axis]!, 'serial', (step, from) => {
        const place = placeOf(step.read(1, line.at(from)), x.shape[axis]!, step);
        step.when(place.inside, (inside) => {
          const to = line.at(place.at);
          inside.store(
            result!,
            to,
            combine(() => inside.load(result!, to), inside.read(2, line.at(from))),
          );
        });
      });
    const condition = isWithin(line.at(constant(0)), index.shape, x.shape, axis);
    if (condition) body.when(condition, update);
    else update(body);
  });
}

function scatterOp(spec: ScatterSpec): Op {
  const { name, doc, dtypes, tolerance, combine } = spec;
  return defineOp<Axis>({
    name,
    doc: `${doc} ${DROPPED}`,
    operands: OPERANDS,
    attributes: [AXIS],
    infer: (inputs, attributes, context) => inferScatter(spec, inputs, attributes, context),
    evaluate: ([x, index, src], { axis }) => [
      scatterTensor(spec, [x!, index!, src!], normalizeAxis(axis, x!.shape.length)!),
    ],
    body: {
      kind: 'structured',
      once: [0, 1, 2],
      separate: separateLines,
      overwrites: 0,
      write: (nest, { axis }) => writeScatter(nest, normalizeAxis(axis, nest.inputs[0]!.shape.length)!, combine),
    },
    vjp(builder, { inputs, attributes }, [cotangent]) {
      const axis = normalizeAxis((attributes as Axis).axis, inputs[0]!.type.shape.length)!;
      const { x, src } = spec.gradients(builder, inputs[1]!, cotangent!, axis);
      return [x, undefined, src];
    },
    tolerance,
    samples: dtypes.flatMap((dtype): Sample[] => {
      const of = (...shape: readonly (number | Dim)[]): TensorType => tensor(dtype, ...shape);
      return [
        { inputs: [of(3, n), tensor('i32', 3, 4), of(3, 4)], attributes: { axis: 1 } },
        { inputs: [of(5, n), tensor('i32', 3, n), of(3, n)], attributes: { axis: 0 }, range: [-6, 6] },
        { inputs: [of(4, 3, n), tensor('i32', 2, n, 1), of(2, n, 1)], attributes: { axis: -2 } },
      ];
    }),
  });
}

const scatter = scatterOp({
  name: 'scatter',
  doc:
    'x with the elements of `src` at i32 positions along an axis, as PyTorch (any dtype): with axis 1, ' +
    'result[i][index[i][j]] = src[i][j]. index and src have one shape, the rank of x, and at most its sizes in the ' +
    'other axes. Where two elements go to one place, the later one stays.',
  dtypes: ALL,
  combine: replace,
  compute: (_, given) => given,
  tolerance: MOVED,
  gradients: scatterGradients,
});

const scatterAdd = scatterOp({
  name: 'scatter_add',
  doc:
    'x with the elements of `src` added at i32 positions along an axis, in order, as PyTorch (f32, i32, u32): with ' +
    'axis 1, result[i][index[i][j]] += src[i][j]. Shapes are as those of `scatter`.',
  dtypes: NUMBERS,
  combine: accumulate,
  compute: (old, given, dtype) => wrapTo(old + given, dtype),
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  gradients: (builder, index, cotangent, axis) => ({
    x: cotangent,
    src: gatheredOrZero(builder, cotangent, index, axis),
  }),
});

/** Columns that one grid point adds up: enough for lanes and few enough to share out. */
const COLUMNS = 64;

/** Along an axis before the last one, rows are added in lanes across chunks of the last axis; else one by one. */
function writeIndexAdd(nest: NestWriter, axis: number): void {
  const [x, indices] = nest.inputs as [TensorType, TensorType];
  const [result] = nest.results;
  const last = x.shape.length - 1;
  const columns = axis === last ? ONE : x.shape[last]!;
  const chunks = floorDiv(add(columns, constant(COLUMNS - 1)), constant(COLUMNS));
  const outer = x.shape.map((size, at) => (at === axis || at === last ? ONE : size));
  nest.kernel([...outer, chunks], (body, point) => {
    const start = multiply(point.at(-1)!, constant(COLUMNS));
    const width = minimum(constant(COLUMNS), subtract(columns, start), nest.bounds);
    const across = (list: BodyWriter, row: Dim, visit: (inner: BodyWriter, at: readonly Dim[]) => void): void => {
      const index = point.slice(0, -1).with(axis, row);
      if (axis === last) return visit(list, index);
      list.loop(width, 'vector', (inner, column) => visit(inner, index.with(last, add(start, column))));
    };
    body.loop(x.shape[axis]!, 'serial', (copy, row) =>
      across(copy, row, (inner, at) => inner.store(result!, at, inner.read(0, at))),
    );
    body.loop(indices.shape[0]!, 'serial', (step, from) => {
      const place = placeOf(step.read(1, [from]), x.shape[axis]!, step);
      step.when(place.inside, (inside) =>
        across(inside, place.at, (inner, to) => {
          const given = inner.read(2, to.with(axis, from));
          inner.store(result!, to, binary('add', inner.load(result!, to), given));
        }),
      );
    });
  });
}

function indexAddFault(inputs: readonly TensorType[], axis: number): Mismatch | undefined {
  const [x, index, src] = inputs as [TensorType, TensorType, TensorType];
  const called = 'index_add';
  if (index.shape.length !== 1)
    return { message: `\`${called}\` takes a list of indices, not ${printType(index)}`, operand: 1 };
  const wanted = x.shape.with(axis, index.shape[0]!);
  if (sameShape(wanted, src.shape)) return undefined;
  const message =
    `\`${called}\` of ${printType(x)} at ${print(index.shape[0]!)} indices of axis ${axis} needs ` +
    `${printType({ dtype: x.dtype, shape: wanted })}, not ${printType(src)}`;
  return { message, operand: 2 };
}

const indexAdd = defineOp<Axis>({
  name: 'index_add',
  doc:
    'x with slices of `src` along an axis added, in order, at a list of i32 positions, as PyTorch (f32, i32, u32): ' +
    `with axis 0, result[index[i]] += src[i]. ${DROPPED}`,
  operands: OPERANDS,
  attributes: [{ ...AXIS, default: 0 }],
  infer(inputs, { axis }) {
    const [x] = inputs;
    const error = operandFault('index_add', inputs, NUMBERS);
    if (error) return { error };
    const at = axisOf('index_add', axis, x!);
    if ('error' in at) return at;
    const fault = indexAddFault(inputs, at.axis);
    return fault ? { error: fault } : gives(x!);
  },
  evaluate([x, index, src], { axis }) {
    const at = normalizeAxis(axis, x!.shape.length)!;
    const target = x!.data.slice();
    const step = rowMajor(x!.shape)[at]!;
    const [size, count] = [x!.shape[at]!, src!.shape[at]!];
    src!.data.forEach((given, from) => {
      const place = concretePlace(index!.data[Math.floor(from / step) % count]!, size);
      if (place === undefined) return;
      const to = (Math.floor(from / (step * count)) * size + place) * step + (from % step);
      target[to] = wrapTo(target[to]! + given, x!.dtype);
    });
    return [target];
  },
  body: {
    kind: 'structured',
    once: [0, 2],
    write(nest, { axis }) {
      const along = normalizeAxis(axis, nest.inputs[0]!.shape.length)!;
      if (nest.isParallel) writeIndexAddAtOnce(nest, along);
      else writeIndexAdd(nest, along);
    },
  },
  vjp(builder, { inputs: [x, index], attributes }, [cotangent]) {
    const axis = normalizeAxis((attributes as Axis).axis, x!.type.shape.length)!;
    return [cotangent, undefined, slicesAt(builder, cotangent!, index!, axis)];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(4, n), tensor('i32', 6), f32(6, n)], attributes: { axis: 0 }, range: [-5, 5] },
    { inputs: [f32(n, 70), tensor('i32', 5), f32(5, 70)], attributes: { axis: 0 } },
    { inputs: [f32(2, n, 3), tensor('i32', n), f32(2, n, 3)], attributes: { axis: 1 } },
    { inputs: [f32(2, n), tensor('i32', 7), f32(2, 7)], attributes: { axis: -1 } },
    { inputs: [tensor('i32', 3), tensor('i32', n), tensor('i32', n)], attributes: { axis: 0 } },
    { inputs: [tensor('u32', n, 2), tensor('i32', 3), tensor('u32', 3, 2)], attributes: { axis: 0 } },
  ],
});

export const scatters: readonly Op[] = [scatter, scatterAdd, indexAdd];
