/**
 * WebAssembly's binary format: LEB128 numbers, instruction streams, sections. It knows the table of instructions and
 * nothing of kernels.
 */
import {
  INSTRUCTIONS,
  type Immediate,
  type ImmediateValues,
  type Instruction,
  type InstructionArguments,
  type InstructionName,
  type MemoryArgument,
  type ValueType,
} from './instructions.ts';

export interface WasmFunction {
  /** Goes into the custom name section. */
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Types of the locals after the parameters, by index. */
  readonly locals: readonly ValueType[];
  /** The body without its closing `end`. */
  readonly code: Code;
}

export interface WasmMemoryImport {
  readonly module: string;
  readonly name: string;
  /** In pages of 64 KiB. */
  readonly minimum: number;
  readonly maximum?: number;
  /** A shared memory needs a maximum. */
  readonly shared?: boolean;
}

/** An i32 that does not change. */
export interface WasmGlobalImport {
  readonly module: string;
  readonly name: string;
}

export interface WasmModule {
  readonly memory: WasmMemoryImport;
  readonly globals?: readonly WasmGlobalImport[];
  readonly functions: readonly WasmFunction[];
  readonly exports: readonly { readonly name: string; readonly function: number }[];
}

const VALUE_TYPES: Readonly<Record<ValueType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };
const VOID_BLOCK = 0x40;
const SECTION = { custom: 0, type: 1, import: 2, function: 3, export: 7, code: 10 } as const;
const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** An unsigned number below 2^32, seven bits a byte, least significant first. */
export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** A signed number; the sixth bit of the last byte is its sign. */
export function signedLeb(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function f32Bytes(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value, true);
  return new Uint8Array(view.buffer);
}

function f64Bytes(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  return new Uint8Array(view.buffer);
}

type Encoders = { readonly [K in Immediate]: (value: ImmediateValues[K], row: Instruction) => Iterable<number> };

const ENCODERS: Encoders = {
  index: unsignedLeb,
  label: unsignedLeb,
  labels: (labels) => [...unsignedLeb(labels.length - 1), ...labels.flatMap(unsignedLeb)],
  blockType: (type) => [type === 'void' ? VOID_BLOCK : VALUE_TYPES[type]],
  i32: (value) => signedLeb(BigInt(value | 0)),
  i64: signedLeb,
  f32: f32Bytes,
  f64: f64Bytes,
  v128: (bytes) => bytes,
  lane: (lane) => [lane],
  lanes16: (lanes) => lanes,
  memory: ({ offset, align }: MemoryArgument, row) => [...unsignedLeb(align ?? row.align!), ...unsignedLeb(offset)],
  zero: () => [0],
};

/** The instruction stream of one function. */
export class Code {
  readonly bytes: number[] = [];

  emit<N extends InstructionName>(name: N, ...values: InstructionArguments<N>): void {
    const row: Instruction = INSTRUCTIONS[name];
    if (row.prefix === undefined) this.bytes.push(row.opcode);
    else this.bytes.push(row.prefix, ...unsignedLeb(row.opcode));
    let next = 0;
    for (const kind of row.immediates) {
      const value: unknown = kind === 'zero' ? undefined : values[next++];
      // The parameter type pairs every value with its immediate; the loop loses that pairing.
      const encode = ENCODERS[kind] as (value: unknown, row: Instruction) => Iterable<number>;
      this.bytes.push(...encode(value, row));
    }
  }
}

function vector(items: readonly (readonly number[])[]): number[] {
  return unsignedLeb(items.length).concat(...items);
}

function text(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return [...unsignedLeb(bytes.length), ...bytes];
}

function sized(bytes: readonly number[]): number[] {
  return unsignedLeb(bytes.length).concat(bytes);
}

function section(id: number, content: readonly number[]): number[] {
  return [id].concat(sized(content));
}

function signature(item: WasmFunction): number[] {
  const types = (list: readonly ValueType[]): number[] => vector(list.map((type) => [VALUE_TYPES[type]]));
  return [0x60, ...types(item.parameters), ...types(item.results)];
}

/** Locals are declared in runs of one type. */
function localRuns(locals: readonly ValueType[]): number[] {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return vector(runs.map(({ type, count }) => [...unsignedLeb(count), VALUE_TYPES[type]]));
}

function memoryImport(memory: WasmMemoryImport): number[] {
  const flags = (memory.maximum === undefined ? 0 : 1) | (memory.shared ? 2 : 0);
  const maximum = memory.maximum === undefined ? [] : unsignedLeb(memory.maximum);
  return [...text(memory.module), ...text(memory.name), 0x02, flags, ...unsignedLeb(memory.minimum), ...maximum];
}

function globalImport({ module, name }: WasmGlobalImport): number[] {
  return [...text(module), ...text(name), 0x03, VALUE_TYPES.i32, 0x00];
}

function nameSection(functions: readonly WasmFunction[]): number[] {
  const names = vector(functions.map((item, at) => [...unsignedLeb(at), ...text(item.name)]));
  return [...text('name'), 1, ...sized(names)];
}

/** The bytes of a module; equal signatures are written once. */
export function encodeModule(module: WasmModule): Uint8Array<ArrayBuffer> {
  const types = new Map<string, { index: number; bytes: number[] }>();
  const typeIndices = module.functions.map((item) => {
    const bytes = signature(item);
    const key = bytes.join(',');
    const known = types.get(key);
    if (known) return known.index;
    types.set(key, { index: types.size, bytes });
    return types.size - 1;
  });
  const bodies = module.functions.map((item) => sized(localRuns(item.locals).concat(item.code.bytes, 0x0b)));
  const exports = module.exports.map((item) => [...text(item.name), 0x00, ...unsignedLeb(item.function)]);
  return Uint8Array.from(
    MAGIC_AND_VERSION.concat(
      section(SECTION.type, vector([...types.values()].map((type) => type.bytes))),
      section(SECTION.import, vector([memoryImport(module.memory), ...(module.globals ?? []).map(globalImport)])),
      section(SECTION.function, vector(typeIndices.map(unsignedLeb))),
      section(SECTION.export, vector(exports)),
      section(SECTION.code, vector(bodies)),
      section(SECTION.custom, nameSection(module.functions)),
    ),
  );
}
