/** Structured ops: the record writes the loops, this gives it places to read and write and collects the kernels. */
import type { Bounds, Dim } from '../dims/dim.ts';
import { elementCount, linearize, type Shape } from '../dims/shape.ts';
import type { Node, Region, TensorType, Value } from '../ir/graph.ts';
import type { BodyWriter, NestWriter, Storage, Variable } from '../ir/structured.ts';
import { binary, load, variable } from '../kernel/build.ts';
import type { Expr, LoopMode, Statement } from '../kernel/ir.ts';
import type { Target } from '../kernel/target.ts';
import { KernelContext, type BufferSlot } from './kernel-context.ts';
import { gridOver } from './loops.ts';
import type { BufferUse, LoweredKernel, Scratch } from './lowered-kernel.ts';
import { openScope, RegionReader, type ReadScope } from './reader.ts';
import { shareLoops } from './workgroups/share-loops.ts';

/** The structured op that a region is around. */
export function structuredNode({ nodes }: Region): Node | undefined {
  return nodes.find(({ op }) => op.body.kind === 'structured');
}

/**
 * The kernels of a region around one structured op, whose results are the region's; `isInPlace`: the first of them is
 * where the operand is that the op's record says it may overwrite.
 */
export function lowerStructured(
  region: Region,
  target: Target,
  bounds: Bounds,
  isInPlace = false,
): readonly LoweredKernel[] {
  const node = structuredNode(region);
  if (node?.op.body.kind !== 'structured') throw new Error('internal: nothing in the region is structured');
  const nest = new Nest(region, node, { target, bounds, isInPlace });
  node.op.body.write(nest, node.attributes);
  return nest.kernels.map((lowered) => ({ ...lowered, kernel: shareLoops(lowered.kernel, target) }));
}

interface Surroundings {
  readonly target: Target;
  readonly bounds: Bounds;
  readonly isInPlace: boolean;
}

class Nest implements NestWriter {
  readonly kernels: LoweredKernel[] = [];
  readonly inputs: readonly TensorType[];
  readonly results: readonly Storage[];
  readonly bounds: Bounds;
  readonly isInPlace: boolean;
  readonly isParallel: boolean;
  readonly #region: Region;
  readonly #node: Node;
  readonly #uses = new Map<Storage, BufferUse>();

  constructor(region: Region, node: Node, { target, bounds, isInPlace }: Surroundings) {
    this.#region = region;
    this.#node = node;
    this.bounds = bounds;
    this.isInPlace = isInPlace;
    this.isParallel = target.workgroups !== undefined;
    this.inputs = node.inputs.map((input) => input.type);
    this.results = node.results.map((value) => this.#storage(value.type, { kind: 'value', value }));
  }

  #storage(type: TensorType, use: BufferUse): Storage {
    const storage = { type };
    this.#uses.set(storage, use);
    return storage;
  }

  scratch(type: TensorType): Storage {
    const scratch: Scratch = { type: type.dtype, size: elementCount(type.shape) };
    return this.#storage(type, { kind: 'scratch', scratch });
  }

