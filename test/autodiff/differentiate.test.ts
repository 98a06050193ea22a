import { describe, expect, test } from 'vitest';
import { differentiate } from '../../src/compiler/autodiff/differentiate.ts';
import { constant } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, TensorType, Value } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import { defineOp, type Op, type Sample } from '../../src/compiler/ir/op.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops as table } from '../../src/compiler/ops/table.ts';
import { tensorOf } from '../support/tensors.ts';

const VECTOR: TensorType = { dtype: 'f32', shape: [constant(3)] };
const SCALAR: TensorType = { dtype: 'f32', shape: [] };

const common = {
  doc: '',
  attributes: [],
  tolerance: { absolute: 0, relative: 0 },
  samples: [],
} as const;

/** x², with its rule. */
const squared: Op = defineOp({
  ...common,
  name: 'squared',
  operands: [{ name: 'x' }],
  infer: ([x]) => ({ types: [x!] }),
  evaluate: ([x]) => [x!.data.map((value) => value * value)],
  body: { kind: 'pointwise', scalar: ([x]) => x! },
  vjp(builder, { inputs: [x] }, [cotangent]) {
    const twice = builder.one('add', [x!, x!]);
    return [builder.one('mul', [twice, cotangent!])];
  },
});

/** a b, with its rule. */
const product: Op = defineOp({
  ...common,
  name: 'product',
  operands: [{ name: 'a' }, { name: 'b' }],
  infer: ([a]) => ({ types: [a!] }),
  evaluate: ([a, b]) => [a!.data.map((value, at) => value * b!.data[at]!)],
  body: { kind: 'pointwise', scalar: ([a]) => a! },
  vjp: (builder, { inputs: [a, b] }, [cotangent]) => [
    builder.one('mul', [cotangent!, b!]),
    builder.one('mul', [cotangent!, a!]),
  ],
});

/** The sum of all elements of a vector, and a second result that is no float. */
const total: Op = defineOp({
  ...common,
  name: 'total',
  operands: [{ name: 'x' }],
  infer: () => ({ types: [SCALAR, { dtype: 'i32', shape: [] }] }),
  evaluate: ([x]) => [Float64Array.of(x!.data.reduce((a, b) => a + b, 0)), Float64Array.of(x!.data.length)],
  body: { kind: 'pointwise', scalar: ([x]) => x! },
  vjp: (builder, { inputs: [x] }, [cotangent]) => [builder.one('expand', [cotangent!], { shape: x!.type.shape })],
});

/** x⁴ by its definition only. */
const fourth: Op = defineOp({
  ...common,
  name: 'fourth',
  operands: [{ name: 'x' }],
  infer: ([x]) => ({ types: [x!] }),
  evaluate: ([x]) => [x!.data.map((value) => value ** 4)],
  body: { kind: 'composite', expand: (builder, [x]) => [builder.one('squared', [builder.one('squared', [x!])])] },
});

/** A composite whose definition is its operand. */
const same: Op = defineOp({
  ...common,
  name: 'same',
  operands: [{ name: 'x' }],
  infer: ([x]) => ({ types: [x!] }),
  evaluate: ([x]) => [x!.data],
  body: { kind: 'composite', expand: (_, [x]) => [x!] },
});

/** Without any gradient. */
const opaque: Op = defineOp({
  ...common,
  name: 'opaque',
  operands: [{ name: 'x' }],
  infer: ([x]) => ({ types: [x!] }),
  evaluate: ([x]) => [x!.data],
  body: { kind: 'pointwise', scalar: ([x]) => x! },
});

/** The rule gives the wrong type. */
const misshapen: Op = defineOp({ ...opaque, name: 'misshapen', vjp: (builder) => [builder.value(SCALAR)] });

const own = [squared, product, total, fourth, same, opaque, misshapen];
const ops = new Map([...table, ...own.map((op) => [op.name, op] as const)]);

/** Gradients of what `make` gives for x = [1, 2, 3], or undefined where there is none. */
function gradientOf(make: (builder: Builder, x: Value) => Value): readonly number[] | undefined {
  const builder = new Builder(ops, new Map());
  const x = builder.value(VECTOR);
  const loss = make(builder, x);
  const gradient = differentiate(builder, [...builder.nodes], loss, [x]).get(x);
  if (!gradient) return undefined;
  const graph: Graph = {
    name: 'test',
    dims: [],
    inputs: [{ name: 'x', value: x }],
    parameters: [],
    nodes: builder.nodes,
    outputs: [{ name: 'gradient', value: gradient }],
  };
  expect(verify(graph, ops)).toEqual([]);
  const inputs = new Map([['x', tensorOf('f32', [3], [1, 2, 3])]]);
  return [...interpret(graph, { inputs, parameters: new Map() }).get('gradient')!.data];
}

