/** The parts of the benchmark that measure nothing: statistics, comparison, figures, tables and chart. */
import { expect, test } from 'vitest';
import { drawChart } from '../../bench/report/chart.mjs';
import { mainEngine, withFigures } from '../../bench/report/docs.mjs';
import { figuresOf, type Row } from '../../bench/report/figures.mjs';
import { coldStartTable, lengthsTable, productTable, speedTable } from '../../bench/report/sections.mjs';
import { compareOutputs, gigaflops, summarize } from '../../bench/report/statistics.mjs';
import { markdownSection, printSection } from '../../bench/report/table.mjs';

const agreeing = { difference: 0, scale: 5, agrees: true };
const f32 = { numbers: 'f32', ceilings: ['relaxed', 'strict'] } as const;

/** A second takes 10⁹ operations: 4 ms are 1 GFLOP/s. */
const ROWS: readonly Row[] = [
  {
    contestant: { name: 'ours', build: 'ours', threads: 1, ...f32 },
    samples: [4, 5, 9],
    operations: 4e6,
    ...agreeing,
  },
  {
    contestant: { name: 'ours, 2 threads', build: 'ours', threads: 2, ...f32 },
    samples: [3],
    operations: 4e6,
    ...agreeing,
  },
  {
    contestant: { name: 'peer', threads: 1, numbers: 'f32', ceilings: ['strict'], against: 'ours' },
    samples: [8, 20],
    operations: 4e6,
    difference: 0.5,
    scale: 5,
    agrees: false,
  },
  {
    contestant: {
      name: 'peer, 2 threads',
      threads: 2,
      numbers: 'f32',
      ceilings: ['strict'],
      against: 'ours, 2 threads',
    },
    samples: [6],
    operations: 4e6,
    difference: 5e-6,
    scale: 5,
    agrees: true,
  },
  {
    contestant: { name: 'native', threads: 1, numbers: 'f32', isNative: true, ceilings: ['strict'], against: 'ours' },
    samples: [0.1],
    operations: 4e6,
    ...agreeing,
  },
  { contestant: { name: 'other', threads: 1, numbers: 'f32' }, absent: 'does not run <here>' },
  { contestant: { name: 'ceiling 6×8', threads: 1, isCeiling: 'relaxed' }, absent: 'no relaxed SIMD' },
  { contestant: { name: 'ceiling 4×8', threads: 1, isCeiling: 'strict' }, samples: [1, 1], operations: 2e6 },
];

test('minimum and median of odd and even numbers of samples', () => {
  expect(summarize([9, 1, 5])).toEqual({ count: 3, min: 1, median: 5 });
  expect(summarize([4, 1, 3, 2])).toEqual({ count: 4, min: 1, median: 2.5 });
  expect(summarize([10, 9])).toEqual({ count: 2, min: 9, median: 9.5 });
  expect(() => summarize([])).toThrow(RangeError);
  expect(gigaflops(3e9, 1000)).toBe(3);
});

test('outputs agree within a part of the largest value, and never with NaN, a missing output or another length', () => {
  const wanted = { y: [1, -100, 3] };
  expect(compareOutputs(wanted, { y: [1, -100.005, 3] }, 'f32').agrees).toBe(true);
  expect(compareOutputs(wanted, { y: [1.02, -100, 3] }, 'f32')).toMatchObject({ agrees: false, scale: 100 });
  expect(compareOutputs(wanted, { y: [1.02, -100, 3] }, 'f32').difference).toBeCloseTo(0.02, 12);
  for (const found of [{ y: [1, Number.NaN, 3] }, { z: [1, -100, 3] }, { y: [1, -100] }]) {
    expect(compareOutputs(wanted, found, 'int8')).toMatchObject({ difference: Infinity, agrees: false });
  }
});

test('quantised outputs may lie further apart, but not anywhere', () => {
  const wanted = { y: [1, -100, 3] };
  expect(compareOutputs(wanted, { y: [3, -98, 3] }, 'int8').agrees).toBe(true);
  expect(compareOutputs(wanted, { y: [20, -100, 3] }, 'int8').agrees).toBe(false);
});

test('figures: rates by the minimum, the best ceiling there is times the threads, and the ratio on the same work', () => {
  const [ours, threads, peer, peerThreads, native, other, , top] = figuresOf(ROWS);
  expect(ours).toMatchObject({ kind: 'ours', min: 4, median: 5, gigaflops: 1, ceiling: 2, ofCeiling: 0.5 });
  expect(ours).not.toHaveProperty('ahead');
  expect(threads).toMatchObject({ ceiling: 4, ofCeiling: 1 / 3 });
  expect(peer).toMatchObject({ kind: 'peer', gigaflops: 0.5, ofCeiling: 0.25, ahead: { min: 2, median: 2.8 } });
  expect(peerThreads).toMatchObject({ ahead: { min: 2 } });
  expect(native).toMatchObject({ kind: 'native', ahead: { min: 0.025 } });
  expect(other).toEqual({ name: 'other', kind: 'peer', threads: 1, numbers: 'f32', absent: 'does not run <here>' });
  expect(top).toMatchObject({ kind: 'ceiling', gigaflops: 2 });
});

