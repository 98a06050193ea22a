/** From a fused graph to kernel calls: every fused node becomes one or more kernels over numbered buffers. */
import { constant, symbol, type Bounds, type Dim } from '../dims/dim.ts';
import { elementCount } from '../dims/shape.ts';
import type { DType, Graph, Node, Region, Value } from '../ir/graph.ts';
import { isRegion } from '../ir/attributes.ts';
import { prepareKernel } from '../kernel/prepare.ts';
import { kernelKey } from '../kernel/print.ts';
import type { Kernel } from '../kernel/ir.ts';
import type { Target } from '../kernel/target.ts';
import type { BufferId, KernelCall, LoweredBuffer, LoweredProgram, NamedTensor } from '../plan/lowered.ts';
import { lowerContraction } from './contract/lower.ts';
import type { LoweredKernel, Scratch } from './lowered-kernel.ts';
import { lowerPointwise } from './pointwise.ts';
import { lowerRows } from './rows.ts';

/** `graph` must consist of fused nodes only, every output made by one of them. */
export function lowerGraph(graph: Graph, target: Target): LoweredProgram {
  return new Lowering(graph, target).run();
}

class Lowering {
  readonly #graph: Graph;
  readonly #target: Target;
  readonly #bounds: Bounds;
  readonly #buffers: LoweredBuffer[] = [];
  readonly #bufferOf = new Map<Value | Scratch, BufferId>();
  /** Kernels by text before preparation, so that repeated layers are prepared once. */
  readonly #prepared = new Map<string, Kernel>();

  constructor(graph: Graph, target: Target) {
    this.#graph = graph;
    this.#target = target;
    this.#bounds = new Map(
      graph.dims.flatMap(({ name, max }) => (max === undefined ? [] : [[name, constant(max)] as const])),
    );
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
    return { name, dims, buffers: this.#buffers, ...program, outputs: outputs.map(named), calls };
  }

  #valueBuffer(value: Value): BufferId {
    return this.#buffer(value, value.type.dtype, elementCount(value.type.shape));
  }

  #buffer(key: Value | Scratch, type: DType, size: Dim): BufferId {
    const known = this.#bufferOf.get(key);
    if (known !== undefined) return known;
    const id = this.#buffers.push({ type, size }) - 1;
    this.#bufferOf.set(key, id);
    return id;
  }

  #lowerNode(node: Node): KernelCall[] {
    const { body, kind } = node.attributes;
    if (node.op.body.kind !== 'fusion' || !isRegion(body!))
      throw new Error(`internal: ${node.op.name} reached lowering unfused`);
    const outer = new Map<Value, Value>();
    body.parameters.forEach((parameter, at) => outer.set(parameter, node.inputs[at]!));
    body.results.forEach((result, at) => outer.set(result, node.results[at]!));
    return this.#lowerRegion(body, String(kind)).map(({ kernel, buffers }) => {
      const prepared = this.#prepare(kernel);
      return {
        kernel: prepared,
        buffers: buffers.map((use) =>
          use.kind === 'value'
            ? this.#valueBuffer(outer.get(use.value)!)
            : this.#buffer(use.scratch, 'f32', use.scratch.size),
        ),
        sizes: prepared.sizes.map((size) => symbol(size)),
        origin: node.origin,
      };
    });
  }

  #lowerRegion(region: Region, kind: string): readonly LoweredKernel[] {
    const all = [...region.parameters, ...region.results].map((value) => ({ kind: 'value', value }) as const);
    switch (kind) {
      case 'contract':
        return lowerContraction(region, 'product', this.#target, this.#bounds);
      case 'row':
        return [{ kernel: lowerRows(region, 'rows', this.#bounds), buffers: all }];
      default:
        return [{ kernel: lowerPointwise(region, 'pointwise', this.#bounds), buffers: all }];
    }
  }

  #prepare(kernel: Kernel): Kernel {
    const key = `${kernelKey(kernel)} ${kernel.sizes.join()}`;
    const known = this.#prepared.get(key);
    if (known) return known;
    const prepared = prepareKernel(kernel, this.#target);
    this.#prepared.set(key, prepared);
    return prepared;
  }
}
