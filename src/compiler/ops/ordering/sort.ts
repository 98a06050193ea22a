/** `sort` and `top_k`: elements in order along an axis, with the indices they had. */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  isAtLeast,
  minimum,
  multiply,
  ONE,
  print,
  subtract,
  type Dim,
} from '../../dims/dim.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import type { Builder } from '../../ir/builder.ts';
import type { DType, Node, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Sample, type Tensor } from '../../ir/op.ts';
import type { BodyWriter, NestWriter, Storage, Variable } from '../../ir/structured.ts';
import { printType } from '../../ir/types.ts';
import { binary, compare, literal, position, unary } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { forEachLine, isLongLine, separateLines, writeLines, type Line } from '../lines.ts';
import { MOVED } from '../movement/define.ts';
import { parts } from '../movement/split.ts';
import { broadcast } from '../reduce/composite.ts';
import { axisOf, dtypeFault, fails, gives } from '../rules.ts';
import { n, tensor } from '../samples.ts';
import { writeSortAtOnce, writeTopKAtOnce } from './at-once.ts';
import { comesFirst, precedes, sortedIndices } from './order.ts';

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

const TIES = 'Of equal elements the one with the lower index comes first; NaN is above all numbers.';

function withIndices(values: TensorType): readonly [TensorType, TensorType] {
  return [values, { dtype: 'i32', shape: values.shape }];
}

/** Elements of a line up to which each position of x asks whether it is one of them, rather than being written to. */
const FEW = 8;

/** The gradient of x: that of each element found, where it was. */
function whereFound(
  builder: Builder,
  { inputs: [x], results, attributes }: Node,
  [cotangent]: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  const index = results[1]!;
  if (!cotangent) return [undefined];
  const { shape } = x!.type;
  const axis = normalizeAxis(attributes['axis'] as number, shape.length)!;
  const zeros = builder.one('zeros', [], { shape });
  const found = constantValue(index.type.shape[axis]!);
  if (found === undefined || found > FEW) return [builder.one('scatter_add', [zeros, index, cotangent], { axis })];
  const counting = shape.map((size, at) => (at === axis ? size : ONE));
  const numbers = builder.one('reshape', [builder.one('arange', [], { stop: shape[axis]! })], { shape: counting });
  const own = broadcast(builder, numbers, shape);
  const singly = (of: Value): readonly Value[] =>
    parts(
      builder,
      of,
      axis,
      Array.from({ length: found }, () => ONE),
    ).map((one) => broadcast(builder, one, shape));
  const cotangents = singly(cotangent);
  const gradient = singly(index).reduce(
    (others, place, at) => builder.one('where', [builder.one('equal', [own, place]), cotangents[at]!, others]),
    zeros,
  );
  return [gradient];
}

/** The first `count` elements in order, and their indices, of every line along `axis`. */
function firstInOrder(x: Tensor, axis: number, count: number, descending: boolean): Float64Array[] {
  const shape = x.shape.with(axis, count);
  const firsts: { first: number; step: number }[] = [];
  forEachLine(shape, axis, (first, _, step) => firsts.push({ first, step }));
  const length = shape.reduce((product, dim) => product * dim, 1);
  const [values, indices] = [new Float64Array(length), new Float64Array(length)];
  let line = 0;
  forEachLine(x.shape, axis, (first, size, step) => {
    const keys = Array.from({ length: size }, (_, at) => x.data[first + at * step]!);
    const target = firsts[line++]!;
    for (const [at, index] of sortedIndices(keys, descending).slice(0, count).entries()) {
      values[target.first + at * target.step] = keys[index]!;
      indices[target.first + at * target.step] = index;
    }
  });
  return [values, indices];
}

type Sort = { readonly axis: number; readonly descending: boolean };

/** 2^31 elements are sorted in as many rounds, each of which doubles the length of the sorted runs. */
const ROUNDS = 31;

const index = (at: Dim): Expr => position(at);
const number = (value: number): Expr => literal(value, 'i32');

/** Merges the sorted runs of `width` indices of a line in pairs, by way of `scratch`. */
function mergeRuns(body: BodyWriter, line: Line, size: Dim, width: Dim, merge: Merge): void {
  const { indices, scratch, descending } = merge;
  const pair = multiply(constant(2), width);
  const keyOf = (at: BodyWriter, slot: Dim): Expr => at.read(0, line.at(at.integer(at.load(indices, line.at(slot)))));
  body.loop(floorDiv(add(size, subtract(pair, ONE)), pair), 'serial', (pairs, at) => {
    const start = multiply(at, pair);
    const middle = minimum(add(start, width), size);
    const end = minimum(add(start, pair), size);
    const [left, right] = [pairs.variable(index(start)), pairs.variable(index(middle))];
    pairs.loop(subtract(end, start), 'serial', (step, offset) => {
      const [i, j] = [step.integer(left), step.integer(right)];
      const takesLeft = step.variable(literal(0, 'bool'));
      const fromBoth = (both: BodyWriter): void =>
        both.assign(takesLeft, unary('not', precedes(keyOf(both, j), keyOf(both, i), descending)));
      step.when(compare('lt', index(i), index(middle)), (some) =>
        some.when(compare('lt', index(j), index(end)), fromBoth, (rest) => rest.assign(takesLeft, literal(1, 'bool'))),
      );
      const take = (from: typeof left, slot: Dim) => (taken: BodyWriter) => {
        taken.store(scratch, line.at(add(start, offset)), taken.load(indices, line.at(slot)));
        taken.assign(from, binary('add', from, number(1)));
      };
      step.when(takesLeft, take(left, i), take(right, j));
    });
  });
  body.loop(size, line.mode, (copy, at) => copy.store(indices, line.at(at), copy.load(scratch, line.at(at))));
}

