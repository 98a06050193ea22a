/** Random programs of simple kernels, planned, emitted and run on both devices, against running the calls in order. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import { add, constant, evaluate, multiply, symbol, type Dim } from '../../src/compiler/dims/dim.ts';
import { binary, literal, load } from '../../src/compiler/kernel/build.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import type { GuardedKernel, LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { assembleProgram, plan } from '../../src/compiler/plan/plan.ts';
import type { TargetName } from '../../src/program/program.ts';
import type { StoredTensor } from '../../src/program/safetensors.ts';
import type { JsKernelFactory } from '../../src/runtime/devices/js.ts';
import { teamWords } from '../../src/program/team.ts';
import { createModel } from '../../src/runtime/model.ts';
import { batch, call, lowered } from './programs.ts';

const WIDTH = 4;

const TILES = {
  candidates: [4, 6, 8].map((rows) => ({ rows, columns: 8, kernel: 0, multiplyAdds: 1 })),
  buffers: [1, 1] as const,
  order: { strict: [0], relaxed: [0] },
};

/** What a model takes that is told of no other. */
const TILE = 0;

/** `y[i] = a[i] + 2 * b[i] + addend`, and `y[i]` too when it accumulates. */
function mix(addend: number, accumulates: boolean): Kernel {
  const index = symbol('i');
  const sum = binary(
    'add',
    binary('add', load('a', index, 'f32'), binary('mul', literal(2), load('b', index, 'f32'))),
    literal(addend),
  );
  return {
    name: `mix${addend}`,
    buffers: [
      { name: 'a', type: 'f32', access: 'read' },
      { name: 'b', type: 'f32', access: 'read' },
      { name: 'y', type: 'f32', access: accumulates ? 'readwrite' : 'write' },
    ],
    sizes: ['n'],
    grid: [],
    body: [
      {
        kind: 'loop',
        variable: 'i',
        extent: symbol('n'),
        mode: 'serial',
        body: [
          {
            kind: 'store',
            buffer: 'y',
            index,
            value: accumulates ? binary('add', load('y', index, 'f32'), sum) : sum,
          },
        ],
      },
    ],
  };
}

interface Recipe {
  readonly a: number;
  readonly b: number;
  readonly addend: number;
  readonly accumulates: boolean;
  readonly isStatic: boolean;
  /** Another addend from this many rows on, or where products use a tile. */
  readonly from: number | undefined;
  readonly tile: number | undefined;
}

const recipe = fc.record({
  a: fc.nat(),
  b: fc.nat(),
  addend: fc.nat(3),
  accumulates: fc.boolean(),
  isStatic: fc.boolean(),
  from: fc.option(fc.nat(9), { nil: undefined }),
  tile: fc.option(fc.nat(2), { nil: undefined }),
});

const INPUT = 0;
const WEIGHTS = [1, 2];

/** Buffer 0 is the input, 1 and 2 are weights; every call writes a new buffer or adds to the one before. */
function build(recipes: readonly Recipe[]): LoweredProgram {
  const dynamic = multiply(constant(WIDTH), batch);
  const sizes: (number | typeof dynamic)[] = [dynamic, WIDTH, WIDTH];
  const calls = recipes.map(({ a, b, addend, accumulates, isStatic, from, tile }, at) => {
    // Only elements that exist may be read: a static call reads static buffers.
    const candidates = sizes.flatMap((size, buffer) => (isStatic === (size === WIDTH) ? [buffer] : []));
    const pick = (number: number): number => candidates[number % candidates.length]!;
    const last = sizes.length - 1;
    const adds = accumulates && last > 2 && (sizes[last] === WIDTH) === isStatic;
    const target = adds ? last : sizes.push(isStatic ? WIDTH : dynamic) - 1;
    const [first, second] = [pick(a), pick(b)];
    const reads = adds ? [INPUT, INPUT] : [first, second];
    const safe = adds && isStatic ? WEIGHTS : reads;
    const alternatives = [
      ...(from === undefined
        ? []
        : [{ kernel: mix(addend + 10, adds), atLeastZero: add(rowsOf(isStatic), constant(-from)) }]),
      ...(tile === undefined ? [] : [{ kernel: mix(addend + 20, adds), tile }]),
    ];
    return {
      ...call(mix(addend + (at % 2), adds), [...safe, target], [isStatic ? WIDTH : dynamic]),
      ...(alternatives.length > 0 && { alternatives }),
    };
  });
  const outputs = sizes.map((_, buffer) => buffer).slice(-3);
  return lowered({
    sizes,
    inputs: [INPUT],
    weights: WEIGHTS,
    outputs: outputs.filter((buffer) => buffer > 2),
    calls,
  });
}

