/**
 * Adaptive windows as views: as many as asked for along an axis, window i from floor(i size / windows) to
 * ceil((i + 1) size / windows), and the windows that each element is in.
 */
import {
  add,
  constant,
  equal,
  floorDiv,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Bounds,
  type Dim,
} from '../../dims/dim.ts';
import { sizeOf, toDim, toDims } from '../../ir/attributes.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import type { BodyWriter, NestWriter } from '../../ir/structured.ts';
import { countOf, printType } from '../../ir/types.ts';
import { binary, compare, convert, literal, position, select } from '../../kernel/build.ts';
import { MOVED } from '../movement/define.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { planeOf } from './axes.ts';

/** The first element of window `at`, and the one behind its last. */
function rangeOf(at: Dim, size: Dim, windows: Dim, bounds: Bounds): { readonly start: Dim; readonly end: Dim } {
  const start = multiply(at, size);
  return {
    start: floorDiv(start, windows, bounds),
    end: floorDiv(add(start, size, windows, constant(-1)), windows, bounds),
  };
}

export function concreteRange(at: number, size: number, windows: number): readonly [number, number] {
  return [Math.floor((at * size) / windows), Math.ceil(((at + 1) * size) / windows)];
}

/** No window has more elements: ceil(size / windows) and one more, as both ends may lie inside an element's share. */
function widest(size: Dim, windows: Dim): Dim {
  return add(floorDiv(subtract(size, ONE), windows), constant(2));
}

type AdaptiveWindows = { readonly windows: readonly (Dim | number)[]; readonly value: number };

export const adaptiveWindows: Op = defineOp<AdaptiveWindows>({
  name: 'adaptive_windows',
  doc:
    'The elements of as many windows as asked for over the last axes of x (f32): [..lead, size] becomes [..lead, ' +
    'windows, widest], filled up with `value` where a window has fewer elements.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [
    { name: 'windows', kind: 'shape', doc: 'How many windows, for each of the last axes.' },
    { name: 'value', kind: 'float', doc: 'What stands behind the last element of a window.' },
  ],
  infer([x], { windows }) {
    const counts = toDims(windows);
    const lead = x!.shape.length - counts.length;
    if (lead < 0 || counts.some((count) => equal(count, ZERO)))
      return fails(`\`adaptive_windows\` do not fit ${printType(x!)}`);
    const widths = counts.map((count, at) => widest(x!.shape[lead + at]!, count));
    return gives({ dtype: x!.dtype, shape: [...x!.shape.slice(0, lead), ...counts, ...widths] });
  },
  evaluate([x], { windows, value }, [output], symbols) {
    const count = windows.length;
    const counts = planeOf(
      windows.map((each) => sizeOf(each, symbols)),
      1,
    );
    const [height, width] = planeOf(x!.shape.slice(x!.shape.length - count), 1);
    const [tall, wide] = planeOf(output!.shape.slice(output!.shape.length - count), 1);
    const target = new Float64Array(countOf(output!.shape)).fill(value);
    const planes = countOf(x!.shape.slice(0, x!.shape.length - count));
    for (let plane = 0; plane < planes; plane++)
      for (let i = 0; i < counts[0]; i++)
        for (let j = 0; j < counts[1]; j++) {
          const [top, bottom] = concreteRange(i, height, counts[0]);
          const [left, right] = concreteRange(j, width, counts[1]);
          const first = ((plane * counts[0] + i) * counts[1] + j) * tall * wide;
          for (let y = top; y < bottom; y++)
            for (let z = left; z < right; z++)
              target[first + (y - top) * wide + z - left] = x!.data[(plane * height + y) * width + z]!;
        }
    return [target];
  },
  body: {
    kind: 'movement',
    overlaps: true,
    element([read], index, { windows, value }, { inputs, bounds }) {
      const [x] = inputs;
      const count = windows.length;
      const lead = x!.shape.length - count;
      const places = windows.map((each, at) => {
        const { start, end } = rangeOf(index[lead + at]!, x!.shape[lead + at]!, toDim(each), bounds);
        return { at: add(start, index[lead + count + at]!), end };
      });
      const inside = places.map(({ at, end }) => compare('lt', position(at), position(end)));
      return select(
        inside.reduce((all, one) => binary('and', all, one)),
        read!([...index.slice(0, lead), ...places.map(({ at }) => at)]),
        literal(value, x!.dtype),
      );
    },
  },
  vjp(builder, { inputs: [x], attributes }, [cotangent]) {
    const count = (attributes as AdaptiveWindows).windows.length;
    const sizes = x!.type.shape.slice(x!.type.shape.length - count);
    return [builder.one('adaptive_sums', [cotangent!], { sizes })];
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(2, n)], attributes: { windows: toDims([3]), value: 0.5 } },
    { inputs: [f32(n, 7, 5)], attributes: { windows: toDims([3, 2]), value: 0 } },
    { inputs: [f32(2, 9)], attributes: { windows: [n], value: -1 } },
  ],
});

