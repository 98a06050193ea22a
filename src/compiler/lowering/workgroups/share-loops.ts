/**
 * Makes a workgroup of each point of a grid that goes through `vector` loops: its invocations share out the iterations,
 * neighbours taking neighbours, and what the iterations reduce is combined at the end. All else every invocation computes
 * alike, but for what is stored, which is left to the first one. So a nest that is written for lanes runs on a GPU as it
 * stands. It must not know what kernels compute.
 */
import { add, constant, constantValue, floorDiv, multiply, symbol, type Bounds, type Dim } from '../../dims/dim.ts';
import { reductionIdentity } from '../../kernel/arithmetic.ts';
import { gridBounds, withLoopBound } from '../../kernel/bounds.ts';
import { binary, compare, literal, position, variable } from '../../kernel/build.ts';
import { writtenBy } from '../../kernel/effects.ts';
import type { Kernel, Statement } from '../../kernel/ir.ts';
import { definedNames, FreshNames } from '../../kernel/names.ts';
import { mapStatement, replaceInStatements } from '../../kernel/rewrite.ts';
import { simplify } from '../../kernel/simplify.ts';
import type { Target } from '../../kernel/target.ts';
import { vectorize } from '../../kernel/vectorize.ts';
import { Hazards } from './hazards.ts';
import {
  accumulatorsOf,
  areShort,
  holdsShared,
  isFlat,
  isSharable,
  isShared,
  longest,
  sharedLoops,
  stores,
  type Accumulator,
  type Loop,
} from './shared-loops.ts';
import { isWide, LANES } from './wide.ts';

/** Iterations that one invocation may as well go through alone. */
const FEW = 16;
/** Of a loop whose length only a run knows, and of the only point of a grid, which has the device for itself. */
const SIZE = { least: 32, unknown: 64, most: 256 };
/**
 * Iterations that an invocation should have, by how many it takes at a time, so that combining what they reduced does not
 * take longer than they do; one where there are loops in them.
 */
const EACH = { 1: 8, 4: 16 };

/**
 * `kernel` with its loops shared out, where the target has workgroups and there is something to share: loops that are more
 * than all a point does (those become points of their own), and of more than a few iterations.
 */
export function shareLoops(kernel: Kernel, { workgroups }: Target): Kernel {
  if (!workgroups || kernel.workgroup) return kernel;
  const simple = simplify(kernel);
  const [first] = simple.body;
  if (simple.body.length === 1 && isShared(first!)) return kernel;
  const loops = sharedLoops(simple.body);
  if (areShort(loops, FEW) || !isSharable(simple.body, writtenBy(simple.body))) return kernel;
  const lanes = isWide(simple, LANES * SIZE.least) ? LANES : 1;
  return new Sharing(simple, sizeFor(loops, lanes, simple.grid.length === 0), lanes).run();
}

function sizeFor(loops: readonly Loop[], lanes: 1 | 4, isAlone: boolean): number {
  const count = longest(loops);
  if (count === undefined) return isAlone ? SIZE.most : SIZE.unknown;
  const each = loops.every(isFlat) ? EACH[lanes] : 1;
  return Math.min(Math.max(2 ** Math.ceil(Math.log2(count / each)), SIZE.least), SIZE.most);
}

class Sharing {
  readonly #kernel: Kernel;
  readonly #size: number;
  /** Iterations that an invocation takes at a time. */
  readonly #lanes: 1 | 4;
  readonly #names: FreshNames;
  readonly #invocation: string;
  readonly #bounds: Bounds;
  readonly #hazards: Hazards;

  constructor(kernel: Kernel, size: number, lanes: 1 | 4) {
    this.#kernel = kernel;
    this.#size = size;
    this.#lanes = lanes;
    this.#names = new FreshNames(definedNames(kernel));
    this.#invocation = this.#names.fresh('$own');
    this.#bounds = withLoopBound(gridBounds(kernel), this.#invocation, constant(size));
    this.#hazards = new Hazards(kernel);
  }

