/** Operands that hold positions in an axis, labels and token ids among them: which of an op's they are, and what is in them. */
import type { Graph } from '../../compiler/index.ts';

type GraphNode = Graph['nodes'][number];
type Value = GraphNode['results'][number];
type Attributes = GraphNode['attributes'];

/** Where an op with positions has them. */
interface Positions {
  /** The operand with the positions, and how it is called. */
  readonly operand: number;
  readonly called: string;
  /** The operand that they are positions in, what its places are called, and their axis. */
  readonly table: number;
  readonly places: string;
  axis(attributes: Attributes, rank: number): number;
}

function namedAxis({ axis }: Attributes, rank: number, otherwise: number): number {
  const at = typeof axis === 'number' ? axis : otherwise;
  return at < 0 ? at + rank : at;
}

const CLASSES: Positions = {
  operand: 1,
  called: 'target',
  table: 0,
  places: 'classes',
  axis: (attributes, rank) => namedAxis(attributes, rank, Math.min(1, rank - 1)),
};

/** The ops that give NaN for a position out of range. */
const OPS: { readonly [op: string]: Positions } = {
  cross_entropy: CLASSES,
  nll: CLASSES,
  embedding: { operand: 0, called: 'ids', table: 1, places: 'rows', axis: () => 0 },
  gather: {
    operand: 1,
    called: 'index',
    table: 0,
    places: 'elements',
    axis: (attributes, rank) => namedAxis(attributes, rank, 0),
  },
};

/** A tensor that a run has computed or was given. */
export interface Known {
  readonly data: unknown;
  readonly shape: readonly number[];
}

/**
 * What is wrong with the positions that a node takes: `its operand target has values from 0 to 5, but the 3 classes are 0 to
 * 2, …`. Undefined where all are in range, or it takes none.
 */
export function positionsFault(
  { op, inputs, attributes }: GraphNode,
  known: (value: Value) => Known | undefined,
): string | undefined {
  const kind = OPS[op.name];
  const positions = kind && known(inputs[kind.operand]!);
  const table = kind && known(inputs[kind.table]!);
  if (!positions || !table || !(positions.data instanceof Int32Array)) return undefined;
  const count = table.shape[kind.axis(attributes, table.shape.length)]!;
  const counted = positions.data.filter((value) => value !== attributes['ignore_index']);
  if (!counted.some((value) => value < -count || value >= count)) return undefined;
  const [least, largest] = counted.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
  const range = `the ${count} ${kind.places} are 0 to ${count - 1}, or -${count} to -1 from the end`;
  return `its operand ${kind.called} has values from ${least} to ${largest}, but ${range}`;
}
