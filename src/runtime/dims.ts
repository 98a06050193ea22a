/** Finds the values of the symbolic dimensions from the shapes and lengths of the inputs, and checks them. */
import type { Program, ProgramCondition, ProgramDim, Routine } from '../program/program.ts';
import { affineIn, evaluateSize, namesIn, type Dims, type SizeExpr } from '../program/size.ts';
import { HeddleError } from './errors.ts';
import { describeSpec, type GivenTensor } from './inputs.ts';

/** `expr` must have the value `value`, because of an axis or the length of `input`. */
interface Equation {
  readonly expr: SizeExpr;
  readonly value: number;
  readonly input: GivenTensor;
  readonly axis?: number;
}

/** A dimension's value and what it follows from. */
interface Known {
  readonly value: number;
  readonly from: string;
}

/**
 * Binds every dimension that the inputs mention; `chosen` holds values the caller gives beside the inputs. Solves
 * equations that are affine in one unknown, exactly. Throws HeddleError 'dimension', 'input-shape' or 'option'.
 */
export function bindDims(dims: readonly ProgramDim[], inputs: readonly GivenTensor[], chosen: unknown): Dims {
  const known = readChosen(dims, chosen);
  const values = new Map([...known].map(([name, { value }]) => [name, value]));
  const equations = inputs.flatMap(equationsOf);
  let pending = equations;
  for (let before = -1; before !== pending.length;) {
    before = pending.length;
    pending = pending.filter((equation) => {
      const unknown = [...namesIn(equation.expr)].filter((name) => !values.has(name));
      if (unknown.length !== 1) return unknown.length > 0;
      const value = solve(equation, unknown[0]!, values);
      if (value === undefined) return true;
      values.set(unknown[0]!, value);
      known.set(unknown[0]!, { value, from: `the input ${equation.input.spec.name}` });
      return false;
    });
  }
  const open = pending.find(({ expr }) => [...namesIn(expr)].some((name) => !values.has(name)));
  if (open) {
    const names = [...namesIn(open.expr)].filter((name) => !values.has(name)).join(' and ');
    const message = `${names} cannot be told from the length of the input ${open.input.spec.name}`;
    throw new HeddleError('dimension', `${message}; pass { data, shape }, or the value in the option dims`);
  }
  for (const equation of equations) check(equation, known, values);
  for (const { name, max } of dims) {
    const found = known.get(name);
    if (found && max !== undefined && found.value > max) {
      const message = `${name} is ${found.value} by ${found.from}; the program was compiled for at most ${max}`;
      throw new HeddleError('dimension', message);
    }
  }
  return values;
}

/**
 * What `place` makes of the buffers of a routine at these dimensions, which keep its conditions. Throws HeddleError
 * 'dimension' where they do not, or a size has no value.
 */
export function placedAt<T>(program: Program, { conditions = [] }: Routine, dims: Dims, place: () => T): T {
  try {
    checkConditions(program, conditions, dims);
    return place();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const hint = program.dims.every(({ name }) => dims.has(name)) ? '' : '; pass it in the option dims';
    throw new HeddleError('dimension', error.message + hint, { cause: error });
  }
}

export function sameDims(a: Dims, b: Dims): boolean {
  for (const [name, value] of a) if (b.get(name) !== value) return false;
  return a.size === b.size;
}

/** Throws for the first condition that these values break, and names those it depends on. */
function checkConditions({ dims }: Program, conditions: readonly ProgramCondition[], values: Dims): void {
  for (const { size, message } of conditions) {
    if (evaluateSize(size, values) >= 0) continue;
    const concerned = namesIn(size);
    const found = dims.flatMap(({ name }) => (concerned.has(name) ? [`${name} = ${values.get(name)}`] : []));
    throw new HeddleError('dimension', `${message} (${found.join(', ')})`);
  }
}

function equationsOf(input: GivenTensor): Equation[] {
  const { shape, spec, data } = input;
  if (!shape) return [{ expr: ['*', 1, ...spec.shape], value: data.length, input }];
  return spec.shape.map((expr, axis) => ({ expr, value: shape[axis]!, input, axis }));
}

function readChosen(dims: readonly ProgramDim[], chosen: unknown): Map<string, Known> {
  const known = new Map<string, Known>();
  if (chosen === undefined) return known;
  if (typeof chosen !== 'object' || chosen === null)
    throw new HeddleError('option', 'the option dims is not an object of dimension values');
  for (const [name, value] of Object.entries(chosen)) {
    if (!dims.some((dim) => dim.name === name)) throw new HeddleError('option', `there is no dimension ${name}`);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new HeddleError('option', `the dimension ${name} is given as ${String(value)}, no non-negative integer`);
    known.set(name, { value, from: 'the option dims' });
  }
  return known;
}

/** The one value of `name` that satisfies the equation; undefined when the equation does not determine it. */
function solve({ expr, value, input }: Equation, name: string, dims: Dims): number | undefined {
  const form = affineIn(expr, name, dims);
  if (!form || form.slope === 0) return undefined;
  const solution = (value - form.rest) / form.slope;
  if (Number.isSafeInteger(solution) && solution >= 0) return solution;
  const wanted = describeSpec(input.spec);
  const message = input.shape
    ? `shape [${input.shape.join(', ')}]; no ${name} gives that for ${wanted}`
    : `${value} elements; no ${name} gives that many for ${wanted}`;
  throw new HeddleError('input-shape', `the input ${input.spec.name} has ${message}`);
}

function check({ expr, value, input, axis }: Equation, known: ReadonlyMap<string, Known>, dims: Dims): void {
  const wanted = evaluateSize(expr, dims);
  if (wanted === value) return;
  const reasons = [...namesIn(expr)].map((name) => `${name} is ${dims.get(name)} by ${known.get(name)!.from}`);
  const because = reasons.length > 0 ? `; ${reasons.join(', ')}` : '';
  const { spec, shape } = input;
  const found = shape
    ? `has shape [${shape.join(', ')}], but axis ${axis} of ${describeSpec(spec)} is ${wanted}`
    : `has ${value} elements, but ${describeSpec(spec)} has ${wanted}`;
  throw new HeddleError('input-shape', `the input ${spec.name} ${found}${because}`);
}
