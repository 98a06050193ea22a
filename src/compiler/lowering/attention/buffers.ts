/** What the nest of attention reads and writes: its buffers, and how elements of the operands are got from them. */
import { linearize } from '../../dims/shape.ts';
import type { Dim } from '../../dims/dim.ts';
import type { Value } from '../../ir/graph.ts';
import { load } from '../../kernel/build.ts';
import type { Expr } from '../../kernel/ir.ts';
import { parametersBehind } from '../contract/pack.ts';
import { parametersAfter } from '../followers.ts';
import type { BufferSlot, KernelContext } from '../kernel-context.ts';
import type { BufferUse, Scratch } from '../lowered-kernel.ts';
import { RegionReader, type ReadScope } from '../reader.ts';
import type { Attention } from './analyse.ts';

/** Keys and values as dense rows; absent: they are read where they lie. */
export interface DenseRows {
  readonly keys?: Scratch;
  readonly values?: Scratch;
}

/** Results of the region, and readers of what stands before and after its attention. */
export class OperandBuffers {
  readonly uses: BufferUse[] = [];
  /** Reads operands. */
  readonly before: RegionReader;
  /** Reads what follows the attention. */
  readonly after: RegionReader;
  readonly #context: KernelContext;
  readonly #attention: Attention;
  readonly #slots = new Map<Value, BufferSlot>();
  readonly #outputs = new Map<Value, BufferSlot>();

  /** First what `operands` and the followers read; the rest is added. */
  constructor(context: KernelContext, attention: Attention, operands: readonly Value[]) {
    const { region } = attention;
    this.#context = context;
    this.#attention = attention;
    this.before = new RegionReader(region, context);
    this.after = new RegionReader(region, context);
    for (const value of operands.flatMap((operand) => parametersBehind(region, operand)))
      this.#sourceOf(value, this.before);
    for (const value of parametersAfter(attention)) this.#sourceOf(value, this.after);
  }

  add(access: BufferSlot['access'], use: BufferUse): BufferSlot {
    this.uses.push(use);
    return this.#context.buffer(use.kind === 'value' ? use.value.type.dtype : 'f32', access);
  }

  addResults(): void {
    for (const value of this.#attention.region.results)
      this.#outputs.set(value, this.add('write', { kind: 'value', value }));
  }

  #sourceOf(value: Value, reader: RegionReader): void {
    const slot = this.#slots.get(value) ?? this.add('read', { kind: 'value', value });
    this.#slots.set(value, slot);
    reader.loadFrom(slot, value);
  }

  /** The buffer of a result of the region. */
  output(value: Value): string {
    return this.#outputs.get(value)!.name;
  }
}

/** In order: what q, k, v, the mask and the followers read, dense rows, the scratch memory, the results. */
export class AttentionBuffers extends OperandBuffers {
  readonly scratch: BufferSlot;
  readonly #operands: Pick<Attention, 'k' | 'v'>;
  readonly #keys: BufferSlot | undefined;
  readonly #values: BufferSlot | undefined;

  constructor(context: KernelContext, attention: Attention, rows: DenseRows, scratchSize: Dim) {
    const { q, k, v, mask } = attention;
    super(context, attention, [q, ...(rows.keys ? [] : [k]), ...(rows.values ? [] : [v]), ...(mask ? [mask] : [])]);
    this.#operands = { k, v };
    this.#keys = rows.keys && this.add('read', { kind: 'scratch', scratch: rows.keys });
    this.#values = rows.values && this.add('read', { kind: 'scratch', scratch: rows.values });
    this.scratch = this.add('readwrite', { kind: 'scratch', scratch: { size: scratchSize } });
    this.addResults();
  }

  key(index: readonly Dim[], scope: ReadScope): Expr {
    return this.#element(this.#keys, this.#operands.k, index, scope);
  }

  value(index: readonly Dim[], scope: ReadScope): Expr {
    return this.#element(this.#values, this.#operands.v, index, scope);
  }

  #element(rows: BufferSlot | undefined, value: Value, index: readonly Dim[], scope: ReadScope): Expr {
    // Unbound, so that a load stays a load, whoever else uses the value.
    if (!rows) return this.before.readGuarded(value, index, scope);
    return load(rows.name, linearize(index, value.type.shape), 'f32');
  }
}
