/** `window_count`: by how much the sums of windows are divided. */
import { add, constant, maximum, minimum, multiply, subtract, ZERO, type Dim } from '../../dims/dim.ts';
import { sizeOf, toDim } from '../../ir/attributes.ts';
import { defineOp, type Op } from '../../ir/op.ts';
import { convert, position } from '../../kernel/build.ts';
import { n } from '../samples.ts';

/** By how much the sum of a window is divided along one axis. */
type WindowCount = {
  readonly size: Dim | number;
  readonly windows: Dim | number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly include: boolean;
};

/** How many elements each window has in the axis, or in the axis and its padding. */
export const windowCount: Op = defineOp<WindowCount>({
  name: 'window_count',
  doc:
    'How many elements of an axis each of its windows has, as f32; with `include`, the padding counts, but not what ' +
    '`ceil_mode` adds behind it.',
  internal: true,
  operands: [],
  attributes: [
    { name: 'size', kind: 'dim', doc: 'The size of the axis.' },
    { name: 'windows', kind: 'dim', doc: 'How many windows there are.' },
    { name: 'kernel', kind: 'int', doc: 'How many elements a window has.' },
    { name: 'stride', kind: 'int', doc: 'The distance of neighbouring windows.' },
    { name: 'padding', kind: 'int', doc: 'How many elements both ends of the axis get.' },
    { name: 'include', kind: 'bool', doc: 'Whether these count.' },
  ],
  infer: (_, { windows }) => ({ types: [{ dtype: 'f32', shape: [toDim(windows)] }] }),
  evaluate(_, { size, kernel, stride, padding, include }, [output], symbols) {
    const [from, to] = [include ? -padding : 0, sizeOf(size, symbols) + (include ? padding : 0)];
    const counted = (at: number): number => {
      const start = at * stride - padding;
      return Array.from({ length: kernel }, (_, k) => start + k).filter((place) => place >= from && place < to).length;
    };
    return [Float64Array.from({ length: output!.shape[0]! }, (_, at) => counted(at))];
  },
  body: {
    kind: 'movement',
    element(_, [at], { size, kernel, stride, padding, include }, { bounds }) {
      // Counted from the first element of the padding, so that no position is negative.
      const start = multiply(at!, constant(stride));
      const from = include ? ZERO : constant(padding);
      const to = add(toDim(size), constant(include ? 2 * padding : padding));
      const end = minimum(add(start, constant(kernel)), to, bounds);
      return convert(position(subtract(end, maximum(start, from, bounds))), 'f32');
    },
  },
  tolerance: { absolute: 0, relative: 1e-6 },
  samples: [
    { inputs: [], attributes: { size: n, windows: n, kernel: 3, stride: 1, padding: 1, include: false } },
    {
      inputs: [],
      attributes: { size: constant(9), windows: constant(5), kernel: 3, stride: 2, padding: 1, include: true },
    },
    { inputs: [], attributes: { size: add(n, n), windows: n, kernel: 2, stride: 2, padding: 0, include: false } },
  ],
});
