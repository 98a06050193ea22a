/** From a fused graph to kernel calls: every fused node becomes one or more kernels over numbered buffers. */
import { constantValue, symbol, type Bounds } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import { fusionOf, type Fusion } from '../ir/fusion.ts';
import type { DimDeclaration, Graph, GraphParameter, Node, Region, Value } from '../ir/graph.ts';
import { groupedWork } from '../ir/grouped-work.ts';
import { printAttribute } from '../ir/printer.ts';
import { boundsOf, printType, sameType } from '../ir/types.ts';
import { prepareKernel } from '../kernel/prepare.ts';
import type { Target, Tile } from '../kernel/target.ts';
import {
  RUN,
  writesOf,
  type BufferId,
  type GuardedKernel,
  type KernelCall,
  type LoweredBuffer,
  type LoweredProgram,
  type LoweredRoutine,
  type LoweredWeight,
  type NamedTensor,
} from '../plan/lowered.ts';
import { lowerAttention } from './attention/lower.ts';
import { lowerContraction } from './contract/lower.ts';
import { LossGuard } from './guard-updates.ts';
import type { BufferUse, LoweredKernel, Scratch, TileMap } from './lowered-kernel.ts';
import { lowerPointwise } from './pointwise.ts';
import { lowerRows } from './rows.ts';
import { lowerStructured } from './structured.ts';
import { lowerWindows } from './windows.ts';
import { lowerInParts } from './workgroups/in-parts.ts';
import { tileKernel } from './tile-kernel.ts';
import { executedBy, TileMaps, type MappedProduct } from './tile-maps.ts';
import { copyKernel, endOfLoss, overwriting, planUpdates, type Updates } from './updates.ts';

/** A graph of fused nodes, every output made by one of them, that is to be a routine of this name. */
export interface NamedGraph {
  readonly name: string;
  readonly graph: Graph;
}

/** The graph as the one routine of a program. */
export function lowerGraph(graph: Graph, target: Target): LoweredProgram {
  return lowerModule({ name: graph.name, graphs: [{ name: RUN, graph }] }, target);
}

/** What becomes a program. */
export interface FusedModule {
  readonly name: string;
  /** Its routines: parameters of one name are the same weight, and dims of one name are the same. */
  readonly graphs: readonly NamedGraph[];
  /** Whether weights may change between runs, but for frozen ones. */
  readonly isTraining?: boolean;
}

export function lowerModule({ name, graphs, isTraining = false }: FusedModule, target: Target): LoweredProgram {
  return new Lowering(dimsOf(graphs), target, isTraining).run(name, graphs);
}

/** The dims of all of them, each once. */
export function dimsOf(graphs: readonly NamedGraph[]): readonly DimDeclaration[] {
  const dims = new Map<string, DimDeclaration>();
  for (const dim of graphs.flatMap(({ graph }) => graph.dims)) {
    const known = dims.get(dim.name);
    if (known && known.max !== dim.max) throw new Error(`internal: the routines disagree on the limit of ${dim.name}`);
    dims.set(dim.name, dim);
  }
  return [...dims.values()];
}

/** Kernels with their buffers by place: the node's operands, then its results, then scratch. */
interface Template {
  readonly kernels: readonly (Kernels & { readonly buffers: readonly number[]; readonly map?: TileMap })[];
  readonly scratch: readonly Scratch[];
  /** The operands that a map is made from. */
  readonly mapped: readonly number[];
}

type Kernels = Pick<KernelCall, 'kernel' | 'alternatives'>;

/** What all routines share. */
class Lowering {
  readonly #dims: readonly DimDeclaration[];
  readonly #target: Target;
  readonly #isTraining: boolean;
  readonly #bounds: Bounds;
  readonly #buffers: LoweredBuffer[] = [];
  readonly #calls: KernelCall[] = [];
  readonly #weights = new Map<string, LoweredWeight>();
  readonly #kept = new Map<string, NamedTensor>();
  /** Of the graph that is being lowered. */
  #bufferOf = new Map<Value, BufferId>();
  #maps: TileMaps;
  /** Lowered regions by what they say, so that repeated layers are lowered once. */
  readonly #templates = new Map<string, Template>();

