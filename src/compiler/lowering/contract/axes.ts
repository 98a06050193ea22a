/** What a contraction is made of: its axes by role, and which operand gives rows and which columns. */
import { add, constant, floorDiv, ONE, subtract, type Bounds, type Dim } from '../../dims/dim.ts';
import { delinearize, elementCount, type Shape } from '../../dims/shape.ts';
import type { Node, Region, Value } from '../../ir/graph.ts';
import type { ContractionArithmetic } from '../../ir/op.ts';
import type { Tile } from '../../kernel/target.ts';

/** The axes of a contraction by role, in result order (batch, rows, columns) and left-operand order (summed). */
export interface ContractionAxes {
  readonly batch: readonly LabelledAxis[];
  /** What is a batch to the right operand: that of both operands, behind the groups where each has a matrix of its own. */
  readonly rightBatch: readonly LabelledAxis[];
  /** What is a batch to the result: that of both operands, behind the groups where the rows of each are summed. */
  readonly resultBatch: readonly LabelledAxis[];
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

/** How the rows of a product, or what it sums, are in groups. */
export interface Grouping {
  /** Whether the rows are in groups that have a matrix each, or the summed rows in groups that have a result each. */
  readonly of: 'rows' | 'summed';
  /** i32[groups + 1]: where in the ragged axis each group begins. */
  readonly offsets: Value;
  readonly groups: Dim;
  /** How many rows, or summed positions, one of the ragged axis is. */
  readonly each: Dim;
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
  readonly grouping?: Grouping;
}

export function analyseContraction(region: Region): Contraction {
  const node = region.nodes.find((one) => one.op.body.kind === 'contraction');
  if (node?.op.body.kind !== 'contraction') throw new Error('internal: a contraction region without a contraction');
  const { body } = node.op;
  const { left: ofFirst, right: ofSecond, result } = body.labels(node.attributes);
  const grouped = groupedOf(node);
  const first: Operand = { value: node.inputs[0]!, labels: ofFirst };
  const second: Operand = { value: node.inputs[1]!, labels: ofSecond };
  const { rows } = grouped ?? {};
  const swap = rows !== undefined && result.includes(rows) ? ofSecond.includes(rows) : ownsLast(first, second, result);
  const [left, right] = swap ? [second, first] : [first, second];
  const axes = axesOf(left, right, result, grouped);
  const grouping = grouped && groupingOf(grouped, axes);
  const { arithmetic } = body;
  return { region, node, left, right, result, axes, loops: [axes.summed], arithmetic, ...(grouping && { grouping }) };
}

/** The operand that owns the last result axis gives the columns, so that a tile's row is stored in one piece. */
function ownsLast(first: Operand, second: Operand, result: readonly string[]): boolean {
  const last = result.findLast((label) => first.labels.includes(label) !== second.labels.includes(label));
  return last !== undefined && first.labels.includes(last);
}

function axesOf(left: Operand, right: Operand, result: readonly string[], grouped?: Grouped): ContractionAxes {
  const sizes = new Map<string, Dim>(grouped && [[grouped.group, grouped.groups]]);
  for (const { value, labels } of [right, left])
    labels.forEach((label, axis) => sizes.set(label, value.type.shape[axis]!));
  const axes = (labels: readonly string[]): readonly LabelledAxis[] =>
    labels.map((label) => ({ label, size: sizes.get(label)! }));
  const inLeft = (label: string): boolean => left.labels.includes(label);
  const inRight = (label: string): boolean => right.labels.includes(label);
  // What is in groups is counted outermost, so that a group is a stretch.
  const ragged = (label: string): number => (label === grouped?.rows ? 0 : 1);
  const raggedFirst = (labels: readonly string[]): string[] => labels.toSorted((a, b) => ragged(a) - ragged(b));
  const batch = result.filter((label) => inLeft(label) && inRight(label));
  const behindGroups = (has: readonly string[]): readonly string[] =>
    grouped && has.includes(grouped.group) ? [grouped.group, ...batch] : batch;
  return {
    batch: axes(batch),
    rightBatch: axes(behindGroups(right.labels)),
    resultBatch: axes(behindGroups(result)),
    rows: axes(raggedFirst(result.filter((label) => inLeft(label) && !inRight(label)))),
    columns: axes(result.filter((label) => !inLeft(label) && inRight(label))),
    summed: axes(raggedFirst(left.labels.filter((label) => !result.includes(label)))),
  };
}

/** The labels of the rows and of their groups, with the offsets and the number of groups. */
interface Grouped {
  readonly rows: string;
  readonly group: string;
  readonly offsets: Value;
  readonly groups: Dim;
}

function groupedOf({ op: { body }, inputs, attributes }: Node): Grouped | undefined {
  if (body.kind !== 'contraction' || !body.ragged) return undefined;
  const { rows, group, offsets: operand } = body.ragged(attributes);
  const offsets = inputs[operand]!;
  return { rows, group, offsets, groups: subtract(offsets.type.shape[0]!, ONE) };
}

function groupingOf({ rows, offsets, groups }: Grouped, axes: ContractionAxes): Grouping {
  const of = axes.rows.some(({ label }) => label === rows) ? 'rows' : 'summed';
  return { of, offsets, groups, each: elementCount(sizesOf(axes[of].slice(1))) };
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
