/** What the parts of a workgroup's attention share: where it and its invocations stand, and the memory between them. */
import { add, constant, floorDiv, multiply, ONE, subtract, symbol, type Dim } from '../../../dims/dim.ts';
import { load, position } from '../../../kernel/build.ts';
import type { Expr, Statement, Workgroup, WorkgroupMemory } from '../../../kernel/ir.ts';
import type { KernelContext } from '../../kernel-context.ts';
import type { ReadScope } from '../../reader.ts';
import type { Attention } from '../analyse.ts';
import type { OperandBuffers } from '../buffers.ts';
import { QUAD, type Blocking } from './blocking.ts';

/** Where a workgroup stands. */
export interface Place {
  readonly batch: readonly Dim[];
  readonly head: Dim;
  readonly keyHead: Dim;
  /** The first of its queries. */
  readonly query: Dim;
  /** Which of the blocks of a value's quads it sums. */
  readonly depthBlock: Dim;
}

interface NestParts {
  readonly attention: Attention;
  readonly context: KernelContext;
  readonly buffers: OperandBuffers;
  readonly blocking: Blocking;
}

export class WorkgroupNest implements NestParts {
  readonly attention: Attention;
  readonly context: KernelContext;
  readonly buffers: OperandBuffers;
  readonly blocking: Blocking;
  readonly invocation: Dim;
  readonly workgroup: Workgroup;
  /** Queries, keys and values: one after the other as they are needed. */
  readonly staging: WorkgroupMemory;
  /** Exponentials, [row of invocations][key] quads of queries. */
  readonly powers: WorkgroupMemory;
  /** What the columns of invocations tell each other, [row][column] quads of queries. */
  readonly exchange: WorkgroupMemory;
  /** Row and column of the invocation: names of positions. */
  readonly row: Dim;
  readonly column: Dim;
  /** The statements that define them. */
  readonly opening: readonly Statement[];

  constructor({ attention, context, buffers, blocking }: NestParts) {
    this.attention = attention;
    this.context = context;
    this.buffers = buffers;
    this.blocking = blocking;
    const { rows, columns, places } = blocking;
    const memory = (prefix: string, quads: number): WorkgroupMemory => ({
      name: context.fresh(prefix),
      type: 'f32',
      length: QUAD * quads,
    });
    this.staging = memory('staging', places.rowsSize);
    this.powers = memory('powers', rows * places.powerStep);
    this.exchange = memory('exchange', rows * columns);
    const { name, at } = context.counter('l', constant(this.size));
    this.invocation = at;
    this.workgroup = { invocation: name, size: this.size, memory: [this.staging, this.powers, this.exchange] };
    const scope: ReadScope = { statements: [], known: new Map() };
    this.row = this.named(scope, floorDiv(at, constant(columns)), constant(rows));
    this.column = this.named(scope, subtract(at, multiply(this.row, constant(columns))), constant(columns));
    this.opening = scope.statements;
  }

  /** Invocations. */
  get size(): number {
    return this.blocking.rows * this.blocking.columns;
  }

  /** The `at`th of the invocation's queries. */
  query(place: Place, at: number): Dim {
    return add(place.query, multiply(this.row, constant(QUAD)), constant(at));
  }

  loop(extent: Dim, write: (at: Dim) => readonly Statement[]): Statement {
    const { name, at } = this.context.counter('i', extent);
    return { kind: 'loop', variable: name, extent, mode: 'serial', body: write(at) };
  }

  let(scope: ReadScope, value: Expr, prefix = 's'): Expr & { kind: 'variable' } {
    const name = this.context.fresh(prefix);
    scope.statements.push({ kind: 'let', name, value });
    return { kind: 'variable', name, type: value.type, lanes: value.lanes };
  }

  /** A name for a position below `size`. */
  named(scope: ReadScope, dim: Dim, size: Dim): Dim {
    const { name } = this.let(scope, position(dim), 'n');
    this.context.bounds.set(name, subtract(size, ONE));
    return symbol(name);
  }

  /** A variable of four lanes. */
  declare(scope: ReadScope, value: Expr, prefix: string): Expr & { kind: 'variable' } {
    const name = this.context.fresh(prefix);
    scope.statements.push({ kind: 'declare', name, value });
    return { kind: 'variable', name, type: value.type, lanes: value.lanes };
  }

  assign(to: Expr & { kind: 'variable' }, value: Expr): Statement {
    return { kind: 'assign', name: to.name, value };
  }

  /** The quad of workgroup memory at a place that is counted in quads. */
  quad({ name }: WorkgroupMemory, at: Dim): Expr {
    return load(name, multiply(at, constant(QUAD)), 'f32', QUAD);
  }

  put({ name }: WorkgroupMemory, at: Dim, value: Expr): Statement {
    return { kind: 'store', buffer: name, index: multiply(at, constant(QUAD)), value };
  }

  /** Of the exchange memory, what the column `at` of this row tells. */
  told(at: Dim): Dim {
    return add(multiply(this.row, constant(this.blocking.columns)), at);
  }

  /** Of the exponentials, those of the row's queries for a key of the block. */
  power(key: Dim): Dim {
    return add(multiply(this.row, constant(this.blocking.places.powerStep)), key);
  }
}