interface Merge {
  readonly indices: Storage;
  readonly scratch: Storage;
  readonly descending: boolean;
}

const sort = defineOp<Sort>({
  name: 'sort',
  doc:
    `The elements in order along an axis, and their i32 indices (f32, i32, u32). ${TIES} A merge sort: n log n steps a ` +
    'line, lines side by side.',
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'axis', kind: 'axis', default: -1, doc: 'The axis to sort along.' },
    { name: 'descending', kind: 'bool', default: false, doc: 'Whether the largest comes first.' },
  ],
  infer(inputs, { axis }) {
    const error = dtypeFault('sort', inputs, NUMBERS);
    if (error) return { error };
    const at = axisOf('sort', axis, inputs[0]!);
    return 'error' in at ? at : gives(...withIndices(inputs[0]!));
  },
  evaluate([x], { axis, descending }) {
    const at = normalizeAxis(axis, x!.shape.length)!;
    return firstInOrder(x!, at, x!.shape[at]!, descending);
  },
  body: {
    kind: 'structured',
    separate: separateLines,
    write(nest, { axis, descending }) {
      const { shape } = nest.inputs[0]!;
      const [values, indices] = nest.results as [Storage, Storage];
      const along = normalizeAxis(axis, shape.length)!;
      const size = shape[along]!;
      if (nest.isParallel && isLongLine(shape, along)) return writeSortAtOnce(nest, descending);
      const scratch = nest.scratch(indices.type);
      writeLines(nest, shape, along, (body, line) => {
        body.loop(size, line.mode, (start, at) => start.store(indices, line.at(at), index(at)));
        const width = body.variable(number(1));
        body.loop(constant(ROUNDS), 'serial', (round) => {
          round.when(compare('lt', width, index(size)), (merge) => {
            mergeRuns(merge, line, size, merge.integer(width), { indices, scratch, descending });
            merge.assign(width, binary('add', width, width));
          });
        });
        body.loop(size, line.mode, (end, at) =>
          end.store(values, line.at(at), end.read(0, line.at(end.integer(end.load(indices, line.at(at)))))),
        );
      });
    },
  },
  vjp: whereFound,
  tolerance: MOVED,
  samples: [false, true].flatMap((descending): Sample[] => [
    { inputs: [tensor('f32', 2, n)], attributes: { axis: -1, descending } },
    { inputs: [tensor('f32', n, 3)], attributes: { axis: 0, descending } },
    { inputs: [tensor('i32', 2, n, 2)], attributes: { axis: 1, descending } },
    { inputs: [tensor('u32', n)], attributes: { axis: 0, descending }, range: [0, 9] },
  ]),
});

type TopK = { readonly k: number; readonly axis: number; readonly largest: boolean };

/** Elements of a line up to which they are kept in variables. */
const IN_VARIABLES = 4;

/** Keeps the first k of a line in order while they are read, by insertion. */
function writeTopK(nest: NestWriter, attributes: TopK): void {
  const { shape } = nest.inputs[0]!;
  const isLong = isLongLine(shape, normalizeAxis(attributes.axis, shape.length)!);
  if (nest.isParallel && isLong) writeTopKAtOnce(nest, attributes.k, attributes.largest);
  else if (attributes.k <= IN_VARIABLES) writeInVariables(nest, attributes);
  else writeInMemory(nest, attributes);
}

interface Held {
  readonly key: Variable;
  readonly index: Variable;
}

/** Moves the last of `held` to its place among the others, which are in order. */
function sink(body: BodyWriter, held: readonly Held[], descending: boolean): void {
  for (let at = held.length - 1; at > 0; at--) {
    const [before, own] = [held[at - 1]!, held[at]!];
    body.when(precedes(own.key, before.key, descending), (swap) => {
      for (const part of ['key', 'index'] as const) {
        const value = swap.let(own[part]);
        swap.assign(own[part], before[part]);
        swap.assign(before[part], value);
      }
    });
  }
}

