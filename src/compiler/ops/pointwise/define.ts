/**
 * The common form of pointwise ops. Operands have one shape: whoever applies the op inserts `expand` where NumPy
 * would broadcast. Nothing is converted implicitly. One entry of a list makes an op.
 */
import type { Expr, ScalarType } from '../../kernel/ir.ts';
import type { Attributes, DType, TensorType, Value } from '../../ir/graph.ts';
import { defineOp, type AttributeSpec, type Op, type Sample, type Tolerance } from '../../ir/op.ts';
import { axisDifferences, printType } from '../../ir/types.ts';
import { sameShape } from '../../dims/shape.ts';
import { formula, type Apply } from '../formula.ts';
import { dtypeFault, gives, mixedDtypeFault, type Mismatch } from '../rules.ts';
import { n, tensor } from '../samples.ts';

export type Scalar = (a: number, b: number, c: number) => number;

/** The values at a node that a derivative is written with. */
export interface Applied<A extends Attributes> {
  readonly operands: readonly Value[];
  readonly result: Value;
  readonly attributes: A;
}

export interface PointwiseSpec<A extends Attributes> {
  readonly name: string;
  readonly doc: string;
  readonly operands: readonly string[];
  /** The operator that stands for it in the language, for messages; such an op has no callable name. */
  readonly operator?: string;
  /** Made by other ops only. */
  readonly internal?: true;
  readonly attributes?: readonly AttributeSpec[];
  /** What the operands may be; all have the same. */
  readonly dtypes: readonly DType[];
  /** Absent: the operands' dtype. */
  readonly result?: DType;
  /** A shape rule's further demands. */
  check?(inputs: readonly TensorType[], attributes: A): Mismatch | undefined;
  /** The function in f64, made once for all elements. Integers must come out in range. */
  compute(attributes: A, dtype: DType): Scalar;
  scalar(operands: readonly Expr[], attributes: A, type: ScalarType): Expr;
  readonly expensive?: boolean;
  /** The cotangents of f32 operands from that of the result; undefined where it is 0. Absent where no result is f32. */
  vjp?(f: Apply, cotangent: Value, at: Applied<A>): readonly (Value | undefined)[];
  readonly tolerance?: Tolerance;
  readonly range?: readonly [number, number];
  /** The attributes of each sample; absent: no attributes. */
  readonly corners?: readonly A[];
}

const NO_ATTRIBUTES: Attributes = {};

export function pointwise<A extends Attributes>(spec: PointwiseSpec<A>): Op {
  const called = spec.operator ?? spec.name;
  return defineOp<A>({
    name: spec.name,
    doc: spec.doc,
    operands: spec.operands.map((name) => ({ name })),
    attributes: spec.attributes ?? [],
    ...(spec.operator === undefined ? {} : { internal: true, operator: spec.operator }),
    ...(spec.internal && { internal: true }),
    infer(inputs, attributes) {
      const error =
        dtypeFault(called, inputs, spec.dtypes) ??
        mixedDtypeFault(called, inputs) ??
        shapeFault(called, inputs) ??
        spec.check?.(inputs, attributes);
      if (error) return { error };
      const [first] = inputs;
      return gives({ dtype: spec.result ?? first!.dtype, shape: first!.shape });
    },
    evaluate(inputs, attributes) {
      const compute = spec.compute(attributes, inputs[0]!.dtype);
      const [a, b, c] = inputs.map((input) => input.data);
      return [mapElements(compute, a!, b, c)];
    },
    body: {
      kind: 'pointwise',
      scalar: (operands, attributes, type) => spec.scalar(operands, attributes, type),
      ...(spec.expensive ? { expensive: true } : {}),
    },
    ...(spec.vjp && {
      vjp(builder, { inputs: operands, results: [result], attributes }, [cotangent]) {
        return spec.vjp!(formula(builder), cotangent!, { operands, result: result!, attributes: attributes as A });
      },
    }),
    tolerance: spec.tolerance ?? { absolute: 1e-6, relative: 1e-6 },
    samples: samplesOf(spec),
  });
}

/** Operands of different shapes, in users' words. */
export function shapeFault(called: string, inputs: readonly TensorType[]): Mismatch | undefined {
  const [first, ...others] = inputs;
  const operand = others.findIndex((input) => !sameShape(input.shape, first!.shape)) + 1;
  if (operand === 0) return undefined;
  const [a, b] = [first!, inputs[operand]!];
  const ranks = `the ranks differ: ${a.shape.length} against ${b.shape.length}`;
  return {
    message: `\`${called}\` needs operands of one shape: ${printType(a)} against ${printType(b)}`,
    notes: a.shape.length === b.shape.length ? axisDifferences(a.shape, b.shape) : [ranks],
    operand,
  };
}

function mapElements(compute: Scalar, a: Float64Array, b?: Float64Array, c?: Float64Array): Float64Array {
  const results = new Float64Array(a.length);
  if (!b) for (let i = 0; i < a.length; i++) results[i] = compute(a[i]!, 0, 0);
  else if (!c) for (let i = 0; i < a.length; i++) results[i] = compute(a[i]!, b[i]!, 0);
  else for (let i = 0; i < a.length; i++) results[i] = compute(a[i]!, b[i]!, c[i]!);
  return results;
}

/** Each dtype over a line, and the first one also over several axes and as a scalar, for every corner that suits it. */
function samplesOf<A extends Attributes>(spec: PointwiseSpec<A>): Sample[] {
  const types = [
    ...spec.dtypes.map((dtype) => tensor(dtype, n)),
    tensor(spec.dtypes[0]!, 2, n, 3),
    tensor(spec.dtypes[0]!),
  ];
  const range = spec.range ? { range: spec.range } : {};
  const corners: readonly Attributes[] = spec.corners ?? [NO_ATTRIBUTES];
  const samples = types.flatMap((type) => {
    const inputs = spec.operands.map(() => type);
    return corners.map((attributes): Sample => ({ inputs, attributes, ...range }));
  });
  return samples.filter(({ inputs, attributes }) => !spec.check?.(inputs, attributes as A));
}
