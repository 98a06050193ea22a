/** A report of given times: two layers of a product and rows behind an embedding. */
import { makeReport, type ProfileParts, type Timing } from '../../src/compiler/inspect/profile/report.ts';
import type { StepFacts } from '../../src/program/profile.ts';
import type { Step, TargetProgram } from '../../src/program/program.ts';
import { runOf } from '../runtime/sample.ts';

const step = (kernel: number, origin: string): Step => ({ kernel, buffers: [0, 1], sizes: [], origin });

const program: TargetProgram = {
  buffers: [
    { kind: 'arena', size: ['*', 1000, 'batch'], first: -1, last: 4 },
    { kind: 'arena', size: 500, first: 0, last: 5 },
  ],
  routines: runOf(5),
  weights: [],
  loadSteps: [],
  steps: [
    step(0, ''),
    step(1, 'layers.0.ff'),
    step(2, 'layers.0.norm'),
    step(1, 'layers.1.ff'),
    step(2, 'layers.1.norm'),
  ],
  kernels: ['pointwise', 'product_in', 'rows'],
};

const product: StepFacts = {
  place: 'specs/std/nn.model:6',
  ops: ['contract', 'add'],
  operations: ['*', 1000, 'batch'],
  bytes: 4000,
};
const rows: StepFacts = { place: 'specs/std/nn.model:16', ops: ['reduce_sum'], operations: 10, bytes: 8_000_000 };
const facts: readonly StepFacts[] = [{ place: '', ops: ['embedding'], bytes: 64_000 }, product, rows, product, rows];

export const timing = (least: number): Timing => ({ least, median: 2 * least });
export const parts: ProfileParts = {
  name: 'Small',
  target: 'wasm',
  engine: 'wasm',
  dims: new Map([['batch', 2]]),
  samples: 7,
  whole: timing(16e-3),
  ceilings: {
    tile: { rows: 4, columns: 8, unroll: 1, operations: 2e6 },
    byteTile: { rows: 4, columns: 8, unroll: 1, operations: 8e6 },
    memory: [
      { footprint: 10_000, bytes: 100e6 },
      { footprint: 100_000, bytes: 64e6 },
      { footprint: 1_000_000, bytes: 16e9 },
    ],
  },
  program,
  routine: { first: 0, last: program.steps.length },
  facts,
  times: [2e-3, 2e-3, 1e-3, 4e-3, 1e-3].map(timing),
};
export const report = makeReport(parts);
