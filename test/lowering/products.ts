/** Graphs of one product, with what follows it. */
import { constant, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Graph, Value } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';

/** What follows the product: nothing, what happens in registers, or what a loop does to parked sums. */
export type Follower = 'none' | 'bias' | 'gelu';

export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Whether an operand is stored with its summed axis first. */
  readonly left?: 'km';
  readonly right?: 'kn';
  readonly follower?: Follower;
  readonly batch?: number;
}

/** The product with the sizes `known`, and the others as symbols `m`, `n` and `k`. */
export function productGraph({ m, n, k, left, right, follower = 'none', batch }: Product, known: string): Graph {
  const builder = new Builder(ops, new Map());
  const size = (name: string, value: number): Dim => (known.includes(name) ? constant(value) : symbol(name));
  const [rows, columns, depth] = [size('m', m), size('n', n), size('k', k)];
  const lead = batch === undefined ? [] : [constant(batch)];
  const labels = (...own: string[]): string[] => [...lead.map(() => 'b'), ...own];
  const value = (...shape: Dim[]): Value => builder.value({ dtype: 'f32', shape: [...lead, ...shape] });
  const x = left === 'km' ? value(depth, rows) : value(rows, depth);
  const w = right === 'kn' ? value(depth, columns) : value(columns, depth);
  const bias = value(rows, columns);
  let y = builder.one('contract', [x, w], {
    left: left === 'km' ? labels('k', 'i') : labels('i', 'k'),
    right: right === 'kn' ? labels('k', 'j') : labels('j', 'k'),
    result: labels('i', 'j'),
  });
  if (follower !== 'none') y = builder.one('add', [y, bias]);
  if (follower === 'gelu') y = builder.one('gelu', [y]);
  const inputs = [
    { name: 'x', value: x },
    { name: 'w', value: w },
    ...(follower === 'none' ? [] : [{ name: 'bias', value: bias }]),
  ];
  const dims = ['m', 'n', 'k'].filter((name) => !known.includes(name)).map((name) => ({ name }));
  return { name: 'P', dims, inputs, parameters: [], nodes: builder.nodes, outputs: [{ name: 'y', value: y }] };
}
