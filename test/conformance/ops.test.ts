/** Conformance, generated from the op records: nothing here knows an op by name. */
import { describe, expect, test } from 'vitest';
import { constant, evaluate, substitute, symbol } from '../../src/compiler/dims/dim.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Attributes, TensorType } from '../../src/compiler/ir/graph.ts';
import type { MovementBody, Op, Sample } from '../../src/compiler/ir/op.ts';
import { concreteShape, printType } from '../../src/compiler/ir/types.ts';
import { verify } from '../../src/compiler/ir/verify.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { expectClose } from '../support/tensors.ts';
import { columns, contextOf, indices } from './columns.ts';
import { inferAt, instantiate, nameSample, SIZES, type Instance } from './instances.ts';

type Destination = NonNullable<MovementBody<Attributes>['destination']>;

function evaluation({ graph, inputs, symbols }: Instance): ReturnType<typeof interpret> {
  return interpret(graph, { inputs, parameters: new Map(), symbols });
}

function atSize(type: TensorType, n: number): TensorType {
  return { dtype: type.dtype, shape: type.shape.map((dim) => substitute(dim, () => constant(n))) };
}

function checkShapes(op: Op, sample: Sample, n: number): void {
  const instance = instantiate(op, sample, n);
  const { graph, symbols } = instance;
  expect(verify(graph, ops)).toEqual([]);
  const inferred = inferAt(op, sample, n);
  if ('error' in inferred) throw new Error(inferred.error.message);
  const symbolic = graph.outputs.map(({ value }) => printType(atSize(value.type, n)));
  expect(symbolic, `n = ${n}`).toEqual(inferred.types.map(printType));
  const results = evaluation(instance);
  for (const { name, value } of graph.outputs) {
    expect(results.get(name)!.shape, `n = ${n}`).toEqual(concreteShape(value.type.shape, symbols));
  }
}

function checkInverse(destination: Destination, instance: Instance): void {
  const [x] = instance.inputs.values();
  const [node] = instance.graph.nodes;
  const y = evaluation(instance).get('y0')!;
  const { shape } = node!.inputs[0]!.type;
  const index = shape.map((_, axis) => symbol(`i${axis}`));
  const to = destination(index, node!.attributes, contextOf(instance, shape));
  let from = 0;
  for (const bound of indices(x!.shape, instance.symbols)) {
    const at = to.map((dim) => evaluate(dim, bound));
    const offset = at.reduce((sum, value, axis) => sum * y.shape[axis]! + value, 0);
    expect(y.data[offset], `n = ${instance.n}`).toBe(x!.data[from++]);
  }
}

describe.each([...ops.values()])('$name', (op: Op) => {
  test('has a documentation, a tolerance and samples', () => {
    expect(op.doc).not.toBe('');
    expect(op.samples.length).toBeGreaterThan(0);
    expect(op.tolerance.absolute + op.tolerance.relative).toBeGreaterThan(0);
  });

  const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
  describe.each(cases)('$name', ({ sample }: { sample: Sample }) => {
    const rejected = SIZES.flatMap((n) => {
      const inferred = inferAt(op, sample, n);
      return 'error' in inferred ? [{ n, why: inferred.error.message }] : [];
    });
    const accepted = SIZES.filter((n) => rejected.every((item) => item.n !== n));
    test('is accepted symbolically and at a size', () => {
      expect(accepted.length).toBeGreaterThan(0);
      expect(instantiate(op, sample, accepted[0]!).graph.nodes.length).toBe(1);
    });
    test.skip.each(rejected)('n = $n is rejected: $why', () => {});

    test('the shape rule agrees with its symbolic form and with evaluation', () => {
      for (const n of accepted) checkShapes(op, sample, n);
    });

    for (const column of columns.filter((candidate) => candidate.takes(op))) {
      test(`${column.name} agrees with evaluation`, () => {
        for (const n of accepted) {
          const instance = instantiate(op, sample, n);
          const wanted = [...evaluation(instance).values()];
          const got = column.run(instance);
          expect(got.length).toBe(wanted.length);
          wanted.forEach((tensor, at) =>
            expectClose(got[at]!, tensor.data, column.tolerance(op), `n = ${n}, result ${at}`),
          );
        }
      });
    }

    const { body } = op;
    if (body.kind !== 'movement' || !body.destination) return;
    const { destination } = body;
    test('destination is the inverse of element', () => {
      for (const n of accepted) checkInverse(destination, instantiate(op, sample, n));
    });
  });
});
