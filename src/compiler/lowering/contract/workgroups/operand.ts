/** An operand of a product as its tiles read it: by its batch, its own side (rows or columns) and the summed positions. */
import {
  add,
  affineIn,
  constant,
  constantValue,
  equal,
  evaluate,
  floorDiv,
  multiply,
  ONE,
  subtract,
  symbolsOf,
  ZERO,
  type Dim,
} from '../../../dims/dim.ts';
import { elementCount, linearize } from '../../../dims/shape.ts';
import { load, position } from '../../../kernel/build.ts';
import type { Expr, Statement } from '../../../kernel/ir.ts';
import { forEachExpr, forEachIndex, replaceInStatements, valueOf } from '../../../kernel/rewrite.ts';
import type { BufferSlot, KernelContext } from '../../kernel-context.ts';
import { openScope, type ReadScope, type RegionReader } from '../../reader.ts';
import { indexOfLabels, labelPositions, sizesOf, type Contraction, type LabelledAxis, type Operand } from '../axes.ts';
import { isMultiple } from '../pack.ts';
import { QUAD } from './tiling.ts';

/** Where an element of an operand stands, as numbers. */
export interface OperandPlace {
  readonly batch: Dim;
  readonly side: Dim;
  readonly k: Dim;
}

/** Along which of its two directions neighbours are near in memory, and whether four of them are one aligned vector. */
export interface Layout {
  readonly near: 'side' | 'summed';
  readonly isWide: boolean;
}

export type Side = 'left' | 'right';

/**
 * How a number of positions is taken apart into those of its axes. `replaced`: merged again, the parts are the number; it
 * stands for a symbol in the end, of which all divisions cancel. `named`: the parts get names, which loops that do not
 * count them leave out. `direct`: as it is.
 */
type Way = 'replaced' | 'named' | 'direct';

/** How elements are read: through the region, or from a copy as `[batch][side][summed]`. */
export type OperandSource = { readonly reader: RegionReader } | { readonly copy: BufferSlot };

export class SideOperand {
  readonly batches: Dim;
  readonly size: Dim;
  readonly depth: Dim;
  readonly #operand: Operand;
  readonly #batch: readonly LabelledAxis[];
  readonly #side: readonly LabelledAxis[];
  readonly #summed: readonly LabelledAxis[];
  readonly #context: KernelContext;
  readonly #source: OperandSource;
  readonly layout: Layout;
  #ways: { readonly side: Way; readonly summed: Way };

