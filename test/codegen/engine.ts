/** The running engine's WebAssembly, of which the project's TypeScript libraries have no types. */

export interface Memory {
  readonly buffer: ArrayBuffer;
}

type Exports = Readonly<Record<string, (...values: number[]) => void>>;

interface Engine {
  validate(bytes: Uint8Array): boolean;
  readonly Memory: new (descriptor: { initial: number }) => Memory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: { env: { memory: Memory } }) => { readonly exports: Exports };
}

export const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;