  run(): Kernel {
    const shared = { ...this.#kernel, body: this.#shareAll(this.#kernel.body) };
    const { body } = this.#lanes === 1 ? shared : vectorize(shared, this.#lanes);
    return { ...this.#kernel, workgroup: { invocation: this.#invocation, size: this.#size, memory: [] }, body };
  }

  #shareAll(statements: readonly Statement[]): Statement[] {
    const shared: Statement[] = [];
    let stored: Statement[] = [];
    for (const statement of statements) {
      const isAlike = isShared(statement) || holdsShared(statement) || !stores(statement);
      if (isAlike && stored.length > 0) {
        shared.push(this.#byTheFirst(stored));
        stored = [];
      }
      if (!holdsShared(statement) && this.#hazards.enter(this.#hazards.touched([statement]))) {
        if (stored.length > 0) shared.push(this.#byTheFirst(stored));
        stored = [];
        shared.push({ kind: 'barrier' });
      }
      if (isAlike) shared.push(...this.#shareOne(statement));
      else stored.push(statement);
    }
    return stored.length > 0 ? [...shared, this.#byTheFirst(stored)] : shared;
  }

  #byTheFirst(then: readonly Statement[]): Statement {
    const isFirst = compare('eq', position(symbol(this.#invocation)), literal(0, 'i32'));
    return { kind: 'if', condition: isFirst, then, else: [] };
  }

  /** A statement with what it reduces kept in parts while it runs. */
  #shareOne(statement: Statement): Statement[] {
    if (!isShared(statement) && !holdsShared(statement)) return [statement];
    const before: Statement[] = [];
    const after: Statement[] = [];
    const parts = new Map<string, string>();
    for (const [name, accumulator] of accumulatorsOf(statement)) {
      const part = this.#names.fresh(`${name}_part`);
      parts.set(name, part);
      before.push(declaration(part, accumulator));
      after.push(...this.#combined(name, part, accumulator));
    }
    const [renamed] = renameVariables([statement], parts);
    return [...before, ...this.#withoutParts(renamed!), ...after];
  }

  #combined(name: string, part: string, { op, type }: Accumulator): Statement[] {
    const total = this.#names.fresh(`${name}_all`);
    const value = binary(op, variable(name, type), variable(total, type));
    return [
      { kind: 'reduce', name: total, op, value: variable(part, type) },
      { kind: 'assign', name, value },
    ];
  }

  #withoutParts(statement: Statement): Statement[] {
    if (isShared(statement)) return this.#shareLoop(statement);
    if (statement.kind !== 'loop')
      return [mapStatement(statement, { body: (body) => this.#hazards.branch(() => this.#shareAll(body)) })];
    return this.#hazards.branch(() => {
      const all = this.#hazards.touched(statement.body);
      const body = this.#shareAll(statement.body);
      // The next iteration begins where nothing is left to wait for.
      const isRepeated = [...all.written].length > 0;
      if (isRepeated) this.#hazards.wait();
      return [{ ...statement, body: isRepeated ? [...body, { kind: 'barrier' }] : body }];
    });
  }

  /** Invocation i takes the iterations i, i + size, i + 2 size …, or the vectors of that number. */
  #shareLoop(loop: Loop): Statement[] {
    const size = constant(this.#size);
    const own = symbol(this.#invocation);
    const extent = this.#lanes === 1 ? loop.extent : floorDiv(loop.extent, constant(this.#lanes));
    const count = constantValue(extent);
    const ifThere = (at: Dim, then: readonly Statement[]): Statement[] =>
      count !== undefined && count % this.#size === 0
        ? [...then]
        : [{ kind: 'if', condition: compare('lt', position(at), position(extent)), then, else: [] }];
    if (count !== undefined && count <= this.#size) return ifThere(own, this.#iteration(loop, own, this.#bounds));
    // All go through as many rounds, which a device may write out.
    const rounds = floorDiv(add(extent, constant(this.#size - 1)), size, this.#bounds);
    const round = this.#names.fresh(loop.variable);
    const at = add(multiply(size, symbol(round)), own);
    const body = ifThere(at, this.#iteration(loop, at, withLoopBound(this.#bounds, round, rounds)));
    return [{ kind: 'loop', variable: round, extent: rounds, mode: 'serial', body }];
  }

  /** The body of a loop for its iteration `at`, or the vector of that number. */
  #iteration({ variable: counter, body }: Loop, at: Dim, bounds: Bounds): Statement[] {
    const withCounter = (value: Dim, within: Bounds): readonly Statement[] =>
      replaceInStatements(body, { integer: (name) => (name === counter ? value : undefined), bounds: within });
    if (this.#lanes === 1) return serial(withCounter(at, bounds));
    const lane = this.#names.fresh(counter);
    const extent = constant(this.#lanes);
    const elements = withCounter(add(multiply(extent, at), symbol(lane)), withLoopBound(bounds, lane, extent));
    return [{ kind: 'loop', variable: lane, extent, mode: 'vector', body: elements }];
  }
}

function declaration(name: string, { op, type }: Accumulator): Statement {
  return { kind: 'declare', name, value: literal(reductionIdentity(op, type), type) };
}

/** The statements as one invocation runs them. */
function serial(statements: readonly Statement[]): Statement[] {
  return statements.map((statement) => {
    const inner = mapStatement(statement, { body: serial });
    if (inner.kind === 'assign') return { kind: 'assign', name: inner.name, value: inner.value };
    return isShared(inner) ? { ...inner, mode: 'serial' } : inner;
  });
}

/** The statements with other variables in place of some, in what they read and set. */
function renameVariables(statements: readonly Statement[], names: ReadonlyMap<string, string>): readonly Statement[] {
  if (names.size === 0) return statements;
  const replaced = replaceInStatements(statements, {
    value: (read) => {
      const name = names.get(read.name);
      return name === undefined ? undefined : { ...read, name };
    },
  });
  const assign = (list: readonly Statement[]): readonly Statement[] =>
    list.map((statement) => {
      const inner = mapStatement(statement, { body: assign });
      return inner.kind === 'assign' ? { ...inner, name: names.get(inner.name) ?? inner.name } : inner;
    });
  return assign(replaced);
}
