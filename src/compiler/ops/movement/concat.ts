/** `concat` and `stack`, which is written with it. */
import { add, constant, subtract, ZERO, type Dim } from '../../dims/dim.ts';
import type { TensorType } from '../../ir/graph.ts';
import { defineOp, type Op, type Tensor } from '../../ir/op.ts';
import { axisDifferences, printType } from '../../ir/types.ts';
import { sameShape } from '../../dims/shape.ts';
import { compare, position, select } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { normalizeAxis } from '../../ir/attributes.ts';
import { axisOf, fails, gives, mixedDtypeFault, type Mismatch } from '../rules.ts';
import { f32, n, tensor } from '../samples.ts';
import { MOVED } from './define.ts';
import { parts } from './split.ts';

type Axis = { readonly axis: number };

/** The elements before, and from, an axis of a concrete shape: blocks that `concat` interleaves. */
function blocks(shape: readonly number[], axis: number): { outer: number; inner: number } {
  const count = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  return { outer: count(shape.slice(0, axis)), inner: count(shape.slice(axis)) };
}

/** Joins row-major tensors along `axis`, of which each keeps its own size. */
function join(tensors: readonly Tensor[], axis: number): Float64Array {
  const parts = tensors.map((part) => ({ data: part.data, ...blocks(part.shape, axis) }));
  const inner = parts.reduce((sum, part) => sum + part.inner, 0);
  const outer = parts[0]!.outer;
  const target = new Float64Array(outer * inner);
  let offset = 0;
  for (const part of parts) {
    for (let row = 0; row < outer; row++) {
      target.set(part.data.subarray(row * part.inner, (row + 1) * part.inner), row * inner + offset);
    }
    offset += part.inner;
  }
  return target;
}

/** The first operand that differs from the first one in more than `axis` allows. */
function partFault(
  called: string,
  inputs: readonly TensorType[],
  axis: number,
): { readonly error: Mismatch } | undefined {
  const [first, ...others] = inputs;
  for (const [at, part] of others.entries()) {
    const operand = at + 1;
    if (part.shape.length !== first!.shape.length) {
      return fails(`\`${called}\` needs tensors of one rank: ${printType(first!)} against ${printType(part)}`, {
        operand,
      });
    }
    const aligned = axis < part.shape.length ? part.shape.with(axis, first!.shape[axis]!) : part.shape;
    if (!sameShape(aligned, first!.shape)) {
      return fails(
        `\`${called}\` needs tensors that agree in all axes but ${axis}: ${printType(first!)} against ${printType(part)}`,
        {
          notes: axisDifferences(first!.shape, aligned),
          operand,
        },
      );
    }
  }
  return undefined;
}

export const concat: Op = defineOp<Axis>({
  name: 'concat',
  doc: 'Tensors of one dtype (any) joined along an axis; they agree in all other axes.',
  operands: [{ name: 'tensors', variadic: true }],
  attributes: [{ name: 'axis', kind: 'axis', default: 0, doc: 'The axis that grows.' }],
  infer(inputs, { axis }) {
    const [first] = inputs;
    const mixed = mixedDtypeFault('concat', inputs);
    if (mixed) return { error: mixed };
    const at = axisOf('concat', axis, first!);
    if ('error' in at) return at;
    const fault = partFault('concat', inputs, at.axis);
    if (fault) return fault;
    const size = add(...inputs.map((part) => part.shape[at.axis]!));
    return gives({ dtype: first!.dtype, shape: first!.shape.with(at.axis, size) });
  },
  evaluate: (inputs, { axis }) => [join(inputs, normalizeAxis(axis, inputs[0]!.shape.length)!)],
  body: {
    kind: 'movement',
    element(readers, index, { axis }, { inputs }) {
      const at = normalizeAxis(axis, index.length)!;
      const starts: Dim[] = [];
      let end = ZERO;
      for (const input of inputs) {
        starts.push(end);
        end = add(end, input.shape[at]!);
      }
      const read = (part: number): Expr => readers[part]!(index.with(at, subtract(index[at]!, starts[part]!)));
      // Halves are told apart by comparisons, so the depth is logarithmic.
      const choose = (from: number, to: number): Expr => {
        if (to - from === 1) return read(from);
        const half = Math.ceil((from + to) / 2);
        const isBefore = compare('lt', position(index[at]!), position(starts[half]!));
        return select(isBefore, choose(from, half), choose(half, to));
      };
      return choose(0, readers.length);
    },
  },
  vjp(builder, { inputs, attributes }, [cotangent]) {
    const at = normalizeAxis((attributes as Axis).axis, cotangent!.type.shape.length)!;
    const sizes = inputs.map((part) => part.type.shape[at]!);
    return parts(builder, cotangent!, at, sizes);
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(n, 1, 3), f32(n, 4, 3)], attributes: { axis: 1 } },
    { inputs: [f32(n, 2), f32(3, 2), f32(n, 2)], attributes: { axis: 0 } },
    { inputs: [tensor('i32', 2, n)], attributes: { axis: -1 } },
    { inputs: [tensor('bool', n), tensor('bool', 0)], attributes: { axis: 0 } },
  ],
});

export const stack: Op = defineOp<Axis>({
  name: 'stack',
  doc: 'Tensors of one shape and dtype (any) joined along a new axis.',
  operands: [{ name: 'tensors', variadic: true }],
  attributes: [{ name: 'axis', kind: 'axis', default: 0, doc: 'Where the new axis stands in the result.' }],
  infer(inputs, { axis }) {
    const [first] = inputs;
    const mixed = mixedDtypeFault('stack', inputs);
    if (mixed) return { error: mixed };
    const rank = first!.shape.length;
    const at = axisOf('stack', axis, first!, rank + 1);
    if ('error' in at) return at;
    const operand = inputs.findIndex((part) => !sameShape(part.shape, first!.shape));
    if (operand === -1) {
      return gives({ dtype: first!.dtype, shape: first!.shape.toSpliced(at.axis, 0, constant(inputs.length)) });
    }
    const other = inputs[operand]!;
    return fails(`\`stack\` needs tensors of one shape: ${printType(first!)} against ${printType(other)}`, {
      notes: other.shape.length === rank ? axisDifferences(first!.shape, other.shape) : [],
      operand,
    });
  },
  evaluate: (inputs, { axis }) => [join(inputs, normalizeAxis(axis, inputs[0]!.shape.length + 1)!)],
  body: {
    kind: 'composite',
    expand(builder, inputs, { axis }) {
      const { shape } = inputs[0]!.type;
      const at = normalizeAxis(axis, shape.length + 1)!;
      const parts = inputs.map((part) => builder.one('unsqueeze', [part], { axis: at }));
      return [builder.one('concat', parts, { axis: at })];
    },
  },
  tolerance: MOVED,
  samples: [
    { inputs: [f32(n, 2), f32(n, 2)], attributes: { axis: 1 } },
    { inputs: [f32(n), f32(n), f32(n)], attributes: { axis: -1 } },
    { inputs: [tensor('i32'), tensor('i32')], attributes: { axis: 0 } },
  ],
});
