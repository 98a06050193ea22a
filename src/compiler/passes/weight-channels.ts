/** Which axes of a weight tell output channels apart: those along which no product that it goes into sums. */
import { ONE, subtract, symbol, symbolsOf, type Dim } from '../dims/dim.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { moveIndex } from '../ir/movement.ts';
import { boundsOf } from '../ir/types.ts';
import { definitionsOf } from '../ir/walk.ts';
import { weightedProducts } from './quantize.ts';

/**
 * By the name of each parameter that products read, themselves or through movements, all such products that `quantize`
 * would compute in bytes. The axes are in order.
 */
export function weightChannels(graph: Graph): ReadonlyMap<string, readonly number[]> {
  const names = new Map(graph.parameters.map(({ name, value }) => [value, name]));
  const definitions = definitionsOf(graph.nodes);
  const found = new Map<string, readonly number[]>();
  for (const { weights, summed } of weightedProducts(graph)) {
    const place = placeOf(weights.value, weights.labels, definitions, graph);
    const name = place && names.get(place.value);
    if (name === undefined) continue;
    const counters = new Set(summed.map(counterOf));
    const axes = place!.index.flatMap((at, axis) => (symbolsOf(at).some((each) => counters.has(each)) ? [] : [axis]));
    const known = found.get(name);
    found.set(name, known ? known.filter((axis) => axes.includes(axis)) : axes);
  }
  return found;
}

function counterOf(label: string): string {
  return `$${label}`;
}

/** Where the element at the labels' counters comes from, through all movements that only rename elements. */
function placeOf(
  start: Value,
  labels: readonly string[],
  definitions: ReadonlyMap<Value, Node>,
  graph: Graph,
): { readonly value: Value; readonly index: readonly Dim[] } | undefined {
  const limits = labels.map((label, axis) => [counterOf(label), subtract(start.type.shape[axis]!, ONE)] as const);
  const bounds = new Map([...boundsOf(graph), ...limits]);
  let value = start;
  let index: readonly Dim[] = labels.map((label) => symbol(counterOf(label)));
  for (let node = definitions.get(value); node; node = definitions.get(value)) {
    const moved = moveIndex(node, index, bounds);
    if (!moved) return undefined;
    value = node.inputs[moved.operand]!;
    index = moved.index;
  }
  return { value, index };
}
