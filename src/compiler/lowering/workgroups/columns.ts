/**
 * Reductions that keep the last axis, such as the gradient of a bias, for workgroups: neighbouring invocations take
 * neighbouring columns, and several groups of them take turns along what is reduced. What the groups come to is
 * combined through the workgroup's memory, in the order of the groups.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  modulo,
  multiply,
  ONE,
  subtract,
  symbol,
  type Dim,
} from '../../dims/dim.ts';
import { delinearize, elementCount } from '../../dims/shape.ts';
import { binary, compare, literal, load, position, variable } from '../../kernel/build.ts';
import type { Expr, Kernel, Statement, WorkgroupMemory } from '../../kernel/ir.ts';
import type { Target } from '../../kernel/target.ts';
import { gridOver } from '../loops.ts';
import { openScope, type ReadScope } from '../reader.ts';
import type { Cached, Reduction, Row, RowRegion } from '../row-region.ts';

const INVOCATIONS = 256;
/** Columns side by side: at most a cache line of them, fewer where there would be few workgroups, and at least a sector. */
const COLUMNS = { least: 8, most: 32 };
/** Workgroups that should have columns, as far as these are known. */
const WORKGROUPS = 16;
/** Elements of a column that one invocation may as well go through alone. */
const FEW = 32;
/** Elements of a column that each group has at least, where their number is known. */
const EACH = 8;
/** Reductions side by side, each with memory of its own. */
const MOST = 8;

/** The kernel of a region of rows; undefined where its target or its shape is not what this is for. */
export function columnKernel(rows: RowRegion, name: string, { workgroups }: Target): Kernel | undefined {
  const columns = rows.domain.at(-1);
  if (!workgroups || !columns || rows.axes.has(rows.domain.length - 1)) return undefined;
  const count = constantValue(elementCount(rows.reducedShape)) ?? Infinity;
  const isWorthIt = count > FEW && constantValue(columns) !== 1 && rows.reductions.length <= MOST;
  return isWorthIt ? new ColumnKernel(rows, columns, count).write(name) : undefined;
}

/** The least power of two that is at least `count`. */
function powerOver(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(count, 1)));
}

function acrossFor(columns: number | undefined): number {
  if (columns === undefined) return COLUMNS.most;
  if (columns < COLUMNS.least) return powerOver(columns);
  return Math.min(Math.max(powerOver(columns / WORKGROUPS), COLUMNS.least), COLUMNS.most);
}

class ColumnKernel {
  readonly #rows: RowRegion;
  readonly #columns: Dim;
  /** Columns and groups of a workgroup. */
  readonly #across: number;
  readonly #groups: number;
  /** Which column of the workgroup's, and which group, an invocation belongs to. */
  readonly #invocation: string;
  readonly #lane: Dim;
  readonly #group: Dim;
  readonly #memory: WorkgroupMemory[] = [];

