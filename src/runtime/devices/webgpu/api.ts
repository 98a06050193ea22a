/** The few parts of the WebGPU API that the runtime uses, so that it needs no DOM types. */

/** `navigator.gpu`, or what another implementation offers in its place. */
export interface Gpu {
  requestAdapter(options?: object): Promise<GpuAdapter | null>;
}

export interface GpuAdapter {
  readonly limits: GpuLimits;
  readonly features: GpuFeatures;
  /** Absent in engines that are older than it. */
  readonly info?: GpuInfo;
  requestDevice(descriptor?: DeviceDescriptor): Promise<GpuDevice>;
}

export interface GpuLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly minUniformBufferOffsetAlignment: number;
}

/** Those that something here asks for. */
export type GpuFeature = 'shader-f16' | 'subgroups' | 'timestamp-query';

export interface GpuFeatures {
  has(feature: GpuFeature): boolean;
}

/** What an engine tells of an adapter; words may be empty. */
export interface GpuInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Whether it is the processor in place of a GPU. Absent in engines that are older than it. */
  readonly isFallbackAdapter?: boolean;
  /** Invocations of the smallest and of the largest subgroup. */
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
}

export interface DeviceDescriptor {
  readonly requiredLimits?: Readonly<Record<string, number>>;
  readonly requiredFeatures?: readonly GpuFeature[];
}

export interface GpuDevice {
  readonly limits: GpuLimits;
  readonly features: GpuFeatures;
  /** Absent in engines that are older than it. */
  readonly adapterInfo?: GpuInfo;
  readonly queue: GpuQueue;
  readonly lost: Promise<{ readonly reason?: string; readonly message: string }>;
  pushErrorScope(filter: ErrorFilter): void;
  popErrorScope(): Promise<{ readonly message: string } | null>;
  createShaderModule(descriptor: { readonly code: string }): ShaderModule;
  createBindGroupLayout(descriptor: { readonly entries: readonly LayoutEntry[] }): object;
  createPipelineLayout(descriptor: { readonly bindGroupLayouts: readonly object[] }): object;
  createComputePipelineAsync(descriptor: PipelineDescriptor): Promise<object>;
  createBuffer(descriptor: {
    readonly size: number;
    readonly usage: number;
    readonly mappedAtCreation?: boolean;
  }): GpuBuffer;
  createBindGroup(descriptor: { readonly layout: object; readonly entries: readonly GroupEntry[] }): object;
  createQuerySet(descriptor: { readonly type: 'timestamp'; readonly count: number }): QuerySet;
  createCommandEncoder(): CommandEncoder;
  destroy(): void;
}

export interface ShaderModule {
  getCompilationInfo(): Promise<{ readonly messages: readonly CompilationMessage[] }>;
}

export interface CompilationMessage {
  readonly type: 'error' | 'warning' | 'info';
  readonly message: string;
  /** From 1 on; 0 where none is known. */
  readonly lineNum: number;
}

export interface QuerySet {
  destroy(): void;
}

export type ErrorFilter = 'validation' | 'out-of-memory' | 'internal';

export interface LayoutEntry {
  readonly binding: number;
  readonly visibility: number;
  readonly buffer: { readonly type: 'read-only-storage' | 'storage' | 'uniform' };
}

export interface PipelineDescriptor {
  readonly label?: string;
  readonly layout: object;
  readonly compute: { readonly module: ShaderModule; readonly entryPoint: string };
}

export interface GroupEntry {
  readonly binding: number;
  readonly resource: { readonly buffer: GpuBuffer; readonly offset?: number; readonly size?: number };
}

export interface GpuQueue {
  writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBufferView): void;
  submit(commands: readonly object[]): void;
}

export interface GpuBuffer {
  /** Bytes. */
  readonly size: number;
  readonly usage: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<void>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface CommandEncoder {
  beginComputePass(descriptor?: { readonly timestampWrites?: TimestampWrites }): ComputePass;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
  /** `offset` is a multiple of 256; each query is a u64 of nanoseconds. */
  resolveQuerySet(queries: QuerySet, first: number, count: number, to: GpuBuffer, offset: number): void;
  finish(): object;
}

/** Which queries take the time when a pass begins, and when it ends. */
export interface TimestampWrites {
  readonly querySet: QuerySet;
  readonly beginningOfPassWriteIndex: number;
  readonly endOfPassWriteIndex: number;
}

export interface ComputePass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y: number): void;
  dispatchWorkgroupsIndirect(buffer: GpuBuffer, offset: number): void;
  end(): void;
}

/** Flags of the specification, which every implementation shares. */
export const USAGE = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  indirect: 0x100,
  queryResolve: 0x200,
} as const;
export const VISIBLE_TO_COMPUTE = 0x4;
export const MAP_READ = 0x1;

/** Undefined in engines without WebGPU. */
export function engineGpu(): Gpu | undefined {
  return (globalThis as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu;
}
