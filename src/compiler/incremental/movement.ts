/**
 * Movements at one position. A movement keeps positions apart if what it reads for an element of the whole sequence is,
 * element for element, what it reads in a sequence of another length whose elements are those of the position: a token
 * alone, or the longest sequence. Both are written as expressions of the operands' elements and compared.
 */
import { add, dependsOn, multiply, ONE, subtract, symbol, symbolsOf, type Dim } from '../dims/dim.ts';
import { isDim } from '../ir/attributes.ts';
import type { Attribute, Attributes, Node, TensorType, Value } from '../ir/graph.ts';
import type { ElementContext, MovementBody } from '../ir/op.ts';
import { variable } from '../kernel/build.ts';
import type { Expr } from '../kernel/ir.ts';
import { digitOf, elementAt, GROUPED_ROW, POSITION, ROW_OF_BATCH, type Placed, type Target } from './element.ts';
import { NOWHERE, partsOf, sameLayout, type Digit, type Layout } from './layout.ts';
import { atLength, attributesAtLength, hasSeveral, mentionsTime, typeAtLength, type Sequence } from './sequence.ts';

/** Other positions are read, the length is looked at, or the order of the axes cannot be followed. */
export type MovementFault = 'positions' | 'length' | 'order';

export interface MovedLayouts {
  /** The layout that each operand is read in. */
  readonly operands: readonly Layout[];
  /** The index in the target that the only operand is read at, where the movement reads one element and nothing else. */
  readonly source?: readonly Dim[];
}

/** What is known of i32 values that count tokens or rows. */
export interface Counting {
  isCount(value: Value): boolean;
  /** Where a count is read in `layout`: the layout of an axis 0 that is read at it. */
  layoutAt(value: Value, layout: Layout): Layout | undefined;
}

/** What a movement that gives a result in `layout` reads its operands in. */
export function moveLayouts(
  node: Node,
  layout: Layout,
  target: Target,
  sequence: Sequence,
  counting: Counting,
): MovedLayouts | MovementFault {
  const parts = partsOf(node.results[0]!.type.shape, layout, sequence);
  if (!parts) return 'order';
  const element = elementAt(node.results[0]!.type.shape, parts, target, sequence);
  const reading = new Reading({ node, layout, target, sequence, counting }, new Map(element.bounds));
  const whole = reading.inWhole(element.whole);
  if (reading.fault) return reading.fault;
  const mentions = (name: string): boolean => integersOf(whole).some((dim) => dependsOn(dim, name));
  // A row has another number in each sequence.
  if (mentions(GROUPED_ROW)) return 'positions';
  if (keyOf(whole) === keyOf(reading.inTarget(element.target))) return reading.layouts(whole);
  return mentions(POSITION) ? 'positions' : 'length';
}

interface Question {
  readonly node: Node;
  readonly layout: Layout;
  readonly target: Target;
  readonly sequence: Sequence;
  readonly counting: Counting;
}

interface Read {
  readonly operand: number;
  readonly layout: Layout;
  /** The index in the target. */
  readonly index: readonly Dim[];
}

/** The reads of one movement, and the layouts they show. */
class Reading {
  fault: MovementFault | undefined;
  readonly #question: Question;
  readonly #body: MovementBody<Attributes>;
  readonly #bounds: Map<string, Dim>;
  readonly #reads: Read[] = [];
  /** What integers count that have been read, by their names. */
  readonly #counted = new Map<string, Layout>();

  constructor(question: Question, bounds: Map<string, Dim>) {
    const { op } = question.node;
    if (op.body.kind !== 'movement') throw new Error(`internal: ${op.name} is no movement`);
    this.#question = question;
    this.#body = op.body;
    this.#bounds = bounds;
  }

  /** The element of the whole sequence, made of elements that are named by their places in the target. */
  inWhole(index: readonly Dim[]): Expr {
    const { inputs, results, attributes } = this.#question.node;
    const readers = inputs.map((_, operand) => (at: readonly Dim[]) => {
      const read = this.#read(operand, at);
      const before = this.#reads.find((one) => one.operand === operand);
      if (before && !sameLayout(before.layout, read.layout)) this.fault ??= 'positions';
      this.#reads.push(read);
      return this.#element(read.operand, read.index);
    });
    const types = (values: readonly Value[]): readonly TensorType[] => values.map(({ type }) => type);
    return this.#body.element(readers, index, attributes, this.#context(types(inputs), types(results)));
  }

