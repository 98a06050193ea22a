/**
 * Reverse-mode differentiation of a list of nodes: one walk from the loss back, each op's own rule at each node (Linnainmaa
 * 1970; Griewank and Walther, Evaluating Derivatives, 2008, chapter 3). Knows no op.
 */
import type { Builder } from '../ir/builder.ts';
import type { Node, Value } from '../ir/graph.ts';
import { printType, sameType } from '../ir/types.ts';

/**
 * Appends to `builder` what computes the gradients of `loss`, an f32[] that `nodes` make of `wrt` and other values. The
 * result has one for each of `wrt` that the loss depends on, of its type; where it is absent the gradient is 0. See
 * `pullBack`.
 */
export function differentiate(
  builder: Builder,
  nodes: readonly Node[],
  loss: Value,
  wrt: readonly Value[],
): ReadonlyMap<Value, Value> {
  if (!variedFrom(wrt, nodes).has(loss)) return new Map();
  const { origin } = builder;
  builder.origin = { ...origin, phase: 'backward' };
  const one = builder.one('constant', [], { dtype: 'f32', shape: [], data: [1] });
  builder.origin = origin;
  return pullBack(builder, nodes, new Map([[loss, one]]), wrt);
}

/**
 * The vector-Jacobian product of `nodes`: from cotangents of some of their values to those of `wrt`. A value that is read
 * several times has the sum of what its readers hand back, added from the last reader to the first. Composites without a
 * rule are expanded in the builder, and what the expansion computes a second time is for `cse` to find. Nodes that are
 * added have the origins of those they belong to, of the phase `backward`.
 *
 * Throws Error, a bug of the compiler, where an op on the way has no gradient: all that the language has do.
 */
export function pullBack(
  builder: Builder,
  nodes: readonly Node[],
  cotangents: ReadonlyMap<Value, Value>,
  wrt: readonly Value[],
): ReadonlyMap<Value, Value> {
  const sums = new Map(cotangents);
  const { origin } = builder;
  walkBack(builder, nodes, variedFrom(wrt, nodes), sums);
  builder.origin = origin;
  return new Map(wrt.flatMap((value) => (sums.has(value) ? [[value, sums.get(value)!] as const] : [])));
}

/** What changes with `wrt`, as far as gradients tell: f32 values on paths that nothing cuts. */
function variedFrom(wrt: readonly Value[], nodes: readonly Node[]): ReadonlySet<Value> {
  const varied = new Set(wrt);
  for (const node of nodes) {
    if (node.op.cutsGradients || !node.inputs.some((input) => varied.has(input))) continue;
    for (const result of node.results) if (result.type.dtype === 'f32') varied.add(result);
  }
  return varied;
}

type Sums = Map<Value, Value>;

function walkBack(builder: Builder, nodes: readonly Node[], varied: ReadonlySet<Value>, sums: Sums): void {
  for (const node of nodes.toReversed()) {
    if (!node.inputs.some((input) => varied.has(input))) continue;
    const cotangents = node.results.map((result) => (varied.has(result) ? sums.get(result) : undefined));
    if (cotangents.every((cotangent) => cotangent === undefined)) continue;
    builder.origin = { ...node.origin, phase: 'backward' };
    if (node.op.vjp) applyRule(builder, node, cotangents, varied, sums);
    else walkExpansion(builder, node, cotangents, varied, sums);
  }
}

function applyRule(
  builder: Builder,
  node: Node,
  cotangents: readonly (Value | undefined)[],
  varied: ReadonlySet<Value>,
  sums: Sums,
): void {
  const found = node.op.vjp!(builder, node, cotangents);
  node.inputs.forEach((input, at) => {
    const cotangent = found[at];
    if (!cotangent || !varied.has(input)) return;
    if (!sameType(cotangent.type, input.type)) {
      const types = `${printType(cotangent.type)}, not ${printType(input.type)}`;
      throw new Error(`internal: the gradient of operand ${at} of ${node.op.name} is ${types}`);
    }
    accumulate(builder, sums, input, cotangent);
  });
}

/** Differentiates the definition of a composite, which may hand an operand on as a result. */
function walkExpansion(
  builder: Builder,
  node: Node,
  cotangents: readonly (Value | undefined)[],
  varied: ReadonlySet<Value>,
  sums: Sums,
): void {
  const { body, name } = node.op;
  if (body.kind !== 'composite') throw new Error(`internal: ${name} has no gradient`);
  const first = builder.nodes.length;
  builder.origin = node.origin;
  const results = body.expand(builder, node.inputs, node.attributes);
  const inner = builder.nodes.slice(first);
  builder.origin = { ...node.origin, phase: 'backward' };
  const operands = node.inputs.filter((input) => varied.has(input));
  results.forEach((result, at) => {
    if (cotangents[at]) accumulate(builder, sums, result, cotangents[at]);
  });
  walkBack(builder, inner, variedFrom(operands, inner), sums);
}

function accumulate(builder: Builder, sums: Sums, value: Value, cotangent: Value): void {
  const sum = sums.get(value);
  sums.set(value, sum ? builder.one('add', [sum, cotangent]) : cotangent);
}
