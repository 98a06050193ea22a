/** What a contraction is made of: its axes by role, and which operand gives rows and which columns. */
import { add, constant, floorDiv, type Bounds, type Dim } from '../../dims/dim.ts';
import { delinearize, elementCount, type Shape } from '../../dims/shape.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import type { ContractionArithmetic } from '../../ir/op.ts';
import type { Tile } from '../../kernel/target.ts';

/** The axes of a contraction by role, in result order (batch, rows, columns) and left-operand order (summed). */
export interface ContractionAxes {
  readonly batch: readonly LabelledAxis[];
  readonly rows: readonly LabelledAxis[];
  readonly columns: readonly LabelledAxis[];
  readonly summed: readonly LabelledAxis[];
}

/** An axis with its size; axes of one label have one size. */
export interface LabelledAxis {
  readonly label: string;
  readonly size: Dim;
}

export interface Operand {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** A contraction with its operands in tile order: `left` gives rows, `right` columns. */
export interface Contraction {
  readonly region: Region;
  readonly node: Node;
  readonly left: Operand;
  readonly right: Operand;
  readonly result: readonly string[];
  readonly axes: ContractionAxes;
  /** The summed axes in the loops that run over them, outermost first; the axes of one loop are counted as one. */
  readonly loops: readonly (readonly LabelledAxis[])[];
  readonly arithmetic: ContractionArithmetic;
}

export function analyseContraction(region: Region): Contraction {
  const node = region.nodes.find((one) => one.op.body.kind === 'contraction');
  if (node?.op.body.kind !== 'contraction') throw new Error('internal: a contraction region without a contraction');
  const { arithmetic } = node.op.body;
  const labels = node.op.body.labels(node.attributes);
  const first: Operand = { value: node.inputs[0]!, labels: labels.left };
  const second: Operand = { value: node.inputs[1]!, labels: labels.right };
  // The operand that owns the last result axis gives the columns, so that a tile's row is stored in one piece.
  const lastOwned = labels.result.findLast((label) => labels.left.includes(label) !== labels.right.includes(label));
  const swap = lastOwned !== undefined && labels.left.includes(lastOwned);
  const [left, right] = swap ? [second, first] : [first, second];
  const axes = axesOf(left, right, labels.result);
  return { region, node, left, right, result: labels.result, axes, loops: [axes.summed], arithmetic };
}

function axesOf(left: Operand, right: Operand, result: readonly string[]): ContractionAxes {
  const sizes = new Map<string, Dim>();
  for (const { value, labels } of [right, left])
    labels.forEach((label, axis) => sizes.set(label, value.type.shape[axis]!));
  const axis = (label: string): LabelledAxis => ({ label, size: sizes.get(label)! });
  const inLeft = (label: string): boolean => left.labels.includes(label);
  const inRight = (label: string): boolean => right.labels.includes(label);
  return {
    batch: result.filter((label) => inLeft(label) && inRight(label)).map(axis),
    rows: result.filter((label) => inLeft(label) && !inRight(label)).map(axis),
    columns: result.filter((label) => !inLeft(label) && inRight(label)).map(axis),
    summed: left.labels.filter((label) => !result.includes(label)).map(axis),
  };
}

export function sizesOf(axes: readonly LabelledAxis[]): Shape {
  return axes.map((axis) => axis.size);
}

/** Where each labelled axis stands when its group's flat counter stands at `at`. */
export function labelPositions(
  groups: readonly { readonly axes: readonly LabelledAxis[]; readonly at: Dim }[],
  bounds: Bounds,
): Map<string, Dim> {
  const positions = new Map<string, Dim>();
  for (const { axes, at } of groups) {
    const index = delinearize(at, sizesOf(axes), bounds);
    axes.forEach((axis, place) => positions.set(axis.label, index[place]!));
  }
  return positions;
}

export function indexOfLabels(labels: readonly string[], positions: ReadonlyMap<string, Dim>): Dim[] {
  return labels.map((label) => positions.get(label)!);
}

/** Columns in whole panels. */
export function panelCount(contraction: Contraction, tile: Tile): Dim {
  const columns = elementCount(sizesOf(contraction.axes.columns));
  return floorDiv(add(columns, constant(tile.columns - 1)), constant(tile.columns));
}
