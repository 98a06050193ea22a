/**
 * The slow, obvious executor of kernel IR: the definition of what a kernel computes, and the oracle that emitters and
 * transformations are tested against. Every operation rounds to its type, and so does the product in a
 * `multiplyAdd`; every access is checked. It must not know
 * any target.
 */
import { threefry } from '../../program/threefry.ts';
import { evaluate, type Dim } from '../dims/dim.ts';
import { binaryValue, bitcastValue, compareValue, convertValue, dot4Value, unaryValue, wrap } from './arithmetic.ts';
import type { Expr, Kernel, ScalarType, Statement } from './ir.ts';

export type BufferData = Float32Array | Int32Array | Uint32Array;

/** One number a lane. */
type Value = readonly number[];

interface Frame {
  readonly kernel: Kernel;
  readonly buffers: ReadonlyMap<string, { readonly data: BufferData; readonly type: ScalarType }>;
  /** Values of lets and variables. Names stay after their scope ends; the verifier sees to scopes. */
  readonly values: Map<string, Value>;
  /** Integer names of dimensions. */
  readonly integers: Map<string, number>;
  readonly counter: { count: number };
}

/** A kernel read or wrote outside a buffer. */
export class OutOfRange extends Error {
  constructor(kernel: string, buffer: string, index: number, length: number) {
    super(`kernel ${kernel}: element ${index} of ${buffer}, which has ${length}`);
  }
}

/**
 * Runs `kernel` over its whole grid, in order; answers the multiply-adds that it counts. Throws OutOfRange on an access outside a buffer, Error on a missing
 * buffer, size or name.
 */
export function interpretKernel(
  kernel: Kernel,
  buffers: Readonly<Record<string, BufferData>>,
  sizes: Readonly<Record<string, number>>,
): number {
  const counter = { count: 0 };
  const frame: Frame = {
    kernel,
    buffers: new Map(
      kernel.buffers.map(({ name, type }) => {
        const data = buffers[name];
        if (!data) throw new Error(`kernel ${kernel.name}: no buffer ${name} was given`);
        return [name, { data, type }];
      }),
    ),
    values: new Map(),
    integers: new Map(),
    counter,
  };
  for (const name of kernel.sizes) {
    const size = sizes[name];
    if (size === undefined) throw new Error(`kernel ${kernel.name}: no size ${name} was given`);
    frame.integers.set(name, size);
  }
  runGrid(frame, 0);
  return counter.count;
}

function runGrid(frame: Frame, depth: number): void {
  const axis = frame.kernel.grid[depth];
  if (!axis) {
    runAll(frame.kernel.body, frame);
    return;
  }
  count(frame, axis.variable, axis.extent, () => runGrid(frame, depth + 1));
}

function count(frame: Frame, variable: string, extent: Dim, body: () => void): void {
  const end = dimValue(extent, frame);
  for (let at = 0; at < end; at++) {
    frame.integers.set(variable, at);
    body();
  }
}

function runAll(statements: readonly Statement[], frame: Frame): void {
  for (const statement of statements) run(statement, frame);
}

function run(statement: Statement, frame: Frame): void {
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'assign': {
      const value = valueOf(statement.value, frame);
      frame.values.set(statement.name, value);
      if (statement.kind === 'let' && statement.value.type === 'i32' && value.length === 1)
        frame.integers.set(statement.name, value[0]!);
      return;
    }
    case 'loop':
      count(frame, statement.variable, statement.extent, () => runAll(statement.body, frame));
      return;
    case 'if':
      runAll(scalarOf(statement.condition, frame) ? statement.then : statement.else, frame);
      return;
    case 'store': {
      const { data } = bufferOf(statement.buffer, frame);
      const index = dimValue(statement.index, frame);
      const value = valueOf(statement.value, frame);
      value.forEach((element, lane) => {
        checkAccess(frame, statement.buffer, index + lane, data.length);
        data[index + lane] = element;
      });
      return;
    }
    case 'prefetch':
      checkAccess(
        frame,
        statement.buffer,
        dimValue(statement.index, frame),
        bufferOf(statement.buffer, frame).data.length,
      );
      return;
    case 'count':
      frame.counter.count += dimValue(statement.amount, frame);
      return;
  }
}

