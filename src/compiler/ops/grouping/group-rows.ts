/**
 * `group_rows`: which rows belong to which group, by a stable counting sort. It is how tokens that chose an expert come to
 * lie next to each other, as in sparse mixtures of experts (Gale et al. 2022, https://arxiv.org/abs/2211.15841).
 */
import {
  add,
  constant,
  floorDiv,
  isAtLeast,
  minimum,
  multiply,
  ONE,
  print,
  product,
  subtract,
  ZERO,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim } from '../../ir/attributes.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import type { BodyWriter, NestWriter, Storage } from '../../ir/structured.ts';
import { printType } from '../../ir/types.ts';
import { binary, compare, literal, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { indexFault } from '../indexed/place.ts';
import { MOVED } from '../movement/define.ts';
import { fails } from '../rules.ts';
import { n, tensor } from '../samples.ts';

type Grouping = { readonly count: number; readonly capacity: Dim | number | null };

/** Assignments that one grid point goes through: few enough to share out, many for what each point does besides. */
const CHUNK = 64;

const NONE = literal(-1, 'i32');
const one = literal(1, 'i32');

/** The op's operand, its results, and what lies between its kernels. */
interface Sorting {
  readonly nest: NestWriter;
  readonly count: Dim;
  readonly chunks: Dim;
  /** The number of assignments, and how many belong to one row of the operand. */
  readonly size: Dim;
  readonly choices: Dim;
  /** How many of a group there are in a chunk; later, the number within its group that the chunk's next one has. */
  readonly counters: Storage;
  /** How many of a group come before a chunk. */
  readonly before: Storage;
  /** i32[count]: the size of each group, with those that are dropped. */
  readonly totals: Storage;
  readonly capacity: Dim | undefined;
}

/** The group that an assignment names, limited to those there are, and whether it is one of them. */
function groupAt(body: BodyWriter, assignment: Dim, { choices, count }: Sorting): { at: Dim; exists: Expr } {
  const token = floorDiv(assignment, choices);
  const group = body.let(body.read(0, [token, subtract(assignment, multiply(token, choices))]));
  const exists = binary('and', compare('ge', group, literal(0, 'i32')), compare('lt', group, position(count)));
  return { at: body.position(group, count), exists };
}

function forEachAssignment(
  body: BodyWriter,
  chunk: Dim,
  { nest, size }: Sorting,
  visit: (inner: BodyWriter, assignment: Dim) => void,
): void {
  const first = multiply(chunk, constant(CHUNK));
  const length = minimum(constant(CHUNK), subtract(size, first), nest.bounds);
  body.loop(length, 'serial', (inner, at) => visit(inner, add(first, at)));
}

function increment(body: BodyWriter, storage: Storage, index: readonly Dim[]): void {
  body.store(storage, index, binary('add', body.load(storage, index), one));
}

/** How many assignments of each chunk go to each group. */
function writeCounts(sorting: Sorting): void {
  const { nest, count, chunks, counters } = sorting;
  nest.kernel([chunks], (body, [chunk]) => {
    body.loop(count, 'vector', (clear, group) => clear.store(counters, [chunk!, group], literal(0, 'i32')));
    forEachAssignment(body, chunk!, sorting, (step, assignment) => {
      const group = groupAt(step, assignment, sorting);
      step.when(group.exists, (known) => increment(known, counters, [chunk!, group.at]));
    });
  });
}

/** From the counts of the chunks, how many come before each, and how many there are. */
function writeTotals({ nest, count, chunks, before, counters, totals }: Sorting): void {
  nest.kernel([], (body) =>
    body.loop(count, 'vector', (each, group) => {
      const sum = each.variable(literal(0, 'i32'));
      each.loop(chunks, 'serial', (step, chunk) => {
        step.store(before, [chunk, group], sum);
        step.assign(sum, binary('add', sum, step.load(counters, [chunk, group])));
      });
      each.store(totals, [group], sum);
    }),
  );
}

function writeOffsets({ nest, count, totals, capacity }: Sorting): void {
  const offsets = nest.results[3]!;
  nest.kernel([], (body) => {
    const sum = body.variable(literal(0, 'i32'));
    body.loop(count, 'serial', (step, group) => {
      step.store(offsets, [group], sum);
      const all = step.load(totals, [group]);
      step.assign(sum, binary('add', sum, capacity ? binary('min', all, position(capacity)) : all));
    });
    body.store(offsets, [count], sum);
  });
}

/** Puts each assignment at its row, and marks the rows that are nobody's. */
function writeRows(sorting: Sorting): void {
  const { nest, count, chunks, size, choices, before, counters, capacity } = sorting;
  const [order, place, group, offsets] = nest.results as [Storage, Storage, Storage, Storage];
  nest.kernel([chunks], (body, [chunk]) => {
    // Counted in a copy, so that the kernel may run again.
    body.loop(count, 'vector', (copy, at) => copy.store(counters, [chunk!, at], copy.load(before, [chunk!, at])));
    const used = body.let(body.load(offsets, [count]));
    forEachAssignment(body, chunk!, sorting, (step, assignment) => {
      const token = floorDiv(assignment, choices);
      const own = [token, subtract(assignment, multiply(token, choices))];
      const drop = (list: BodyWriter): void => list.store(place, own, NONE);
      const chosen = groupAt(step, assignment, sorting);
      step.when(
        chosen.exists,
        (known) => {
          const counter = [chunk!, chosen.at];
          const number = known.let(known.load(counters, counter));
          known.store(counters, counter, binary('add', number, one));
          const keep = (list: BodyWriter): void => {
            const row = list.position(binary('add', list.load(offsets, [chosen.at]), number), size);
            list.store(order, [row], position(assignment));
            list.store(group, [row], position(chosen.at));
            list.store(place, own, position(row));
          };
          if (capacity) known.when(compare('lt', number, position(capacity)), keep, drop);
          else keep(known);
        },
        drop,
      );
      step.when(compare('ge', position(assignment), used), (rest) => {
        rest.store(order, [assignment], NONE);
        rest.store(group, [assignment], NONE);
      });
    });
  });
}

function writeGrouping(nest: NestWriter, { count, capacity }: Grouping): void {
  const [index] = nest.inputs;
  const size = product(index!.shape);
  const groups = constant(count);
  const chunks = floorDiv(add(size, constant(CHUNK - 1)), constant(CHUNK));
  const sorting: Sorting = {
    nest,
    count: groups,
    chunks,
    size,
    choices: index!.shape[1]!,
    counters: nest.scratch({ dtype: 'i32', shape: [chunks, groups] }),
    before: nest.scratch({ dtype: 'i32', shape: [chunks, groups] }),
    totals: nest.scratch({ dtype: 'i32', shape: [groups] }),
    capacity: capacity === null ? undefined : toDim(capacity),
  };
  if (nest.isParallel) return writeAtOnce(sorting);
  writeCounts(sorting);
  writeTotals(sorting);
  writeOffsets(sorting);
  writeRows(sorting);
}

/** The same in three kernels of short loops: numbers within chunks are counted again rather than kept. */
function writeAtOnce(sorting: Sorting): void {
  writeCountsAtOnce(sorting);
  writeOffsetsAtOnce(sorting);
  writeRowsAtOnce(sorting);
}

/** Whether an assignment goes to a group, as a number to add up. */
function goesTo(body: BodyWriter, assignment: Dim, group: Dim, { choices }: Sorting): Expr {
  const token = floorDiv(assignment, choices);
  const chosen = body.read(0, [token, subtract(assignment, multiply(token, choices))]);
  return select(compare('eq', chosen, position(group)), one, literal(0, 'i32'));
}

function writeCountsAtOnce(sorting: Sorting): void {
  const { nest, count, chunks, counters } = sorting;
  nest.kernel([chunks], (body, [chunk]) =>
    body.loop(count, 'vector', (each, group) => {
      const sum = each.variable(literal(0, 'i32'));
      forEachAssignment(each, chunk!, sorting, (step, assignment) =>
        step.assign(sum, binary('add', sum, goesTo(step, assignment, group, sorting))),
      );
      each.store(counters, [chunk!, group], sum);
    }),
  );
}

/** Where groups begin. Each adds up those before it: they are few. */
function writeOffsetsAtOnce({ nest, count, chunks, before, counters, totals, capacity }: Sorting): void {
  const offsets = nest.results[3]!;
  nest.kernel([], (body) => {
    body.loop(count, 'vector', (each, group) => {
      const sum = each.variable(literal(0, 'i32'));
      each.loop(chunks, 'serial', (step, chunk) => {
        step.store(before, [chunk, group], sum);
        step.assign(sum, binary('add', sum, step.load(counters, [chunk, group])));
      });
      each.store(totals, [group], capacity ? binary('min', sum, position(capacity)) : sum);
    });
    body.loop(add(count, ONE), 'vector', (each, group) => {
      const sum = each.variable(literal(0, 'i32'));
      each.loop(group, 'serial', (step, other) => step.assign(sum, binary('add', sum, step.load(totals, [other]))));
      each.store(offsets, [group], sum);
    });
  });
}

function writeRowsAtOnce(sorting: Sorting): void {
  const { nest, count, size, choices, before, capacity } = sorting;
  const [order, place, group, offsets] = nest.results as [Storage, Storage, Storage, Storage];
  nest.kernel([], (body) =>
    body.loop(size, 'vector', (each, assignment) => {
      const token = floorDiv(assignment, choices);
      const own = [token, subtract(assignment, multiply(token, choices))];
      const chosen = groupAt(each, assignment, sorting);
      const row = each.variable(NONE);
      each.when(chosen.exists, (known) => {
        const chunk = floorDiv(assignment, constant(CHUNK));
        const first = multiply(constant(CHUNK), chunk);
        const number = known.variable(known.load(before, [chunk, chosen.at]));
        known.loop(subtract(assignment, first), 'serial', (step, at) =>
          step.assign(number, binary('add', number, goesTo(step, add(first, at), chosen.at, sorting))),
        );
        const to = binary('add', known.load(offsets, [chosen.at]), number);
        known.assign(row, capacity ? select(compare('lt', number, position(capacity)), to, NONE) : to);
      });
      each.store(place, own, row);
      each.when(compare('ge', row, literal(0, 'i32')), (kept) => {
        const at = kept.position(row, size);
        kept.store(order, [at], position(assignment));
        kept.store(group, [at], position(chosen.at));
      });
      each.when(compare('ge', position(assignment), each.load(offsets, [count])), (rest) => {
        rest.store(order, [assignment], NONE);
        rest.store(group, [assignment], NONE);
      });
    }),
  );
}

/** The definition: the assignments of each group, in order, as many as fit. */
function grouped(index: Float64Array, count: number, capacity: number): Float64Array[] {
  const members: number[][] = Array.from({ length: count }, () => []);
  index.forEach((group, assignment) => {
    const list = members[group];
    if (list && list.length < capacity) list.push(assignment);
  });
  const [order, place, group] = Array.from({ length: 3 }, () => new Float64Array(index.length).fill(-1));
  const offsets = new Float64Array(count + 1);
  let row = 0;
  for (const [at, list] of members.entries()) {
    for (const assignment of list) {
      order![row] = assignment;
      group![row] = at;
      place![assignment] = row++;
    }
    offsets[at + 1] = row;
  }
  return [order!, place!, group!, offsets];
}

export const groupRows: Op = defineOp<Grouping>({
  name: 'group_rows',
  doc:
    'Rows in the order of the group that they are assigned to. `index`, i32[n, k], holds k groups for each of n tokens; ' +
    'assignment number a = t * k + j is the j-th of token t. Results, all i32, with R = n * k rows: `order` [R], the ' +
    'assignment that each row holds; `place` [n, k], the row of each assignment; `group` [R], the group of each row; ' +
    '`offsets` [count + 1]: group g has the rows offsets[g] … offsets[g + 1] - 1, in the order of their assignments. An index ' +
    'outside 0 … count - 1 belongs to no group. With `capacity`, a group keeps its first `capacity` assignments and drops ' +
    'the others. `place` is -1 for what has no row; rows from offsets[count] on hold nothing, and `order` and `group` are ' +
    '-1 there. A stable counting sort in O(R + count).',
  operands: [{ name: 'index' }],
  attributes: [
    { name: 'count', kind: 'int', doc: 'How many groups there are.' },
    { name: 'capacity', kind: 'dim', default: null, doc: 'How many rows a group has at most; none for no limit.' },
  ],
  infer([index], { count, capacity }, { bounds }) {
    const error = indexFault('group_rows', index!, 0);
    if (error) return { error };
    if (index!.shape.length !== 2)
      return fails(`\`group_rows\` takes the groups of each token, i32[n, k], not ${printType(index!)}`, {
        operand: 0,
      });
    if (count < 0) return fails(`\`group_rows\` of ${count} groups`, { attribute: 'count' });
    const limit = toDim(capacity ?? 0);
    const message = `\`group_rows\` with room for ${print(limit)} rows a group`;
    if (isAtLeast(constant(-1), limit, bounds)) return fails(message, { attribute: 'capacity' });
    const rows = [product(index!.shape)];
    const shapes = [rows, index!.shape, rows, [constant(count + 1)]];
    return {
      types: shapes.map((shape) => ({ dtype: 'i32', shape })),
      conditions: isAtLeast(limit, ZERO, bounds) ? [] : [{ atLeastZero: limit, message }],
    };
  },
  evaluate: ([index], { count, capacity }, _, symbols) =>
    grouped(index!.data, count, capacity === null ? Infinity : sizeOf(capacity, symbols)),
  body: { kind: 'structured', write: writeGrouping },
  tolerance: MOVED,
  samples: [
    { inputs: [tensor('i32', n, 2)], attributes: { count: 3, capacity: null }, range: [0, 2] },
    { inputs: [tensor('i32', multiply(n, n), 3)], attributes: { count: 5, capacity: null }, range: [-2, 6] },
    { inputs: [tensor('i32', n, 1)], attributes: { count: 4, capacity: null }, range: [2, 2] },
    { inputs: [tensor('i32', n, 2)], attributes: { count: 3, capacity: 0 }, range: [0, 2] },
    { inputs: [tensor('i32', multiply(n, n), 2)], attributes: { count: 3, capacity: n }, range: [-1, 2] },
    { inputs: [tensor('i32', n, 2)], attributes: { count: 0, capacity: null } },
    { inputs: [tensor('i32', 40, n)], attributes: { count: 2, capacity: add(n, ONE) }, range: [0, 1] },
  ],
});