test('the table names who disagrees, and who is absent with the reason', () => {
  const table = speedTable({ title: 'Small', multiplyAdds: 2e6, figures: figuresOf(ROWS) });
  const lines = printSection(table).split('\n');
  expect(lines[0]).toBe('Small: 2.000 million multiply-adds');
  expect(lines.find((line) => line.startsWith('ours '))).toMatch(/4\.00 ms +5\.00 ms +1\.0 +50 % +– +– +0 +3$/);
  expect(lines.find((line) => line.startsWith('peer '))).toMatch(/2\.00 × +2\.80 × +1\.0e-1 MISMATCH +2$/);
  expect(lines.slice(-2)).toEqual(['other: – (does not run <here>)', 'ceiling 6×8: – (no relaxed SIMD)']);
});

test('a product is one row, with both forms of ours and the peer', () => {
  const figure = (name: string, rate: number, part: number) =>
    ({ name, kind: 'ours', threads: 1, gigaflops: rate, ofCeiling: part }) as const;
  const figures = [figure('heddle', 60, 0.92), { ...figure('heddle, strict', 45.04, 0.9), agrees: false }];
  const table = productTable([{ order: 'a', orderTitle: 'A', of: 'qkv', sizes: { m: 65, n: 8, k: 4 }, figures }]);
  expect(table.notes).toEqual(['qkv: A: heddle, strict MISMATCH']);
  expect(table.rows).toEqual([['qkv: A', '65 × 8 × 4', '60.0', '92 %', '45.0', '90 %', '–']]);
});

test('cold starts compare with ours on as many threads; memory is told where it is known', () => {
  const ours = { name: 'ours', samples: [50, 40], firstPeaks: [60e6], peaks: [61e6, 63e6] };
  const peer = { name: 'peer', against: 'ours', samples: [100], firstPeaks: [], peaks: [] };
  const gone = { name: 'gone', samples: [], firstPeaks: [], peaks: [], absent: 'crashes' };
  const table = coldStartTable({ title: 'Net', rows: [ours, peer, gone] });
  expect(table.rows).toEqual([
    ['ours', '40.0 ms', '45.0 ms', '–', '60.0 MB', '62.0 MB'],
    ['peer', '100 ms', '100 ms', '2.50 ×', '–', '–'],
  ]);
  expect(table.notes).toEqual(['gone: – (crashes)']);
});

test('tokens by length: with the cache and without, and where the two make other tokens', () => {
  const rows = [
    { length: 64, cached: 0.05, whole: 1, agrees: true },
    { length: 256, cached: 0.5, whole: 6, agrees: false },
  ];
  const table = lengthsTable({ model: 'small', rows });
  expect(table.rows).toEqual([
    [64, '50.0 µs', '1.00 ms', '20.00 ×'],
    [256, '0.500 ms', '6.00 ms', '12.00 ×'],
  ]);
  expect(table.notes).toEqual(['256: other tokens without it: MISMATCH']);
});

test('Markdown: heading, aligned columns, notes as a list, and no bar splits a cell', () => {
  const table = { heading: 'Head', header: ['', 'a'], rows: [['x|y', 1]], notes: ['absent'] };
  expect(markdownSection(table, 3)).toBe('### Head\n\n|  | a |\n| --- | ---: |\n| x\\|y | 1 |\n\n- absent');
});

test('figures go between the markers of a page, in the place of the last ones', () => {
  const page =
    'before\n<!-- prettier-ignore-start -->\n<!-- figures: begin -->\nold\n<!-- figures: end -->\n<!-- prettier-ignore-end -->\nafter';
  const once = withFigures(page, 'new');
  expect(once).toMatch(/^before\n.*\n.*\n\nnew\n\n.*\n.*\nafter$/);
  expect(withFigures(once, 'new')).toBe(once);
  expect(() => withFigures('no markers', 'new')).toThrow('no place for figures');
  const other = page.replaceAll('figures:', 'other figures:');
  const both = withFigures(`${page}\n${other}`, 'newer', 'other figures');
  expect(both).toBe(`${page}\n${withFigures(other, 'newer', 'other figures')}`);
  expect(both).toContain('newer');
});

test('the engine told about at length is the first Node of version 24 or later', () => {
  const engines = ['Node 20.20.2', 'Node 24.1.0', 'Node 26.0.0', 'Chromium 150'].map((engine) => ({ engine }));
  expect(mainEngine({ engines }).engine).toBe('Node 24.1.0');
  expect(mainEngine({ engines: engines.slice(0, 1) }).engine).toBe('Node 20.20.2');
});

test('the chart has a bar for each that was measured, in proportion by block, cuts off native code and escapes text', () => {
  const svg = drawChart('A < B', 'here', [{ title: 'Small & fast', figures: figuresOf(ROWS) }]);
  expect(svg).toContain('A &lt; B');
  expect(svg).toContain('Small &amp; fast');
  const widths = [...svg.matchAll(/<rect x="230" y="\d+" width="([\d.]+)"/g)].map((match) => Number(match[1]));
  expect(widths).toHaveLength(5);
  // Native code, ours and the peer on one thread; then ours and the peer on two.
  expect(widths[1]! / widths[2]!).toBeCloseTo(2, 1);
  expect(widths[3]! / widths[4]!).toBeCloseTo(2, 1);
  expect(widths[0]).toBe(520);
  expect(svg.match(/<path/g)).toHaveLength(1);
  expect(svg).not.toContain('other');
  expect(svg.match(/<line [^>]*stroke-dasharray/g)).toHaveLength(1);
});
