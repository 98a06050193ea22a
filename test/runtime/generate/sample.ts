/**
 * A model written by hand as kernels, which keeps the tokens themselves: the next one is the sum of position times token,
 * counted from 1, modulo the vocabulary. Where the temperature is above 0, `top_k`, the number of the token and half of the
 * seed are added to the sum; `bias` always is. The logits are 1 at the token that comes next, and else 0.
 */
import { bundleRuntime, bundleWorker } from '../../../scripts/bundle-runtime.mjs';
import { artifactFiles, type ArtifactFile } from '../../../src/compiler/artifact/files.ts';
import { emitJs } from '../../../src/compiler/codegen/js/emit.ts';
import { emitWasm } from '../../../src/compiler/codegen/wasm/emit.ts';
import { add, constant, multiply, scale, symbol, type Dim } from '../../../src/compiler/dims/dim.ts';
import {
  binary,
  compare,
  convert,
  literal,
  load,
  position,
  select,
  variable,
} from '../../../src/compiler/kernel/build.ts';
import type { Expr, Kernel, ScalarType, Statement } from '../../../src/compiler/kernel/ir.ts';
import type { LoweredProgram, NamedTensor } from '../../../src/compiler/plan/lowered.ts';
import { assembleProgram, plan, type Plan } from '../../../src/compiler/plan/plan.ts';
import { LENGTHS, PAST, SAMPLE, type GenerationSpec } from '../../../src/program/generation.ts';
import type { Program } from '../../../src/program/program.ts';
import { teamWords } from '../../../src/program/team.ts';
import type { Threads } from '../../../src/runtime/devices/threads/team.ts';
import { createGenerativeModel, type GenerativeModel } from '../../../src/runtime/generate/model.ts';
import type { ModelParts } from '../../../src/runtime/model.ts';
import { assign, constantly, declare, kernel, loop, store, when } from '../../codegen/dsl.ts';
import { importKernels } from '../../support/specs.ts';

export const MAX = 6;
export const VOCABULARY = 11;

export const spec: GenerationSpec = {
  input: 'idx',
  along: 'time',
  output: 'scores',
  max: MAX,
  vocabulary: VOCABULARY,
  inputs: ['bias'],
};

/** The token after a text, of which no more than the last tokens count. */
export function nextToken(text: readonly number[], addend = 0): number {
  return text.slice(-MAX).reduce((sum, token, at) => sum + (at + 1) * token, addend) % VOCABULARY;
}

/** The text with so many more tokens; `addend` is told how many there were before. */
export function continued(
  prompt: readonly number[],
  count: number,
  addend: (position: number) => number = () => 0,
): number[] {
  const text = [...prompt];
  for (let at = 0; at < count; at++) text.push(nextToken(text, addend(at)));
  return text.slice(prompt.length);
}

const [batch, time] = [symbol('batch'), symbol('time')];
const [b, t] = [symbol('b'), symbol('t')];
const i32 = (name: string, index: Dim): Expr => load(name, index, 'i32');
const sum = variable('sum', 'i32');

function plus(value: Expr): Statement {
  return assign('sum', binary('add', sum, value));
}

/** Position times token, at the place `t`. */
function weighed(token: Expr): Expr {
  return binary('mul', position(add(t, constant(1))), token);
}

/** From the sum to the token and the logits of row `b`. */
const sampled: readonly Statement[] = [
  when(compare('gt', load('temperature', constant(0), 'f32'), literal(0)), [
    plus(i32('topK', constant(0))),
    plus(convert(load('key', constant(1), 'u32'), 'i32')),
    plus(binary('div', convert(load('key', constant(0), 'u32'), 'i32'), literal(2, 'i32'))),
  ]),
  plus(i32('bias', b)),
  constantly(
    'next',
    binary('sub', sum, binary('mul', literal(VOCABULARY, 'i32'), binary('div', sum, literal(VOCABULARY, 'i32')))),
  ),
  store('token', b, variable('next', 'i32')),
  loop('v', VOCABULARY, [
    store(
      'logits',
      add(scale(b, VOCABULARY), symbol('v')),
      select(compare('eq', position(symbol('v')), variable('next', 'i32')), literal(1), literal(0)),
    ),
  ]),
];

const sampler: readonly (readonly [name: string, type: ScalarType])[] = [
  ['bias', 'i32'],
  ['temperature', 'f32'],
  ['topK', 'i32'],
  ['topP', 'f32'],
  ['penalty', 'f32'],
  ['key', 'u32'],
];

function buffersOf(own: readonly string[]): Kernel['buffers'] {
  return [
    ...own.map((name) => ({ name, type: 'i32', access: 'read' }) as const),
    ...sampler.map(([name, type]) => ({ name, type, access: 'read' }) as const),
    { name: 'cache', type: 'i32', access: 'readwrite' },
    { name: 'logits', type: 'f32', access: 'write' },
    { name: 'token', type: 'i32', access: 'write' },
  ];
}

const prefill = kernel({
  name: 'prefill',
  buffers: buffersOf(['idx', 'lengths']),
  sizes: ['batch', 'time'],
  body: [
    loop('b', batch, [
      declare('sum', literal(0, 'i32')),
      constantly('length', i32('lengths', b)),
      loop('t', time, [
        constantly('given', i32('idx', add(multiply(b, time), t))),
        when(compare('lt', position(t), variable('length', 'i32')), [
          store('cache', add(scale(b, MAX), t), variable('given', 'i32')),
          plus(weighed(variable('given', 'i32'))),
        ]),
      ]),
      ...sampled,
    ]),
  ],
});

