import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as dims from '../../src/compiler/dims/dim.ts';
import type { Dim } from '../../src/compiler/dims/dim.ts';
import type { Kernel } from '../../src/compiler/kernel/ir.ts';
import type { LoweredProgram } from '../../src/compiler/plan/lowered.ts';
import { assembleProgram, plan } from '../../src/compiler/plan/plan.ts';
import { toSizeExpr } from '../../src/compiler/plan/size-expr.ts';
import { checkProgram } from '../../src/program/schema.ts';
import { evaluateSize } from '../../src/program/size.ts';
import { accumulator, batch, call, kernel, lowered } from './programs.ts';

describe('kernels', () => {
  test('that are equal but for their names are one', () => {
    const calls = [
      call(kernel('layers.0', 1), [0, 1]),
      call(kernel('layers.1', 1), [1, 2]),
      call(kernel('other', 1, 7), [2, 3]),
    ];
    const { kernels, program } = plan(
      lowered({ sizes: [batch, batch, batch, batch], inputs: [0], outputs: [3], calls }),
    );
    expect(kernels.map(({ name }) => name)).toEqual(['layers.0', 'other']);
    expect(program.kernels).toEqual(['layers.0', 'other']);
    expect(program.steps.map((step) => step.kernel)).toEqual([0, 0, 1]);
    expect(program.steps.map((step) => step.origin)).toEqual(['layers.0', 'layers.1', 'other']);
  });
});

describe('calls at load', () => {
  test('are those that depend on weights alone', () => {
    // 0: input, 1: weight, 2: packed weight, 3: packed twice, 4: output
    const calls = [
      call(kernel('pack', 1, 1, 1), [1, 2], [8]),
      call(kernel('packAgain', 1, 2), [2, 3]),
      call(kernel('multiply', 2, 3), [0, 3, 4]),
    ];
    const { program, exportedKernels, runArguments, kernels } = plan(
      lowered({ sizes: [batch, 8, 8, 8, batch], inputs: [0], weights: [1], outputs: [4], calls }),
    );
    expect(program.loadSteps.map((step) => step.origin)).toEqual(['pack', 'packAgain']);
    expect(program.steps.map((step) => step.origin)).toEqual(['multiply']);
    expect(program.buffers).toEqual([
      { kind: 'arena', size: 'batch', first: -1, last: 0 },
      { kind: 'staging', size: 8, first: 0, last: 0 },
      { kind: 'staging', size: 8, first: 0, last: 1 },
      { kind: 'persistent', size: 8, first: 0, last: 0 },
      { kind: 'arena', size: 'batch', first: 0, last: 1 },
    ]);
    expect(exportedKernels.map((number) => kernels[number]!.name)).toEqual(['pack', 'packAgain']);
    expect(runArguments).toEqual([{ kernel: 2, arguments: [0, 1, 2] }]);
  });

  test('have sizes that are numbers', () => {
    const calls = [call(kernel('spread', 1, 1, 1), [1, 2], [batch]), call(kernel('add', 2), [0, 2, 3])];
    const { program } = plan(
      lowered({ sizes: [batch, 8, batch, batch], inputs: [0], weights: [1], outputs: [3], calls }),
    );
    expect(program.loadSteps).toEqual([]);
    expect(program.buffers[1]!.kind).toBe('persistent');
    expect(program.buffers[2]).toEqual({ kind: 'arena', size: 'batch', first: 0, last: 1 });
  });

  test('never write an output, which the caller might overwrite', () => {
    const calls = [call(kernel('copy', 1), [0, 1])];
    const { program } = plan(lowered({ sizes: [4, 4], weights: [0], outputs: [1], calls }));
    expect(program.loadSteps).toEqual([]);
    expect(program.steps).toHaveLength(1);
  });

  test('do not read a weight that a step changes', () => {
    const calls = [
      call(kernel('pack', 1), [1, 2]),
      call(kernel('use', 2), [0, 2, 3]),
      call(accumulator('update'), [3, 1]),
    ];
    const { program } = plan(lowered({ sizes: [8, 8, 8, 8], inputs: [0], weights: [1], outputs: [3], calls }));
    expect(program.loadSteps).toEqual([]);
    expect(program.buffers[1]!.kind).toBe('persistent');
  });

  test('do not begin what a step finishes, nor finish what a step has read', () => {
    const begun = [call(kernel('clear', 0), [1]), call(accumulator('add'), [0, 1]), call(kernel('copy', 1), [1, 2])];
    expect(plan(lowered({ sizes: [4, 4, 4], inputs: [0], outputs: [2], calls: begun })).program.loadSteps).toEqual([]);
    const read = [
      call(kernel('one', 0, 1), [1]),
      call(kernel('use', 2), [0, 1, 2]),
      call(kernel('two', 0, 2), [1]),
      call(kernel('useAgain', 2, 3), [2, 1, 3]),
    ];
    expect(plan(lowered({ sizes: [4, 4, 4, 4], inputs: [0], outputs: [3], calls: read })).program.loadSteps).toEqual(
      [],
    );
  });

  test('keep a weight that steps read too', () => {
    const calls = [call(kernel('pack', 1), [1, 2]), call(kernel('use', 3), [0, 1, 2, 3])];
    const { program } = plan(lowered({ sizes: [8, 8, 8, 8], inputs: [0], weights: [1], outputs: [3], calls }));
    expect(program.buffers.map(({ kind }) => kind)).toEqual(['arena', 'persistent', 'persistent', 'arena']);
  });
});

