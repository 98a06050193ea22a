/** The parts of the benchmark that measure nothing: statistics, comparison, figures, table, chart and flags. */
import { expect, test } from 'vitest';
import { readArguments } from '../../bench/arguments.mjs';
import { drawChart } from '../../bench/report/chart.mjs';
import { figuresOf, type Row } from '../../bench/report/figures.mjs';
import { speedTable } from '../../bench/report/sections.mjs';
import { compareOutputs, gigaflops, summarize } from '../../bench/report/statistics.mjs';

const ceiling = { name: 'ceiling 4×8', threads: 1, isCeiling: 'strict' };

/** A second takes 10⁹ operations: 4 ms are 1 GFLOP/s. */
const ROWS: readonly Row[] = [
  {
    contestant: { name: 'ours', threads: 1, ceiling: 'strict' },
    samples: [4, 5, 9],
    operations: 4e6,
    difference: 0,
    agrees: true,
  },
  {
    contestant: { name: 'peer', threads: 1, ceiling: 'strict' },
    samples: [8, 20],
    operations: 4e6,
    difference: 0.5,
    agrees: false,
  },
  {
    contestant: { name: 'peer, 2 threads', threads: 2, ceiling: 'strict' },
    samples: [2],
    operations: 4e6,
    difference: 1e-6,
    agrees: true,
  },
  { contestant: { name: 'other', threads: 1, ceiling: 'strict' }, absent: 'does not run <here>' },
  { contestant: ceiling, samples: [1, 1], operations: 2e6 },
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
  expect(compareOutputs(wanted, { y: [1, -100.005, 3] }).agrees).toBe(true);
  expect(compareOutputs(wanted, { y: [1.02, -100, 3] })).toMatchObject({ agrees: false });
  expect(compareOutputs(wanted, { y: [1.02, -100, 3] }).difference).toBeCloseTo(0.02, 12);
  for (const found of [{ y: [1, Number.NaN, 3] }, { z: [1, -100, 3] }, { y: [1, -100] }]) {
    expect(compareOutputs(wanted, found)).toEqual({ difference: Infinity, agrees: false });
  }
});

test('figures: rates by the minimum, the ceiling times the threads, and how far the first row is ahead', () => {
  const [ours, peer, threads, other, top] = figuresOf(ROWS);
  expect(ours).toMatchObject({ min: 4, median: 5, gigaflops: 1, ofCeiling: 0.5 });
  expect(peer).toMatchObject({ gigaflops: 0.5, ofCeiling: 0.25, ahead: { min: 2, median: 2.8 } });
  expect(threads).toMatchObject({ gigaflops: 2, ofCeiling: 0.5, ahead: { min: 0.5 } });
  expect(other).toEqual({ name: 'other', absent: 'does not run <here>' });
  expect(top).toMatchObject({ gigaflops: 2, isCeiling: true });
  expect(top).not.toHaveProperty('ahead');
});

test('the table names who disagrees, and who is absent with the reason', () => {
  const table = speedTable({ title: 'Small' }, { multiplyAdds: 2e6 }, figuresOf(ROWS));
  const lines = table.split('\n');
  expect(lines[0]).toBe('Small: 2.000 million multiply-adds');
  expect(lines.find((line) => line.startsWith('ours'))).toMatch(/4\.00 ms +5\.00 ms +1\.0 +50 % +– +– +– +3$/);
  expect(lines.find((line) => line.startsWith('peer '))).toMatch(/2\.00 × +2\.80 × +5\.0e-1 MISMATCH +2$/);
  expect(lines.at(-1)).toBe('other: – (does not run <here>)');
});

test('the chart has a bar for each that was measured, in proportion, and escapes text', () => {
  const svg = drawChart('A < B', 'here', [{ title: 'Small & fast', figures: figuresOf(ROWS) }]);
  expect(svg).toContain('A &lt; B');
  expect(svg).toContain('Small &amp; fast');
  const widths = [...svg.matchAll(/<rect x="220" y="\d+" width="([\d.]+)"/g)].map((match) => Number(match[1]));
  expect(widths).toHaveLength(3);
  expect(widths[0]! / widths[1]!).toBeCloseTo(2, 2);
  expect(svg).not.toContain('other');
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(1);
});

test('flags: lists are of known names, numbers are whole and positive', () => {
  const known = { models: ['vit', 'mlp'], peers: ['a', 'b'] };
  expect(readArguments([], known)).toMatchObject({ models: ['vit', 'mlp'], peers: ['a', 'b'], threads: [1] });
  expect(readArguments(['--only', 'mlp', '--peers', 'none', '--threads', '1,2'], known)).toMatchObject({
    models: ['mlp'],
    peers: [],
    threads: [1, 2],
  });
  expect(() => readArguments(['--only', 'bert'], known)).toThrow('there is no bert; there are vit, mlp');
  expect(() => readArguments(['--rounds', '0'], known)).toThrow('--rounds');
  expect(() => readArguments(['--surprise'], known)).toThrow('--surprise');
});
