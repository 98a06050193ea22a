/** What is known about the integer names of a kernel at a place in it: inclusive upper bounds, from the loops around. */
import { constant, ONE, subtract, type Bounds, type Dim } from '../dims/dim.ts';
import type { Kernel } from './ir.ts';

/** Bounds inside a loop that counts `variable` up to `extent`. */
export function withLoopBound(bounds: Bounds, variable: string, extent: Dim): Bounds {
  return new Map(bounds).set(variable, subtract(extent, ONE));
}

/** Bounds at the start of the body: those of the grid and of the invocation. */
export function gridBounds({ grid, workgroup }: Kernel): Bounds {
  const bounds = new Map(grid.map((axis) => [axis.variable, subtract(axis.extent, ONE)]));
  return workgroup ? withLoopBound(bounds, workgroup.invocation, constant(workgroup.size)) : bounds;
}
