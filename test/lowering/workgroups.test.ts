/**
 * Kernels of rows and of structured ops for a device with workgroups, in the interpreter: it throws where invocations touch
 * what others write, or do not meet, and where anything is read or written outside of a buffer.
 */
import { describe, expect, test } from 'vitest';
import { webgpuTarget } from '../../src/compiler/codegen/wgsl/target.ts';
import type { Graph } from '../../src/compiler/ir/graph.ts';
import { interpret } from '../../src/compiler/ir/interpret.ts';
import type { Tensor } from '../../src/compiler/ir/op.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { forEachStatement } from '../../src/compiler/kernel/rewrite.ts';
import { kernelFaults } from '../../src/compiler/kernel/verify.ts';
import { limitFaults } from '../../src/compiler/kernel/workgroup.ts';
import { lowerGraph } from '../../src/compiler/lowering/lower.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { passes } from '../../src/compiler/passes/index.ts';
import { runPasses } from '../../src/compiler/passes/run.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { inferAt, instantiate, nameSample, surrounded } from '../conformance/instances.ts';
import { graphOfText, withRun } from '../support/specs.ts';
import { expectClose, randomNumbers, randomTensor } from '../support/tensors.ts';
import { describeGpu } from '../support/webgpu.ts';
import { execute } from './execute.ts';

const CLOSE = { absolute: 2e-5, relative: 2e-5 };

function lowered(graph: Graph): LoweredProgram {
  const program = lowerGraph(runPasses(graph, passes, ops).graph, webgpuTarget);
  for (const { kernel } of program.calls) {
    expect(kernelFaults(kernel)).toEqual([]);
    expect(limitFaults(kernel, webgpuTarget.workgroups)).toEqual([]);
  }
  return program;
}

function check(
  graph: Graph,
  program: LoweredProgram,
  inputs: ReadonlyMap<string, Tensor>,
  n: number,
  tolerance = CLOSE,
): void {
  const symbols = new Map([['n', n]]);
  const wanted = interpret(graph, { inputs, parameters: new Map(), symbols });
  const got = execute(program, symbols, new Map([...inputs].map(([name, { data }]) => [name, data])));
  for (const [name, { data }] of wanted) expectClose(got.get(name)!, data, tolerance, `${name} at n = ${n}`);
}

function sizes({ calls }: LoweredProgram): (number | undefined)[] {
  return calls.map(({ kernel }) => kernel.workgroup?.size);
}

function loadsVectors({ calls }: LoweredProgram): boolean {
  return calls.some(({ kernel }) => printKernel(kernel).includes('f32x4'));
}

describe.each([...ops.values()].filter((op) => ['structured', 'reduction'].includes(op.body.kind)))('$name', (op) => {
  test.each(op.samples.map((sample) => ({ name: nameSample(op, sample), sample })))('$name', ({ sample }) => {
    for (const form of [(graph: Graph) => graph, surrounded]) {
      const accepted = [0, 1, 5, 33].filter((n) => !('error' in inferAt(op, sample, n)));
      const graph = form(instantiate(op, sample, accepted[0]!).graph);
      const program = lowered(graph);
      for (const n of accepted) check(graph, program, instantiate(op, sample, n).inputs, n, op.tolerance);
    }
  });
});

function of(text: string): Graph {
  return graphOfText(`model M() { dims n\n${text}\n}`);
}