const sum = (builder: Builder, x: Value): Value => builder.apply('total', [x])[0]!;

describe('differentiation', () => {
  test('of the loss itself is one', () => {
    const builder = new Builder(ops, new Map());
    const x = builder.value(SCALAR);
    const gradient = differentiate(builder, [], x, [x]).get(x)!;
    expect(builder.nodes.find(({ results }) => results.includes(gradient))?.attributes.data).toEqual([1]);
  });

  test('follows the chain of rules', () => {
    expect(gradientOf((b, x) => sum(b, b.one('squared', [x])))).toEqual([2, 4, 6]);
    expect(gradientOf((b, x) => sum(b, b.one('squared', [b.one('squared', [x])])))).toEqual([4, 32, 108]);
  });

  test('adds what all readers of a value hand back', () => {
    expect(gradientOf((b, x) => sum(b, b.one('product', [x, x])))).toEqual([2, 4, 6]);
    expect(gradientOf((b, x) => sum(b, b.one('product', [b.one('squared', [x]), x])))).toEqual([3, 12, 27]);
  });

  test('goes through the definition of a composite without a rule', () => {
    expect(gradientOf((b, x) => sum(b, b.one('fourth', [x])))).toEqual([4, 32, 108]);
    expect(gradientOf((b, x) => sum(b, b.one('same', [b.one('squared', [x])])))).toEqual([2, 4, 6]);
  });

  test('stops at stop_gradient and at what is no float', () => {
    expect(gradientOf((b, x) => sum(b, b.one('stop_gradient', [x])))).toBeUndefined();
    const casted = (b: Builder, x: Value): Value =>
      b.one('cast', [b.one('cast', [x], { dtype: 'i32' })], { dtype: 'f32' });
    expect(gradientOf((b, x) => sum(b, casted(b, x)))).toBeUndefined();
  });

  test('leaves out what does not reach the loss', () => {
    const builder = new Builder(ops, new Map());
    const [x, y] = [builder.value(VECTOR), builder.value(VECTOR)];
    builder.one('opaque', [x]);
    const loss = sum(builder, builder.one('squared', [x]));
    const gradients = differentiate(builder, [...builder.nodes], loss, [x, y]);
    expect([...gradients.keys()]).toEqual([x]);
  });

  test('marks what it adds as backward, at the place it belongs to', () => {
    const builder = new Builder(ops, new Map());
    const x = builder.value(VECTOR);
    builder.origin = { path: 'layers.0' };
    const square = builder.one('squared', [x]);
    builder.origin = { path: 'head' };
    const loss = sum(builder, square);
    const forward = builder.nodes.length;
    differentiate(builder, [...builder.nodes], loss, [x]);
    const origins = builder.nodes.slice(forward).map(({ op, origin }) => [op.name, origin]);
    expect(origins).toEqual([
      ['constant', { path: 'head', phase: 'backward' }],
      ['expand', { path: 'head', phase: 'backward' }],
      ['add', { path: 'layers.0', phase: 'backward' }],
      ['mul', { path: 'layers.0', phase: 'backward' }],
    ]);
    expect(builder.origin).toEqual({ path: 'head' });
  });

  test('has a way through every op of the language', () => {
    const isFloat = ({ inputs }: Sample): boolean => inputs.some(({ dtype }) => dtype === 'f32');
    const blocked = [...table.values()].filter(
      (op) => !op.internal && op.body.kind !== 'composite' && op.samples.some(isFloat) && !op.vjp,
    );
    expect(blocked.map(({ name }) => name)).toEqual([]);
    expect(() => gradientOf((b, x) => sum(b, b.one('opaque', [x])))).toThrow('internal: opaque has no gradient');
  });

  test('takes a rule that gives another type for a mistake of the compiler', () => {
    expect(() => gradientOf((b, x) => sum(b, b.one('misshapen', [x])))).toThrow(
      'internal: the gradient of operand 0 of misshapen is f32[], not f32[3]',
    );
  });
});