/** Few elements: what follows the first k is compared with the last of them, and seldom comes before it. */
function writeInVariables(nest: NestWriter, { k, axis, largest }: TopK): void {
  const { shape } = nest.inputs[0]!;
  const [values, indices] = nest.results as [Storage, Storage];
  const along = normalizeAxis(axis, shape.length)!;
  writeLines(nest, shape, along, (body, line) => {
    const held: Held[] = [];
    for (let at = 0; at < k; at++) {
      held.push({ key: body.variable(body.read(0, line.at(constant(at)))), index: body.variable(number(at)) });
      sink(body, held, largest);
    }
    const last = held.at(-1);
    if (!last) return;
    body.loop(subtract(shape[along]!, constant(k)), 'serial', (step, offset) => {
      const at = add(offset, constant(k));
      const key = step.let(step.read(0, line.at(at)));
      step.when(precedes(key, last.key, largest), (enter) => {
        enter.assign(last.key, key);
        enter.assign(last.index, index(at));
        sink(enter, held, largest);
      });
    });
    for (const [at, { key, index: from }] of held.entries()) {
      body.store(values, line.at(constant(at)), key);
      body.store(indices, line.at(constant(at)), from);
    }
  });
}

function writeInMemory(nest: NestWriter, { k, axis, largest }: TopK): void {
  const { shape } = nest.inputs[0]!;
  const [values, indices] = nest.results as [Storage, Storage];
  const along = normalizeAxis(axis, shape.length)!;
  const kept = constant(k);
  writeLines(nest, shape, along, (body, line) =>
    body.loop(shape[along]!, 'serial', (step, at) => {
      const carried = { key: step.variable(step.read(0, line.at(at))), index: step.variable(index(at)) };
      const slotAt = (list: BodyWriter, slot: Dim) => ({
        key: list.let(list.load(values, line.at(slot))),
        index: list.let(list.load(indices, line.at(slot))),
      });
      const store = (list: BodyWriter, slot: Dim, key: Expr, from: Expr): void => {
        list.store(values, line.at(slot), key);
        list.store(indices, line.at(slot), from);
      };
      const enters = step.variable(literal(1, 'bool'));
      step.when(compare('ge', index(at), index(kept)), (full) =>
        full.assign(enters, comesFirst(carried, slotAt(full, subtract(kept, ONE)), largest)),
      );
      step.when(enters, (insert) => {
        insert.loop(minimum(at, kept), 'serial', (pass, slot) => {
          const held = slotAt(pass, slot);
          pass.when(comesFirst(carried, held, largest), (swap) => {
            store(swap, slot, carried.key, carried.index);
            swap.assign(carried.key, held.key);
            swap.assign(carried.index, held.index);
          });
        });
        insert.when(compare('lt', index(at), index(kept)), (grow) => store(grow, at, carried.key, carried.index));
      });
    }),
  );
}

const topK = defineOp<TopK>({
  name: 'top_k',
  doc:
    `The k largest elements along an axis, in order, and their i32 indices (f32, i32, u32). ${TIES} With ` +
    '`largest: false` the k smallest. By insertion: at most n k steps a line, lines side by side.',
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'k', kind: 'int', doc: 'How many elements.' },
    { name: 'axis', kind: 'axis', default: -1, doc: 'The axis to look along.' },
    { name: 'largest', kind: 'bool', default: true, doc: 'Whether the largest are wanted, or the smallest.' },
  ],
  infer(inputs, { k, axis }, { bounds }) {
    const error = dtypeFault('top_k', inputs, NUMBERS);
    if (error) return { error };
    const [x] = inputs;
    const found = axisOf('top_k', axis, x!);
    if ('error' in found) return found;
    if (k < 0) return fails(`\`top_k\` of ${k} elements`, { attribute: 'k' });
    const size = x!.shape[found.axis]!;
    const message = `\`top_k\` wants ${k} of the ${print(size)} elements of axis ${found.axis}`;
    const missing = subtract(size, constant(k));
    if (isAtLeast(constant(-1), missing, bounds))
      return fails(message, { notes: [`the tensor is ${printType(x!)}`], attribute: 'k' });
    const types = withIndices({ dtype: x!.dtype, shape: x!.shape.with(found.axis, constant(k)) });
    const isKnown = isAtLeast(size, constant(k), bounds);
    return { types, conditions: isKnown ? [] : [{ atLeastZero: missing, message }] };
  },
  evaluate: ([x], { k, axis, largest }) => firstInOrder(x!, normalizeAxis(axis, x!.shape.length)!, k, largest),
  // Not `once`: what elements are made of, such as noise, is computed in lanes by a kernel of its own.
  body: { kind: 'structured', separate: separateLines, write: writeTopK },
  vjp: whereFound,
  tolerance: MOVED,
  samples: [true, false].flatMap((largest): Sample[] => [
    { inputs: [tensor('f32', n, 8)], attributes: { k: 2, axis: -1, largest } },
    { inputs: [tensor('f32', 2, n, 3)], attributes: { k: 3, axis: 1, largest } },
    { inputs: [tensor('f32', 3, 4)], attributes: { k: 4, axis: 1, largest } },
    { inputs: [tensor('f32', n, 30)], attributes: { k: 9, axis: -1, largest } },
    { inputs: [tensor('i32', n)], attributes: { k: 5, axis: 0, largest } },
    { inputs: [tensor('u32', n, 5)], attributes: { k: 1, axis: 1, largest }, range: [0, 3] },
    { inputs: [tensor('f32', n)], attributes: { k: 0, axis: 0, largest } },
  ]),
});

export const orderings: readonly Op[] = [sort, topK];