  kernel(grid: Shape, write: (body: BodyWriter, index: readonly Dim[]) => void): void {
    const context = new KernelContext(this.bounds);
    const buffers = new Buffers(context, this.#uses);
    const reader = new RegionReader(this.#region, context);
    for (const parameter of this.#region.parameters)
      reader.sources.set(parameter, (index) => context.element(buffers.ofValue(parameter), parameter, index));
    const place: Place = { context, buffers, reader, operands: this.#node.inputs };
    const outer = gridOver(context, grid);
    const scope = openScope();
    write(new Body(place, scope), outer.index);
    const kernel = context.finish(this.#node.op.name, outer.grid, scope.statements);
    this.kernels.push({ kernel, buffers: buffers.uses });
  }
}

/** The buffers that one kernel uses, each from its first use on. */
class Buffers {
  readonly uses: BufferUse[] = [];
  readonly #context: KernelContext;
  readonly #storages: ReadonlyMap<Storage, BufferUse>;
  readonly #slots = new Map<Value | Storage, BufferSlot>();

  constructor(context: KernelContext, storages: ReadonlyMap<Storage, BufferUse>) {
    this.#context = context;
    this.#storages = storages;
  }

  ofValue(value: Value): BufferSlot {
    return this.#slot(value, value.type, { kind: 'value', value }, 'read');
  }

  ofStorage(storage: Storage, access: 'read' | 'write'): BufferSlot {
    return this.#slot(storage, storage.type, this.#storages.get(storage)!, access);
  }

  #slot(key: Value | Storage, type: TensorType, use: BufferUse, access: 'read' | 'write'): BufferSlot {
    const known = this.#slots.get(key);
    if (known) {
      if (known.access !== access) known.access = 'readwrite';
      return known;
    }
    const slot = this.#context.buffer(type.dtype, access);
    this.#slots.set(key, slot);
    this.uses.push(use);
    return slot;
  }
}

/** What all lists of one kernel share. */
interface Place {
  readonly context: KernelContext;
  readonly buffers: Buffers;
  readonly reader: RegionReader;
  readonly operands: readonly Value[];
}

class Body implements BodyWriter {
  readonly #place: Place;
  readonly #scope: ReadScope;

  constructor(place: Place, scope: ReadScope) {
    this.#place = place;
    this.#scope = scope;
  }

  #push(statement: Statement): void {
    this.#scope.statements.push(statement);
  }

  read(operand: number, index: readonly Dim[]): Expr {
    return this.#place.reader.read(this.#place.operands[operand]!, index, this.#scope);
  }

  load(from: Storage, index: readonly Dim[]): Expr {
    const { name } = this.#place.buffers.ofStorage(from, 'read');
    return load(name, linearize(index, from.type.shape), from.type.dtype);
  }

  store(to: Storage, index: readonly Dim[], value: Expr): void {
    const { name } = this.#place.buffers.ofStorage(to, 'write');
    this.#push({ kind: 'store', buffer: name, index: linearize(index, to.type.shape), value });
  }

  let(value: Expr): Expr {
    const name = this.#place.context.fresh('v');
    this.#push({ kind: 'let', name, value });
    return variable(name, value.type, value.lanes);
  }

  integer(value: Expr): Dim {
    return this.#place.context.integer(value, this.#scope.statements);
  }

  position(value: Expr, size: Dim): Dim {
    return this.#place.context.position(value, size, this.#scope.statements);
  }

  variable(first: Expr): Variable {
    const name = this.#place.context.fresh('m');
    this.#push({ kind: 'declare', name, value: first });
    return { kind: 'variable', type: first.type, lanes: first.lanes, name };
  }

  assign(to: Variable, value: Expr): void {
    this.#push({ kind: 'assign', name: to.name, value });
  }

  reduce(to: Variable, op: Parameters<BodyWriter['reduce']>[1], operand: Expr): void {
    this.#push({ kind: 'assign', name: to.name, value: binary(op, to, operand), reduction: op });
  }

  loop(extent: Dim, mode: LoopMode, write: (body: BodyWriter, at: Dim) => void): void {
    const { name, at } = this.#place.context.counter('i', extent);
    const inner = openScope(this.#scope);
    write(new Body(this.#place, inner), at);
    this.#push({ kind: 'loop', variable: name, extent, mode, body: inner.statements });
  }

  when(condition: Expr, then: (body: BodyWriter) => void, otherwise?: (body: BodyWriter) => void): void {
    const [taken, other] = [openScope(this.#scope), openScope(this.#scope)];
    then(new Body(this.#place, taken));
    otherwise?.(new Body(this.#place, other));
    this.#push({ kind: 'if', condition, then: taken.statements, else: other.statements });
  }
}