type AdaptiveSums = { readonly sizes: readonly (Dim | number)[] };

/**
 * The windows that hold an element are a range of the same kind: from floor(p windows / size) to ceil((p + 1) windows /
 * size). A line of the result reads the windows that hold it, and adds up each along itself.
 */
function writeSums(nest: NestWriter, { sizes }: AdaptiveSums): void {
  const [x] = nest.inputs;
  const [result] = nest.results;
  const { bounds } = nest;
  const count = sizes.length;
  const lead = result!.type.shape.length - count;
  const windowsOf = (at: number): Dim => x!.shape[lead + at]!;
  const [size, windows] = [toDim(sizes.at(-1)!), windowsOf(count - 1)];
  nest.kernel(result!.type.shape.slice(0, -1), (body, point) => {
    body.loop(size, 'vector', (inner, at) => inner.store(result!, [...point, at], literal(0)));
    const line = (list: BodyWriter, outer: readonly Dim[], taps: readonly Dim[]): void =>
      list.loop(windows, 'serial', (step, window) => {
        const { start, end } = rangeOf(window, size, windows, bounds);
        step.loop(subtract(end, start), 'vector', (inner, tap) => {
          const element = inner.read(0, [...point.slice(0, lead), ...outer, window, ...taps, tap]);
          const to = [...point, add(start, tap)];
          inner.store(result!, to, binary('add', inner.load(result!, to), element));
        });
      });
    if (count === 1) return line(body, [], []);
    const holding = rangeOf(point[lead]!, windowsOf(0), toDim(sizes[0]!), bounds);
    body.loop(subtract(holding.end, holding.start), 'serial', (step, at) => {
      const window = add(holding.start, at);
      line(step, [window], [subtract(point[lead]!, rangeOf(window, toDim(sizes[0]!), windowsOf(0), bounds).start)]);
    });
  });
}

/** `writeSums` element by element. */
function writeSumsAtOnce(nest: NestWriter, { sizes }: AdaptiveSums): void {
  const [x] = nest.inputs;
  const [result] = nest.results;
  const { bounds } = nest;
  const { shape } = result!.type;
  const lead = shape.length - sizes.length;
  nest.kernel(shape.slice(0, -1), (body, point) =>
    body.loop(shape.at(-1)!, 'vector', (each, column) => {
      const index = [...point, column];
      const sum = each.variable(literal(0));
      const look = (list: BodyWriter, held: readonly Dim[], taps: readonly Dim[]): void => {
        const axis = held.length;
        if (axis === sizes.length)
          return list.assign(sum, binary('add', sum, list.read(0, [...index.slice(0, lead), ...held, ...taps])));
        const [at, size, windows] = [index[lead + axis]!, toDim(sizes[axis]!), x!.shape[lead + axis]!];
        const holding = rangeOf(at, windows, size, bounds);
        list.loop(subtract(holding.end, holding.start), 'serial', (step, offset) => {
          const window = add(holding.start, offset);
          look(step, [...held, window], [...taps, subtract(at, rangeOf(window, size, windows, bounds).start)]);
        });
      };
      look(each, [], []);
      each.store(result!, index, sum);
    }),
  );
}