describe('rows', () => {
  test.each([1, 16, 17, 32, 33, 64, 100, 257, 768, 2100])('of %i elements, whose number is known', (width) => {
    const graph = of(`
      input x: f32[n, ${width}]
      output p = softmax(x, axis: 1)
      output v = var(x, axis: 1)
      output m = max(x, axis: 1)
      output i = argmin(x, axis: 1)`);
    const program = lowered(graph);
    for (const size of sizes(program)) expect(size === undefined).toBe(width <= 16);
    expect(loadsVectors(program)).toBe(width === 768 || width === 2100);
    for (const n of [0, 1, 3])
      check(graph, program, new Map([['x', randomTensor('f32', [n, width], randomNumbers(n), [-3, 3])]]), n);
  });

  test('of a number of elements that only a run knows', () => {
    const graph = of(`
      input x: f32[2, n]
      output p = softmax(x, axis: 1)
      output v = var(x, axis: 1)
      output total = sum(x)`);
    const program = lowered(graph);
    for (const n of [1, 2, 63, 64, 65, 129, 500])
      check(graph, program, new Map([['x', randomTensor('f32', [2, n], randomNumbers(n), [-3, 3])]]), n);
  });

  test('over several axes are one loop', () => {
    const graph = of(`
      input x: f32[n, 3, 5, 7]
      output mean = mean(x, axis: (0, 2, 3))
      output least = min(x, axis: (0, 2, 3))`);
    const program = lowered(graph);
    for (const n of [1, 2, 9])
      check(graph, program, new Map([['x', randomTensor('f32', [n, 3, 5, 7], randomNumbers(n), [-3, 3])]]), n);
  });
});

describe('all elements', () => {
  const text = (shape: string): string => `
      input x: f32[${shape}]
      input y: f32[${shape}]
      output mean = mean(abs(x - y))
      output size = sqrt(sum(x * x)) + 1
      output most = max(x)
      output count = sum(cast(x > y, i32))`;

  test('of which there are many take a workgroup for each part, and then one for the parts', () => {
    const graph = of(text('50, 1000, 2'));
    const program = lowered(graph);
    expect(sizes(program)).toEqual([256, 32, 256, 32, 256, 32, 256, 32]);
    const [x, y] = [1, 2].map((seed) => randomTensor('f32', [50, 1000, 2], randomNumbers(seed), [-3, 3]));
    check(graph, program, new Map(Object.entries({ x: x!, y: y! })), 1);
  });

  test.each([1, 13, 16])('and their number is known by a run alone, such as %i times 900', (n) => {
    const graph = of(text('n, 900'));
    const program = lowered(graph);
    expect(program.calls).toHaveLength(8);
    const [x, y] = [1, 2].map((seed) => randomTensor('f32', [n, 900], randomNumbers(seed), [-3, 3]));
    check(graph, program, new Map(Object.entries({ x: x!, y: y! })), n);
  });

  test('that are few take one', () => {
    expect(lowered(of(text('100, 9'))).calls).toHaveLength(4);
    expect(lowered(of(text('n, 9'))).calls).toHaveLength(4);
  });

  test('whose reductions depend on each other take one', () => {
    expect(lowered(of('input x: f32[5, 4000]\noutput v = var(x)')).calls).toHaveLength(1);
  });
});

test('what an invocation wrote itself is read without waiting for the others', () => {
  const { calls } = lowered(of('input x: f32[n, 96]\noutput p = softmax(x, axis: 1)'));
  expect(calls).toHaveLength(1);
  let barriers = 0;
  forEachStatement(calls[0]!.kernel.body, ({ kind }) => (barriers += kind === 'barrier' ? 1 : 0));
  expect(barriers).toBe(0);
});

describe('columns', () => {
  const text = (shape: string, axis: string): string => `
      input x: f32[${shape}]
      output p = softmax(x, axis: ${axis})
      output v = var(x, axis: ${axis})
      output m = max(x, axis: ${axis})`;

  test.each([1, 2, 7, 10, 31, 32, 33, 100])('%i of them, of a number of elements that only a run knows', (width) => {
    const graph = of(text(`n, ${width}`, '0'));
    const program = lowered(graph);
    for (const n of [1, 2, 8, 33, 100])
      check(graph, program, new Map([['x', randomTensor('f32', [n, width], randomNumbers(n), [-3, 3])]]), n);
  });

  test.each([33, 64, 100, 300])('of %i elements', (height) => {
    const graph = of(text(`2, ${height}, n`, '1'));
    const program = lowered(graph);
    for (const n of [0, 1, 31, 32, 40])
      check(graph, program, new Map([['x', randomTensor('f32', [2, height, n], randomNumbers(n), [-3, 3])]]), n);
  });

  test('along several axes', () => {
    const graph = of(`
      input x: f32[n, 3, 5, 7]
      output total = sum(x, axis: (0, 2))
      output any = any(x > 2.5, axis: (0, 2))
      output most = max(cast(x, i32), axis: (0, 2))`);
    const program = lowered(graph);
    for (const n of [1, 2, 9])
      check(graph, program, new Map([['x', randomTensor('f32', [n, 3, 5, 7], randomNumbers(n), [-3, 3])]]), n);
  });
});

