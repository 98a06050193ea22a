/** Programs of several routines whose outputs become new values of weights. */
import { describe, expect, test } from 'vitest';
import { constant } from '../../src/compiler/dims/dim.ts';
import { compileModule, type Module } from '../../src/compiler/driver.ts';
import { Builder } from '../../src/compiler/ir/builder.ts';
import type { Value } from '../../src/compiler/ir/graph.ts';
import { ops } from '../../src/compiler/ops/table.ts';
import { memoryFor } from '../../src/program/memory.ts';
import { evaluateSize } from '../../src/program/size.ts';
import { acceptAll } from '../support/shaders.ts';
import { ENGINES, type Engine } from '../support/quantized.ts';
import { onEngine, onReference, routineGraph, TRAINING, type Tensors } from '../support/routines.ts';
import { randomNumbers, randomTensor } from '../support/tensors.ts';
import { useThreads } from '../support/threads.ts';
import { validatingDevice } from '../support/webgpu.ts';

const threads = useThreads();
const random = randomNumbers(7);

const drawn = (shapes: { readonly [name: string]: readonly number[] }): Tensors =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, randomTensor('f32', shape, random)]));

interface Example {
  readonly module: Module;
  readonly weights: Tensors;
  /** Routines in the order in which they are run, with their inputs. */
  readonly runs: readonly (readonly [routine: string, inputs: { readonly [name: string]: readonly number[] }])[];
}

/** w ← w - rate · (w · x summed over n), with momentum; a loss is there from the beginning. */
const descent: Example = {
  module: {
    name: 'Descent',
    training: TRAINING,
    graphs: [
      routineGraph(
        'step',
        `dim n
         input x %0: f32[n, 37]
         input rate %1: f32[]
         param w %2: f32[37, 9]
         param m %3: f32[37, 9]
         %4: f32[n, 9] = matmul(%0, %2)
         %5: f32[] = sum(%4) {axis: null, keepdim: false}
         %6: f32[37, n] = transpose(%0) {permutation: [1, 0]}
         %7: f32[37, 9] = matmul(%6, %4)
         %8: f32[37, 9] = add(%7, %3)
         %9: f32[37, 9] = expand(%1) {shape: [<37>, <9>], axis: null, size: null}
         %10: f32[37, 9] = mul(%8, %9)
         %11: f32[37, 9] = sub(%2, %10)
         output loss %5
         output next.w %11 into w
         output next.m %8 into m`,
      ),
      routineGraph(
        'evaluate',
        `dim n
         input x %0: f32[n, 37]
         param w %1: f32[37, 9]
         %2: f32[n, 9] = matmul(%0, %1)
         output y %2`,
      ),
    ],
  },
  weights: drawn({ w: [37, 9], m: [37, 9] }),
  runs: [
    ['evaluate', { x: [5, 37] }],
    ['step', { x: [5, 37], rate: [] }],
    ['step', { x: [70, 37], rate: [] }],
    ['evaluate', { x: [5, 37] }],
    ['step', { x: [5, 37], rate: [] }],
    ['evaluate', { x: [1, 37] }],
  ],
};

const swap: Example = {
  module: {
    name: 'Swap',
    training: TRAINING,
    graphs: [
      routineGraph(
        'step',
        `param a %0: f32[5, 1000]
         param b %1: f32[5, 1000]
         output next.a %1 into a
         output next.b %0 into b`,
      ),
    ],
  },
  weights: drawn({ a: [5, 1000], b: [5, 1000] }),
  runs: [
    ['step', {}],
    ['step', {}],
    ['step', {}],
  ],
};

/** The new value is the old one elsewhere, and both are seen outside. */
const turned: Example = {
  module: {
    name: 'Turned',
    training: TRAINING,
    graphs: [
      routineGraph(
        'step',
        `param w %0: f32[40, 40]
         param v %4: f32[40, 40]
         %1: f32[40, 40] = transpose(%0) {permutation: [1, 0]}
         %2: f32[40, 40] = neg(%1)
         %5: f32[40, 40] = mul(%4, %2)
         %3: f32[40] = sum(%0) {axis: [0], keepdim: false}
         output next.w %2 into w
         output seen %2
         output next.v %5 into v
         output old %3`,
      ),
    ],
  },
  weights: drawn({ w: [40, 40], v: [40, 40] }),
  runs: [
    ['step', {}],
    ['step', {}],
  ],
};

const EXAMPLES = { descent, swap, turned };

const TOLERANCE = { js: 2e-5, strict: 2e-5, relaxed: 2e-5 };

