/**
 * The ways to compute an instance besides the op's own evaluation. A backend is one more column: a name, the ops it
 * takes, and a function from instance to results; its tolerance is the op's own.
 */
import { constant, evaluate, subtract, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { linearize } from '../../src/compiler/dims/shape.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Attributes } from '../../src/compiler/ir/graph.ts';
import { evaluateRegion } from '../../src/compiler/ir/interpret.ts';
import type { ElementContext, MovementBody, Op, PointwiseBody, Reader, Tolerance } from '../../src/compiler/ir/op.ts';
import { concreteShape, countOf } from '../../src/compiler/ir/types.ts';
import { load, variable } from '../../src/compiler/kernel/build.ts';
import type { Expr } from '../../src/compiler/kernel/ir.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { evaluateExpr } from './expressions.ts';
import type { Instance } from './instances.ts';

export interface Column {
  readonly name: string;
  takes(op: Op): boolean;
  tolerance(op: Op): Tolerance;
  /** The results of the instance's node, row-major. */
  run(instance: Instance): ArrayLike<number>[];
}

/** In f64 only the order of additions differs. */
const F64: Tolerance = { absolute: 1e-9, relative: 1e-9 };

/** Interprets the expansion of a composite, with the types that its builder infers. */
const expansion: Column = {
  name: 'expansion',
  takes: (op) => op.body.kind === 'composite',
  tolerance: () => F64,
  run({ op, sample, graph, inputs, symbols }) {
    const builder = new Builder(ops, new Map());
    const parameters = sample.inputs.map((type) => builder.value(type));
    if (op.body.kind !== 'composite') throw new Error(`${op.name} is no composite`);
    const results = op.body.expand(builder, parameters, graph.nodes[0]!.attributes);
    const region = { parameters, nodes: builder.nodes, results };
    return evaluateRegion(region, [...inputs.values()], symbols).map((tensor) => tensor.data);
  },
};

/** Evaluates the scalar expression of a pointwise op for each element. */
const scalar: Column = {
  name: 'scalar expression',
  takes: (op) => op.body.kind === 'pointwise',
  tolerance: () => F64,
  run({ op, graph, inputs }) {
    const [node] = graph.nodes;
    const body = op.body as PointwiseBody<Attributes>;
    const operands = [...inputs.values()];
    const names = operands.map((operand, at) => variable(`x${at}`, operand.dtype));
    const type = node!.results[0]!.type.dtype;
    const expr = body.scalar(names, node!.attributes, type);
    if (expr.type !== type) throw new Error(`the expression is ${expr.type}, the result ${type}`);
    const results = operands[0]!.data.map((_, at) => {
      const variables = new Map(operands.map((operand, operandAt) => [`x${operandAt}`, operand.data[at]!]));
      return evaluateExpr(expr, { variables, symbols: new Map(), load: noLoad });
    });
    return [results];
  },
};

function noLoad(): never {
  throw new Error('a scalar expression loads nothing');
}

/** What gives a position in an axis of `size`. */
interface Place {
  readonly value: Expr;
  readonly size: Dim;
}

/** Positions along the axes of a result, as a lowering would bind them. */
function indexOf(rank: number): Dim[] {
  return Array.from({ length: rank }, (_, axis) => symbol(`i${axis}`));
}

/** `places` takes what gives positions, in order; they are called `p0`, `p1` … */
export function contextOf({ graph }: Instance, indexed: readonly Dim[], places: Place[] = []): ElementContext {
  const [node] = graph.nodes;
  const last = (dim: Dim): Dim => subtract(dim, constant(1));
  return {
    position: (value, size) => symbol(`p${places.push({ value, size }) - 1}`),
    inputs: node!.inputs.map((input) => input.type),
    outputs: node!.results.map((result) => result.type),
    bounds: new Map(indexed.map((dim, axis) => [`i${axis}`, last(dim)])),
  };
}

/** Every index of a concrete shape, row-major, as the values of `i0`, `i1` … */
export function* indices(
  shape: readonly number[],
  symbols: ReadonlyMap<string, number>,
): Generator<Map<string, number>> {
  for (let position = 0; position < countOf(shape); position++) {
    const found = new Map(symbols);
    let rest = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      found.set(`i${axis}`, rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    yield found;
  }
}

/** Builds the element of a movement once, at symbolic positions, and evaluates it at each index. */
const element: Column = {
  name: 'element',
  takes: (op) => op.body.kind === 'movement',
  tolerance: () => ({ absolute: 0, relative: 0 }),
  run(instance) {
    const { op, graph, inputs, symbols } = instance;
    const [node] = graph.nodes;
    const body = op.body as MovementBody<Attributes>;
    const output = node!.results[0]!.type;
    const operands = [...inputs.values()];
    const reads: { readonly operand: number; readonly index: readonly Dim[] }[] = [];
    const readers = operands.map((operand, at): Reader => (index): Expr => {
      reads.push({ operand: at, index });
      return load(String(reads.length - 1), constant(0), operand.dtype);
    });
    const places: Place[] = [];
    const context = contextOf(instance, output.shape, places);
    const expr = body.element(readers, indexOf(output.shape.length), node!.attributes, context);
    if (expr.type !== output.dtype) throw new Error(`the element is ${expr.type}, the result ${output.dtype}`);
    const results: number[] = [];
    for (const bound of indices(concreteShape(output.shape, symbols), symbols)) {
      const read = (buffer: string): number => {
        const { operand, index } = reads[Number(buffer)]!;
        const { shape, data } = operands[operand]!;
        const at = index.map((dim) => evaluate(dim, bound));
        const isInside = at.length === shape.length && at.every((value, axis) => value >= 0 && value < shape[axis]!);
        if (!isInside) throw new Error(`reads [${at.join(', ')}] of [${shape.join(', ')}]`);
        return data[evaluate(linearize(at.map(constant), shape.map(constant)), bound)]!;
      };
      const scope = { variables: new Map<string, number>(), symbols: bound, load: read };
      places.forEach(({ value, size }, at) => {
        const limited = Math.max(Math.min(evaluateExpr(value, scope), evaluate(size, bound) - 1), 0);
        bound.set(`p${at}`, limited);
      });
      results.push(evaluateExpr(expr, scope));
    }
    return [results];
  },
};

export const columns: readonly Column[] = [expansion, scalar, element];
