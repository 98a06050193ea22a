/**
 * Reductions of windows that lie side by side: pools, and convolutions of each channel by itself. A tile of results,
 * four neighbours on each of a few lines, is summed in registers, so that no sum waits for itself and what all share,
 * such as the weight, is loaded once. The tiles at the ends overlap their neighbours, which costs less than a loop over
 * the rest.
 */
import {
  add,
  constant,
  constantValue,
  floorDiv,
  maximum,
  minimum,
  multiply,
  ONE,
  subtract,
  symbolsOf,
  ZERO,
  type Bounds,
  type Dim,
} from '../dims/dim.ts';
import { linearize, sameShape, type Shape } from '../dims/shape.ts';
import type { Region } from '../ir/graph.ts';
import { isOne } from '../ir/types.ts';
import { binary, literal, multiplyAdd, position, variable } from '../kernel/build.ts';
import type { Expr, Kernel, Statement } from '../kernel/ir.ts';
import type { Target } from '../kernel/target.ts';
import type { GuardedKernel } from '../plan/lowered.ts';
import { KernelContext, type BufferSlot } from './kernel-context.ts';
import { gridOver, serialLoops } from './loops.ts';
import { openScope, RegionReader, type ReadScope } from './reader.ts';
import { placeOfRow, reductionsOf, type Reduction } from './row-region.ts';

/** Lines of a tile: enough sums that their additions do not wait, few enough to stay in registers. */
const LINES = { least: 4, most: 8, unknown: 7 };
/** Elements of a window's last axis, which are written out. */
const MOST_TAPS = 16;
/** Results of a grid point along one axis, at least. */
const CHUNK = [32, 512] as const;

/** How the results of a region of windows lie. */
interface Nest {
  readonly region: Region;
  readonly reductions: readonly Reduction[];
  /** The shape that is reduced, and the axes along which it is. */
  readonly domain: Shape;
  readonly axes: ReadonlySet<number>;
  /** Lines of a tile. */
  readonly lines: number;
}

/**
 * The kernel of a region whose reductions share their axes, where these are windows that can be reduced tile by tile,
 * guarded by the least sizes that hold a tile; undefined elsewhere. Buffers: parameters in order, then the results.
 */
export function lowerWindows(region: Region, name: string, target: Target, bounds: Bounds): GuardedKernel | undefined {
  const nest = target.lanes === 4 && !target.workgroups ? windowNest(region) : undefined;
  if (!nest) return undefined;
  const [height, width] = resultAxes(nest);
  const atLeastZero = minimum(subtract(height, constant(nest.lines)), subtract(width, constant(4)), bounds);
  return { kernel: new WindowKernel(nest, bounds).write(name), atLeastZero };
}

function windowNest(region: Region): Nest | undefined {
  if (!region.nodes.some(({ op: { body } }) => body.kind === 'movement' && body.overlaps)) return undefined;
  const reductions = reductionsOf(region);
  const [first] = reductions;
  const domain = first!.node.inputs[0]!.type.shape;
  const axes = new Set(first!.body.axes(first!.node.attributes));
  const last = domain.length - 1;
  const inner = [...axes].filter((axis) => !isOne(domain[axis]!)).at(-1);
  const taps = inner === undefined ? undefined : constantValue(domain[inner]!);
  if (axes.has(last) || taps === undefined || taps > MOST_TAPS) return undefined;
  if (region.results.some(({ type }) => sameShape(type.shape, domain))) return undefined;
  if (reductions.some(({ pass }) => pass > 1)) return undefined;
  const hasLines = last > 0 && !axes.has(last - 1);
  return { region, reductions, domain, axes, lines: hasLines ? linesOf(domain[last - 1]!) : 1 };
}

/** The lines of a tile over `height` lines: of those that compute the fewest lines twice the most. */
function linesOf(height: Dim): number {
  const count = constantValue(height);
  if (count === undefined) return LINES.unknown;
  if (count <= LINES.most) return count;
  const computed = (lines: number): number => Math.ceil(count / lines) * lines;
  let best = LINES.most;
  for (let lines = LINES.most - 1; lines >= LINES.least; lines--) if (computed(lines) < computed(best)) best = lines;
  return best;
}

/** The sizes along which tiles lie: lines (1 if the axis before the last is reduced) and columns. */
function resultAxes({ domain, axes }: Nest): readonly [Dim, Dim] {
  const last = domain.length - 1;
  return [last > 0 && !axes.has(last - 1) ? domain[last - 1]! : ONE, domain[last]!];
}

class WindowKernel {
  readonly #nest: Nest;
  readonly #context: KernelContext;
  readonly #reader: RegionReader;
  readonly #outputs: readonly BufferSlot[];

  constructor(nest: Nest, bounds: Bounds) {
    this.#nest = nest;
    this.#context = new KernelContext(bounds);
    this.#reader = new RegionReader(nest.region, this.#context);
    for (const parameter of nest.region.parameters)
      this.#reader.loadFrom(this.#context.buffer(parameter.type.dtype, 'read'), parameter);
    this.#outputs = nest.region.results.map((result) => this.#context.buffer(result.type.dtype, 'write'));
  }

