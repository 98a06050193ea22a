/** What a program for a GPU says of products whose rows are in groups: their dispatches, and what counts what they execute. */
import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/driver.ts';
import { graphOfText } from '../support/specs.ts';

const graph = graphOfText(`import { Linear } from "std/nn"
model Experts() {
  dims n
  input x: f32[n, 24]
  input gate: f32[n, 2]
  input index: i32[n, 2]
  y = mixture(x, gate, index, 4) as experts { t => t |> Linear(48, bias: false) as up |> relu |> Linear(24, bias: false) as down }
  output out = y
}`);

const { steps, routines, buffers, kernels, gpu } = compileGraph(graph, { targets: ['webgpu'], verify: true }).program
  .targets.webgpu!;
const [routine] = routines;
const indirect = steps.flatMap((step, at) => (step.indirect === undefined ? [] : [{ step, at }]));

describe('products of groups of rows', () => {
  test('are dispatched as a buffer says, with a grid that is the most', () => {
    expect(indirect.map(({ step }) => kernels[step.kernel])).toEqual(['product', 'product']);
    // Slots of tiles, by the tiles of 32 columns where there are several.
    expect(indirect.map(({ step }) => step.grid!.length)).toEqual([2, 1]);
    for (const { step, at } of indirect) {
      const { first, last } = buffers[step.indirect!]!;
      expect(kernels[steps[first]!.kernel]).toBe('tile_map');
      expect(last).toBe(at);
      expect(gpu!.kernels[step.kernel]!.workgroup).toBe(64);
    }
  });

  test('have a grid for each height of their tiles', () => {
    for (const { step } of indirect) {
      const grids = step.alternatives!.map(({ grid }) => JSON.stringify(grid![0]));
      expect(new Set([...grids, JSON.stringify(step.grid![0])]).size).toBe(3);
    }
  });

  test('count in a map that lives until the host has read it', () => {
    const [work, ...others] = routine!.executed!;
    expect(others).toEqual([]);
    expect(buffers[work!.buffer]).toMatchObject({ kind: 'arena', last: routine!.last });
    // Tiles of 32 columns, and as many steps as the next power of two.
    expect(work).toMatchObject({ at: 0, times: 64 * 32 + 32 * 64 });
  });
});
