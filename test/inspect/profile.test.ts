/** The report of a profile: figures, rows and blocks from given times, and what they are measured against. */
import { describe, expect, test } from 'vitest';
import { compileGraph, compileLowered, targetNamed } from '../../src/compiler/index.ts';
import { ceilingProgram } from '../../src/compiler/inspect/profile/ceilings.ts';
import { profileFacts } from '../../src/compiler/inspect/profile/facts.ts';
import { blockTimes, makeReport, mergedRows } from '../../src/compiler/inspect/profile/report.ts';
import { blockCells, formatTime, profileCells, summaryCells } from '../../src/compiler/inspect/profile/table.ts';
import { evaluateSize } from '../../src/program/size.ts';
import { graphOf, specFile } from '../support/specs.ts';
import { parts, report, timing } from './profile-sample.ts';

describe('a report', () => {
  test('bounds each step by what takes longer at its ceiling: computing, or moving as many bytes', () => {
    expect(report.steps.map(({ bound, ideal }) => [bound, ideal])).toEqual([
      ['memory', 64_000 / 64e6],
      ['tile', 2000 / 2e6],
      ['memory', 8_000_000 / 16e9],
      ['tile', 2000 / 2e6],
      ['memory', 8_000_000 / 16e9],
    ]);
  });

  test('adds up equal kernels of repeated blocks, the dearest first', () => {
    const merged = mergedRows(report.steps).map(({ steps, path, time, operations, ideal }) => ({
      steps,
      path,
      time,
      operations,
      ideal,
    }));
    expect(merged).toEqual([
      { steps: [1, 3], path: 'layers.*.ff', time: { least: 6e-3, median: 12e-3 }, operations: 4000, ideal: 2e-3 },
      { steps: [0], path: '', time: timing(2e-3), operations: undefined, ideal: 1e-3 },
      { steps: [2, 4], path: 'layers.*.norm', time: timing(2e-3), operations: 20, ideal: 1e-3 },
    ]);
  });

  test('sums the steps in each block of the spec', () => {
    const { seconds, ideal, steps, blocks } = blockTimes(report);
    expect(seconds).toBeCloseTo(10e-3, 12);
    expect(ideal).toBeCloseTo(4e-3, 12);
    expect(steps.map((row) => row.steps)).toEqual([[0]]);
    expect(blocks[0]!.blocks.map(({ path, seconds: each }) => [path, each])).toEqual([
      ['layers.0', 3e-3],
      ['layers.1', 5e-3],
    ]);
  });

  test('takes bytes from the buffers where the compiler has told nothing', () => {
    const bare = makeReport({ ...parts, facts: undefined }).steps;
    expect(bare[0]).toMatchObject({ place: '', ops: [], bytes: 4 * (2000 + 500), bound: 'memory' });
    expect(bare[0]).not.toHaveProperty('operations');
  });
});

describe('a report of a routine among others', () => {
  test('has the steps of that routine alone', () => {
    const { steps } = makeReport({ ...parts, routine: { first: 1, last: 3 }, times: [5e-3, 6e-3].map(timing) });
    expect(steps.map(({ steps: [step], ops, time }) => [step, ops[0], time.least])).toEqual([
      [1, 'contract', 5e-3],
      [2, 'reduce_sum', 6e-3],
    ]);
  });
});

describe('a table', () => {
  test('has a dash for the parts of nothing', () => {
    const none = makeReport({ ...parts, whole: timing(0), times: parts.times.map(() => timing(0)) });
    expect(profileCells(none, { all: false, most: 1 })[0]!.slice(0, 2)).toEqual(['0.00 ns', '–']);
    expect(blockCells(none, 1)[0]).toContain('–');
    expect(new Map(summaryCells(none) as [string, string][]).get('sum of steps')).toBe('0.00 ns, – of the whole run');
    const cells = [...summaryCells(none), ...profileCells(none, { all: true, most: 9 }), ...blockCells(none, 2)].flat();
    expect(cells.filter((cell) => /NaN|Infinity/.test(cell))).toEqual([]);
  });

  test('has a line a row, and one for those beyond', () => {
    expect(profileCells(report, { all: false, most: 1 })).toEqual([
      ['6.00 ms', '60 %', 'product_in ×2', '0.00', '0.00', '33 % tile', 'layers.*.ff  nn.model:6'],
      ['4.00 ms', '40 %', '2 others', '', '4.02', '50 % memory', ''],
    ]);
  });

  test('has a line a block, as deep as asked, without the names of loops', () => {
    const line = ['layers.* ×2', '8.00 ms', '80 %', '38 %'];
    expect(blockCells(report, 1)).toEqual([line]);
    expect(blockCells(report, 2)).toEqual([
      line,
      ['  layers.*.ff ×2', '6.00 ms', '60 %', '33 %'],
      ['  layers.*.norm ×2', '2.00 ms', '20 %', '50 %'],
    ]);
  });

  test('sets the sum of the steps beside the whole run', () => {
    expect(summaryCells(report)).toContainEqual(['sum of steps', '10.0 ms, 63 % of the whole run']);
  });

  test.each([
    [1.5, '1.50 s'],
    [0.0123, '12.3 ms'],
    [999.6e-9, '1000 ns'],
    [2e-6, '2.00 µs'],
    [0, '0.00 ns'],
  ])('writes %d seconds as %s', (seconds, text) => {
    expect(formatTime(seconds)).toBe(text);
  });
});

describe('facts of a compiled model', () => {
  const graph = graphOf(specFile('bert.model'), {
    entry: 'BertClassifier',
    settings: Object.entries({ vocab: 100, hidden_size: 8, layers: 1, heads: 2, intermediate: 16 }).map(
      ([name, value]) => ({ name, text: String(value) }),
    ),
  });
  const compiled = compileGraph(graph, { targets: ['wasm', 'js'] });
  const told = profileFacts(graph, compiled.ops, compiled.lowered);

  test('are one for each step of each target', () => {
    expect(told.targets.wasm).toHaveLength(compiled.program.targets.wasm!.steps.length);
    expect(told.targets.js).toHaveLength(compiled.program.targets.js!.steps.length);
  });

  test('hold all multiply-adds of the model', () => {
    const dims = new Map(graph.dims.map(({ name }) => [name, 3]));
    const sum = told.targets.wasm!.reduce((total, { multiplyAdds = 0 }) => total + evaluateSize(multiplyAdds, dims), 0);
    expect(sum).toBe(evaluateSize(compiled.facts.multiplyAdds!, dims));
  });

  test('know the axes that inputs index', () => {
    expect(told.limits).toMatchObject({ ids: 100 });
  });
});

test.each(['wasm', 'js', 'webgpu'] as const)('the measuring program of %s has a step for each measurement', (name) => {
  const { lowered, measurements } = ceilingProgram(targetNamed(name));
  expect(compileLowered(lowered, name).program.targets[name]!.steps).toHaveLength(measurements.length);
});