  write(name: string): Kernel {
    const { domain, axes, lines } = this.#nest;
    const sizes = resultAxes(this.#nest);
    const lead = lines === 1 ? domain.length - 1 : domain.length - 2;
    const shape = domain.slice(0, lead).map((size, axis) => (axes.has(axis) ? ONE : size));
    const chunks = sizes.map((size, at) => maximum(ONE, floorDiv(size, constant(CHUNK[at]!)), this.#context.bounds));
    const { grid, index } = gridOver(this.#context, [...shape, ...chunks]);
    const [height, width] = sizes.map((size, at) => chunkOf(size, CHUNK[at]!, index[lead + at]!, chunks[at]!));
    const body = this.#tilesAlong(height!, lines, sizes[0], (line) =>
      this.#tilesAlong(width!, 4, sizes[1], (column) => {
        const { name: lane, at } = this.#context.counter('l', constant(4));
        const places = Array.from({ length: lines }, (_, below) => {
          const end = [add(line, constant(below)), add(column, at)];
          return [...index.slice(0, lead), ...end.slice(lead + 2 - domain.length)];
        });
        return [{ kind: 'loop', variable: lane, extent: constant(4), mode: 'vector', body: this.#tile(places) }];
      }),
    );
    return this.#context.finish(name, grid, body);
  }

  /** A loop over tiles of `width` that cover a chunk of an axis of `size`; the last one ends where the chunk does. */
  #tilesAlong(
    { start, extent }: Chunk,
    width: number,
    size: Dim,
    write: (at: Dim) => readonly Statement[],
  ): readonly Statement[] {
    const { bounds } = this.#context;
    const count = floorDiv(add(extent, constant(width - 1)), constant(width), bounds);
    const tile = this.#context.counter('t', count);
    const first = minimum(multiply(constant(width), tile.at), subtract(extent, constant(width)), bounds);
    const statements: Statement[] = [];
    const at = this.#context.integer(position(add(start, first)), statements);
    for (const name of symbolsOf(at)) bounds.set(name, subtract(size, constant(width)));
    const body = [...statements, ...write(at)];
    return [{ kind: 'loop', variable: tile.name, extent: count, mode: 'serial', body }];
  }

  /** The results at some places, whose sums are variables side by side. */
  #tile(places: readonly (readonly Dim[])[]): readonly Statement[] {
    const { reductions, axes, domain } = this.#nest;
    const statements: Statement[] = [];
    const sums = places.map(() =>
      reductions.map(({ node, body }) => {
        const { dtype } = node.results[0]!.type;
        const name = this.#context.fresh('acc');
        statements.push({ kind: 'declare', name, value: literal(body.identity(dtype), dtype) });
        return variable(name, dtype) as Variable;
      }),
    );
    const reduced = [...axes].sort((a, b) => a - b).filter((axis) => !isOne(domain[axis]!));
    const inner = reduced.pop()!;
    const loops = serialLoops(
      this.#context,
      reduced.map((axis) => domain[axis]!),
      (window) => {
        const scope = openScope();
        for (let tap = 0; tap < constantValue(domain[inner]!)!; tap++)
          places.forEach((place, at) => {
            const element = domain.map((_, axis) => {
              if (!axes.has(axis)) return place[axis]!;
              return axis === inner ? constant(tap) : (window[reduced.indexOf(axis)] ?? ZERO);
            });
            this.#accumulate(element, sums[at]!, scope);
          });
        return scope.statements;
      },
      'serial',
    );
    return [...statements, ...loops, ...places.flatMap((place, at) => this.#results(place, sums[at]!))];
  }

  #accumulate(element: readonly Dim[], sums: readonly Variable[], scope: ReadScope): void {
    this.#nest.reductions.forEach(({ node, body }, at) => {
      const sum = sums[at]!;
      const operand = this.#reader.read(node.inputs[0]!, element, scope);
      const isProduct = body.combine === 'add' && operand.kind === 'binary' && operand.op === 'mul';
      const value =
        isProduct && operand.type === 'f32'
          ? multiplyAdd(operand.left, operand.right, sum)
          : binary(body.combine, sum, operand);
      scope.statements.push({ kind: 'assign', name: sum.name, value });
    });
  }

  /** Writes what becomes of the sums of one place. */
  #results(place: readonly Dim[], sums: readonly Variable[]): readonly Statement[] {
    const { region, reductions, axes, domain } = this.#nest;
    reductions.forEach(({ node }, at) => this.#reader.sources.set(node.results[0]!, () => sums[at]!));
    const scope = openScope();
    region.results.forEach((result, at) => {
      const { shape } = result.type;
      const index = placeOfRow(place, axes, domain, shape);
      const value = this.#reader.read(result, index, scope);
      scope.statements.push({
        kind: 'store',
        buffer: this.#outputs[at]!.name,
        index: linearize(index, shape),
        value,
      });
    });
    return scope.statements;
  }
}

type Variable = Expr & { readonly kind: 'variable' };

interface Chunk {
  readonly start: Dim;
  readonly extent: Dim;
}

/** The part of an axis that is cut into `count` chunks of `least`, of which the last has what is left too. */
function chunkOf(size: Dim, least: number, at: Dim, count: Dim): Chunk {
  const isLast = floorDiv(add(at, ONE), count);
  const left = subtract(size, multiply(constant(least), count));
  return { start: multiply(constant(least), at), extent: add(constant(least), multiply(isLast, left)) };
}
