/**
 * What would slip through the suite: the samples of every op must tell it from plausible mistakes in its record. The
 * suite compares bodies and backends with evaluation on the samples, so a mistake in either is noticed exactly if the
 * samples' results change with it.
 */
import { describe, expect, test } from 'vitest';
import { constant, equal, symbol } from '../../src/compiler/dims/dim.ts';
import { withDefaults } from '../../src/compiler/ir/attributes.ts';
import type { Attributes, DType, TensorType } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { AttributeSpec, Op, Sample, Tensor, Tolerance } from '../../src/compiler/ir/op.ts';
import { printAttribute } from '../../src/compiler/ir/printer.ts';
import { DTYPES } from '../../src/compiler/ir/types.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { inferAt, instantiate } from './instances.ts';

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

/** Sizes at which samples are told from mutants; a few will do. */
const SIZES = [3, 5, 8] as const;

function resultsOf(op: Op, sample: Sample, n: number): { inputs: Tensor[]; outputs: Tensor[] } | undefined {
  if ('error' in inferAt(op, sample, n)) return undefined;
  const { graph, inputs, symbols } = instantiate(op, sample, n);
  return {
    inputs: [...inputs.values()],
    outputs: [...interpret(graph, { inputs, parameters: new Map(), symbols }).values()],
  };
}

function allResults(op: Op): { inputs: Tensor[]; outputs: Tensor[] }[] {
  return op.samples.flatMap((sample) => SIZES.flatMap((n) => resultsOf(op, sample, n) ?? []));
}

function differs(a: ArrayLike<number>, b: ArrayLike<number>, { absolute, relative }: Tolerance): boolean {
  if (a.length !== b.length) return true;
  return Array.prototype.some.call(a, (value: number, at: number) => {
    const other = b[at]!;
    return !Object.is(value, other) && !(Math.abs(value - other) <= absolute + relative * Math.abs(other));
  });
}

/** Ops whose result holds the elements of their operand in the same order, by definition. */
const RENAMING = ['reshape', 'squeeze', 'unsqueeze', 'stop_gradient'];

/** Ops that take operands of every type. */
const TOTAL = ['cast', 'stop_gradient'];

/** Ops whose results are one number by definition. */
const CONSTANT: { readonly [op: string]: number } = { zeros: 0, ones: 1 };

/** Attributes that change no result, by op: they concern gradients. */
const SILENT = ['embedding.padding_idx'];

describe.each(tested)('the samples of $name', (op: Op) => {
  const results = allResults(op);

  test('have results that are not all one number', () => {
    const count = Math.max(...results.map(({ outputs }) => outputs.length));
    for (let at = 0; at < count; at++) {
      for (const filler of [0, 1].filter((number) => number !== CONSTANT[op.name])) {
        const isNoticed = results.some(({ outputs }) => {
          const data = outputs[at]?.data;
          return data && differs(data, new Float64Array(data.length).fill(filler), op.tolerance);
        });
        expect(isNoticed, `result ${at} is never other than ${filler}`).toBe(true);
      }
    }
  });

  test('have results that are not their operands', () => {
    const operands = Math.max(0, ...results.map(({ inputs }) => inputs.length));
    const copied = Array.from({ length: operands }, (_, operand) =>
      results.every(({ inputs, outputs }) => {
        const data = inputs[operand]?.data;
        return data && !differs(outputs[0]!.data, data, op.tolerance);
      }),
    );
    expect(copied.includes(true), op.name).toBe(RENAMING.includes(op.name));
  });

  test.each(op.attributes)('depend on the attribute $name', (spec: AttributeSpec) => {
    expect(isAttributeNoticed(op, spec)).toBe(!SILENT.includes(`${op.name}.${spec.name}`));
  });

  test('are of every dtype that the shape rule takes', () => {
    expect(untriedTypes(op)).toEqual([]);
  });

  test.runIf(op.operands.length > 0)('are told from operands that do not fit', () => {
    expect(rejectsSomething(op), op.name).toBe(!TOTAL.includes(op.name));
  });
});

/** Whether some sample has another result, or none, where the attribute has the value of another sample or its default. */
function isAttributeNoticed(op: Op, spec: AttributeSpec): boolean {
  const values = [...op.samples.map((sample) => sample.attributes[spec.name]!), ...defaultOf(spec)];
  const byText = new Map(values.map((value) => [printAttribute(value), value]));
  return op.samples.some((sample) =>
    [...byText.values()].some((value) => {
      const changed: Sample = { ...sample, attributes: { ...sample.attributes, [spec.name]: value } };
      return SIZES.some((n) => {
        const [before, after] = [resultsOf(op, sample, n), resultsOrNothing(op, changed, n)];
        if (!before) return false;
        return !after || before.outputs.some((output, at) => !isSame(output, after.outputs[at]!, op.tolerance));
      });
    }),
  );
}

function defaultOf({ default: value }: AttributeSpec): NonNullable<Attributes[string]>[] {
  return value === undefined || value === null ? [] : [value];
}

/** Values of several samples together may make no sense: an internal op may then throw. */
function resultsOrNothing(op: Op, sample: Sample, n: number): ReturnType<typeof resultsOf> {
  try {
    const symbolic = op.infer(sample.inputs, withDefaults(op, sample.attributes), { bounds: new Map() });
    return 'error' in symbolic ? undefined : resultsOf(op, sample, n);
  } catch (error) {
    if (!op.internal) throw error;
    return undefined;
  }
}

function isSame(a: Tensor, b: Tensor, tolerance: Tolerance): boolean {
  return a.dtype === b.dtype && a.shape.join() === b.shape.join() && !differs(a.data, b.data, tolerance);
}

function withDType(type: TensorType, from: DType, to: DType): TensorType {
  return type.dtype === from ? { dtype: to, shape: type.shape } : type;
}

/** Operand types that the rule takes in the place of a sample's, dtype by dtype, and that no sample has. */
function untriedTypes(op: Op): string[] {
  // What is only moved, or made of other ops, does not depend on the dtype once it has been accepted.
  if (op.body.kind === 'movement' || op.body.kind === 'composite') return [];
  const tried = new Set(op.samples.map((sample) => sample.inputs.map((type) => type.dtype).join()));
  const untried = op.samples.flatMap(({ inputs, attributes }) =>
    DTYPES.flatMap((from) =>
      DTYPES.flatMap((to) => {
        const changed = inputs.map((type) => withDType(type, from, to));
        const inferred = op.infer(changed, attributes, { bounds: new Map() });
        return 'error' in inferred ? [] : [changed.map((type) => type.dtype).join()];
      }),
    ),
  );
  return [...new Set(untried)].filter((types) => !tried.has(types));
}

/** Whether a scalar, a further axis, another size or another dtype in the place of an operand is refused. */
function rejectsSomething(op: Op): boolean {
  return op.samples.some(({ inputs, attributes }) =>
    inputs.some((type, operand) => {
      const { dtype, shape } = type;
      const other = symbol('m');
      const changes: TensorType[] = [
        { dtype, shape: [] },
        { dtype, shape: [...shape, constant(2)] },
        { dtype, shape: shape.map((size) => (equal(size, other) ? size : other)) },
        ...DTYPES.map((one) => ({ dtype: one, shape })),
      ];
      return changes.some((change) => {
        const inferred = op.infer(inputs.with(operand, change), attributes, { bounds: new Map() });
        return 'error' in inferred && inferred.error.message !== '';
      });
    }),
  );
}
