/** The running engine's WebAssembly, of which the project's TypeScript libraries have no types. */

export interface Memory {
  readonly buffer: ArrayBuffer;
}

type Exports = Readonly<Record<string, (...values: number[]) => void>>;

interface Imports {
  readonly memory: Memory;
  readonly rank: number;
  readonly ranks: number;
}

interface Engine {
  validate(bytes: Uint8Array): boolean;
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared?: boolean }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: Imports }) => { readonly exports: Exports };
}

export const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

/** A memory that the modules of the emitter accept. */
export function memoryOf(pages: number): Memory {
  return new engine.Memory({ initial: pages, maximum: 65536 });
}

/** An instance of an emitted module, by default the only one. */
export function instantiate(bytes: Uint8Array, memory: Memory, rank = 0, ranks = 1): { readonly exports: Exports } {
  return new engine.Instance(new engine.Module(bytes), { env: { memory, rank, ranks } });
}
