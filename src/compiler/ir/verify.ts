/**
 * The graph verifier. It returns one sentence for every broken invariant, and none for a sound graph:
 *
 *  1. Declared dims have unique names and limits that are natural numbers.
 *  2. Names of inputs, of parameters with their members, of kept tensors and of outputs are unique; no parameter has the
 *     name of a kept tensor.
 *  3. Parameters have static shapes, and stacks a member for each place along axis 0. No shape, no attribute and no
 *     condition mentions an undeclared dim.
 *  4. Value ids are unique, nested regions included; every value is made once.
 *  5. Every operand is made before it is used, in the same body: a region sees only its parameters.
 *  6. Each node's op is the table's own record of that name, with as many operands as the record names.
 *  7. Attributes are those the record declares, of their kinds (internal ops may carry more).
 *  8. Inferring a node anew gives exactly the recorded result types.
 *  9. Each region of a node has one parameter per operand, of its type, and its results are the node's.
 * 10. Outputs are made in the graph. One that goes into a parameter or a kept tensor has its type, and no other goes there.
 */
import { constantValue, symbolsOf, ZERO, type Bounds, type Dim } from '../dims/dim.ts';
import { attributeFaults, isDim, isList, isRecord } from './attributes.ts';
import type { Attribute, Graph, Node, Region, TensorType, Value } from './graph.ts';
import type { Op, OpTable } from './op.ts';
import { boundsOf, printType, sameType } from './types.ts';
import { regionsOf } from './walk.ts';

interface Check {
  readonly ops: OpTable;
  readonly dims: ReadonlySet<string>;
  readonly bounds: Bounds;
  readonly ids: Set<number>;
  readonly faults: string[];
}

/** The broken invariants of `graph`, in words. */
export function verify(graph: Graph, ops: OpTable): string[] {
  const faults: string[] = [];
  const dims = new Set(graph.dims.map((dim) => dim.name));
  const check: Check = { ops, dims, bounds: boundsOf(graph), ids: new Set(), faults };
  unique('dim', graph.dims, faults);
  unique('input', graph.inputs, faults);
  unique(
    'parameter',
    graph.parameters.flatMap(({ name, members = [] }) => [name, ...members].map((each) => ({ name: each }))),
    faults,
  );
  unique('kept tensor', graph.kept ?? [], faults);
  unique('output', graph.outputs, faults);
  for (const { name, max } of graph.dims) {
    if (max !== undefined && !(Number.isSafeInteger(max) && max >= 0))
      faults.push(`dim ${name} has the limit ${max}, which is not a natural number`);
  }
  for (const { atLeastZero, message } of graph.conditions ?? [])
    undeclared(atLeastZero, dims, `condition ${JSON.stringify(message)}`, faults);
  const defined = new Set<Value>();
  for (const { value } of graph.inputs) define(value, 'an input', defined, check);
  for (const { name, value, members } of graph.parameters) {
    define(value, `parameter ${name}`, defined, check);
    if (value.type.shape.some((dim) => constantValue(dim) === undefined))
      faults.push(`parameter ${name} has the shape ${printType(value.type)}, which is not static`);
    const count = members && constantValue(value.type.shape[0] ?? ZERO);
    if (members && (members.length === 0 || members.length !== count))
      faults.push(`parameter ${name}, ${printType(value.type)}, has ${members.length} members`);
  }
  for (const { name, value } of graph.kept ?? []) {
    define(value, `kept tensor ${name}`, defined, check);
    if (graph.parameters.some((parameter) => parameter.name === name))
      faults.push(`kept tensor ${name} has the name of a parameter`);
  }
  verifyNodes(graph.nodes, defined, check);
  for (const { name, value } of graph.outputs)
    if (!defined.has(value)) faults.push(`output ${name} is %${value.id}, which is not made in the graph`);
  verifyUpdates(graph, faults);
  return faults;
}

function verifyUpdates({ parameters, kept = [], outputs }: Graph, faults: string[]): void {
  const types = new Map([...parameters, ...kept].map(({ name, value }) => [name, value.type]));
  const updated = new Set<string>();
  for (const { name, value, into } of outputs) {
    if (into === undefined) continue;
    const type = types.get(into);
    if (!type) faults.push(`output ${name} goes into ${into}, which is no parameter and is not kept`);
    else if (!sameType(type, value.type))
      faults.push(`output ${name}: ${printType(value.type)} goes into ${into}: ${printType(type)}`);
    if (updated.has(into)) faults.push(`two outputs go into ${into}`);
    updated.add(into);
  }
}

