/** From a fused graph to kernel calls: every fused node becomes one or more kernels over numbered buffers. */
import { constantValue, symbol, type Bounds } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import { fusionOf, type Fusion } from '../ir/fusion.ts';
import type { Graph, Node, Region, Value } from '../ir/graph.ts';
import { printAttribute } from '../ir/printer.ts';
import { boundsOf, printType } from '../ir/types.ts';
import { prepareKernel } from '../kernel/prepare.ts';
import type { Target, Tile } from '../kernel/target.ts';
import type {
  BufferId,
  GuardedKernel,
  KernelCall,
  LoweredBuffer,
  LoweredProgram,
  NamedTensor,
} from '../plan/lowered.ts';
import { lowerAttention } from './attention/lower.ts';
import { lowerContraction } from './contract/lower.ts';
import type { BufferUse, LoweredKernel, Scratch } from './lowered-kernel.ts';
import { lowerPointwise } from './pointwise.ts';
import { lowerRows } from './rows.ts';
import { lowerStructured } from './structured.ts';
import { lowerWindows } from './windows.ts';
import { tileKernel } from './tile-kernel.ts';

/** `graph` must consist of fused nodes only, every output made by one of them. */
export function lowerGraph(graph: Graph, target: Target): LoweredProgram {
  return new Lowering(graph, target).run();
}

/** Kernels with their buffers by place: the node's operands, then its results, then scratch. */
interface Template {
  readonly kernels: readonly (Pick<KernelCall, 'kernel' | 'alternatives'> & { readonly buffers: readonly number[] })[];
  readonly scratch: readonly Scratch[];
}

class Lowering {
  readonly #graph: Graph;
  readonly #target: Target;
  readonly #bounds: Bounds;
  readonly #buffers: LoweredBuffer[] = [];
  readonly #bufferOf = new Map<Value, BufferId>();
  /** Lowered regions by what they say, so that repeated layers are lowered once. */
  readonly #templates = new Map<string, Template>();

  constructor(graph: Graph, target: Target) {
    this.#graph = graph;
    this.#target = target;
    this.#bounds = boundsOf(graph);
  }

  run(): LoweredProgram {
    const { name, dims, inputs, parameters, outputs, nodes } = this.#graph;
    const named = ({ name: tensor, value }: { name: string; value: Value }): NamedTensor => ({
      name: tensor,
      type: value.type.dtype,
      shape: value.type.shape,
      buffer: this.#valueBuffer(value),
    });
    const program = { inputs: inputs.map(named), weights: parameters.map(named) };
    const calls = nodes.flatMap((node) => this.#lowerNode(node));
    const tiles = tilesOf(calls, this.#target);
    return {
      name,
      dims,
      buffers: this.#buffers,
      ...program,
      outputs: outputs.map(named),
      ...(tiles && { tiles }),
      calls,
    };
  }

  #valueBuffer(value: Value): BufferId {
    const known = this.#bufferOf.get(value);
    if (known !== undefined) return known;
    const id = this.#buffers.push({ type: value.type.dtype, size: elementCount(value.type.shape), value }) - 1;
    this.#bufferOf.set(value, id);
    return id;
  }

  #lowerNode(node: Node): KernelCall[] {
    const fusion = fusionOf(node);
    if (!fusion) throw new Error(`internal: ${node.op.name} reached lowering unfused`);
    const outer = [...node.inputs, ...node.results];
    const { kernels, scratch } = this.#templateOf(fusion);
    const scratchBuffers = scratch.map(({ type, size }) => this.#buffers.push({ type: type ?? 'f32', size }) - 1);
    return kernels.map(({ kernel, alternatives, buffers }) => ({
      kernel,
      ...(alternatives && { alternatives }),
      buffers: buffers.map((at) =>
        at < outer.length ? this.#valueBuffer(outer[at]!) : scratchBuffers[at - outer.length]!,
      ),
      sizes: kernel.sizes.map((size) => symbol(size)),
      origin: node.origin,
      node,
    }));
  }

  /** The kernels of a region, lowered and prepared once for all regions that read the same. */
  #templateOf(fusion: Fusion): Template {
    const { kind, body: region } = fusion;
    const key = `${kind} ${regionKey(region)}`;
    const known = this.#templates.get(key);
    if (known) return known;
    const places = new Map<Value | Scratch, number>();
    for (const value of [...region.parameters, ...region.results]) places.set(value, places.size);
    const values = places.size;
    const lowered = this.#lowerRegion(fusion);
    for (const { buffers } of lowered) {
      for (const use of buffers)
        if (use.kind === 'scratch' && !places.has(use.scratch)) places.set(use.scratch, places.size);
    }
    const placeOf = (use: BufferUse): number => places.get(use.kind === 'value' ? use.value : use.scratch)!;
    const template: Template = {
      kernels: lowered.map((one) => ({ ...this.#prepare(one), buffers: one.buffers.map(placeOf) })),
      scratch: [...places.keys()].slice(values) as Scratch[],
    };
    this.#templates.set(key, template);
    return template;
  }

  /** The kernel and its alternatives, with one list of sizes. */
  #prepare({ kernel, alternatives = [] }: LoweredKernel): Pick<KernelCall, 'kernel' | 'alternatives'> {
    const choices = this.#target.workgroups ? [{ kernel }] : undecided([...alternatives, { kernel }]);
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
    const rows = { kernel: lowerRows(region, 'rows', this.#bounds), buffers };
    const windows = lowerWindows(region, 'windows', this.#target, this.#bounds);
    return windows ? { ...rows, alternatives: [windows] } : rows;
  }

  #lowerRegion({ kind, body: region }: Fusion): readonly LoweredKernel[] {
    const all = [...region.parameters, ...region.results].map((value) => ({ kind: 'value', value }) as const);
    switch (kind) {
      case 'contract':
        return lowerContraction(region, 'product', this.#target, this.#bounds);
      case 'attention':
        return lowerAttention(region, 'attention', this.#target, this.#bounds);
      case 'row':
        return [this.#lowerReductions(region, all)];
      case 'structured':
        return lowerStructured(region, this.#bounds);
      case 'pointwise':
        return [{ kernel: lowerPointwise(region, 'pointwise', this.#bounds), buffers: all }];
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
