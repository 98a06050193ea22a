/** The samples of every op at every size, as graphs of one node with concrete operands. */
import { constant, substitute } from '../../src/compiler/dims/dim.ts';
import { isDim, isList, isRecord, isRegion } from '../../src/compiler/ir/attributes.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attribute, Attributes, Graph, TensorType, Value } from '../../src/compiler/ir/graph.ts';
import type { Inference, Op, Sample, Tensor } from '../../src/compiler/ir/op.ts';
import { concreteShape, printType } from '../../src/compiler/ir/types.ts';
import { nextId } from '../../src/compiler/ir/walk.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { randomNumbers, randomTensor, tensorOf } from '../support/tensors.ts';

/** Around the edges of every tile and vector in use: 4 and 8 lanes or columns, 16 of two, 4 and 6 rows. */
export const SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17] as const;

export interface Instance {
  readonly op: Op;
  readonly sample: Sample;
  readonly n: number;
  readonly symbols: ReadonlyMap<string, number>;
  /** One node; inputs `x0`, `x1` …, outputs `y0`, `y1` …, the dim `n`. */
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/** `add(f32[n], f32[n])`, with the attributes. */
export function nameSample(op: Op, sample: Sample): string {
  const attributes = Object.entries(sample.attributes).map(([name, value]) => `${name}: ${nameAttribute(value)}`);
  return `${op.name}(${[...sample.inputs.map(printType), ...attributes].join(', ')})`;
}

function nameAttribute(value: Attribute): string {
  if (isDim(value)) return value.key;
  if (isRegion(value)) return 'region';
  if (isList(value)) return `[${value.map(nameAttribute).join(', ')}]`;
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** The shape rule with the number for `n`: an error means that this sample does not exist at this size. */
export function inferAt(op: Op, sample: Sample, n: number): Inference {
  return op.infer(
    sample.inputs.map((type) => typeAt(type, n)),
    attributesAt(sample.attributes, n),
    { bounds: new Map() },
  );
}

function typeAt(type: TensorType, n: number): TensorType {
  return { dtype: type.dtype, shape: type.shape.map((dim) => substitute(dim, () => constant(n))) };
}

function attributesAt(attributes: Attributes, n: number): Attributes {
  const replace = (value: Attribute): Attribute => {
    if (isDim(value)) return substitute(value, () => constant(n));
    if (isList(value)) return value.map(replace);
    if (isRegion(value)) {
      return {
        parameters: value.parameters.map((parameter) => ({ ...parameter, type: typeAt(parameter.type, n) })),
        nodes: value.nodes,
        results: value.results.map((result) => ({ ...result, type: typeAt(result.type, n) })),
      };
    }
    return isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, replace(item)]))
      : value;
  };
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, replace(value)]));
}

/** The sample as a graph that is symbolic in `n`, with operands drawn for the size. */
export function instantiate(op: Op, sample: Sample, n: number): Instance {
  const builder = new Builder(ops, new Map());
  const inputs = sample.inputs.map((type, at) => ({ name: `x${at}`, value: builder.value(type) }));
  const applied = builder.tryApply(
    op,
    inputs.map((input) => input.value),
    sample.attributes,
  );
  if ('error' in applied) throw new Error(`${nameSample(op, sample)}: ${applied.error.message}`);
  const outputs = applied.values.map((value, at) => ({ name: `y${at}`, value }));
  const symbols = new Map([['n', n]]);
  const random = randomNumbers(1 + n);
  const given = sample.values?.(n) ?? [];
  const tensors = sample.inputs.map((type, at) => {
    const drawn = randomTensor(type.dtype, concreteShape(type.shape, symbols), random, sample.range);
    return given[at] ? tensorOf(type.dtype, drawn.shape, given[at]) : drawn;
  });
  return {
    op,
    sample,
    n,
    symbols,
    graph: { name: 'sample', dims: [{ name: 'n' }], inputs, parameters: [], nodes: builder.nodes, outputs },
    inputs: new Map(tensors.map((tensor, at) => [`x${at}`, tensor])),
  };
}

/**
 * The sample between pointwise neighbours: each f32 operand is computed, not read, and each f32 result is used twice, so
 * that operands are fused into the op's kernel and results into what follows.
 */
export function surrounded(graph: Graph): Graph {
  const builder = new Builder(ops, new Map(), nextId(graph));
  const before = new Map(
    graph.inputs.map(({ value }) => [
      value,
      value.type.dtype === 'f32' ? builder.one('neg', [builder.one('neg', [value])]) : value,
    ]),
  );
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => before.get(input) ?? input),
  }));
  builder.nodes.push(...nodes);
  const after = (value: Value): Value =>
    value.type.dtype === 'f32' ? builder.one('sub', [builder.one('add', [value, value]), value]) : value;
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: after(value) }));
  return { ...graph, nodes: builder.nodes, outputs };
}