function bufferOf(name: string, frame: Frame): { data: BufferData; type: ScalarType } {
  const buffer = frame.buffers.get(name);
  if (!buffer) throw new Error(`kernel ${frame.kernel.name}: it has no buffer ${name}`);
  return buffer;
}

function checkAccess(frame: Frame, buffer: string, index: number, length: number): void {
  if (index < 0 || index >= length) throw new OutOfRange(frame.kernel.name, buffer, index, length);
}

function dimValue(dim: Dim, frame: Frame): number {
  return evaluate(dim, frame.integers);
}

function scalarOf(expr: Expr, frame: Frame): number {
  return valueOf(expr, frame)[0]!;
}

function valueOf(expr: Expr, frame: Frame): Value {
  switch (expr.kind) {
    case 'literal':
      return [wrap(expr.value, expr.type)];
    case 'variable': {
      const value = frame.values.get(expr.name);
      if (!value) throw new Error(`kernel ${frame.kernel.name}: ${expr.name} has no value`);
      return value;
    }
    case 'position':
      return [wrap(dimValue(expr.index, frame), 'i32')];
    case 'load':
      return loaded(expr, frame);
    case 'unary':
      return valueOf(expr.operand, frame).map((x) => unaryValue(expr.op, expr.type, x));
    case 'binary': {
      const right = valueOf(expr.right, frame);
      return valueOf(expr.left, frame).map((x, lane) => binaryValue(expr.op, expr.type, x, right[lane]!));
    }
    case 'multiplyAdd': {
      const [right, addend] = [valueOf(expr.right, frame), valueOf(expr.addend, frame)];
      return valueOf(expr.left, frame).map((x, lane) =>
        binaryValue('add', 'f32', binaryValue('mul', 'f32', x, right[lane]!), addend[lane]!),
      );
    }
    case 'dot4': {
      const [right, addend] = [valueOf(expr.right, frame), valueOf(expr.addend, frame)];
      return valueOf(expr.left, frame).map((x, lane) => dot4Value(x, right[lane]!, addend[lane]!));
    }
    case 'threefry': {
      const [a, b, c, d] = expr.operands.map((operand) => valueOf(operand, frame));
      return a!.map((key, lane) => threefry([key, b![lane]!], [c![lane]!, d![lane]!])[expr.word]);
    }
    case 'compare': {
      const right = valueOf(expr.right, frame);
      return valueOf(expr.left, frame).map((x, lane) => compareValue(expr.op, x, right[lane]!));
    }
    case 'select':
      return selected(expr, frame);
    case 'convert':
      return valueOf(expr.operand, frame).map((x) => convertValue(expr.operand.type, expr.type, x));
    case 'bitcast':
      return valueOf(expr.operand, frame).map((x) => bitcastValue(expr.operand.type, expr.type, x));
    case 'splat': {
      const operand = scalarOf(expr.operand, frame);
      return Array.from({ length: expr.lanes }, () => operand);
    }
    case 'combine':
      return expr.parts.map((part) => scalarOf(part, frame));
    case 'lane':
      return [valueOf(expr.operand, frame)[expr.lane]!];
    case 'reduceLanes':
      return [reduced(expr, valueOf(expr.operand, frame))];
  }
}

function loaded(expr: Expr & { kind: 'load' }, frame: Frame): Value {
  const { data } = bufferOf(expr.buffer, frame);
  const index = dimValue(expr.index, frame);
  return Array.from({ length: expr.lanes }, (_, lane) => {
    checkAccess(frame, expr.buffer, index + lane, data.length);
    return wrap(data[index + lane]!, expr.type);
  });
}

/** A scalar select touches only the arm it takes; a vector select evaluates both. */
function selected(expr: Expr & { kind: 'select' }, frame: Frame): Value {
  const condition = valueOf(expr.condition, frame);
  if (expr.lanes === 1) return valueOf(condition[0] ? expr.then : expr.else, frame);
  const [then, otherwise] = [valueOf(expr.then, frame), valueOf(expr.else, frame)];
  return condition.map((taken, lane) => (taken ? then[lane]! : otherwise[lane]!));
}

function reduced(expr: Expr & { kind: 'reduceLanes' }, lanes: Value): number {
  const apply = (x: number, y: number): number => binaryValue(expr.op, expr.type, x, y);
  if (lanes.length === 1) return lanes[0]!;
  return apply(apply(lanes[0]!, lanes[2]!), apply(lanes[1]!, lanes[3]!));
}