export const adaptiveSums: Op = defineOp<AdaptiveSums>({
  name: 'adaptive_sums',
  doc:
    'The sum of what each element of the last one or two axes is in all adaptive windows that hold it: f32[..lead, ' +
    'windows, widest] becomes f32[..lead, size], the transpose of `adaptive_windows`.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [{ name: 'sizes', kind: 'shape', doc: 'How many elements each of the windowed axes has.' }],
  infer([x], { sizes }) {
    const error = dtypeFault('adaptive_sums', [x!], ['f32']);
    if (error) return { error };
    const count = sizes.length;
    const lead = x!.shape.length - 2 * count;
    const fits =
      lead >= 0 &&
      toDims(sizes).every((size, at) => equal(x!.shape[lead + count + at]!, widest(size, x!.shape[lead + at]!)));
    if (!fits || count < 1 || count > 2) return fails(`\`adaptive_sums\` does not fit ${printType(x!)}`);
    return gives({ dtype: 'f32', shape: [...x!.shape.slice(0, lead), ...toDims(sizes)] });
  },
  evaluate([x], { sizes }, [output]) {
    const count = sizes.length;
    const [windows, widths] = [planeOf(x!.shape.slice(-2 * count, -count), 1), planeOf(x!.shape.slice(-count), 1)];
    const [height, width] = planeOf(output!.shape.slice(-count), 1);
    const target = new Float64Array(countOf(output!.shape));
    for (let plane = 0; plane < countOf(output!.shape.slice(0, -count)); plane++)
      for (let i = 0; i < windows[0]; i++)
        for (let j = 0; j < windows[1]; j++) {
          const [top, bottom] = concreteRange(i, height, windows[0]);
          const [left, right] = concreteRange(j, width, windows[1]);
          const first = ((plane * windows[0] + i) * windows[1] + j) * widths[0] * widths[1];
          for (let y = top; y < bottom; y++)
            for (let z = left; z < right; z++)
              target[(plane * height + y) * width + z]! += x!.data[first + (y - top) * widths[1] + z - left]!;
        }
    return [target];
  },
  body: {
    kind: 'structured',
    once: [0],
    write: (nest, attributes) => (nest.isParallel ? writeSumsAtOnce : writeSums)(nest, attributes),
  },
  vjp(builder, { inputs: [x], attributes }, [cotangent]) {
    const count = (attributes as AdaptiveSums).sizes.length;
    const windows = x!.type.shape.slice(x!.type.shape.length - 2 * count, -count);
    return [builder.one('adaptive_windows', [cotangent!], { windows, value: 0 })];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: [
    { inputs: [f32(2, 3, widest(n, constant(3)))], attributes: { sizes: [n] } },
    { inputs: [f32(n, 3, 2, 4, 4)], attributes: { sizes: toDims([7, 5]) } },
    { inputs: [f32(2, add(n, ONE), widest(constant(9), add(n, ONE)))], attributes: { sizes: toDims([9]) } },
  ],
});

type AdaptiveCount = { readonly size: Dim | number; readonly windows: Dim | number };

export const adaptiveCount: Op = defineOp<AdaptiveCount>({
  name: 'adaptive_count',
  doc: 'How many elements of an axis each of its adaptive windows has, as f32.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'size', kind: 'dim', doc: 'The size of the axis.' },
    { name: 'windows', kind: 'dim', doc: 'How many windows there are.' },
  ],
  infer: (_, { windows }) => gives({ dtype: 'f32', shape: [toDim(windows)] }),
  evaluate(_, { size }, [output], symbols) {
    const windows = output!.shape[0]!;
    return [
      Float64Array.from({ length: windows }, (_, at) => {
        const [start, end] = concreteRange(at, sizeOf(size, symbols), windows);
        return end - start;
      }),
    ];
  },
  body: {
    kind: 'movement',
    element(_, [at], { size, windows }, { bounds }) {
      const { start, end } = rangeOf(at!, toDim(size), toDim(windows), bounds);
      return convert(position(subtract(end, start)), 'f32');
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [], attributes: { size: n, windows: constant(3) } },
    { inputs: [], attributes: { size: constant(7), windows: n } },
  ],
});
