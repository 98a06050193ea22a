/** What the parts of the nest of attention share: its operands and memory, where they stand, and how they write loops. */
import { symbol, type Dim } from '../../dims/dim.ts';
import { load, position } from '../../kernel/build.ts';
import type { Expr, Lanes, Statement } from '../../kernel/ir.ts';
import type { KernelContext } from '../kernel-context.ts';
import type { ReadScope } from '../reader.ts';
import type { Attention } from './analyse.ts';
import type { AttentionBuffers } from './buffers.ts';
import type { Layout } from './scratch.ts';

/** Where a tile of queries stands. */
export interface Place {
  readonly batch: readonly Dim[];
  readonly head: Dim;
  readonly keyHead: Dim;
  /** The first query, and how many there are. */
  readonly query: Dim;
  readonly count: Dim;
  /** Of the grid point's scratch memory. */
  readonly start: Dim;
}

/** A block of keys. */
export interface Block {
  readonly first: Dim;
  readonly count: Dim;
  /** Whether it holds all keys that are seen: then nothing has to be remembered from block to block. */
  readonly isOnly: boolean;
}

interface NestParts {
  readonly attention: Attention;
  readonly context: KernelContext;
  readonly buffers: AttentionBuffers;
  readonly layout: Layout;
  readonly lanes: Lanes;
  /** Queries side by side. */
  readonly columns: number;
}

export class AttentionNest implements NestParts {
  readonly attention: Attention;
  readonly context: KernelContext;
  readonly buffers: AttentionBuffers;
  readonly layout: Layout;
  readonly lanes: Lanes;
  readonly columns: number;

  constructor(parts: NestParts) {
    ({
      attention: this.attention,
      context: this.context,
      buffers: this.buffers,
      layout: this.layout,
      lanes: this.lanes,
      columns: this.columns,
    } = parts);
  }

  /** Offsets of the vectors of queries from the first query. */
  get vectors(): readonly number[] {
    return Array.from({ length: this.columns / this.lanes }, (_, vector) => vector * this.lanes);
  }

  loop(mode: 'serial' | 'vector', extent: Dim, write: (at: Dim) => readonly Statement[]): Statement {
    const { name, at } = this.context.counter('i', extent);
    return { kind: 'loop', variable: name, extent, mode, body: write(at) };
  }

  /** An element of the scratch memory, or a vector of them. */
  load(index: Dim, lanes: Lanes = 1): Expr {
    return load(this.buffers.scratch.name, index, 'f32', lanes);
  }

  store(index: Dim, value: Expr): Statement {
    return { kind: 'store', buffer: this.buffers.scratch.name, index, value };
  }

  let(scope: ReadScope, value: Expr, prefix = 's'): Expr & { kind: 'variable' } {
    const name = this.context.fresh(prefix);
    scope.statements.push({ kind: 'let', name, value });
    return { kind: 'variable', name, type: value.type, lanes: value.lanes };
  }

  /** A name for a position, so that what is counted from it reads short. */
  named(scope: ReadScope, dim: Dim): Dim {
    return symbol(this.let(scope, position(dim), 'n').name);
  }
}
