/**
 * The text of a few kernels on every backend. UPDATE_GOLDEN=1 rewrites the files; a change in them is a change in what
 * every program runs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import wabt from 'wabt';
import { emitJs } from '../../src/compiler/codegen/js/emit.ts';
import { emitWasm } from '../../src/compiler/codegen/wasm/emit.ts';
import { emitWgsl } from '../../src/compiler/codegen/wgsl/emit.ts';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import { add, constant as c, multiply, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import {
  binary,
  combine,
  compare,
  lane,
  literal,
  load,
  position,
  select,
  variable,
} from '../../src/compiler/kernel/build.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import type { Shader } from '../../src/program/shaders.ts';
import { teamWords } from '../../src/program/team.ts';
import { assign, buffer, constantly, declare, kernel, loop, store } from './dsl.ts';
import { tiledProduct } from './product.ts';
import { addition } from './wide.ts';

const folder = new URL('../golden/kernels/', import.meta.url);
const binaryToolkit = await wabt();

/** What every module has for its ranks, in a file of its own. */
const TEAM = /^  \(func \$(?:meet|round|work) [^]*?(?=^  \((?:func \$(?!meet|round|work)|export))/m;

function watOf(...kernels: readonly Kernel[]): string {
  const bytes = emitWasm({
    kernels,
    steps: kernels.map(({ buffers, sizes }, kernel) => ({
      kernel,
      arguments: [...buffers, ...sizes].map((_, at) => at),
    })),
    tableAddress: 1024,
    team: teamWords(0),
    exported: [],
  });
  const module = binaryToolkit.readWasm(bytes, { readDebugNames: true, simd: true, threads: true });
  try {
    module.applyNames();
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}

function expectGolden(file: string, text: string): void {
  const url = new URL(file, folder);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(url, text);
  }
  expect(text).toBe(readFileSync(url, 'utf8'));
}

const [i, j, n] = [symbol('i'), symbol('j'), symbol('n')];
const x = variable('x', 'f32');

/** Per row: the sum of squares, and the rectified row scaled by a weight a column. */
const rows: Kernel = kernel({
  name: 'rows',
  buffers: [buffer('input'), buffer('weight'), buffer('output'), buffer('norm')],
  sizes: ['m', 'n'],
  grid: [['i', symbol('m')]],
  body: [
    declare('sum', literal(0)),
    loop('j', n, [
      constantly('x', load('input', add(multiply(i, n), j), 'f32')),
      assign('sum', binary('add', variable('sum', 'f32'), binary('mul', x, x))),
      store('output', add(multiply(i, n), j), binary('mul', binary('max', x, literal(0)), load('weight', j, 'f32'))),
    ]),
    store('norm', i, variable('sum', 'f32')),
  ],
});

/** A difference with the left neighbour, which the first column does not have. */
const difference: Kernel = kernel({
  name: 'difference',
  buffers: [buffer('input'), buffer('output')],
  sizes: ['n'],
  grid: [['i', c(8)]],
  body: [
    loop('j', n, [
      store(
        'output',
        add(multiply(i, n), j),
        binary(
          'sub',
          load('input', add(multiply(i, n), j), 'f32'),
          select(
            compare('gt', position(j), literal(0, 'i32')),
            load('input', add(multiply(i, n), j, c(-1)), 'f32'),
            literal(0),
          ),
        ),
      ),
    ]),
  ],
});

/** A workgroup a row of 128 elements: divided by its sum and reversed, four neighbours an invocation. */
const group: Kernel = {
  ...kernel({
    name: 'group',
    buffers: [
      { ...buffer('input'), access: 'read' },
      { ...buffer('output'), access: 'write' },
    ],
    sizes: ['m'],
    grid: [['i', symbol('m')]],
    body: [
      constantly('x', load('input', add(multiply(i, c(128)), multiply(c(4), j)), 'f32', 4)),
      constantly('sum', { kind: 'reduceLanes', type: 'f32', lanes: 1, op: 'add', operand: variable('x', 'f32', 4) }),
      { kind: 'reduce', name: 'total', op: 'add', value: variable('sum', 'f32') },
      store('tile', multiply(c(4), j), binary('div', variable('x', 'f32', 4), variable('total', 'f32'))),
      { kind: 'barrier' },
      constantly('turned', load('tile', subtract(c(124), multiply(c(4), j)), 'f32', 4)),
      store(
        'output',
        add(multiply(i, c(128)), multiply(c(4), j)),
        combine(
          [3, 2, 1, 0].map((at) => lane(variable('turned', 'f32', 4), at)),
          4,
        ),
      ),
    ],
  }),
  workgroup: { invocation: 'j', size: 32, memory: [{ name: 'tile', type: 'f32', length: 128 }] },
};

it.each([rows, difference, tiledProduct(32, 32)])('$name is written as recorded for wasm', (tested) => {
  expectGolden(`${tested.name}.wat`, watOf(tested).replace(TEAM, ''));
});

it('what lets ranks wait for each other is written as recorded', () => {
  expectGolden('team.wat', TEAM.exec(watOf())![0]);
});

it.each([rows, difference])('$name is written as recorded for JavaScript', (tested) => {
  expectGolden(`${tested.name}.js`, emitJs([tested]));
});

it.each([rows, difference, addition(9), group])('$name is written as recorded for WebGPU', (tested) => {
  const [{ code, variants = [] }] = emitWgsl([tested], webgpuTarget.workgroups) as [Shader];
  expectGolden(`${tested.name}.wgsl`, code);
  for (const { needs, storageBuffers, code: text } of variants) {
    const asked = [...needs, ...(storageBuffers === undefined ? [] : [`${storageBuffers}-buffers`])];
    expectGolden(`${tested.name}.${asked.join('.')}.wgsl`, text);
  }
});
