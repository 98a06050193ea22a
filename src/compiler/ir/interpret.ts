/**
 * The f64 interpreter: runs a graph on concrete tensors, node by node, with each op's own evaluation. It is the
 * definition that passes and backends are measured against, so it shares nothing with them: composites are evaluated,
 * not expanded, and fused regions run as the nodes they are made of.
 */
import { affineIn, constant, constantValue, evaluate, print, substitute, symbolsOf, type Dim } from '../dims/dim.ts';
import type { Graph, GraphParameter, Node, Region, TensorType, Value } from './graph.ts';
import type { Tensor } from './op.ts';
import { assembleParameter } from './parameter-tensors.ts';
import { concreteType, countOf, printType } from './types.ts';

/** The tensors given, or the dimensions they bind, do not fit the graph. */
export class InterpreterError extends Error {
  override readonly name = 'InterpreterError';
}

export interface Arguments {
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Of a parameter that is a stack, its members. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** What is kept when the run begins; needed where the graph keeps anything. What is kept then are outputs. */
  readonly kept?: ReadonlyMap<string, Tensor>;
  /** Values of dims that no input's shape tells. */
  readonly symbols?: ReadonlyMap<string, number>;
}

type Symbols = ReadonlyMap<string, number>;

/** What a graph computes with: its inputs, parameters and kept tensors, and the dims that these tell. */
export interface BoundArguments {
  readonly values: ReadonlyMap<Value, Tensor>;
  readonly symbols: ReadonlyMap<string, number>;
}

/** Finds a tensor for everything that the graph is given, and its dims. Throws InterpreterError where they do not fit. */
export function bindArguments(graph: Graph, given: Arguments): BoundArguments {
  const inputs = graph.inputs.map(({ name, value }) => ({ name, value, tensor: find('input', name, given.inputs) }));
  const parameters = graph.parameters.map((parameter) => ({
    name: parameter.name,
    value: parameter.value,
    tensor: assembled(parameter, given.parameters),
  }));
  const kept = (graph.kept ?? []).map(({ name, value }) => ({
    name,
    value,
    tensor: find('kept tensor', name, given.kept ?? new Map<string, Tensor>()),
  }));
  const symbols = bindDims(graph, inputs, given.symbols ?? new Map<string, number>());
  checkConditions(graph, symbols);
  const values = new Map<Value, Tensor>();
  for (const { name, value, tensor } of [...inputs, ...parameters, ...kept]) {
    checkTensor(name, tensor, value.type, symbols);
    values.set(value, tensor);
  }
  return { values, symbols };
}

/** Runs the graph; outputs by name. Tensors are never written to, so results may share data with arguments. */
export function interpret(graph: Graph, given: Arguments): Map<string, Tensor> {
  const { values, symbols } = bindArguments(graph, given);
  const outputs = graph.outputs.map((output) => output.value);
  const results = evaluateNodes(graph.nodes, new Map(values), outputs, symbols);
  return new Map(graph.outputs.map(({ name }, at) => [name, results[at]!]));
}

/** One node on concrete operands. */
export function evaluateNode(node: Node, inputs: readonly Tensor[], symbols: Symbols): Tensor[] {
  const types = node.results.map((result) => concreteType(result.type, symbols));
  const results = node.op.evaluate(inputs, node.attributes, types, symbols);
  return types.map((type, at) => {
    const data = results[at];
    if (data?.length !== countOf(type.shape)) {
      const found = data ? `${data.length} elements` : 'nothing';
      throw new Error(`internal: ${node.op.name} evaluates to ${found}, not ${type.dtype}[${type.shape.join(', ')}]`);
    }
    return { ...type, data };
  });
}

/** A region on concrete arguments; its results. */
export function evaluateRegion(region: Region, inputs: readonly Tensor[], symbols: Symbols): Tensor[] {
  const values = new Map(region.parameters.map((parameter, at) => [parameter, inputs[at]!]));
  return evaluateNodes(region.nodes, values, region.results, symbols);
}

/** Runs `nodes` and forgets each value after its last use. Consumes `values`. */
function evaluateNodes(
  nodes: readonly Node[],
  values: Map<Value, Tensor>,
  results: readonly Value[],
  symbols: Symbols,
): Tensor[] {
  const lastUse = new Map<Value, Node>();
  for (const node of nodes) for (const input of node.inputs) lastUse.set(input, node);
  for (const result of results) lastUse.delete(result);
  for (const node of nodes) {
    const tensors = evaluateNode(
      node,
      node.inputs.map((input) => valueOf(input, values)),
      symbols,
    );
    node.results.forEach((result, at) => values.set(result, tensors[at]!));
    for (const input of node.inputs) if (lastUse.get(input) === node) values.delete(input);
  }
  return results.map((result) => valueOf(result, values));
}