  constructor(rows: RowRegion, columns: Dim, count: number) {
    this.#rows = rows;
    this.#columns = columns;
    this.#across = acrossFor(constantValue(columns));
    this.#groups = Math.min(INVOCATIONS / this.#across, powerOver(count / EACH));
    const size = constant(this.#across * this.#groups);
    const own = rows.context.counter('own', size);
    this.#invocation = own.name;
    this.#lane = modulo(own.at, constant(this.#across), rows.context.bounds);
    this.#group = floorDiv(own.at, constant(this.#across), rows.context.bounds);
  }

  write(name: string): Kernel {
    const { context, domain, axes } = this.#rows;
    const blocks = floorDiv(add(this.#columns, constant(this.#across - 1)), constant(this.#across));
    const kept = domain.slice(0, -1).map((dim, axis) => (axes.has(axis) ? ONE : dim));
    const outer = gridOver(context, [...kept, blocks]);
    const column = add(multiply(constant(this.#across), outer.index.at(-1)!), this.#lane);
    const body = this.#write({ kept: [...outer.index.slice(0, -1), column], held: new Map() }, column);
    return {
      ...context.finish(name, outer.grid, body),
      workgroup: { invocation: this.#invocation, size: this.#across * this.#groups, memory: this.#memory },
    };
  }

  /** All passes over a column, then its results. */
  #write(row: Row, column: Dim): readonly Statement[] {
    const scope = openScope();
    const cached = this.#rows.cacheable();
    for (let pass = 1; pass <= this.#rows.passes; pass++) {
      this.#reductionPass(this.#rows.due(pass), row, column, scope, cached?.pass === pass ? cached : undefined);
      if (cached?.pass === pass) this.#rows.readBack(cached);
    }
    const narrow = openScope(scope);
    this.#rows.writeNarrow(row, narrow);
    if (narrow.statements.length > 0) {
      const isFirst = compare('eq', position(this.#group), literal(0, 'i32'));
      scope.statements.push(this.#when(binary('and', isFirst, this.#exists(column)), narrow.statements));
    }
    if (this.#rows.isWide) {
      const wide = this.#along((reduced) => this.#rows.writeWide(row, reduced, scope));
      scope.statements.push(this.#when(this.#exists(column), [wide]));
    }
    return scope.statements;
  }

  #reductionPass(due: readonly Reduction[], row: Row, column: Dim, scope: ReadScope, cached: Cached | undefined): void {
    const accumulators = this.#rows.declare(due, scope.statements);
    const all = this.#along((reduced) => {
      const inner = openScope(scope);
      this.#rows.accumulate(row, reduced, due, accumulators, inner, cached);
      return inner.statements.map((statement) =>
        statement.kind === 'assign' ? { kind: 'assign', name: statement.name, value: statement.value } : statement,
      );
    });
    scope.statements.push(this.#when(this.#exists(column), [all]));
    const parts = due.map((reduction, at) => this.#share(reduction, accumulators[at]!, scope.statements));
    scope.statements.push({ kind: 'barrier' });
    due.forEach((reduction, at) => {
      const total = this.#combine(reduction, parts[at]!, scope.statements);
      this.#rows.hold(row, reduction, total, scope.statements);
    });
  }

  /** Puts what the invocation has come to where the others of its column find it. */
  #share({ node }: Reduction, accumulator: string, statements: Statement[]): WorkgroupMemory {
    const { dtype } = node.results[0]!.type;
    const length = this.#across * this.#groups;
    const memory: WorkgroupMemory = { name: this.#rows.context.fresh('parts'), type: dtype, length };
    this.#memory.push(memory);
    statements.push({
      kind: 'store',
      buffer: memory.name,
      index: symbol(this.#invocation),
      value: variable(accumulator, dtype),
    });
    return memory;
  }

  #combine({ body }: Reduction, { name, type }: WorkgroupMemory, statements: Statement[]): Expr {
    const total = this.#rows.context.fresh('acc');
    const part = (group: Dim): Expr => load(name, add(multiply(constant(this.#across), group), this.#lane), type);
    statements.push({ kind: 'declare', name: total, value: part(constant(0)) });
    const group = this.#rows.context.counter('g', constant(this.#groups - 1));
    const value = binary(body.combine, variable(total, type), part(add(group.at, ONE)));
    const extent = constant(this.#groups - 1);
    const assign: Statement = { kind: 'assign', name: total, value };
    statements.push({ kind: 'loop', variable: group.name, extent, mode: 'serial', body: [assign] });
    return variable(total, type);
  }

  /** A loop over every so many elements of a column, from that of the invocation's group on. */
  #along(write: (reduced: readonly Dim[]) => readonly Statement[]): Statement {
    const { context, reducedShape } = this.#rows;
    const groups = constant(this.#groups);
    const count = elementCount(reducedShape);
    const rounds = floorDiv(subtract(add(count, constant(this.#groups - 1)), this.#group), groups, context.bounds);
    const round = context.counter('r', rounds);
    const at = add(multiply(groups, round.at), this.#group);
    const body = write(delinearize(at, reducedShape, context.bounds));
    return { kind: 'loop', variable: round.name, extent: rounds, mode: 'serial', body };
  }

  #exists(column: Dim): Expr {
    return compare('lt', position(column), position(this.#columns));
  }

  #when(condition: Expr, then: readonly Statement[]): Statement {
    return { kind: 'if', condition, then, else: [] };
  }
}
