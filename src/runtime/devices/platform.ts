/** The few parts of the WebAssembly API that the runtime uses, so that it needs no DOM types. */

export interface WasmMemory {
  /** A SharedArrayBuffer where the memory is shared. */
  readonly buffer: ArrayBufferLike;
  grow(pages: number): number;
}

/** A compiled `WebAssembly.Module`, opaque here. */
export type WasmModule = object;

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface WasmApi {
  readonly Memory: new (descriptor: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared?: boolean;
  }) => WasmMemory;
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: WasmImports): Promise<WasmInstance>;
  /** At once, for small modules and in workers. */
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
}

/** Undefined in engines without WebAssembly. */
export function wasmApi(): WasmApi | undefined {
  return (globalThis as { readonly WebAssembly?: WasmApi }).WebAssembly;
}
