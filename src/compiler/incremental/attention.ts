/** Causal attention of one token: to the keys and values that are kept, with those of the token itself. */
import { constant, ONE, type Dim } from '../dims/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { GraphOutput, KeptTensor, Node, Value } from '../ir/graph.ts';
import type { Layout } from './layout.ts';
import { arrangementOf, fromFront, inHeads } from './rows.ts';
import type { Sequence } from './sequence.ts';

/** The keys and values of every attention of a routine. */
export class KeptAttention {
  readonly kept: KeptTensor[] = [];
  readonly outputs: GraphOutput[] = [];
  readonly #builder: Builder;
  readonly #sequence: Sequence;
  readonly #rows = new Map<Node, readonly [Value, Value]>();

  constructor(builder: Builder, sequence: Sequence) {
    this.#builder = builder;
    this.#sequence = sequence;
  }

  /** Writes keys and values of `length` tokens, in `layout`, at the positions `at`, i32[batch]. */
  put(node: Node, [k, v]: readonly [Value, Value], layout: Layout, length: Dim, at: Value): void {
    const number = this.#rows.size;
    const [, keys, values] = node.inputs as [Value, Value, Value];
    this.#rows.set(node, [
      this.#putOne(`generate.keys.${number}`, keys, k, layout, length, at),
      this.#putOne(`generate.values.${number}`, values, v, layout, length, at),
    ]);
  }

  #putOne(name: string, value: Value, x: Value, layout: Layout, length: Dim, at: Value): Value {
    const sequence = this.#sequence;
    const rows = inHeads(this.#builder, x, arrangementOf(value.type.shape, layout, length, sequence), sequence);
    const [batch, heads, , width] = rows.type.shape as [Dim, Dim, Dim, Dim];
    const kept = this.#builder.value({ dtype: 'f32', shape: [batch, heads, constant(sequence.max), width] });
    const next = this.#builder.one('put_rows', [kept, rows, at]);
    this.kept.push({ name, value: kept });
    this.outputs.push({ name: `next.${name}`, value: next, into: name });
    return next;
  }

  /** The result for one query of each sequence, q as the node has it at one token; `at` is the position of the token. */
  attend(node: Node, q: Value, layout: Layout, at: Value): Value {
    const { body } = node.op;
    if (body.kind !== 'attention') throw new Error(`internal: ${node.op.name} is no attention`);
    const shape = node.inputs[0]!.type.shape;
    const query = inHeads(this.#builder, q, arrangementOf(shape, layout, ONE, this.#sequence), this.#sequence);
    const scale = body.scale(node.attributes) ?? null;
    const result = this.#builder.one('decode_attention', [query, ...this.#rows.get(node)!, at], { scale });
    return fromFront(this.#builder, result, arrangementOf(node.results[0]!.type.shape, layout, ONE, this.#sequence));
  }
}