describe('elements', () => {
  const text = (width: number): string => `
      input x: f32[n, ${width}]
      input b: f32[${width}]
      input c: f32[n]
      output y = gelu(x + b) * c[:, none]
      output z = concat(x, x * 2, axis: 1)
      output t = rearrange(x + b, "a b -> b a")`;

  test.each([1, 6, 8, 64])('in rows of %i, four at a time where these are whole vectors', (width) => {
    const graph = of(text(width));
    const program = lowered(graph);
    expect(loadsVectors(program)).toBe(width % 4 === 0);
    for (const n of [0, 1, 3, 4, 9]) {
      const random = randomNumbers(n);
      const [x, b, c] = [[n, width], [width], [n]].map((shape) => randomTensor('f32', shape, random, [-3, 3]));
      check(graph, program, new Map(Object.entries({ x: x!, b: b!, c: c! })), n);
    }
  });
});

/** Beyond what the samples of ops have: rows of vectors, several rounds of every workgroup, long lines. */
const LONG: { readonly [what: string]: { readonly text: string; readonly shape: readonly number[] } } = {
  'elements in vectors': {
    text: `
      input x: f32[n, 64]
      output y = gelu(x) * 2
      output b = x > 0.5
      output i = cast(x * 3, i32) + 1`,
    shape: [3, 64],
  },
  'rows of vectors': {
    text: `
      input x: f32[n, 256]
      output p = softmax(x, axis: 1)
      output v = var(x, axis: 1)
      output i = argmax(x, axis: 1)`,
    shape: [3, 256],
  },
  'rows of other lengths': {
    text: `
      input x: f32[n, 333]
      output p = log_softmax(x, axis: 1)
      output m = max(x, axis: 1)`,
    shape: [2, 333],
  },
  columns: {
    text: `
      input x: f32[n, 2, 37]
      output p = softmax(x, axis: 0)
      output t = sum(x, axis: (0, 1))`,
    shape: [50, 2, 37],
  },
  'all elements': {
    text: `
      input x: f32[n, 1000]
      output t = mean(x * x)
      output m = min(x) + 1`,
    shape: [17, 1000],
  },
  'long lines': {
    text: `
      input x: f32[n, 150]
      output s = cumsum(x, axis: 1)
      v, i = sort(x, axis: 1, descending: true)
      w, j = top_k(x, 7)
      output sorted = v
      output places = i
      output most = w
      output at = j`,
    shape: [2, 150],
  },
};

describe.each(Object.entries(LONG))('%s', (_, { text, shape }) => {
  const graph = of(text);
  const inputs = new Map([['x', randomTensor('f32', shape, randomNumbers(7), [-3, 3])]]);
  const n = shape[0]!;

  test('agree in the interpreter', () => check(graph, lowered(graph), inputs, n));

  describeGpu('on a device', () => {
    test('agree', () =>
      withRun(graph, 'webgpu', new Map(), async (run) => {
        const wanted = interpret(graph, { inputs, parameters: new Map(), symbols: new Map([['n', n]]) });
        const got = await run(Object.fromEntries(inputs), { n });
        for (const [name, { data }] of wanted) expectClose(got.get(name)!.data, data, CLOSE, name);
      }));
  });
});
