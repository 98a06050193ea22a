/** The compiled kernels of a program on one GPU device: pipelines, and how their buffers are bound. */
import type { GpuKernel, GpuProgram } from '../../../program/program.ts';
import { HeddleError, reasonOf } from '../../errors.ts';
import { VISIBLE_TO_COMPUTE, type GpuDevice, type LayoutEntry, type ShaderModule } from './api.ts';

export interface GpuPipeline {
  readonly pipeline: object;
  /** Of its bind group. */
  readonly layout: object;
}

/** How the creation of pipelines is watched and ended. */
export interface PipelineWatch {
  readonly signal?: AbortSignal | undefined;
  readonly onPipeline?: ((done: number, total: number) => void) | undefined;
  /** What a kernel is called in errors. */
  readonly nameOf?: (kernel: number) => string;
}

/** Enough for the drivers to compile on all cores, and few enough that others who use the GPU get a turn. */
const AT_ONCE = 32;

/** Rejects with HeddleError 'internal' and what the device says about a kernel that it refuses, or the signal's reason. */
export async function createPipelines(
  device: GpuDevice,
  { kernels }: GpuProgram,
  modules: readonly string[],
  { signal, onPipeline, nameOf = String }: PipelineWatch = {},
): Promise<readonly GpuPipeline[]> {
  const layouts = new Layouts(device);
  const pipelines: GpuPipeline[] = [];
  let [next, done] = [0, 0];
  const create = async (at: number): Promise<GpuPipeline> => {
    // A module that is refused fails its pipeline, which is where it is told.
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: modules[at]! });
    const { layout, pipelineLayout } = layouts.of(kernels[at]!);
    const creating = device.createComputePipelineAsync({
      layout: pipelineLayout,
      compute: { module, entryPoint: 'main' },
    });
    const [pipeline] = await Promise.allSettled([creating, device.popErrorScope()]);
    if (pipeline.status === 'rejected') throw await refusal(nameOf(at), module, pipeline.reason);
    return { pipeline: pipeline.value, layout };
  };
  const work = async (): Promise<void> => {
    try {
      while (next < kernels.length) {
        const at = next++;
        pipelines[at] = await create(at);
        signal?.throwIfAborted();
        onPipeline?.(++done, kernels.length);
      }
    } finally {
      // Where one fails, nobody needs those that are left.
      next = kernels.length;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return pipelines;
}

async function refusal(kernel: string, module: ShaderModule, error: unknown): Promise<HeddleError> {
  const { messages } = await module.getCompilationInfo().catch(() => ({ messages: [] }));
  const mistakes = messages.filter(({ type }) => type === 'error');
  const told = mistakes.map(({ lineNum, message }) => `line ${lineNum}: ${message}`);
  const reason = told.length > 0 ? told.join('; ') : reasonOf(error);
  return new HeddleError('internal', `the GPU refuses the kernel ${kernel}: ${reason}`, { cause: error });
}

interface Layout {
  /** Of bind groups. */
  readonly layout: object;
  readonly pipelineLayout: object;
}

/** Kernels that bind as many buffers of the same kinds share their layouts. */
class Layouts {
  readonly #device: GpuDevice;
  readonly #byTypes = new Map<string, Layout>();

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  of(kernel: GpuKernel): Layout {
    const types = bindingTypes(kernel);
    const key = types.join();
    const known = this.#byTypes.get(key) ?? this.#create(types);
    this.#byTypes.set(key, known);
    return known;
  }

  #create(types: readonly BindingType[]): Layout {
    const entries = types.map((type, binding) => ({ binding, visibility: VISIBLE_TO_COMPUTE, buffer: { type } }));
    const layout = this.#device.createBindGroupLayout({ entries });
    return { layout, pipelineLayout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }) };
  }
}

type BindingType = LayoutEntry['buffer']['type'];

/** In the order in which the compiler numbers bindings: own buffers, the rest in one, sizes. */
function bindingTypes({ access, own, parts, sizes }: GpuKernel): BindingType[] {
  const types = access.slice(0, own).flatMap((mode, at): BindingType[] => {
    const type = mode === 'read' ? 'read-only-storage' : 'storage';
    return Array.from({ length: parts?.[at] ?? 1 }, () => type);
  });
  const rest = access.slice(own);
  if (rest.length > 0) types.push(rest.every((mode) => mode === 'read') ? 'read-only-storage' : 'storage');
  if (sizes + access.length - own > 0) types.push('uniform');
  return types;
}

/**
 * Workgroups along x and y for so many points of a grid; the kernels number them row by row. Undefined where a device
 * has not enough.
 */
export function workgroupsFor(
  points: number,
  workgroupSize: number,
  perDimension: number,
): { readonly x: number; readonly y: number } | undefined {
  const count = Math.ceil(points / workgroupSize);
  const x = Math.min(count, perDimension);
  const y = x === 0 ? 0 : Math.ceil(count / x);
  return y <= perDimension && x * y * workgroupSize < 2 ** 31 ? { x, y } : undefined;
}
