/** `cumsum`: running sums along an axis. */
import { add, constant, floorDiv, minimum, multiply, subtract, type Dim } from '../dims/dim.ts';
import type { Shape } from '../dims/shape.ts';
import { normalizeAxis } from '../ir/attributes.ts';
import type { DType } from '../ir/graph.ts';
import { defineOp, type Op, type Sample } from '../ir/op.ts';
import type { NestWriter } from '../ir/structured.ts';
import { binary, literal } from '../kernel/build.ts';
import { wrapTo } from './integers.ts';
import { forEachLine, isLongLine, separateLines, writeLines } from './lines.ts';
import { axisOf, dtypeFault, gives } from './rules.ts';
import { n, tensor } from './samples.ts';

type Axis = { readonly axis: number };

const NUMBERS: readonly DType[] = ['f32', 'i32', 'u32'];

/** Parts of a line that are summed at once. */
const PARTS = 64;

/** The lines of the last axis in parts: the sums within each, then those with all that come before it. */
function writeInParts(nest: NestWriter, shape: Shape, dtype: DType): void {
  const lines = shape.slice(0, -1);
  const size = shape.at(-1)!;
  const length = floorDiv(add(size, constant(PARTS - 1)), constant(PARTS));
  const [result] = nest.results;
  const sums = nest.scratch({ dtype, shape: [...lines, constant(PARTS)] });
  nest.kernel(lines, (body, line) => {
    const within = (part: Dim): { readonly start: Dim; readonly count: Dim } => {
      const start = minimum(multiply(length, part), size);
      return { start, count: minimum(length, subtract(size, start)) };
    };
    body.loop(constant(PARTS), 'vector', (each, part) => {
      const { start, count } = within(part);
      const sum = each.variable(literal(0, dtype));
      each.loop(count, 'serial', (step, offset) => {
        const at = [...line, add(start, offset)];
        step.assign(sum, binary('add', sum, step.read(0, at)));
        step.store(result!, at, sum);
      });
      each.store(sums, [...line, part], sum);
    });
    body.loop(constant(PARTS), 'vector', (each, part) => {
      const { start, count } = within(part);
      const before = each.variable(literal(0, dtype));
      each.loop(part, 'serial', (step, earlier) =>
        step.assign(before, binary('add', before, step.load(sums, [...line, earlier]))),
      );
      each.loop(count, 'serial', (step, offset) => {
        const at = [...line, add(start, offset)];
        step.store(result!, at, binary('add', before, step.load(result!, at)));
      });
    });
  });
}

export const cumsum: Op = defineOp<Axis>({
  name: 'cumsum',
  doc: 'At each position along an axis, the sum of the elements up to it and of it (f32, i32, u32). Integers wrap around.',
  operands: [{ name: 'x' }],
  attributes: [{ name: 'axis', kind: 'axis', doc: 'The axis that is summed along.' }],
  infer(inputs, { axis }) {
    const error = dtypeFault('cumsum', inputs, NUMBERS);
    if (error) return { error };
    const at = axisOf('cumsum', axis, inputs[0]!);
    return 'error' in at ? at : gives(inputs[0]!);
  },
  evaluate([x], { axis }) {
    const at = normalizeAxis(axis, x!.shape.length)!;
    const target = new Float64Array(x!.data.length);
    forEachLine(x!.shape, at, (first, count, step) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        sum = wrapTo(sum + x!.data[first + i * step]!, x!.dtype);
        target[first + i * step] = sum;
      }
    });
    return [target];
  },
  body: {
    kind: 'structured',
    once: [0],
    separate: separateLines,
    write(nest, { axis }) {
      const { shape, dtype } = nest.inputs[0]!;
      const along = normalizeAxis(axis, shape.length)!;
      if (nest.isParallel && isLongLine(shape, along)) return writeInParts(nest, shape, dtype);
      writeLines(nest, shape, along, (body, line) => {
        const sum = body.variable(literal(0, dtype));
        body.loop(shape[along]!, 'serial', (step, at) => {
          step.assign(sum, binary('add', sum, step.read(0, line.at(at))));
          step.store(nest.results[0]!, line.at(at), sum);
        });
      });
    },
  },
  // An element is in the sums from its position on.
  vjp(builder, { attributes }, [cotangent]) {
    const reversed = builder.one('flip', [cotangent!], attributes);
    return [builder.one('flip', [builder.one('cumsum', [reversed], attributes)], attributes)];
  },
  tolerance: { absolute: 1e-5, relative: 1e-5 },
  samples: NUMBERS.flatMap((dtype): Sample[] => [
    { inputs: [tensor(dtype, 3, n)], attributes: { axis: -1 } },
    { inputs: [tensor(dtype, n, 5)], attributes: { axis: 0 } },
    { inputs: [tensor(dtype, 2, 3, n)], attributes: { axis: 1 } },
  ]),
});
