/**
 * The points of a grid may run in any order or at once: none touches an element that another one writes. Checked element by
 * element on the kernels of every sample, in the interpreter.
 */
import { describe, expect, test } from 'vitest';
import { wasmTarget } from '../../src/compiler/codegen/wasm/target.ts';
import { constant, evaluate, subtract, symbol } from '../../src/compiler/dims/dim.ts';
import type { Op, Sample } from '../../src/compiler/ir/op.ts';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import { literal, load } from '../../src/compiler/kernel/build.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import { buffer, kernel, store } from '../codegen/dsl.ts';
import { execute } from '../lowering/execute.ts';
import { inferAt, instantiate, nameSample, surrounded } from './instances.ts';

/** In place of the one that read an element. */
const SEVERAL = -1;

/** What the points have done to one buffer so far: by element, the one that wrote it and the one that read it. */
interface Touched {
  readonly writers: Map<number, number>;
  readonly readers: Map<number, number>;
}

/** Runs a kernel point by point. Throws when a point touches an element that another one writes. */
function runByPoints(
  kernel: Kernel,
  buffers: Readonly<Record<string, BufferData>>,
  sizes: Readonly<Record<string, number>>,
): void {
  const extents = kernel.grid.map(({ extent }) => Math.max(0, evaluate(extent, new Map(Object.entries(sizes)))));
  const count = extents.reduce((product, extent) => product * extent, 1);
  // One buffer may be passed twice.
  const touched = new Map<BufferData, Touched>();
  const single: Kernel = {
    ...kernel,
    grid: [],
    sizes: [...kernel.sizes, ...kernel.grid.map(({ variable }) => variable)],
  };
  for (let point = 0; point < count; point++) {
    const watched = Object.entries(buffers).map(([name, data]) => {
      const seen = touched.get(data) ?? { writers: new Map<number, number>(), readers: new Map<number, number>() };
      touched.set(data, seen);
      return [name, watching(data, seen, point, `${kernel.name}, ${name}`)] as const;
    });
    let rest = point;
    const coordinates = kernel.grid.toReversed().map(({ variable }, at) => {
      const extent = extents.at(-1 - at)!;
      const coordinate = rest % extent;
      rest = Math.floor(rest / extent);
      return [variable, coordinate] as const;
    });
    interpretKernel(single, Object.fromEntries(watched), { ...sizes, ...Object.fromEntries(coordinates) });
  }
}

/** The buffer as one point sees it. */
function watching(data: BufferData, { writers, readers }: Touched, point: number, place: string): BufferData {
  const check = (by: number | undefined, element: number): void => {
    if (by !== undefined && by !== point)
      throw new Error(`${place}: points ${by} and ${point} meet at element ${element}`);
  };
  return new Proxy(data, {
    get: (_, key) => {
      const element = Number(key);
      if (!Number.isInteger(element)) return Reflect.get(data, key, data) as unknown;
      check(writers.get(element), element);
      readers.set(element, (readers.get(element) ?? point) === point ? point : SEVERAL);
      return data[element];
    },
    set: (_, key, value: number) => {
      const element = Number(key);
      check(writers.get(element), element);
      check(readers.get(element), element);
      writers.set(element, point);
      data[element] = value;
      return true;
    },
  });
}

const SIZES = [1, 2, 5, 9] as const;

function checkPoints(op: Op, sample: Sample): void {
  const accepted = SIZES.filter((n) => !('error' in inferAt(op, sample, n)));
  for (const n of accepted) {
    const { graph, inputs } = instantiate(op, sample, n);
    const program = lowerGraph(runPasses(surrounded(graph), passes, ops).graph, wasmTarget);
    const given = new Map([...inputs].map(([name, { data }]) => [name, data]));
    execute(program, new Map([['n', n]]), given, runByPoints);
  }
}

const tested = [...ops.values()].filter((op) => op.body.kind !== 'fusion');

describe.each(tested)('$name', (op: Op) => {
  const cases = op.samples.map((sample) => ({ name: nameSample(op, sample), sample }));
  test.each(cases)('$name has independent points', ({ sample }: { sample: Sample }) => checkPoints(op, sample));
});

test('points that meet are found, whoever comes first', () => {
  const [i, n] = [symbol('i'), symbol('n')];
  const run = (first: Kernel['body']): void => {
    const tested = kernel({ buffers: [buffer('x'), buffer('y')], sizes: ['n'], grid: [['i', n]], body: first });
    runByPoints(tested, { x: new Float32Array(9), y: new Float32Array(9) }, { n: 3 });
  };
  expect(() => run([store('y', i, literal(1))])).not.toThrow();
  expect(() => run([store('y', 0, literal(1))])).toThrow('points 0 and 1 meet at element 0');
  const last = subtract(subtract(n, constant(1)), i);
  expect(() => run([store('x', last, load('x', i, 'f32'))])).toThrow('points 0 and 2 meet at element 2');
  const twice = [store('y', i, load('x', constant(2), 'f32')), store('x', i, literal(1))];
  expect(() => run(twice)).toThrow('points -1 and 2 meet at element 2');
});
