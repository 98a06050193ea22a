/** `put_rows`: what decoding adds to the keys and values that are kept. */
import type { Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import type { NestWriter } from '../../ir/structured.ts';
import { binary, compare, literal, position } from '../../kernel/build.ts';
import { MOVED } from '../movement/define.ts';
import { gives } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { shapeFault, type Described } from './shapes.ts';

const described: readonly Described[] = [
  { name: 'cache', dtype: 'f32', axes: ['b', 'h', 'm', 'e'] },
  { name: 'rows', dtype: 'f32', axes: ['b', 'h', 'n', 'e'] },
  { name: 'at', dtype: 'i32', axes: ['b'] },
];

/** Over the heads: what was there, unless it is there already, then the rows that are put. */
function write(nest: NestWriter): void {
  const [cache, rows] = nest.inputs as [TensorType, TensorType];
  const [batch, heads, size, width] = cache.shape as [Dim, Dim, Dim, Dim];
  const [result] = nest.results;
  nest.kernel([batch, heads], (body, [b, h]) => {
    const line = (row: Dim, at: Dim): Dim[] => [b!, h!, row, at];
    if (!nest.isInPlace) {
      body.loop(size, 'serial', (copy, row) =>
        copy.loop(width, 'vector', (step, at) => step.store(result!, line(row, at), step.read(0, line(row, at)))),
      );
    }
    const start = body.let(body.read(2, [b!]));
    body.loop(rows.shape[2]!, 'serial', (each, row) => {
      const to = each.let(binary('add', start, position(row)));
      const isInside = binary('and', compare('ge', to, literal(0, 'i32')), compare('lt', to, position(size)));
      each.when(isInside, (inside) => {
        const place = inside.position(to, size);
        inside.loop(width, 'vector', (step, at) => step.store(result!, line(place, at), step.read(1, line(row, at))));
      });
    });
  });
}

/** `write` element by element. What stays is copied before, by a kernel of its own. */
function writeAtOnce(nest: NestWriter): void {
  const [cache, rows] = nest.inputs as [TensorType, TensorType];
  const [batch, heads, size, width] = cache.shape as [Dim, Dim, Dim, Dim];
  const [result] = nest.results;
  if (!nest.isInPlace)
    nest.kernel([batch, heads, size], (body, line) =>
      body.loop(width, 'vector', (step, at) => step.store(result!, [...line, at], step.read(0, [...line, at]))),
    );
  nest.kernel([batch, heads, rows.shape[2]!], (body, [b, h, row]) =>
    body.loop(width, 'vector', (step, at) => {
      const to = step.let(binary('add', step.read(2, [b!]), position(row!)));
      const isInside = binary('and', compare('ge', to, literal(0, 'i32')), compare('lt', to, position(size)));
      step.when(isInside, (inside) =>
        inside.store(result!, [b!, h!, inside.position(to, size), at], inside.read(1, [b!, h!, row!, at])),
      );
    }),
  );
}

export const putRows: Op = defineOp<Record<string, never>>({
  name: 'put_rows',
  doc:
    'A cache f32[b, h, m, e] with rows f32[b, h, n, e] written along its third axis, from position at[b] (i32[b]) on. ' +
    'Rows that would lie outside of the cache are dropped.',
  internal: true,
  operands: described.map(({ name }) => ({ name })),
  attributes: [],
  infer(inputs) {
    const error = shapeFault('put_rows', described, inputs);
    return error ? { error } : gives(inputs[0]!);
  },
  evaluate([cache, rows, at]) {
    const result = cache!.data.slice();
    const [heads, size, width] = cache!.shape.slice(1) as [number, number, number];
    const count = rows!.shape[2]!;
    at!.data.forEach((start, b) => {
      for (let h = b * heads; h < (b + 1) * heads; h++) {
        for (let row = Math.max(0, -start); row < Math.min(count, size - start); row++) {
          const from = (h * count + row) * width;
          result.set(rows!.data.subarray(from, from + width), (h * size + start + row) * width);
        }
      }
    });
    return [result];
  },
  body: {
    kind: 'structured',
    once: [0, 1],
    overwrites: 0,
    write: (nest) => (nest.isParallel ? writeAtOnce(nest) : write(nest)),
  },
  noGradient: 'it keeps what a later run reads, and runs are not differentiated together',
  tolerance: MOVED,
  samples: [
    { inputs: [f32(1, 2, n, 4), f32(1, 2, 1, 4), tensor('i32', 1)], attributes: {} },
    { inputs: [f32(3, 2, 7, n), f32(3, 2, 2, n), tensor('i32', 3)], attributes: {}, range: [-3, 9] },
    { inputs: [f32(3, 1, 9, 3), f32(3, 1, n, 3), tensor('i32', 3)], attributes: {}, range: [0, 6] },
    { inputs: [f32(n, 3, 5, 8), f32(n, 3, 1, 8), tensor('i32', n)], attributes: {}, range: [0, 4] },
  ],
});