function unique(what: string, items: readonly { readonly name: string }[], faults: string[]): void {
  const seen = new Set<string>();
  for (const { name } of items) {
    if (seen.has(name)) faults.push(`two ${what}s are called ${name}`);
    seen.add(name);
  }
}

function define(value: Value, where: string, defined: Set<Value>, { ids, dims, faults }: Check): void {
  if (defined.has(value)) faults.push(`%${value.id} is made twice, again as ${where}`);
  else if (ids.has(value.id)) faults.push(`two values have the id ${value.id}, one as ${where}`);
  ids.add(value.id);
  defined.add(value);
  for (const dim of value.type.shape) undeclared(dim, dims, `%${value.id}`, faults);
}

function undeclared(dim: Dim, dims: ReadonlySet<string>, where: string, faults: string[]): void {
  for (const name of symbolsOf(dim)) if (!dims.has(name)) faults.push(`${where} mentions ${name}, which is no dim`);
}

function verifyNodes(nodes: readonly Node[], defined: Set<Value>, check: Check): void {
  for (const node of nodes) {
    for (const input of node.inputs)
      if (!defined.has(input)) check.faults.push(`${nameNode(node)} uses %${input.id} before it is made`);
    verifyNode(node, check);
    for (const region of regionsOf(node)) verifyRegion(node, region, check);
    for (const result of node.results) define(result, `a result of ${node.op.name}`, defined, check);
  }
}

function verifyNode(node: Node, { ops, dims, bounds, faults }: Check): void {
  const { op } = node;
  const where = nameNode(node);
  if (ops.get(op.name) !== op) faults.push(`${where} is not an op of the table`);
  const operands = operandFault(op, node.inputs.length);
  if (operands) return void faults.push(`${where}: ${operands}`);
  const attributes = attributeFaults(op, node.attributes);
  if (attributes.length > 0) return void faults.push(...attributes.map((fault) => `${where}: ${fault}`));
  for (const dim of Object.values(node.attributes).flatMap(dimsIn)) undeclared(dim, dims, where, faults);
  const inferred = op.infer(
    node.inputs.map((input) => input.type),
    node.attributes,
    { bounds },
  );
  if ('error' in inferred) return void faults.push(`${where}: ${inferred.error.message}`);
  const recorded = node.results.map((result) => result.type);
  if (!sameTypes(recorded, inferred.types))
    faults.push(`${where} is recorded as ${printTypes(recorded)} but inferred as ${printTypes(inferred.types)}`);
}

/** Why `count` operands do not suit the op, or undefined. A variadic operand takes one tensor or more. */
export function operandFault(op: Op, count: number): string | undefined {
  const most = op.operands.length;
  const least = op.operands.filter((operand) => !operand.optional).length;
  const variadic = op.operands.some((operand) => operand.variadic);
  if (op.body.kind === 'fusion' || (count >= least && (variadic || count <= most))) return undefined;
  const range = variadic ? `${least} or more` : least === most ? `${least}` : `${least} to ${most}`;
  return `${op.name} takes ${range} operands, not ${count}`;
}

function dimsIn(value: Attribute): Dim[] {
  if (isDim(value)) return [value];
  if (isList(value)) return value.flatMap(dimsIn);
  return isRecord(value) ? Object.values(value).flatMap(dimsIn) : [];
}

function verifyRegion(node: Node, region: Region, check: Check): void {
  const where = nameNode(node);
  const parameters = region.parameters.map((parameter) => parameter.type);
  const inputs = node.inputs.map((input) => input.type);
  if (!sameTypes(parameters, inputs))
    check.faults.push(`${where}: its region takes ${printTypes(parameters)}, not ${printTypes(inputs)}`);
  const results = region.results.map((result) => result.type);
  const outer = node.results.map((result) => result.type);
  if (!sameTypes(results, outer))
    check.faults.push(`${where}: its region gives ${printTypes(results)}, not ${printTypes(outer)}`);
  const defined = new Set<Value>();
  for (const parameter of region.parameters) define(parameter, `a parameter in ${node.op.name}`, defined, check);
  verifyNodes(region.nodes, defined, check);
  for (const result of region.results)
    if (!defined.has(result)) check.faults.push(`${where}: its region's result %${result.id} is not made inside`);
}

function nameNode(node: Node): string {
  const results = node.results.map((result) => `%${result.id}`).join(', ');
  return `${results} = ${node.op.name}`;
}

function sameTypes(a: readonly TensorType[], b: readonly TensorType[]): boolean {
  return a.length === b.length && a.every((type, at) => sameType(type, b[at]!));
}

function printTypes(types: readonly TensorType[]): string {
  return `(${types.map(printType).join(', ')})`;
}
