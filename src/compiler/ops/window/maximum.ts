/** The gradient of a maximum over windows, which goes to the first element in each that is the maximum, as PyTorch's does. */
import { add, multiply, ONE, product, ZERO, type Dim } from '../../dims/dim.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import type { BodyWriter, NestWriter } from '../../ir/structured.ts';
import { countOf, printType } from '../../ir/types.ts';
import { literal, position, select } from '../../kernel/build.ts';
import { sortedIndices, precedes } from '../ordering/order.ts';
import { broadcast, scalar } from '../reduce/composite.ts';
import { dtypeFault, fails, gives } from '../rules.ts';
import { f32, n } from '../samples.ts';
import { windowsBehind } from './axes.ts';

type FirstMaximum = { readonly count: number };

/** The axes before those of windows, those inside of windows, and those of windows. */
function partsOf<T>(
  shape: readonly T[],
  count: number,
): { lead: readonly T[]; kernel: readonly T[]; windows: readonly T[] } {
  const first = shape.length - 2 * count;
  return {
    lead: shape.slice(0, first),
    kernel: shape.slice(first, first + count),
    windows: shape.slice(first + count),
  };
}

function evaluate(x: Tensor, count: number): Float64Array {
  const { lead, kernel, windows } = partsOf(x.shape, count);
  const [taps, across] = [countOf(kernel), countOf(windows)];
  return Float64Array.from({ length: countOf(lead) * across }, (_, at) => {
    const first = Math.floor(at / across) * taps * across + (at % across);
    const keys = Array.from({ length: taps }, (_, tap) => x.data[first + tap * across]!);
    return sortedIndices(keys, true)[0]!;
  });
}

/** One pass over the elements of a window, windows of a line side by side. */
function write(nest: NestWriter, { count }: FirstMaximum): void {
  const [result] = nest.results;
  const { lead, kernel, windows } = partsOf(nest.inputs[0]!.shape, count);
  nest.kernel([...lead, ...windows.slice(0, -1)], (body, point) =>
    body.loop(windows.at(-1)!, 'vector', (line, column) => {
      const outer = point.slice(0, lead.length);
      const window = [...point.slice(lead.length), column];
      const best = line.variable(line.read(0, [...outer, ...kernel.map(() => ZERO), ...window]));
      const found = line.variable(literal(0, 'i32'));
      const compareFrom = (list: BodyWriter, taps: readonly Dim[], number: Dim): void => {
        if (taps.length < count)
          return list.loop(kernel[taps.length]!, 'serial', (step, tap) =>
            compareFrom(step, [...taps, tap], add(multiply(number, kernel[taps.length]!), tap)),
          );
        const element = list.let(list.read(0, [...outer, ...taps, ...window]));
        const isLarger = list.let(precedes(element, best, true));
        list.assign(found, select(isLarger, position(number), found));
        list.assign(best, select(isLarger, element, best));
      };
      compareFrom(line, [], ZERO);
      line.store(result!, [...outer, ...window], found);
    }),
  );
}

export const firstMaximum: Op = defineOp<FirstMaximum>({
  name: 'first_maximum',
  doc:
    'Which element of each window is the first that is its largest, counted row by row: i32[..lead, windows …] of ' +
    'f32[..lead, kernel …, windows …]. NaN is larger than any number.',
  internal: true,
  operands: [{ name: 'x' }],
  attributes: [{ name: 'count', kind: 'int', doc: 'How many axes there are of windows, and inside of them.' }],
  infer([x], { count }) {
    const error = dtypeFault('first_maximum', [x!], ['f32']);
    if (error) return { error };
    if (count < 1 || x!.shape.length < 2 * count) return fails(`\`first_maximum\` does not fit ${printType(x!)}`);
    const { lead, windows } = partsOf(x!.shape, count);
    return gives({ dtype: 'i32', shape: [...lead, ...windows] });
  },
  evaluate: ([x], { count }) => [evaluate(x!, count)],
  body: { kind: 'structured', once: [0], write },
  tolerance: { absolute: 0, relative: 1e-9 },
  samples: [
    { inputs: [f32(2, 3, n)], attributes: { count: 1 } },
    { inputs: [f32(add(n, ONE), 5)], attributes: { count: 1 } },
    { inputs: [f32(n, 2, 3, 4, n)], attributes: { count: 2 } },
  ],
});

/**
 * `view` [..lead, windows …, kernel …] over `count` axes with the cotangent [..lead, windows …] of each maximum at its
 * first place, and 0 elsewhere.
 */
export function atMaximum(builder: Builder, view: Value, count: number, cotangent: Value): Value {
  const { shape } = view.type;
  const kernel = shape.slice(shape.length - count);
  const first = builder.one('first_maximum', [windowsBehind(builder, view, count)], { count });
  const column = [...first.type.shape, ...kernel.map(() => ONE)];
  const everywhere = (x: Value): Value => broadcast(builder, builder.one('reshape', [x], { shape: column }), shape);
  const counted = builder.one('arange', [], { stop: product(kernel) });
  const numbers = broadcast(builder, builder.one('reshape', [counted], { shape: kernel }), shape);
  const isFirst = builder.one('equal', [everywhere(first), numbers]);
  return builder.one('where', [isFirst, everywhere(cotangent), broadcast(builder, scalar(builder, 0), shape)]);
}
