/**
 * Every row of the instruction table, and the module format, against a reference assembler. The assembler knows all of
 * them, relaxed SIMD and atomics included; relaxed SIMD is not validated by the engine, because not every engine that
 * the tests run on has it.
 */
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { engine } from '../engine.ts';
import {
  Code,
  encodeModule,
  signedLeb,
  unsignedLeb,
  type WasmFunction,
} from '../../../src/compiler/codegen/wasm/encoder.ts';
import {
  INSTRUCTIONS,
  type Immediate,
  type ImmediateValues,
  type Instruction,
  type InstructionName,
} from '../../../src/compiler/codegen/wasm/instructions.ts';

const assembler = await wabt();
const features = { simd: true, threads: true, bulk_memory: true, sat_float_to_int: true, relaxed_simd: true };
const LOCALS = 300;

function assemble(wat: string): Uint8Array {
  const module = assembler.parseWat('row.wat', wat, features);
  try {
    return module.toBinary({ canonicalize_lebs: true, write_debug_names: false }).buffer;
  } finally {
    module.destroy();
  }
}

type Sample<K extends Immediate> = readonly (readonly [value: ImmediateValues[K], wat: string])[];

const bytes16 = Uint8Array.from({ length: 16 }, (_, at) => (at * 37 + 5) % 256);
const lanes16 = Array.from({ length: 16 }, (_, at) => (at * 11 + 3) % 32);

/** Values at the edges of each encoding, with their text. */
const SAMPLES: { readonly [K in Immediate]: Sample<K> } = {
  index: [0, 1, 127, 128, LOCALS - 1].map((value) => [value, String(value)] as const),
  label: [[0, '0']],
  labels: [
    [[0], '0'],
    [[0, 0, 0], '0 0 0'],
  ],
  blockType: [
    ['void', ''],
    ['i32', '(result i32)'],
    ['i64', '(result i64)'],
    ['f32', '(result f32)'],
    ['f64', '(result f64)'],
    ['v128', '(result v128)'],
  ],
  i32: [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2 ** 31 - 1, -(2 ** 31)].map(
    (value) => [value, String(value)] as const,
  ),
  i64: [0n, -1n, 64n, -65n, 2n ** 63n - 1n, -(2n ** 63n)].map((value) => [value, String(value)] as const),
  f32: [
    [0, '0'],
    [-0, '-0'],
    [1.5, '1.5'],
    [Math.fround(0.1), '0.1'],
    [Infinity, 'inf'],
    [-Infinity, '-inf'],
    [NaN, 'nan'],
    [2 ** -149, '0x1p-149'],
  ],
  f64: [
    [0, '0'],
    [-0, '-0'],
    [0.1, '0.1'],
    [2 ** 53, '9007199254740992'],
    [-Infinity, '-inf'],
  ],
  v128: [[bytes16, `i8x16 ${[...bytes16].join(' ')}`]],
  lane: [0, 1].map((value) => [value, String(value)] as const),
  lanes16: [[lanes16, lanes16.join(' ')]],
  memory: [
    [{ offset: 0 }, ''],
    [{ offset: 4 }, 'offset=4'],
    [{ offset: 127 }, 'offset=127'],
    [{ offset: 128 }, 'offset=128'],
    [{ offset: 2 ** 32 - 1 }, 'offset=4294967295'],
  ],
  zero: [],
};

/** All arguments of one instruction together with their text; one immediate varies at a time. */
function argumentLists(row: Instruction): { values: unknown[]; wat: string }[] {
  const kinds = row.immediates.filter((kind) => kind !== 'zero');
  const pick = (kind: Immediate, at: number): readonly [unknown, string] => SAMPLES[kind][at]!;
  const first = kinds.map((kind) => pick(kind, 0));
  const lists = [first];
  kinds.forEach((kind, place) => {
    for (let at = 1; at < SAMPLES[kind].length; at++) lists.push(first.with(place, pick(kind, at)));
  });
  return lists.map((list) => ({ values: list.map((item) => item[0]), wat: list.map((item) => item[1]).join(' ') }));
}

function emit(code: Code, name: InstructionName, values: readonly unknown[]): void {
  // The sample table keeps values and immediates together; the type system cannot see it here.
  (code.emit as (name: InstructionName, ...values: unknown[]) => void).call(code, name, ...values);
}

function moduleOf(code: Code): Uint8Array {
  const locals = Array.from({ length: LOCALS }, () => 'i32' as const);
  const tested: WasmFunction = { name: 'tested', parameters: [], results: [], locals, code };
  const target: WasmFunction = { name: 'target', parameters: [], results: [], locals: [], code: new Code() };
  return encodeModule({
    memory: { module: 'env', name: 'memory', minimum: 1, maximum: 2, shared: true },
    globals: Array.from({ length: LOCALS }, (_, at) => ({ module: 'env', name: `g${at}` })),
    functions: [tested, ...Array.from({ length: LOCALS - 1 }, () => target)],
    exports: [{ name: 'tested', function: 0 }],
  });
}

