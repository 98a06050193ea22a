/**
 * The part of an operand that a tile needs for some summed steps, in workgroup memory: `[step][element of the side]`, four
 * neighbours of the side to a vector, whatever the operand's own layout. Invocations that follow each other read what is
 * near in memory. What lies beyond an edge of the side is read again from the edge; beyond the last step there are zeros.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  minimum,
  modulo,
  multiply,
  ONE,
  subtract,
  symbolsOf,
  type Dim,
} from '../../../dims/dim.ts';
import { combine, compare, lane, literal, load, position, select, splat, variable } from '../../../kernel/build.ts';
import type { Expr, ScalarType, Statement, WorkgroupMemory } from '../../../kernel/ir.ts';
import type { FreshNames } from '../../../kernel/names.ts';
import type { KernelContext } from '../../kernel-context.ts';
import { openScope } from '../../reader.ts';
import { inLanes } from '../finish.ts';
import { isMultiple } from '../pack.ts';
import { range } from '../tile.ts';
import type { Layout, SideOperand } from './operand.ts';
import { QUAD } from './tiling.ts';

/** Elements between two steps beyond those of the side, so that steps that are written at once go to different banks. */
const PADDING = 4;

/** Positions from `first` up to, not including, `end`; there is at least one. */
export interface Stretch {
  readonly first: Dim;
  readonly end: Dim;
}

export interface SlabOptions {
  readonly context: KernelContext;
  readonly names: FreshNames;
  readonly operand: SideOperand;
  /** Of the operand: elements of the side, and summed steps. */
  readonly size: number;
  readonly depth: number;
  readonly type: ScalarType;
  readonly memory: Pick<WorkgroupMemory, 'name'>;
  /** Where it begins in the memory. */
  readonly start: number;
  /** The number of the invocation, of how many. */
  readonly invocation: Dim;
  readonly invocations: number;
}

export class Slab {
  readonly #options: SlabOptions;
  readonly #layout: Layout;
  /** Elements from one step to the next. */
  readonly #stride: number;

  constructor(options: SlabOptions) {
    this.#options = options;
    this.#layout = options.operand.layout;
    this.#stride = options.size + (this.#layout.near === 'summed' && options.size > QUAD ? PADDING : 0);
  }

  /** Elements of memory. */
  get length(): number {
    return this.#stride * this.#options.depth;
  }

  /** Four neighbours of the side, from `at` on, at a step. */
  load(step: Dim, at: Dim): Expr {
    const { memory, type } = this.#options;
    return load(memory.name, this.#place(step, at), type, QUAD);
  }

  #place(step: Dim, at: Dim): Dim {
    return add(constant(this.#options.start), multiply(step, constant(this.#stride)), at);
  }

  /** Fills it with `depth` steps from `step` on of a tile that begins at `side.first`. */
  fill(batch: Dim, side: Stretch, summed: Stretch, step: Dim): Statement[] {
    const { size, depth, invocation, invocations } = this.#options;
    const quads = size / QUAD;
    const isTurned = this.#layout.near === 'summed' && this.#layout.isWide;
    const steps = isTurned ? depth / QUAD : depth;
    const units = quads * steps;
    return range(Math.ceil(units / invocations)).flatMap((round) => {
      const unit = add(constant(round * invocations), invocation);
      const nearSide = this.#layout.near === 'side';
      const across = constant(nearSide ? quads : steps);
      const statements: Statement[] = [];
      const [near, far] = [modulo(unit, across, this.#bounds), floorDiv(unit, across, this.#bounds)];
      const quad = this.#named(nearSide ? near : far, quads, statements);
      const at = this.#named(nearSide ? far : near, steps, statements);
      const place = { batch, side, summed, step, quad };
      statements.push(...(isTurned ? this.#turned({ ...place, at }) : this.#across({ ...place, at })));
      if (units >= invocations) return statements;
      const isUnit = compare('lt', position(unit), literal(units, 'i32'));
      return [{ kind: 'if', condition: isUnit, then: statements, else: [] }];
    });
  }

  get #bounds(): KernelContext['bounds'] {
    return this.#options.context.bounds;
  }

  /** Names a position that is less than `size`, if it is not as simple as a name. */
  #named(at: Dim, size: number, statements: Statement[]): Dim {
    const { context } = this.#options;
    if (constantValue(at) !== undefined) return at;
    const name = context.integer(position(at), statements);
    for (const symbol of symbolsOf(name)) context.bounds.set(symbol, constant(size - 1));
    return name;
  }

  /** Four neighbours of the side at one step. */
  #across({ batch, side, summed, step, quad, at }: Unit): Statement[] {
    const statements: Statement[] = [];
    const k = this.#step(summed, add(step, at), statements);
    const value = this.#quadOf(batch, side, quad, k.at, statements);
    statements.push(this.#store(at, quad, this.#orZero(value, k.exists)));
    return statements;
  }

  /** Four neighbours of the side at four steps, read as vectors of steps. */
  #turned({ batch, side, summed, step, quad, at }: Unit): Statement[] {
    const { context, operand } = this.#options;
    const statements: Statement[] = [];
    const first = multiply(at, constant(QUAD));
    const all = this.#step(summed, add(step, first), statements, QUAD);
    const lines = range(QUAD).map((line) => {
      const own = this.#sideAt(side, add(multiply(quad, constant(QUAD)), constant(line)), statements);
      const value = this.#vector(
        (j, scope) => operand.read({ batch, side: own, k: add(all.at, j) }, scope),
        statements,
      );
      const name = context.fresh('line');
      statements.push({ kind: 'let', name, value: this.#orZero(value, all.exists) });
      return variable(name, value.type, QUAD);
    });
    const stores = range(QUAD).map((j) =>
      this.#store(
        add(first, constant(j)),
        quad,
        combine(
          lines.map((line) => lane(line, j)),
          QUAD,
        ),
      ),
    );
    return [...statements, ...stores];
  }

  #store(step: Dim, quad: Dim, value: Expr): Statement {
    const { memory } = this.#options;
    return { kind: 'store', buffer: memory.name, index: this.#place(step, multiply(quad, constant(QUAD))), value };
  }

  #orZero(value: Expr, exists: Expr | undefined): Expr {
    return exists ? select(exists, value, splat(literal(0, value.type), QUAD)) : value;
  }

  /** A summed position that there is for `offset`, `times` aligned ones at once, and whether it is the one meant. */
  #step(
    { first, end }: Stretch,
    offset: Dim,
    statements: Statement[],
    times = 1,
  ): { readonly at: Dim; readonly exists?: Expr } {
    const wanted = add(first, offset);
    const { depth } = this.#options;
    if (isMultiple(subtract(end, first), depth)) return { at: wanted };
    const last = floorDiv(subtract(end, ONE), constant(times));
    const at = this.#clamped(times === 1 ? wanted : floorDiv(wanted, constant(times), this.#bounds), last, statements);
    return { at: multiply(at, constant(times)), exists: compare('lt', position(wanted), position(end)) };
  }

  #clamped(at: Dim, last: Dim, statements: Statement[]): Dim {
    const { context } = this.#options;
    const name = context.integer(position(minimum(at, last, context.bounds)), statements);
    for (const symbol of symbolsOf(name)) context.bounds.set(symbol, last);
    return name;
  }