function valueOf(value: Value, values: ReadonlyMap<Value, Tensor>): Tensor {
  const tensor = values.get(value);
  if (!tensor) throw new Error(`internal: %${value.id} is used before it is defined`);
  return tensor;
}

function assembled(parameter: GraphParameter, tensors: ReadonlyMap<string, Tensor>): Tensor {
  try {
    return assembleParameter(parameter, (name) => find('parameter', name, tensors));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InterpreterError(error.message, { cause: error });
  }
}

function find(what: 'input' | 'parameter' | 'kept tensor', name: string, tensors: ReadonlyMap<string, Tensor>): Tensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new InterpreterError(`${what} ${name} was not given`);
  return tensor;
}

function checkTensor(name: string, tensor: Tensor, type: TensorType, symbols: Symbols): void {
  const wanted = concreteType(type, symbols);
  const fits = tensor.dtype === wanted.dtype && wanted.shape.join() === tensor.shape.join();
  if (!fits) throw new InterpreterError(`${name} is ${nameTensor(tensor)}, not ${printType(type)}`);
  if (tensor.data.length !== countOf(tensor.shape))
    throw new InterpreterError(`${name} is ${nameTensor(tensor)} but holds ${tensor.data.length} elements`);
}

function nameTensor(tensor: Tensor): string {
  return `${tensor.dtype}[${tensor.shape.join(', ')}]`;
}

interface BoundInput {
  readonly name: string;
  readonly value: Value;
  readonly tensor: Tensor;
}

/**
 * Solves the sizes of the inputs for the graph's dims. Each axis whose size is affine in one still unknown dim gives
 * that dim; axes are tried until none gives a new one, since `[n * m, n]` tells m only after n.
 */
export function bindDims(graph: Graph, inputs: readonly BoundInput[], given: Symbols): Map<string, number> {
  const symbols = new Map(given);
  const axes = inputs.flatMap(({ name, value, tensor }) => {
    if (tensor.shape.length !== value.type.shape.length)
      throw new InterpreterError(`${name} is ${nameTensor(tensor)}, not ${printType(value.type)}`);
    return value.type.shape.map((dim, axis) => ({ name, axis, dim, size: tensor.shape[axis]! }));
  });
  for (let before = -1; before !== symbols.size;) {
    before = symbols.size;
    for (const { dim, size } of axes) {
      const solved = solve(dim, size, symbols);
      if (solved) symbols.set(solved.name, solved.value);
    }
  }
  for (const { name } of graph.dims)
    if (!symbols.has(name)) throw new InterpreterError(`no input's shape tells the dimension ${name}`);
  for (const { name, axis, dim, size } of axes) {
    const wanted = sizeHere(dim, symbols);
    if (wanted === size) continue;
    const expected = constantValue(dim) === undefined ? `but ${print(dim)} is ${wanted} here` : `expected ${wanted}`;
    throw new InterpreterError(`axis ${axis} of ${name} is ${size}, ${expected}`);
  }
  for (const { name, max } of graph.dims) {
    const value = symbols.get(name)!;
    if (!Number.isSafeInteger(value) || value < 0) throw new InterpreterError(`dimension ${name} cannot be ${value}`);
    if (max !== undefined && value > max)
      throw new InterpreterError(`dimension ${name} is ${value}, more than its limit ${max}`);
  }
  return symbols;
}

/** The value of a size; one that has none, such as a division by a dimension that is 0, is the caller's mistake. */
function sizeHere(dim: Dim, symbols: Symbols): number {
  try {
    return evaluate(dim, symbols);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InterpreterError(error.message, { cause: error });
  }
}

/** Throws for the first condition of the graph that these values break, and names those it depends on. */
function checkConditions(graph: Graph, symbols: Symbols): void {
  for (const { atLeastZero, message } of graph.conditions ?? []) {
    if (sizeHere(atLeastZero, symbols) >= 0) continue;
    const concerned = new Set(symbolsOf(atLeastZero));
    const values = graph.dims.flatMap(({ name }) => (concerned.has(name) ? [`${name} = ${symbols.get(name)}`] : []));
    throw new InterpreterError(`${message} (${values.join(', ')})`);
  }
}

function solve(dim: Dim, size: number, symbols: Symbols): { name: string; value: number } | undefined {
  const known = substitute(dim, (name) => (symbols.has(name) ? constant(symbols.get(name)!) : undefined));
  const [name, ...others] = symbolsOf(known);
  if (name === undefined || others.length > 0) return undefined;
  const parts = affineIn(known, name);
  if (!parts) return undefined;
  const [slope, rest] = [constantValue(parts.coefficient), constantValue(parts.rest)];
  if (slope === undefined || rest === undefined || slope === 0) return undefined;
  return { name, value: Math.floor((size - rest) / slope) };
}