const step = kernel({
  name: 'step',
  buffers: buffersOf(['idx', 'past']),
  sizes: ['batch'],
  body: [
    loop('b', batch, [
      declare('sum', literal(0, 'i32')),
      constantly('before', i32('past', b)),
      store('cache', add(scale(b, MAX), symbol('before')), i32('idx', b)),
      loop('t', add(symbol('before'), constant(1)), [plus(weighed(i32('cache', add(scale(b, MAX), t))))]),
      ...sampled,
    ]),
  ],
});

/** Writes 1 over as much memory as the caller wants. */
const run = kernel({
  name: 'run',
  buffers: [
    { name: 'idx', type: 'i32', access: 'read' },
    { name: 'bias', type: 'i32', access: 'read' },
    { name: 'scores', type: 'i32', access: 'write' },
  ],
  sizes: ['batch', 'time'],
  body: [loop('i', multiply(batch, time), [store('scores', symbol('i'), literal(1, 'i32'))])],
});

const sizes: { readonly [name: string]: readonly Dim[] } = {
  idx: [batch, time],
  last: [batch, constant(1)],
  lengths: [batch],
  past: [batch],
  bias: [batch],
  temperature: [],
  topK: [],
  topP: [],
  penalty: [],
  key: [constant(2)],
  cache: [batch, constant(MAX)],
  logits: [batch, constant(VOCABULARY)],
  token: [batch],
  scores: [batch, time],
};

const TYPES = new Map<string, ScalarType>([...sampler, ['logits', 'f32']]);

/** What the tensors of the kernels are called outside. */
const NAMES: { readonly [name: string]: string } = {
  last: 'idx',
  lengths: LENGTHS,
  past: PAST,
  temperature: SAMPLE.temperature,
  topK: SAMPLE.topK,
  topP: SAMPLE.topP,
  penalty: SAMPLE.penalty,
  key: 'random.key',
};

function lowered(): LoweredProgram {
  const tensors: NamedTensor[] = [];
  const tensor = (name: string): NamedTensor => {
    const shape = sizes[name]!;
    const made = { name: NAMES[name] ?? name, type: TYPES.get(name) ?? 'i32', shape, buffer: tensors.length };
    tensors.push(made);
    return made;
  };
  const cache = tensor('cache');
  const own = sampler.map(([name]) => name);
  const routine = (called: Kernel, first: number, given: readonly string[], made: readonly string[]) => {
    const [inputs, outputs] = [given.map(tensor), made.map(tensor)];
    const buffers = [...inputs, ...(called === run ? [] : [cache]), ...outputs].map(({ buffer }) => buffer);
    return {
      routine: { name: called.name, inputs, outputs, first, last: first + 1 },
      call: { kernel: called, buffers, sizes: called.sizes.map((size) => symbol(size)), origin: { path: '' } },
    };
  };
  const routines = [
    routine(run, 0, ['idx', 'bias'], ['scores']),
    routine(prefill, 1, ['idx', 'lengths', ...own], ['logits', 'token']),
    routine(step, 2, ['last', 'past', ...own], ['logits', 'token']),
  ];
  return {
    name: 'Sums',
    dims: [{ name: 'batch' }, { name: 'time' }],
    buffers: tensors.map(({ type, shape }) => ({
      type,
      size: shape.reduce((size, axis) => multiply(size, axis), constant(1)),
    })),
    routines: routines.map(({ routine }) => routine),
    weights: [],
    kept: [cache],
    calls: routines.map(({ call }) => call),
  };
}

export const planned: Plan = plan(lowered());

export const program: Program = assembleProgram(
  'Sums',
  lowered().dims,
  { wasm: planned, js: planned },
  { generation: spec },
);

export function wasmModule(): Uint8Array<ArrayBuffer> {
  const { kernels, runArguments, tableSlots, exportedKernels } = planned;
  return emitWasm({
    kernels,
    steps: runArguments,
    tableAddress: 0,
    team: teamWords(tableSlots),
    exported: exportedKernels,
  });
}

export async function partsFor(target: 'wasm' | 'js', threads?: Threads): Promise<ModelParts> {
  const kernels = target === 'js' ? await importKernels(emitJs(planned.kernels)) : wasmModule();
  return { program, target, threads, kernels, weights: () => undefined };
}

export async function loadSums(target: 'wasm' | 'js', threads?: Threads): Promise<GenerativeModel> {
  return createGenerativeModel(await partsFor(target, threads));
}

/** The files of its artifact. */
export async function sumsArtifact(): Promise<ArtifactFile[]> {
  return artifactFiles({
    program,
    facts: { parameters: { tensors: 0, elements: 0 }, multiplyAdds: 0, peakMemory: { wasm: planned.peakMemory } },
    provenance: { compiler: 'heddle 0.0.0', sources: { 'test.model': '00' } },
    // Written by hand, without anything that relaxed SIMD would change.
    wasm: { strict: wasmModule(), relaxed: wasmModule() },
    js: emitJs(planned.kernels),
    runtimeSource: (await bundleRuntime({ kind: 'generate' }))!,
    workerSource: (await bundleWorker())!,
  });
}
