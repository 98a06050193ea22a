/** Sums of the rows of each group, and a group's row for each of its rows: gradients of each other. */
import {
  add,
  constant,
  equal,
  floorDiv,
  isAtLeast,
  minimum,
  multiply,
  ONE,
  print,
  subtract,
  type Dim,
} from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import type { NestWriter } from '../../ir/structured.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, literal } from '../../kernel/build.ts';
import { indexFault } from '../indexed/place.ts';
import { MOVED } from '../movement/define.ts';
import { broadcast, SUM_TOLERANCE } from '../reduce/composite.ts';
import { dtypeFault, fails, gives, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { inferTaken, takeRows } from './take-rows.ts';

const OFFSETS =
  '`offsets`, i32[E + 1], tells where each of E groups begins: group g has the rows offsets[g] … offsets[g + 1] - 1; they ' +
  'must not fall.';

function offsetsFault(called: string, offsets: TensorType, operand: number): Mismatch | undefined {
  const error = indexFault(called, offsets, operand);
  if (error) return error;
  if (offsets.shape.length === 1 && isAtLeast(offsets.shape[0]!, ONE)) return undefined;
  return {
    message: `\`${called}\` takes the offsets of groups, i32[E + 1], not ${printType(offsets)}`,
    operand,
  };
}

/** The first and the next row after the last of group g. */
function rowsOf(offsets: Tensor, group: number, rows: number): readonly [number, number] {
  const limited = (at: number): number => Math.min(Math.max(offsets.data[at]!, 0), rows);
  return [limited(group), limited(group + 1)];
}

/** Columns that one grid point adds up: enough for lanes and few enough to share out. */
const COLUMNS = 64;

function writeSegmentSum(nest: NestWriter): void {
  const [x] = nest.inputs as [TensorType];
  const [result] = nest.results;
  const [rows, ...rest] = x.shape as [Dim, ...Dim[]];
  const outer = rest.slice(0, -1);
  const columns = rest.at(-1) ?? ONE;
  const chunks = floorDiv(add(columns, constant(COLUMNS - 1)), constant(COLUMNS));
  nest.kernel([result!.type.shape[0]!, ...outer, chunks], (body, [group, ...point]) => {
    const start = multiply(point.at(-1)!, constant(COLUMNS));
    const width = minimum(constant(COLUMNS), subtract(columns, start), nest.bounds);
    const index = (row: Dim, column: Dim): Dim[] =>
      rest.length === 0 ? [row] : [row, ...point.slice(0, -1), add(start, column)];
    const limit = add(rows, ONE);
    const first = body.position(body.read(1, [group!]), limit);
    const end = body.position(body.read(1, [add(group!, ONE)]), limit);
    body.loop(width, 'vector', (clear, column) => clear.store(result!, index(group!, column), literal(0)));
    body.loop(subtract(end, first), 'serial', (step, at) =>
      step.loop(width, 'vector', (inner, column) => {
        const to = index(group!, column);
        inner.store(result!, to, binary('add', inner.load(result!, to), inner.read(0, index(add(first, at), column))));
      }),
    );
  });
}

/** `writeSegmentSum` column by column. */
function writeSegmentSumAtOnce(nest: NestWriter): void {
  const [x] = nest.inputs as [TensorType];
  const [result] = nest.results;
  const [rows, ...rest] = x.shape as [Dim, ...Dim[]];
  const limit = add(rows, ONE);
  nest.kernel([result!.type.shape[0]!, ...rest.slice(0, -1)], (body, [group, ...point]) =>
    body.loop(rest.at(-1) ?? ONE, 'vector', (each, column) => {
      const index = (row: Dim): Dim[] => (rest.length === 0 ? [row] : [row, ...point, column]);
      const first = each.position(each.read(1, [group!]), limit);
      const end = each.position(each.read(1, [add(group!, ONE)]), limit);
      const sum = each.variable(literal(0));
      each.loop(subtract(end, first), 'serial', (step, at) =>
        step.assign(sum, binary('add', sum, step.read(0, index(add(first, at))))),
      );
      each.store(result!, index(group!), sum);
    }),
  );
}

/** The group of each of `rows` rows, -1 for those of none. */
function groupsOf(builder: Builder, offsets: Value, rows: Dim): Value {
  const groups = subtract(offsets.type.shape[0]!, ONE);
  const shape = [rows, add(groups, ONE)];
  const row = builder.one('reshape', [builder.one('arange', [], { stop: rows })], { shape: [rows, ONE] });
  const begins = builder.one('less_equal', [
    broadcast(builder, builder.one('reshape', [offsets], { shape: [ONE, shape[1]!] }), shape),
    broadcast(builder, row, shape),
  ]);
  const begun = builder.one('sum', [builder.one('cast', [begins], { dtype: 'i32' })], { axis: 1 });
  const ones = builder.one('ones', [], { shape: [rows], dtype: 'i32' });
  return builder.one('sub', [begun, ones]);
}

/** Offsets of as many groups among `rows` rows, of which the first and the last may be in none. */
function offsets(groups: number, rows: number): number[] {
  return Array.from({ length: groups + 1 }, (_, at) => Math.floor(((at + 1) * rows) / (groups + 2)));
}

/** The groups of `rows` rows, and their offsets. */
function inGroups(groups: number, rows: number): readonly (readonly number[] | undefined)[] {
  const list = offsets(groups, rows);
  const group = Array.from({ length: rows }, (_, row) => list.findLastIndex((begin) => begin <= row));
  return [undefined, group.map((at) => (at === groups ? -1 : at)), list];
}

const segmentSum = defineOp({
  name: 'segment_sum',
  doc: `The sum of the rows of each group, f32[E, ..rest] from f32[R, ..rest]; zeros for a group without rows. ${OFFSETS}`,
  operands: [{ name: 'x' }, { name: 'offsets' }],
  attributes: [],
  infer([x, offsets]) {
    const error = dtypeFault('segment_sum', [x!], ['f32']) ?? offsetsFault('segment_sum', offsets!, 1);
    if (error) return { error };
    if (x!.shape.length === 0) return fails('`segment_sum` needs rows, not a scalar', { operand: 0 });
    return gives({ dtype: 'f32', shape: [subtract(offsets!.shape[0]!, ONE), ...x!.shape.slice(1)] });
  },
  evaluate([x, offsets]) {
    const width = countOf(x!.shape.slice(1));
    const groups = offsets!.data.length - 1;
    const target = new Float64Array(groups * width);
    for (let group = 0; group < groups; group++) {
      const [first, end] = rowsOf(offsets!, group, x!.shape[0]!);
      for (let at = first * width; at < end * width; at++) target[group * width + (at % width)]! += x!.data[at]!;
    }
    return [target];
  },
  body: {
    kind: 'structured',
    once: [0],
    write: (nest) => (nest.isParallel ? writeSegmentSumAtOnce : writeSegmentSum)(nest),
  },
  vjp: (builder, { inputs: [x, offsets] }, [cotangent]) => [
    builder.one('segment_broadcast', [cotangent!, groupsOf(builder, offsets!, x!.type.shape[0]!), offsets!]),
    undefined,
  ],
  tolerance: SUM_TOLERANCE,
  samples: [
    { inputs: [f32(n, 3), tensor('i32', 4)], attributes: {}, values: (n) => [undefined, offsets(3, n)] },
    { inputs: [f32(7, n), tensor('i32', 5)], attributes: {}, values: () => [undefined, [0, 0, 3, 6, 6]] },
    { inputs: [f32(n, 2, 70), tensor('i32', 3)], attributes: {}, values: (n) => [undefined, [0, 0, n]] },
    { inputs: [f32(6), tensor('i32', add(n, ONE))], attributes: {}, values: (n) => [undefined, offsets(n, 6)] },
    { inputs: [f32(n, 2), tensor('i32', 1)], attributes: {} },
  ],
});

const segmentBroadcast = defineOp({
  name: 'segment_broadcast',
  doc:
    'For each row the row of its group, f32[R, ..rest] from f32[E, ..rest]: result[r] = x[group[r]], zeros where group[r], ' +
    `i32[R], is no group. ${OFFSETS} They are there for the gradient, the sum over the rows of each group.`,
  operands: [{ name: 'x' }, { name: 'group' }, { name: 'offsets' }],
  attributes: [],
  infer(inputs, _, { bounds }) {
    const [x, , offsets] = inputs;
    const called = 'segment_broadcast';
    const error = dtypeFault(called, [x!], ['f32']) ?? offsetsFault(called, offsets!, 2);
    const taken = inferTaken(called, inputs, bounds);
    if ('error' in taken || error) return error ? { error } : taken;
    const groups = subtract(offsets!.shape[0]!, ONE);
    if (equal(groups, x!.shape[0]!)) return taken;
    const message = `\`${called}\` of ${printType(x!)} needs the offsets of as many groups, not of ${print(groups)}`;
    return fails(message, { operand: 2 });
  },
  evaluate: ([x, group]) => [takeRows(x!, group!)],
  body: { kind: 'composite', expand: (builder, [x, group]) => [builder.one('take_rows', [x!, group!])] },
  vjp: (builder, { inputs: [, , offsets] }, [cotangent]) => [
    builder.one('segment_sum', [cotangent!, offsets!]),
    undefined,
    undefined,
  ],
  tolerance: MOVED,
  samples: [
    { inputs: [f32(3, n), tensor('i32', 8), tensor('i32', 4)], attributes: {}, values: () => inGroups(3, 8) },
    { inputs: [f32(4, 2, 2), tensor('i32', n), tensor('i32', 5)], attributes: {}, values: (n) => inGroups(4, n) },
    { inputs: [f32(2), tensor('i32', n), tensor('i32', 3)], attributes: {}, range: [0, 3], smooth: false },
  ],
});

export const segments: readonly Op[] = [segmentSum, segmentBroadcast];