/** Static buffers are as wide as one row. */
function rowsOf(isStatic: boolean): Dim {
  return isStatic ? constant(1) : batch;
}

function weight(buffer: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: WIDTH }, (_, i) => buffer * 10 + i);
}

/** The meaning of a program: its calls in order, every buffer a place of its own. */
function interpret(program: LoweredProgram, input: Float32Array, rows: number): Map<string, number[]> {
  const isStatic = (buffer: number): boolean => program.buffers[buffer]!.size.terms[0]!.factors.length === 0;
  const memory = program.buffers.map((_, buffer) => new Float32Array(isStatic(buffer) ? WIDTH : WIDTH * rows));
  memory[INPUT]!.set(input);
  for (const buffer of WEIGHTS) memory[buffer]!.set(weight(buffer));
  const symbols = new Map([['batch', rows]]);
  for (const { kernel: own, alternatives = [], buffers } of program.calls) {
    const holds = ({ tile, atLeastZero }: GuardedKernel): boolean =>
      (tile ?? TILE) === TILE && (!atLeastZero || evaluate(atLeastZero, symbols) >= 0);
    const kernel = alternatives.find(holds)?.kernel ?? own;
    const [a, b, y] = buffers.map((buffer) => memory[buffer]!) as [Float32Array, Float32Array, Float32Array];
    const addend = Number(kernel.name.slice('mix'.length));
    for (let i = 0; i < y.length; i++) {
      const value = Math.fround(Math.fround(a[i]! + 2 * b[i]!) + addend);
      y[i] = kernel.buffers[2]!.access === 'readwrite' ? y[i]! + value : value;
    }
  }
  return new Map(program.routines[0]!.outputs.map(({ name, buffer }) => [name, [...memory[buffer]!]]));
}

async function loaded(program: LoweredProgram, target: TargetName) {
  const planned = plan(program);
  const kernels =
    target === 'wasm'
      ? emitWasm({
          kernels: planned.kernels,
          steps: planned.runArguments,
          tableAddress: 0,
          team: teamWords(planned.tableSlots),
          exported: planned.exportedKernels,
        })
      : await jsKernels(emitJs(planned.kernels));
  const weights = (name: string): StoredTensor => ({
    dtype: 'F32',
    shape: [WIDTH],
    bytes: new Uint8Array(weight(Number(name.slice('weight'.length))).buffer),
  });
  return createModel({
    program: assembleProgram('Random', program.dims, {
      [target]: { ...planned, program: { ...planned.program, tiles: TILES } },
    }),
    target,
    kernels,
    weights,
  });
}

async function jsKernels(text: string): Promise<JsKernelFactory> {
  const module = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as { kernels: JsKernelFactory };
  return module.kernels;
}

test.each(['wasm', 'js'] as const)(
  'planned programs compute on %s what their calls compute in order',
  async (target) => {
    await fc.assert(
      fc.asyncProperty(fc.array(recipe, { minLength: 1, maxLength: 14 }), async (recipes) => {
        const program = build(recipes);
        const model = await loaded(program, target);
        for (const rows of [3, 1, 0, 9, 3]) {
          const input = Float32Array.from({ length: WIDTH * rows }, (_, i) => i - 5);
          const outputs = model.runSync({ input0: input });
          for (const [name, expected] of interpret(program, input, rows))
            expect([...outputs[name]!.data]).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  },
);