function watModule(body: string): string {
  const locals = '(local' + ' i32'.repeat(LOCALS) + ')';
  const targets = '(func)'.repeat(LOCALS - 1);
  const memory = '(import "env" "memory" (memory 1 2 shared))';
  const globals = Array.from({ length: LOCALS }, (_, at) => `(import "env" "g${at}" (global i32))`).join('');
  return `(module ${memory} ${globals} (func (export "tested") ${locals} ${body}) ${targets})`;
}

/** What must surround an instruction that is part of a construct; the operand stack is polymorphic after `unreachable`. */
function surround(name: InstructionName): { before: [InstructionName, ...unknown[]][]; after: InstructionName[] } {
  const stop = 'unreachable';
  switch (name) {
    case 'block':
    case 'loop':
      return { before: [[stop]], after: [stop, 'end', stop] };
    case 'if':
      return { before: [[stop]], after: [stop, 'else', stop, 'end', stop] };
    case 'else':
      return { before: [[stop], ['if', 'void']], after: [stop, 'end', stop] };
    case 'end':
      return { before: [[stop], ['block', 'void']], after: [stop] };
    default:
      return { before: [[stop]], after: [stop] };
  }
}

const WAT_OPENING: Partial<Record<InstructionName, string>> = { if: 'if', block: 'block' };

describe('the instruction table', () => {
  const rows = Object.entries(INSTRUCTIONS) as [InstructionName, Instruction][];

  it('has no two rows with one opcode', () => {
    const codes = rows.map(([, row]) => `${row.prefix}:${row.opcode}`);
    expect(new Set(codes).size).toBe(rows.length);
  });

  it.each(rows)('encodes %s as the reference assembler does', (name, row) => {
    for (const { values, wat } of argumentLists(row)) {
      const { before, after } = surround(name);
      const code = new Code();
      for (const [opening, ...rest] of before) emit(code, opening, rest);
      emit(code, name, values);
      for (const closing of after) emit(code, closing, []);
      const text = [...before.map(([opening]) => WAT_OPENING[opening] ?? opening), `${name} ${wat}`, ...after].join(
        '\n',
      );
      const expected = assemble(watModule(text));
      const actual = moduleOf(code);
      expect(Array.from(actual.slice(0, expected.length)), `${name} ${wat}`).toEqual(Array.from(expected));
    }
  });

  it.each(rows.filter(([name]) => !name.includes('relaxed')))(
    'makes a module the engine accepts from %s',
    (name, row) => {
      for (const { values, wat } of argumentLists(row)) {
        const { before, after } = surround(name);
        const code = new Code();
        for (const [opening, ...rest] of before) emit(code, opening, rest);
        emit(code, name, values);
        for (const closing of after) emit(code, closing, []);
        expect(engine.validate(moduleOf(code)), `${name} ${wat}`).toBe(true);
      }
    },
  );
});

describe('LEB128', () => {
  it('writes unsigned numbers seven bits a byte', () => {
    expect(unsignedLeb(0)).toEqual([0]);
    expect(unsignedLeb(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(unsignedLeb(2 ** 32 - 1)).toEqual([0xff, 0xff, 0xff, 0xff, 0x0f]);
  });

  it('writes signed numbers with the sign in the sixth bit of the last byte', () => {
    expect(signedLeb(-123456n)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signedLeb(63n)).toEqual([63]);
    expect(signedLeb(64n)).toEqual([0xc0, 0x00]);
    expect(signedLeb(-64n)).toEqual([0x40]);
  });
});

describe('modules', () => {
  it('writes equal signatures once, locals in runs and names into a custom section', () => {
    const add = new Code();
    add.emit('local.get', 0);
    const other = new Code();
    const module = encodeModule({
      memory: { module: 'env', name: 'memory', minimum: 3 },
      functions: [
        { name: 'first', parameters: ['i32'], results: ['i32'], locals: ['i32', 'i32', 'v128', 'i32'], code: add },
        { name: 'second', parameters: ['i32'], results: ['i32'], locals: [], code: add },
        { name: 'third', parameters: [], results: [], locals: [], code: other },
      ],
      exports: [
        { name: 'first', function: 0 },
        { name: 'third', function: 2 },
      ],
    });
    const expected = assemble(`(module
      (import "env" "memory" (memory 3))
      (func (export "first") (param i32) (result i32) (local i32 i32 v128 i32) local.get 0)
      (func (param i32) (result i32) local.get 0)
      (func (export "third")))`);
    expect(Array.from(module.slice(0, expected.length))).toEqual(Array.from(expected));
    expect(engine.validate(module)).toBe(true);
    const read = assembler.readWasm(module, { readDebugNames: true, ...features });
    read.applyNames();
    expect(read.toText({})).toContain('(func $second');
    read.destroy();
  });
});