  /** The position of the side that there is for `offset` in the tile. */
  #sideAt(side: Stretch, offset: Dim, statements: Statement[]): Dim {
    const wanted = add(side.first, offset);
    if (this.#isWhole(side)) return wanted;
    return this.#clamped(wanted, subtract(side.end, ONE), statements);
  }

  /** Whether tiles of the side have no edge that is not the operand's. */
  #isWhole({ end }: Stretch): boolean {
    const { operand, size } = this.#options;
    return end === operand.size && isMultiple(end, size);
  }

  #quadOf(batch: Dim, side: Stretch, quad: Dim, k: Dim, statements: Statement[]): Expr {
    const { operand } = this.#options;
    const offset = multiply(quad, constant(QUAD));
    // Quads that are whole or not there at all.
    if (side.end === operand.size && isMultiple(operand.size, QUAD)) {
      const wanted = add(side.first, offset);
      const first = this.#isWhole(side)
        ? wanted
        : multiply(
            this.#clamped(
              floorDiv(wanted, constant(QUAD), this.#bounds),
              subtract(floorDiv(side.end, constant(QUAD)), ONE),
              statements,
            ),
            constant(QUAD),
          );
      return this.#vector((j, scope) => operand.read({ batch, side: add(first, j), k }, scope), statements);
    }
    const scope = openScope();
    const parts = range(QUAD).map((j) => {
      const own = this.#sideAt(side, add(offset, constant(j)), scope.statements);
      return operand.read({ batch, side: own, k }, scope);
    });
    statements.push(...scope.statements);
    return combine(parts, QUAD);
  }

  /** What `read` gives for 0 to 3, in lanes. */
  #vector(read: (at: Dim, scope: ReturnType<typeof openScope>) => Expr, statements: Statement[]): Expr {
    const { context, names, type } = this.#options;
    const { name: counter, at } = context.counter('j', constant(QUAD));
    const scope = openScope();
    const element = context.fresh('e');
    scope.statements.push({ kind: 'let', name: element, value: read(at, scope) });
    const vectors = new Map<string, string>();
    statements.push(...inLanes(scope.statements, counter, { context, names, vectors }));
    const vector = vectors.get(element);
    return vector === undefined ? splat(variable(element, type), QUAD) : variable(vector, type, QUAD);
  }
}

/** Where a unit of work stands: the quad of the side, and the step, or four of them. */
interface Unit {
  readonly batch: Dim;
  readonly side: Stretch;
  readonly summed: Stretch;
  readonly step: Dim;
  readonly quad: Dim;
  readonly at: Dim;
}
