/** The few parts of the WebAssembly API that the runtime uses, so that it needs no DOM types. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** A compiled `WebAssembly.Module`, opaque here. */
export type WasmModule = object;

export interface WasmApi {
  readonly Memory: new (descriptor: { readonly initial: number }) => WasmMemory;
  readonly Module: {
    imports(module: WasmModule): { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  compile(bytes: Uint8Array<ArrayBuffer>): Promise<WasmModule>;
  instantiate(
    module: WasmModule,
    imports: Record<string, Record<string, unknown>>,
  ): Promise<{ readonly exports: Readonly<Record<string, unknown>> }>;
}

/** Undefined in engines without WebAssembly. */
export function wasmApi(): WasmApi | undefined {
  return (globalThis as { readonly WebAssembly?: WasmApi }).WebAssembly;
}