  constructor({ left, right, axes, grouping }: Contraction, side: Side, context: KernelContext, source: OperandSource) {
    this.#operand = side === 'left' ? left : right;
    this.#batch = side === 'left' ? axes.batch : axes.rightBatch;
    this.#side = side === 'left' ? axes.rows : axes.columns;
    this.#summed = axes.summed;
    this.#context = context;
    this.#source = source;
    this.batches = elementCount(sizesOf(this.#batch));
    this.size = elementCount(sizesOf(this.#side));
    this.depth = elementCount(sizesOf(this.#summed));
    const isFlat = 'reader' in source ? this.#flatness(source.reader) : { side: true, summed: true };
    const wayOf = (direction: 'side' | 'summed', other: Way): Way => (isFlat[direction] ? 'replaced' : other);
    this.#ways = { side: wayOf('side', 'direct'), summed: wayOf('summed', 'direct') };
    this.layout = this.#layoutOf(grouping?.of !== 'summed');
    const { near, isWide } = this.layout;
    const behind = (direction: 'side' | 'summed'): Way =>
      wayOf(direction, isWide && near === direction ? 'direct' : 'named');
    this.#ways = { side: behind('side'), summed: behind('summed') };
  }

  /** The element at a place that there is. */
  read({ batch, side, k }: OperandPlace, scope: ReadScope): Expr {
    const source = this.#source;
    if ('copy' in source) {
      const { name, type } = source.copy;
      return load(name, linearize([batch, side, k], [this.batches, this.size, this.depth]), type);
    }
    const across = this.#position(this.#side, side, this.#ways.side, scope.statements);
    const along = this.#position(this.#summed, k, this.#ways.summed, scope.statements);
    const inner = openScope();
    const value = this.#element(source.reader, batch, [across.positions, along.positions], inner);
    // Divisions of the numbers that merge again have cancelled; of what stands for these, not all would.
    const replaced = replaceInStatements([...inner.statements, { kind: 'let', name: ELEMENT, value }], {
      integer: (name) => across.replaced.get(name) ?? along.replaced.get(name),
      bounds: this.#context.bounds,
    });
    scope.statements.push(...replaced.slice(0, -1));
    return valueOf(replaced.at(-1)!)!;
  }

  #element(reader: RegionReader, batch: Dim, positions: readonly ReadonlyMap<string, Dim>[], scope: ReadScope): Expr {
    const all = labelPositions([{ axes: this.#batch, at: batch }], this.#context.bounds);
    for (const some of positions) for (const [label, at] of some) all.set(label, at);
    return reader.read(this.#operand.value, indexOfLabels(this.#operand.labels, all), scope);
  }

  /** Where the axes stand at a number of their positions. */
  #position(axes: readonly LabelledAxis[], at: Dim, way: Way, statements: Statement[]): Positions {
    const context = this.#context;
    const count = elementCount(sizesOf(axes));
    if (way === 'direct') return { positions: labelPositions([{ axes, at }], context.bounds), replaced: new Map() };
    if (way === 'replaced') {
      const { name, at: symbolic } = context.counter('n', count);
      return { positions: labelPositions([{ axes, at: symbolic }], context.bounds), replaced: new Map([[name, at]]) };
    }
    const named = (value: Dim, size: Dim): Dim => {
      if (constantValue(value) !== undefined) return value;
      const name = context.integer(position(value), statements);
      for (const symbol of symbolsOf(name)) context.bounds.set(symbol, subtract(size, ONE));
      return name;
    };
    const positions = labelPositions([{ axes, at: named(at, count) }], context.bounds);
    return {
      positions: new Map(axes.map(({ label, size }) => [label, named(positions.get(label)!, size)])),
      replaced: new Map(),
    };
  }

  #positions(side: Dim, k: Dim): readonly ReadonlyMap<string, Dim>[] {
    const groups = [
      { axes: this.#side, at: side },
      { axes: this.#summed, at: k },
    ];
    return groups.map((group) => labelPositions([group], this.#context.bounds));
  }

  /** Whether all that is read of an element is a whole number of steps of the side, and of what is summed, from another. */
  #flatness(reader: RegionReader): { readonly side: boolean; readonly summed: boolean } {
    const context = this.#context;
    const [side, k] = [context.counter('n', this.size), context.counter('n', this.depth)];
    const scope = openScope();
    const value = this.#element(reader, ZERO, this.#positions(side.at, k.at), scope);
    const dims: Dim[] = [];
    for (const one of [value, ...scope.statements.map((statement) => valueOf(statement)!)])
      forEachIndex(one, (dim) => dims.push(dim));
    const isAffine = (name: string): boolean => dims.every((dim) => affineIn(dim, name) !== undefined);
    return { side: isAffine(side.name), summed: isAffine(k.name) };
  }

  /** `isAligned`: summed steps are counted from the first one there is. */
  #layoutOf(isAligned: boolean): Layout {
    const context = this.#context;
    const batch = context.counter('n', this.batches).at;
    const [side, k] = [context.counter('n', this.size).at, context.counter('k', this.depth).at];
    // Quads of a whole number of quads.
    const quad = (size: Dim): Dim | undefined =>
      isMultiple(size, QUAD)
        ? multiply(context.counter('n', floorDiv(size, constant(QUAD))).at, constant(QUAD))
        : undefined;
    const [sides, steps] = [quad(this.size), quad(this.depth)];
    if (sides && this.#areVectors((at) => ({ batch, side: add(sides, at), k }))) return { near: 'side', isWide: true };
    if (isAligned && steps && this.#areVectors((at) => ({ batch, side, k: add(steps, at) })))
      return { near: 'summed', isWide: true };
    const near = this.#distance('side', batch) < this.#distance('k', batch) ? 'side' : 'summed';
    return { near, isWide: false };
  }

  /** Whether the four elements from a place on are loads of one vector. */
  #areVectors(place: (at: Dim) => OperandPlace): boolean {
    const loads = Array.from({ length: QUAD }, (_, at) => this.read(place(constant(at)), openScope()));
    const [first] = loads;
    if (first?.kind !== 'load' || !isMultiple(first.index, QUAD)) return false;
    return loads.every((one, at) => one.kind === 'load' && equal(one.index, add(first.index, constant(at))));
  }

  /** How far some steps in a direction go at one place of an operand of no particular size. */
  #distance(direction: 'side' | 'k', batch: Dim): number {
    const source = this.#source;
    if ('copy' in source) return direction === 'k' ? 0 : 1;
    const at = { side: ONE, k: ONE };
    const [here, there] = [at, { ...at, [direction]: constant(1 + STEPS) }].map(({ side, k }) =>
      firstLoad(this.#element(source.reader, batch, this.#positions(side, k), openScope())),
    );
    if (!here || !there) return Infinity;
    const names = new Map([here, there].flatMap((index) => symbolsOf(index).map((name) => [name, SAMPLE] as const)));
    try {
      return Math.abs(evaluate(there, names) - evaluate(here, names));
    } catch (error) {
      // Of such sizes there may be no such place.
      if (error instanceof RangeError) return Infinity;
      throw error;
    }
  }
}

/** A let that only holds an expression for a while. */
const ELEMENT = '$element';

interface Positions {
  readonly positions: ReadonlyMap<string, Dim>;
  /** What stands for symbols in them. */
  readonly replaced: ReadonlyMap<string, Dim>;
}

/** More than the taps of most windows have in a line. */
const STEPS = 8;
/** What stands for dimensions where a place is tried. */
const SAMPLE = 1024;

function firstLoad(expr: Expr): Dim | undefined {
  let found: Dim | undefined;
  forEachExpr(expr, (part) => {
    if (part.kind === 'load') found ??= part.index;
  });
  return found;
}