  inTarget(index: readonly Dim[]): Expr {
    const { node, sequence, target } = this.#question;
    const readers = node.inputs.map((_, operand) => (at: readonly Dim[]) => this.#element(operand, at));
    const attributes = attributesAtLength(sequence, node.attributes, target.length);
    const types = (values: readonly Value[]): readonly TensorType[] =>
      values.map(({ type }) => typeAtLength(sequence, type, target.length));
    return this.#body.element(readers, index, attributes, this.#context(types(node.inputs), types(node.results)));
  }

  layouts(whole: Expr): MovedLayouts {
    const operands = this.#question.node.inputs.map(
      (_, operand) => this.#reads.find((read) => read.operand === operand)?.layout ?? NOWHERE,
    );
    const isPure = operands.length === 1 && whole.kind === 'variable';
    return { operands, ...(isPure && { source: this.#reads[0]!.index }) };
  }

  #element(operand: number, index: readonly Dim[]): Expr {
    const places = index.map((at) => at.key).join(', ');
    return variable(`${operand}[${places}]`, this.#question.node.inputs[operand]!.type.dtype);
  }

  #context(inputs: readonly TensorType[], outputs: readonly TensorType[]): ElementContext {
    return {
      inputs: inputs.map((type, operand) => this.#withoutCounts(type, operand)),
      outputs,
      bounds: this.#bounds,
      position: (value, size) => this.#integer(value, size),
    };
  }

  /**
   * A number of a token or row is in range in both sequences or in neither, since it counts the same ones: so how many
   * there are is an unknown of one name.
   */
  #withoutCounts(type: TensorType, operand: number): TensorType {
    const { node, sequence, counting } = this.#question;
    const counts = node.inputs.findIndex((input) => counting.isCount(input));
    if (counts === -1 || counts === operand) return type;
    const { shape } = node.inputs[operand]!.type;
    return {
      ...type,
      shape: type.shape.map((size, axis) => (mentionsTime(sequence, shape[axis]!) ? symbol(`$all${axis}`) : size)),
    };
  }

  /** An integer that an operand holds, as an index. */
  #integer(value: Expr, size: Dim): Dim {
    const name = `$read(${keyOf(value)})`;
    const { node, sequence, counting } = this.#question;
    if (!symbolsOf(size).includes(sequence.time)) this.#bounds.set(name, subtract(size, ONE));
    const read = value.kind === 'variable' ? this.#reads.at(-1) : undefined;
    const counted = read && counting.layoutAt(node.inputs[read.operand]!, read.layout);
    if (counted) this.#counted.set(name, counted);
    return symbol(name);
  }

  #read(operand: number, at: readonly Dim[]): Read {
    let layout: Layout = NOWHERE;
    const index = at.map((dim, axis) => {
      const placed = this.#placed(operand, axis, dim);
      for (const name of ['time', 'batch', 'rows'] as const) {
        if (!placed.layout[name]) continue;
        if (layout[name]) this.fault ??= 'positions';
        layout = { ...layout, [name]: placed.layout[name] };
      }
      return placed.index;
    });
    return { operand, layout, index };
  }

  /** Where an index along an axis of an operand is in the target, and the layout that it shows. */
  #placed(operand: number, axis: number, index: Dim): { readonly layout: Layout; readonly index: Dim } {
    const { node, layout, target, sequence } = this.#question;
    const size = node.inputs[operand]!.type.shape[axis]!;
    const counted = [...this.#counted].find(([name]) => dependsOn(index, name));
    if (counted) return { layout: this.#only(index, counted[0], movedTo(counted[1], axis)), index };
    if (dependsOn(index, GROUPED_ROW))
      return { layout: this.#only(index, GROUPED_ROW, { rows: { ...layout.rows!, axis } }), index };
    const bounds = this.#bounds;
    const digit = (name: string, count: Dim): Placed | 'absent' | 'broken' =>
      digitOf(index, { axis, size }, { name, size: count }, bounds);
    const row = hasSeveral(sequence) ? digit(ROW_OF_BATCH, sequence.batch) : 'absent';
    const batch = typeof row === 'object' ? { batch: row.digit } : NOWHERE;
    const position = mentionsTime(sequence, size) ? digit(POSITION, symbol(sequence.time)) : 'absent';
    if (position === 'broken') this.fault ??= 'positions';
    if (typeof position === 'string') return { layout: batch, index };
    return { layout: { ...batch, time: position.digit }, index: placeIn(target, position, sequence) };
  }

  /** `layout` where the index is the integer and nothing else. */
  #only(index: Dim, name: string, layout: Layout): Layout {
    if (index.key !== symbol(name).key) this.fault ??= 'positions';
    return layout;
  }
}

function placeIn({ length, position }: Target, { digit, above, below }: Placed, sequence: Sequence): Dim {
  const there = (dim: Dim): Dim => atLength(sequence, dim, length);
  return add(multiply(add(multiply(there(above), length), position), there(digit.inner)), there(below));
}

function movedTo({ time, batch, rows }: Layout, axis: number): Layout {
  const moved = (digit: Digit): Digit => ({ ...digit, axis });
  return {
    ...(time && { time: moved(time) }),
    ...(batch && { batch: moved(batch) }),
    ...(rows && { rows: { ...rows, axis } }),
  };
}

/** A text that is the same for equal expressions. */
function keyOf(expression: Expr): string {
  return JSON.stringify(expression, (_, value: unknown) => {
    if (typeof value === 'number') return String(value);
    return isDim(value as Attribute) ? (value as Dim).key : value;
  });
}

/** All indices in an expression. */
function integersOf(expression: Expr): Dim[] {
  const found: Dim[] = [];
  JSON.stringify(expression, (_, value: unknown) => {
    if (!isDim(value as Attribute)) return value;
    found.push(value as Dim);
    return null;
  });
  return found;
}
