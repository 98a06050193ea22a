/** Which axes of a weight tell output channels apart: those along which no product that it goes into sums. */
import { ONE, subtract, symbol, symbolsOf, type Dim } from '../dims/dim.ts';
import type { Graph, Node, Value } from '../ir/graph.ts';
import { moveIndex } from '../ir/movement.ts';
import { tensorNames } from '../ir/parameter-tensors.ts';
import { boundsOf } from '../ir/types.ts';
import { definitionsOf } from '../ir/walk.ts';
import { weightedProducts } from './quantize.ts';

/**
 * By the name of each tensor of a parameter that products read, themselves or through movements: all such products that
 * `quantize` would compute in bytes, and ragged ones alike. The axes are in order, those of a member its own.
 */
export function weightChannels(graph: Graph): ReadonlyMap<string, readonly number[]> {
  const parameters = new Map(graph.parameters.map((parameter) => [parameter.value, parameter]));
  const definitions = definitionsOf(graph.nodes);
  const found = new Map<string, readonly number[]>();
  for (const { weights, summed } of weightedProducts(graph)) {
    const place = placeOf(weights.value, weights.labels, definitions, graph);
    const parameter = place && parameters.get(place.value);
    if (!parameter) continue;
    const counters = new Set(summed.map(counterOf));
    const axes = place!.index.flatMap((at, axis) => (symbolsOf(at).some((each) => counters.has(each)) ? [] : [axis]));
    // Each member has magnitudes of its own, whether or not products tell members apart.
    const own = parameter.members ? axes.flatMap((axis) => (axis > 0 ? [axis - 1] : [])) : axes;
    for (const name of tensorNames(parameter)) {
      const known = found.get(name);
      found.set(name, known ? known.filter((axis) => own.includes(axis)) : own);
    }
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
