/**
 * The slow, obvious executor of kernel IR: the definition of what a kernel computes, and the oracle that emitters and
 * transformations are tested against. Every operation rounds to its type, and so does the product in a
 * `multiplyAdd`; every access is checked. The invocations of a workgroup take each statement together, and what would
 * depend on their order is an error. It must not know any target.
 */
import { threefry } from '../../program/threefry.ts';
import { evaluate, type Dim } from '../dims/dim.ts';
import { binaryValue, bitcastValue, compareValue, convertValue, dot4Value, unaryValue, wrap } from './arithmetic.ts';
import { writtenBy } from './effects.ts';
import type { Expr, Kernel, ScalarType, Statement } from './ir.ts';
import { Races } from './races.ts';

export type BufferData = Float32Array | Int32Array | Uint32Array;

/** One number a lane. */
type Value = readonly number[];

interface Buffer {
  readonly data: BufferData;
  readonly type: ScalarType;
  /** Whether an access is to be looked at for races. */
  readonly isTracked: boolean;
}

/** One invocation, or all there is where the kernel has no workgroup. */
interface Frame {
  readonly kernel: Kernel;
  readonly invocation: number;
  readonly buffers: ReadonlyMap<string, Buffer>;
  readonly races: Races;
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

/** Invocations of a workgroup do not agree: one writes what another touches, or some do not arrive at a barrier. */
export class Conflict extends Error {
  constructor(kernel: string, problem: string) {
    super(`kernel ${kernel}: ${problem}`);
  }
}

/**
 * Runs `kernel` over its whole grid, in order; answers the multiply-adds that it counts. Throws OutOfRange on an access
 * outside a buffer, Conflict on a race or a barrier in divergent control flow, Error on a missing buffer, size or name.
 */
export function interpretKernel(
  kernel: Kernel,
  buffers: Readonly<Record<string, BufferData>>,
  sizes: Readonly<Record<string, number>>,
): number {
  const { workgroup } = kernel;
  const written = workgroup ? writtenBy(kernel.body) : new Set<string>();
  const given = kernel.buffers.map(({ name, type }): [string, Buffer] => {
    const data = buffers[name];
    if (!data) throw new Error(`kernel ${kernel.name}: no buffer ${name} was given`);
    return [name, { data, type, isTracked: written.has(name) }];
  });
  const memory = (workgroup?.memory ?? []).map(({ name, type, length }): [string, Buffer] => {
    const data = type === 'f32' ? new Float32Array(length) : new Int32Array(length);
    return [name, { data, type, isTracked: true }];
  });
  const integers = kernel.sizes.map((name): [string, number] => {
    const size = sizes[name];
    if (size === undefined) throw new Error(`kernel ${kernel.name}: no size ${name} was given`);
    return [name, size];
  });
  const together = { kernel, buffers: new Map([...given, ...memory]), races: new Races(), counter: { count: 0 } };
  const frames = Array.from({ length: workgroup?.size ?? 1 }, (_, invocation): Frame => {
    const own = workgroup ? [...integers, [workgroup.invocation, invocation] as const] : integers;
    return { ...together, invocation, values: new Map(), integers: new Map(own) };
  });
  runGrid(frames, 0);
  return together.counter.count;
}

function runGrid(frames: readonly Frame[], depth: number): void {
  const { kernel, buffers, races } = frames[0]!;
  const axis = kernel.grid[depth];
  if (axis) {
    count(frames, axis.variable, axis.extent, (running) => runGrid(running, depth + 1));
    return;
  }
  // Nobody should rely on what memory holds at first.
  for (const { name, type } of kernel.workgroup?.memory ?? []) buffers.get(name)!.data.fill(type === 'f32' ? NaN : -1);
  races.clear();
  runAll(kernel.body, frames);
}

/** Each invocation counts up to its own extent. */
function count(
  frames: readonly Frame[],
  variable: string,
  extent: Dim,
  body: (running: readonly Frame[]) => void,
): void {
  const ends = frames.map((frame) => dimValue(extent, frame));
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  for (let at = 0; at < most; at++) {
    const running = at < least ? frames : frames.filter((_, frame) => at < ends[frame]!);
    for (const { integers } of running) integers.set(variable, at);
    body(running);
  }
}

function runAll(statements: readonly Statement[], frames: readonly Frame[]): void {
  for (const statement of statements) run(statement, frames);
}

/** `frames` are the invocations that get here together, at least one. */
function run(statement: Statement, frames: readonly Frame[]): void {
  switch (statement.kind) {
    case 'loop':
      count(frames, statement.variable, statement.extent, (running) => runAll(statement.body, running));
      return;
    case 'if': {
      const taken = frames.map((frame) => scalarOf(statement.condition, frame) !== 0);
      const [then, otherwise] = [true, false].map((arm) => frames.filter((_, at) => taken[at] === arm));
      if (then!.length > 0) runAll(statement.then, then!);
      if (otherwise!.length > 0) runAll(statement.else, otherwise!);
      return;
    }
    case 'barrier':
      checkAllArrive(frames, 'a barrier');
      frames[0]!.races.clear();
      return;
    case 'reduce': {
      checkAllArrive(frames, `the reduction ${statement.name}`);
      const { op, value: own } = statement;
      const value = combined(
        (x, y) => binaryValue(op, own.type, x, y),
        frames.map((frame) => valueOf(own, frame)),
      );
      for (const frame of frames) define(frame, statement.name, statement.value, value);
      return;
    }
    default:
      for (const frame of frames) runAlone(statement, frame);
  }
}

/** What an invocation does without asking the others. */
function runAlone(
  statement: Extract<Statement, { kind: 'let' | 'declare' | 'assign' | 'store' | 'prefetch' | 'count' }>,
  frame: Frame,
): void {
  switch (statement.kind) {
    case 'let':
    case 'declare':
    case 'assign': {
      const value = valueOf(statement.value, frame);
      if (statement.kind === 'let') define(frame, statement.name, statement.value, value);
      else frame.values.set(statement.name, value);
      return;
    }
    case 'store':
      storeTo(statement, frame);
      return;
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

function define(frame: Frame, name: string, { type }: Expr, value: Value): void {
  frame.values.set(name, value);
  if (type === 'i32' && value.length === 1) frame.integers.set(name, value[0]!);
}

function storeTo(statement: Extract<Statement, { kind: 'store' }>, frame: Frame): void {
  const { data, isTracked } = bufferOf(statement.buffer, frame);
  const index = dimValue(statement.index, frame);
  valueOf(statement.value, frame).forEach((element, lane) => {
    checkAccess(frame, statement.buffer, index + lane, data.length);
    if (isTracked && !frame.races.write(statement.buffer, index + lane, frame.invocation, element))
      throw raceAt(frame, statement.buffer, index + lane);
    data[index + lane] = element;
  });
}

function raceAt({ kernel, invocation }: Frame, buffer: string, index: number): Conflict {
  return new Conflict(
    kernel.name,
    `element ${index} of ${buffer} is written and touched at once, by invocation ${invocation} and another`,
  );
}

function checkAllArrive(frames: readonly Frame[], what: string): void {
  const { kernel } = frames[0]!;
  const size = kernel.workgroup?.size ?? 1;
  if (frames.length !== size)
    throw new Conflict(kernel.name, `${frames.length} of ${size} invocations arrive at ${what}`);
}

/** The values of all invocations, halves combined with halves. */
function combined(apply: (x: number, y: number) => number, values: readonly Value[]): Value {
  if (values.length === 1) return values[0]!;
  const half = values.length / 2;
  const pairs = values.slice(0, half).map((own, at) => own.map((x, lane) => apply(x, values[at + half]![lane]!)));
  return combined(apply, pairs);
}

function bufferOf(name: string, frame: Frame): Buffer {
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
  const { data, isTracked } = bufferOf(expr.buffer, frame);
  const index = dimValue(expr.index, frame);
  return Array.from({ length: expr.lanes }, (_, lane) => {
    checkAccess(frame, expr.buffer, index + lane, data.length);
    if (isTracked && !frame.races.read(expr.buffer, index + lane, frame.invocation))
      throw raceAt(frame, expr.buffer, index + lane);
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
