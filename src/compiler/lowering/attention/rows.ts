/**
 * Keys and values as rows that lie one behind the other. Each is read once for every few queries, so rows that lie
 * apart, as in a projection of q, k and v together, would be fetched anew each time: a step of some powers of two
 * between rows leaves a cache room for a few of them only.
 */
import { affineIn, equal, ONE, type Bounds } from '../../dims/dim.ts';
import { elementCount, linearize } from '../../dims/shape.ts';
import type { Region, Value } from '../../ir/graph.ts';
import { operandReader, type Packed } from '../contract/pack.ts';
import { KernelContext } from '../kernel-context.ts';
import { gridOver } from '../loops.ts';
import { openScope } from '../reader.ts';

/** Whether each row of `value` is read from where its last one ends, by plain loads. */
export function hasDenseRows(region: Region, value: Value, bounds: Bounds): boolean {
  const context = new KernelContext(bounds);
  const { reader } = operandReader(region, { value }, context);
  const counters = value.type.shape.map((size) => context.counter('n', size));
  const index = counters.map((counter) => counter.at);
  const element = reader.readGuarded(value, index, openScope());
  if (element.kind !== 'load') return false;
  const [row, column] = counters.slice(-2).map(({ name }) => affineIn(element.index, name)?.coefficient);
  return row !== undefined && column !== undefined && equal(column, ONE) && equal(row, value.type.shape.at(-1)!);
}

/** A kernel that copies `value` in row-major order, with whatever it is computed from. */
export function packRows(region: Region, value: Value, name: string, bounds: Bounds): Packed {
  const { shape } = value.type;
  const context = new KernelContext(bounds);
  const { reader, uses } = operandReader(region, { value }, context);
  const output = context.buffer('f32', 'write');
  const { grid, index } = gridOver(context, shape.slice(0, -1));
  const column = context.counter('k', shape.at(-1)!);
  const at = [...index, column.at];
  const scope = openScope();
  const element = reader.read(value, at, scope);
  scope.statements.push({ kind: 'store', buffer: output.name, index: linearize(at, shape), value: element });
  const kernel = context.finish(name, grid, [
    { kind: 'loop', variable: column.name, extent: shape.at(-1)!, mode: 'vector', body: scope.statements },
  ]);
  const scratch = { size: elementCount(shape) };
  return { scratch, lowered: { kernel, buffers: [...uses, { kind: 'scratch', scratch }] } };
}