describe('calls at load that compute the same', () => {
  const program = (second: Kernel): LoweredProgram =>
    lowered({
      sizes: [8, 8, 8, 8, 8],
      inputs: [0],
      weights: [1],
      outputs: [4],
      calls: [call(kernel('pack', 1), [1, 2]), call(second, [1, 3]), call(kernel('use', 3), [0, 2, 3, 4])],
    });

  test('run once, and their readers read the same', () => {
    const { loadSteps, steps, buffers } = plan(program(kernel('pack again', 1))).program;
    expect(loadSteps).toHaveLength(1);
    expect(buffers).toHaveLength(4);
    expect(new Set(steps[0]!.buffers)).toHaveProperty('size', 3);
  });

  test('are told from others, and from those that add to what is there', () => {
    expect(plan(program(kernel('pack', 1, 5))).program.loadSteps).toHaveLength(2);
    expect(plan(program(accumulator('pack'))).program.loadSteps).toHaveLength(2);
  });

  test('do not exist for weights that a training may change, unless they are frozen', () => {
    const given = { ...program(kernel('pack', 1)), isTraining: true };
    expect(plan(given).program.loadSteps).toEqual([]);
    const frozen = given.weights.map((weight) => ({ ...weight, frozen: true as const }));
    expect(plan({ ...given, weights: frozen }).program.loadSteps).toHaveLength(1);
  });
});

describe('buffers', () => {
  test('that nothing uses vanish, with their weights', () => {
    const calls = [call(kernel('copy', 1), [1, 3])];
    const program = plan(lowered({ sizes: [9, 8, 9, 8], inputs: [1], weights: [0, 2], outputs: [3], calls })).program;
    expect(program.buffers).toHaveLength(2);
    expect(program.weights).toEqual([]);
    expect(program.routines[0]!.inputs[0]).toMatchObject({ name: 'input1', buffer: 0 });
    expect(program.steps[0]!.buffers).toEqual([0, 1]);
  });

  test('of unused inputs keep a place that is free from the first step on', () => {
    const calls = [call(kernel('make', 0), [1])];
    const { program } = plan(lowered({ sizes: [8, 8], inputs: [0], outputs: [1], calls }));
    expect(program.buffers[0]).toEqual({ kind: 'arena', size: 8, first: -1, last: -1 });
  });
});

test('the table holds every buffer and size of the steps once, buffers first', () => {
  const rows = dims.multiply(dims.constant(65), batch);
  const calls = [
    call(kernel('a', 1, 1, 2), [0, 1], [rows, 8]),
    call(kernel('a', 1, 1, 2), [1, 2], [rows, 8]),
    call(kernel('b', 2, 2, 1), [0, 2, 3], [batch]),
  ];
  const { program, runArguments, tableSlots } = plan(
    lowered({ sizes: [rows, rows, rows, rows], inputs: [0], outputs: [3], calls }),
  );
  expect(program.routines[0]!.table).toEqual({ buffers: [0, 1, 2, 3], sizes: [['*', 65, 'batch'], 8, 'batch'] });
  expect(tableSlots).toBe(7);
  expect(runArguments.map((step) => step.arguments)).toEqual([
    [0, 1, 4, 5],
    [1, 2, 4, 5],
    [0, 2, 3, 6],
  ]);
});

test('an assembled program is one that the runtime accepts', () => {
  const calls = [call(kernel('pack', 1, 1, 1), [1, 2], [8]), call(kernel('multiply', 2, 3), [0, 2, 3])];
  const planned = plan(lowered({ sizes: [batch, 8, 8, batch], inputs: [0], weights: [1], outputs: [3], calls }));
  const program = assembleProgram('Test', [{ name: 'batch', max: 8 }], { wasm: planned, js: planned });
  expect(checkProgram(JSON.parse(JSON.stringify(program)))).toEqual(program);
  expect(Object.keys(assembleProgram('Test', [], { js: planned }).targets)).toEqual(['js']);
});

test('a routine has the conditions of its graph, and no list where there are none', () => {
  const conditions = [
    { atLeastZero: dims.add(batch, dims.constant(-4)), message: 'far', origin: { path: 'layers.0' } },
  ];
  const program = lowered({ sizes: [8, 8], inputs: [0], outputs: [1], calls: [call(kernel('copy', 1), [0, 1])] });
  const [routine] = program.routines;
  const planned = plan({ ...program, routines: [{ ...routine!, conditions }] });
  expect(planned.program.routines[0]!.conditions).toEqual([{ size: ['+', 'batch', -4], message: 'far' }]);
  const assembled = assembleProgram('Test', [{ name: 'batch' }], { js: planned });
  expect(checkProgram(JSON.parse(JSON.stringify(assembled)))).toEqual(assembled);
  expect(plan(program).program.routines[0]).not.toHaveProperty('conditions');
});

test('a size expression has the values of its dimension', () => {
  const { dim } = fc.letrec<{ dim: Dim }>((tie) => ({
    dim: fc.oneof(
      { maxDepth: 3 },
      fc.integer({ min: -20, max: 20 }).map(dims.constant),
      fc.constantFrom('batch', 'time').map(dims.symbol),
      fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => dims.add(a, b)),
      fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => dims.multiply(a, b)),
      fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => dims.minimum(a, b)),
      fc.tuple(tie('dim'), tie('dim')).map(([a, b]) => dims.maximum(a, b)),
      fc.tuple(tie('dim'), fc.integer({ min: 1, max: 5 })).map(([a, b]) => dims.floorDiv(a, dims.constant(b))),
    ),
  }));
  fc.assert(
    fc.property(dim, fc.nat(9), fc.nat(9), (value, b, t) => {
      const symbols = new Map([
        ['batch', b],
        ['time', t],
      ]);
      expect(evaluateSize(toSizeExpr(value), symbols) + 0).toBe(dims.evaluate(value, symbols) + 0);
    }),
  );
  expect(toSizeExpr(dims.constant(3))).toBe(3);
  expect(toSizeExpr(dims.ZERO)).toBe(0);
});