const differences = (found: readonly number[], wanted: readonly number[]): number => {
  expect(found).toHaveLength(wanted.length);
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  return found.reduce((most, value, at) => Math.max(most, Math.abs(value - wanted[at]!)), 0) / scale;
};

/** Runs all runs, and compares outputs and weights after each. */
async function checkExample({ module, weights, runs }: Example, engine: Engine, at = ''): Promise<void> {
  const reference = onReference(module, weights);
  const found = await onEngine(module, engine, weights);
  for (const [routine, shapes] of runs) {
    const inputs = drawn(shapes);
    const outputs = found.run(routine, inputs);
    for (const [name, wanted] of reference.run(routine, inputs))
      expect(differences(outputs.get(name)!, wanted), `${at} ${name}`).toBeLessThan(TOLERANCE[engine]);
    for (const { name } of found.program.weights)
      expect(differences(found.weight(name), reference.weight(name)), `${at} ${name}`).toBeLessThan(TOLERANCE[engine]);
  }
  found.dispose();
}

describe.each(ENGINES)('on %s', (engine) => {
  test.each(Object.entries(EXAMPLES))('%s does run after run what the reference does', async (_, example) => {
    await checkExample(example, engine);
  });
});

test.each(Object.entries(EXAMPLES))('%s has the same bits on two threads', async (_, { module, weights, runs }) => {
  const [one, two] = [await onEngine(module, 'strict', weights), await onEngine(module, 'strict', weights, threads(2))];
  for (const [routine, shapes] of runs) {
    const inputs = drawn(shapes);
    expect(two.run(routine, inputs)).toEqual(one.run(routine, inputs));
    for (const name of weights.keys()) expect(two.weight(name)).toEqual(one.weight(name));
  }
  one.dispose();
  two.dispose();
});

/** How each weight is written: by a kernel that reads it too, by one that does not, or by a copy at the end. */
function waysOf({ module }: Example): { readonly [weight: string]: string } {
  const { lowered } = compileModule(module, { targets: ['wasm'] });
  const { weights, calls } = lowered.wasm!;
  return Object.fromEntries(
    weights.map(({ name, buffer }) => {
      const ways = calls.flatMap(({ kernel, buffers }) => {
        const { access } = kernel.buffers[buffers.indexOf(buffer)] ?? { access: 'read' };
        return access === 'read' ? [] : [kernel.name === 'copy' ? 'copy' : access];
      });
      return [name, ways.join(' ')];
    }),
  );
}

test('new values are written in place where nothing needs the old one any more, else copied', () => {
  expect(waysOf(descent)).toEqual({ w: 'readwrite', m: 'readwrite' });
  expect(waysOf(swap)).toEqual({ a: 'copy', b: 'write' });
  expect(waysOf(turned)).toEqual({ w: 'copy', v: 'readwrite' });
});

test('a weight that is updated in place takes nothing of the arena, and packed weights are packed anew', () => {
  const { program } = compileModule(descent.module, { targets: ['wasm'] });
  const { buffers, loadSteps, routines, weights } = program.targets.wasm!;
  expect(loadSteps).toEqual([]);
  expect(weights.map(({ buffer }) => buffers[buffer]!.kind)).toEqual(['persistent', 'persistent']);
  const [step] = routines;
  expect(step!.outputs.map(({ name }) => name)).toEqual(['loss']);
  expect(step!.lossReady).toBeGreaterThan(step!.first);
  expect(step!.lossReady).toBeLessThan(step!.last);
});

test('the memory of all routines is what the compiler says, and stays that after the first runs', async () => {
  const { module, weights } = descent;
  const found = await onEngine(module, 'js', weights);
  const inputs = drawn({ x: [70, 37], rate: [] });
  const look = new Map([['x', inputs.get('x')!]]);
  const sizes: number[] = [];
  for (let round = 0; round < 3; round++) {
    found.run('step', inputs);
    found.run('evaluate', look);
    sizes.push(found.session.device.memory.byteLength);
  }
  const { facts } = compileModule(module, { targets: ['js'] });
  const reserved = memoryFor(found.program, new Map([['n', 70]]));
  expect(sizes).toEqual([reserved, reserved, reserved]);
  const needed = evaluateSize(facts.peakMemory.js!, new Map([['n', 70]]));
  expect(reserved).toBeGreaterThanOrEqual(needed);
  expect(reserved).toBeLessThan(1.02 * needed + 64 * found.program.buffers.length);
  found.dispose();
});