  constructor(dims: readonly DimDeclaration[], target: Target, isTraining: boolean) {
    this.#dims = dims;
    this.#target = target;
    this.#isTraining = isTraining;
    this.#bounds = boundsOf({ dims });
    this.#maps = this.#tileMaps();
  }

  #tileMaps(): TileMaps {
    const prepare = (lowered: Kernels): Kernels => this.#prepare(lowered);
    return new TileMaps({ calls: this.#calls, buffers: this.#buffers, prepare });
  }

  run(name: string, graphs: readonly NamedGraph[]): LoweredProgram {
    const routines = graphs.map((named) => this.#lowerRoutine(named));
    const tiles = tilesOf(this.#calls, this.#target);
    return {
      name,
      dims: this.#dims,
      buffers: this.#buffers,
      routines,
      weights: [...this.#weights.values()],
      ...(this.#kept.size > 0 && { kept: [...this.#kept.values()] }),
      isTraining: this.#isTraining,
      ...(tiles && { tiles }),
      calls: this.#calls,
    };
  }

  #lowerRoutine({ name, graph }: NamedGraph): LoweredRoutine {
    const { conditions, inputs, parameters, kept = [], nodes } = graph;
    const updates = planUpdates(graph);
    this.#bufferOf = new Map();
    this.#maps = this.#tileMaps();
    const named = ({ name: tensor, value }: { name: string; value: Value }): NamedTensor => ({
      name: tensor,
      type: value.type.dtype,
      shape: value.type.shape,
      buffer: this.#valueBuffer(value),
    });
    const given = inputs.map(named);
    for (const parameter of parameters) this.#addWeight(parameter, named);
    for (const tensor of kept) {
      const known = this.#kept.get(tensor.name);
      if (known) this.#share(tensor.value, known);
      else this.#kept.set(tensor.name, named(tensor));
    }
    for (const [value, parameter] of updates.inPlace) this.#bufferOf.set(value, this.#valueBuffer(parameter));
    const first = this.#calls.length;
    const lossNodes = endOfLoss(graph);
    let lossReady = first;
    nodes.forEach((node, at) => {
      this.#calls.push(...this.#lowerNode(node, updates));
      if (at < lossNodes) lossReady = this.#calls.length;
    });
    for (const { from, to } of updates.copies) this.#calls.push(this.#copy(from, to));
    this.#maps.finish();
    const outputs = graph.outputs.filter(({ into }) => into === undefined).map(named);
    const isUpdating = lossNodes > 0 && outputs.length < graph.outputs.length;
    if (isUpdating && this.#target.workgroups) this.#guardWeights(lossReady, outputs);
    const dense = groupedWork(graph)?.dense;
    const executed = executedBy(this.#calls.slice(first));
    return {
      name,
      ...(conditions && { conditions }),
      inputs: given,
      outputs,
      first,
      last: this.#calls.length,
      ...(isUpdating && { lossReady }),
      ...(dense && { dense }),
      ...(executed.length > 0 && { executed }),
    };
  }

  /** Calls from `first` on leave the weights as they are where the loss is not finite. */
  #guardWeights(first: number, outputs: readonly NamedTensor[]): void {
    const weights = new Set([...this.#weights.values()].map(({ buffer }) => buffer));
    const guard = new LossGuard(outputs.find(({ name }) => name === 'loss')!.buffer);
    for (let at = first; at < this.#calls.length; at++) {
      const call = this.#calls[at]!;
      if (writesOf(call).some((buffer) => weights.has(buffer))) this.#calls[at] = guard.guard(call);
    }
  }

  #addWeight(parameter: GraphParameter, named: (parameter: GraphParameter) => NamedTensor): void {
    const { name, value, members, state, frozen, initial } = parameter;
    const known = this.#weights.get(name);
    if (!known) {
      this.#weights.set(name, {
        ...named(parameter),
        ...(members && { members }),
        ...(this.#isTraining && { ...(state && { state }), ...(frozen && { frozen }), ...(initial && { initial }) }),
      });
      return;
    }
    this.#share(value, known);
  }

  /** `value` is a tensor that other routines have too. */
  #share(value: Value, { name, type, shape, buffer }: NamedTensor): void {
    if (!sameType({ dtype: type, shape }, value.type))
      throw new Error(`internal: the routines disagree on the type of ${name}`);
    this.#bufferOf.set(value, buffer);
  }

  #valueBuffer(value: Value): BufferId {
    const known = this.#bufferOf.get(value);
    if (known !== undefined) return known;
    const id = this.#buffers.push({ type: value.type.dtype, size: elementCount(value.type.shape), value }) - 1;
    this.#bufferOf.set(value, id);
    return id;
  }

  #lowerNode(node: Node, { inPlace }: Updates): KernelCall[] {
    const fusion = fusionOf(node);
    if (!fusion) throw new Error(`internal: ${node.op.name} reached lowering unfused`);
    const outer = [...node.inputs, ...node.results];
    const shared = node.results.map((result) => node.inputs.indexOf(inPlace.get(result) ?? result));
    const { kernels, scratch, mapped } = this.#templateOf(fusion, shared);
    const maps = new Map<Scratch, MappedProduct>();
    for (const { map } of kernels) {
      const operands = mapped.map((at) => this.#valueBuffer(outer[at]!));
      if (map) maps.set(map.scratch, this.#maps.of(map, operands, node.origin));
    }
    const scratchBuffers = scratch.map(
      (own) => maps.get(own)?.map ?? this.#buffers.push({ type: own.type ?? 'f32', size: own.size }) - 1,
    );
    return kernels.map(({ kernel, alternatives, buffers, map }) => {
      const { indirect, executed } = (map && maps.get(map.scratch)) ?? {};
      return {
        kernel,
        ...(alternatives && { alternatives }),
        buffers: buffers.map((at) =>
          at < outer.length ? this.#valueBuffer(outer[at]!) : scratchBuffers[at - outer.length]!,
        ),
        sizes: kernel.sizes.map((size) => symbol(size)),
        ...(indirect !== undefined && { indirect }),
        ...(executed && { executed }),
        origin: node.origin,
        node,
      };
    });
  }

  #copy(from: Value, to: Value): KernelCall {
    const { dtype, shape } = from.type;
    const kernel = prepareKernel(copyKernel(dtype, elementCount(shape), this.#bounds), this.#target);
    const buffers = [this.#valueBuffer(from), this.#valueBuffer(to)];
    return { kernel, buffers, sizes: kernel.sizes.map((size) => symbol(size)), origin: { path: '' } };
  }

  /**
   * The kernels of a region, lowered and prepared once for all regions that read the same. `shared` holds for each result
   * the place of the operand that it overwrites, or -1.
   */
  #templateOf(fusion: Fusion, shared: readonly number[]): Template {
    const { kind, body: region } = fusion;
    const key = `${kind} ${shared.join()} ${regionKey(region)}`;
    const known = this.#templates.get(key);
    if (known) return known;
    const places = new Map<Value | Scratch, number>();
    for (const value of [...region.parameters, ...region.results]) places.set(value, places.size);
    const values = places.size;
    const lowered = this.#lowerRegion(fusion, shared[0]! >= 0).map((one) => overwriting(one, region, shared));
    for (const { buffers } of lowered) {
      for (const use of buffers)
        if (use.kind === 'scratch' && !places.has(use.scratch)) places.set(use.scratch, places.size);
    }
    const placeOf = (use: BufferUse): number => places.get(use.kind === 'value' ? use.value : use.scratch)!;
    const template: Template = {
      kernels: lowered.map((one) => ({
        ...this.#prepare(one),
        buffers: one.buffers.map(placeOf),
        ...(one.map && { map: one.map }),
      })),
      scratch: [...places.keys()].slice(values) as Scratch[],
      mapped: lowered.flatMap(({ map }) => map?.operands ?? []).map((value) => places.get(value)!),
    };
    this.#templates.set(key, template);
    return template;
  }

  /** The kernel and its alternatives, with one list of sizes. */
  #prepare({ kernel, alternatives = [] }: Kernels): Kernels {
    const choices = undecided([...alternatives, { kernel }]);
    const prepared = choices.map((one) => ({ ...one, kernel: prepareKernel(one.kernel, this.#target) }));
    const [own, others] = [prepared.at(-1)!.kernel, prepared.slice(0, -1)];
    if (others.length === 0) return { kernel: own };
    const sizes = [...new Set([own, ...others.map((one) => one.kernel)].flatMap((one) => one.sizes))];
    return {
      kernel: { ...own, sizes },
      alternatives: others.map((one) => ({ ...one, kernel: { ...one.kernel, sizes } })),
    };
  }

  #lowerReductions(region: Region, buffers: readonly BufferUse[]): LoweredKernel {
    const rows = { kernel: lowerRows(region, 'rows', this.#target, this.#bounds), buffers };
    const windows = lowerWindows(region, 'windows', this.#target, this.#bounds);
    return windows ? { ...rows, alternatives: [windows] } : rows;
  }

  /** `isInPlace`: the first result overwrites an operand. */
  #lowerRegion({ kind, body: region }: Fusion, isInPlace: boolean): readonly LoweredKernel[] {
    const all = [...region.parameters, ...region.results].map((value) => ({ kind: 'value', value }) as const);
    switch (kind) {
      case 'contract':
        return lowerContraction(region, 'product', this.#target, this.#bounds);
      case 'attention':
        return lowerAttention(region, 'attention', this.#target, this.#bounds);
      case 'row':
        return lowerInParts(region, this.#target, this.#bounds) ?? [this.#lowerReductions(region, all)];
      case 'structured':
        return lowerStructured(region, this.#target, this.#bounds, isInPlace);
      case 'pointwise':
        return [{ kernel: lowerPointwise(region, 'pointwise', this.#target, this.#bounds), buffers: all }];
    }
  }
}

/** What is tried of each tile: tens of microseconds of work on operands of a few kilobytes. */
const TRIAL = { depth: 128, count: 64 };

/** The target's tiles, if any call depends on which is chosen. */
function tilesOf(calls: readonly KernelCall[], target: Target): LoweredProgram['tiles'] {
  const { tiles, tileOrder, lanes } = target;
  const isChosen = calls.some(({ alternatives = [] }) => alternatives.some(({ tile }) => tile !== undefined));
  if (!isChosen || !tileOrder) return undefined;
  const largest = (elements: (tile: Tile) => number): number => Math.max(...tiles.map(elements));
  return {
    order: tileOrder,
    candidates: tiles.map((tile) => ({
      ...tile,
      kernel: prepareKernel(tileKernel(tile, lanes, TRIAL), target),
      multiplyAdds: TRIAL.depth * TRIAL.count * tile.rows * tile.columns,
    })),
    buffers: [
      largest(({ rows, columns }) => TRIAL.depth * (rows + columns)),
      largest(({ rows, columns }) => TRIAL.count * rows * columns),
    ],
  };
}

/** The kernels that may be the first whose guard holds; the last of them needs none. */
function undecided(choices: readonly GuardedKernel[]): GuardedKernel[] {
  const possible = choices.filter(({ atLeastZero }) => !(atLeastZero && (constantValue(atLeastZero) ?? 0) < 0));
  const certain = possible.findIndex(
    ({ tile, atLeastZero }) => tile === undefined && (!atLeastZero || (constantValue(atLeastZero) ?? -1) >= 0),
  );
  return possible.slice(0, certain + 1);
}

/** The region's text with its values numbered in order, so that equal computations read alike. */
function regionKey(region: Region): string {
  const numbers = new Map<Value, number>();
  const numberOf = (value: Value): string => {
    const known = numbers.get(value);
    if (known !== undefined) return String(known);
    numbers.set(value, numbers.size);
    return `${numbers.size - 1}:${printType(value.type)}`;
  };
  const lines = [region.parameters.map(numberOf).join()];
  for (const { op, inputs, attributes, results } of region.nodes) {
    lines.push(
      `${results.map(numberOf).join()}=${op.name}(${inputs.map(numberOf).join()})${printAttribute(attributes)}`,
    );
  }
  lines.push(region.results.map(numberOf).join());
  return lines.join(';');
}