test('until the loss is ready nothing is written', async () => {
  const { module, weights } = descent;
  const inputs = drawn({ x: [5, 37], rate: [] });
  const found = await onEngine(module, 'js', weights);
  const { first, last, lossReady } = found.program.routines[0]!;
  const wanted = onReference(module, weights).run('step', inputs);
  const loss = found.run('step', inputs).get('loss')!;
  expect(differences(loss, wanted.get('loss')!)).toBeLessThan(TOLERANCE.js);
  const before = [found.weight('w'), found.weight('m')];
  found.session.device.runSteps(first, lossReady!);
  expect([found.weight('w'), found.weight('m')]).toEqual(before);
  found.session.device.runSteps(lossReady!, last);
  expect([found.weight('w'), found.weight('m')]).not.toEqual(before);
  found.dispose();
});

test('frozen weights are packed at load, once for all routines that read them alike', async () => {
  const read = (name: string): ReturnType<typeof routineGraph> =>
    routineGraph(
      name,
      `dim n
       input x %0: f32[n, 37]
       frozen param w %1: f32[37, 9]
       %2: f32[n, 9] = matmul(%0, %1)
       output y %2`,
    );
  const module = { name: 'Frozen', training: TRAINING, graphs: [read('step'), read('evaluate')] };
  const weights = drawn({ w: [37, 9] });
  const found = await onEngine(module, 'strict', weights);
  expect(found.program.loadSteps).toHaveLength(1);
  const inputs = drawn({ x: [5, 37] });
  const wanted = onReference(module, weights).run('step', inputs);
  for (const routine of ['step', 'evaluate'])
    expect(differences(found.run(routine, inputs).get('y')!, wanted.get('y')!)).toBeLessThan(TOLERANCE.strict);
  found.dispose();
});

/** A graph of pointwise ops, transpositions and sums over parameters of one shape, any of which takes any value. */
function randomUpdates(seed: number): Example {
  const draw = randomNumbers(seed);
  const below = (limit: number): number => Math.floor(draw() * limit);
  const builder = new Builder(ops, new Map());
  const type = { dtype: 'f32', shape: [constant(6), constant(6)] } as const;
  const names = ['a', 'b', 'c', 'd'];
  const parameters = names.map((name) => ({ name, value: builder.value(type), origin: { path: '' } }));
  const input = { name: 'x', value: builder.value(type) };
  const values = [input.value, ...parameters.map(({ value }) => value)];
  const recent = (): Value => values[Math.max(0, values.length - 1 - below(6))]!;
  for (let step = 0; step < 12; step++) {
    const made = [
      () => builder.one('tanh', [recent()]),
      () => builder.one('mul', [recent(), recent()]),
      () => builder.one('sub', [recent(), recent()]),
      () => builder.one('transpose', [recent()], { permutation: [1, 0] }),
      () => builder.one('softmax', [recent()], { axis: 1 }),
      () => builder.one('tanh', [builder.one('matmul', [recent(), recent()])]),
    ];
    values.push(made[below(made.length)]!());
  }
  const loss = builder.one('sum', [recent()], { axis: null, keepdim: false });
  const updates = parameters.flatMap(({ name }) =>
    below(4) === 0 ? [] : [{ name: `next.${name}`, value: recent(), into: name }],
  );
  const plain = { name: 'y', value: recent() };
  const graph = { name: 'Random', dims: [], inputs: [input], parameters, nodes: builder.nodes };
  const outputs = below(2) === 0 ? [{ name: 'loss', value: loss }, plain, ...updates] : [...updates, plain];
  const look = { ...graph, outputs: [plain] };
  return {
    module: {
      name: 'Random',
      training: TRAINING,
      graphs: [
        { name: 'step', graph: { ...graph, outputs } },
        { name: 'evaluate', graph: look },
      ],
    },
    weights: drawn(Object.fromEntries(names.map((name) => [name, [6, 6]]))),
    runs: [
      ['step', { x: [6, 6] }],
      ['evaluate', { x: [6, 6] }],
      ['step', { x: [6, 6] }],
    ],
  };
}

test('random updates do on js and wasm what the reference does', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const example = randomUpdates(seed);
    await checkExample(example, seed % 2 === 0 ? 'js' : 'strict', `seed ${seed}`);
  }
});

describe('on a GPU', () => {
  test.each(Object.entries(EXAMPLES))('the kernels of %s are accepted', async (_, { module }) => {
    const device = await validatingDevice();
    const { program, wgsl } = compileModule(module, { targets: ['webgpu'] });
    const { gpu } = program.targets.webgpu!;
    expect(await acceptAll(device, gpu!, wgsl!)).toBe(gpu!.kernels.length);
    device.destroy();
  });
});
