/** Fused pointwise regions: one loop nest that writes every element of the results once. */
import { add, constant, constantValue, floorDiv, multiply, symbolsOf, type Bounds, type Dim } from '../dims/dim.ts';
import { delinearize, elementCount, linearize, type Shape } from '../dims/shape.ts';
import type { Region } from '../ir/graph.ts';
import { variable } from '../kernel/build.ts';
import type { Kernel, Statement } from '../kernel/ir.ts';
import { simplify } from '../kernel/simplify.ts';
import type { Target } from '../kernel/target.ts';
import { vectorize } from '../kernel/vectorize.ts';
import { KernelContext } from './kernel-context.ts';
import { chunkedLoop, gridOver, isAffine, wholeLoop, type Nest } from './loops.ts';
import { openScope, RegionReader } from './reader.ts';
import { areVectors, isVectors, LANES } from './workgroups/wide.ts';

/**
 * The kernel of a region whose results have one shape. Buffers: the region's parameters in order, then the results. As many
 * trailing axes as possible run as one flat loop: all of them where every access stays affine, at least the last one. On a
 * GPU its iterations are points of the grid, or four of them are, where these are whole vectors.
 */
export function lowerPointwise(region: Region, name: string, { workgroups }: Target, bounds: Bounds): Kernel {
  if (!workgroups) return flattest(region, name, bounds, chunks);
  return vectorsOf(flattest(region, name, bounds, vectors)) ?? flattest(region, name, bounds, wholeLoop);
}

/** Runs over `count` positions as a part of a grid and a loop. */
type Flat = typeof wholeLoop;

const chunks: Flat = (context, count, write) => chunkedLoop(context, count, write);

/** Four positions at a time, as far as their number is a multiple of that. */
const vectors: Flat = (context, count, write) => {
  if (!isVectors(count)) return wholeLoop(context, count, write);
  const extent = floorDiv(count, constant(LANES), context.bounds);
  const vector = context.counter('q', extent);
  const { body } = wholeLoop(context, constant(LANES), (lane) =>
    write(add(multiply(constant(LANES), vector.at), lane)),
  );
  return { grid: [{ variable: vector.name, extent }], body };
};

/** A kernel whose points are four iterations of a loop with these as lanes; undefined where they are not whole vectors. */
function vectorsOf(kernel: Kernel): Kernel | undefined {
  const simple = simplify(kernel);
  const [loop] = simple.body;
  if (simple.body.length !== 1 || loop?.kind !== 'loop' || constantValue(loop.extent) !== LANES) return undefined;
  return areVectors([loop], []) ? vectorize(simple, LANES) : undefined;
}

function flattest(region: Region, name: string, bounds: Bounds, run: Flat): Kernel {
  const { shape } = region.results[0]!.type;
  for (let axis = 0; ; axis++) {
    const context = new KernelContext(bounds);
    const nest = writeNest(region, context, shape, axis, run);
    if (axis >= shape.length - 1 || flatLoopIsAffine(nest)) return context.finish(name, nest.grid, nest.body);
  }
}

/** The outer axes as the grid, the axes from `axis` on as one loop. */
function writeNest(region: Region, context: KernelContext, shape: Shape, axis: number, run: Flat): Nest {
  const reader = new RegionReader(region, context);
  for (const parameter of region.parameters) {
    reader.loadFrom(context.buffer(parameter.type.dtype, 'read'), parameter);
  }
  const outputs = region.results.map((result) => context.buffer(result.type.dtype, 'write'));
  const outer = gridOver(context, shape.slice(0, axis));
  const inner = shape.slice(axis);
  const write = (at: Dim): readonly Statement[] => {
    const index = [...outer.index, ...delinearize(at, inner, context.bounds)];
    const scope = openScope();
    const place = linearize(index, shape);
    // All are read before any is stored: a result may take the place of what it was computed from.
    const elements = region.results.map((result) => reader.read(result, index, scope));
    const stores = elements.map((value, at): Statement => {
      const { name: held } = outputs[at]!;
      if (elements.length === 1) return { kind: 'store', buffer: held, index: place, value };
      const name = context.fresh('out');
      scope.statements.push({ kind: 'let', name, value });
      return { kind: 'store', buffer: held, index: place, value: variable(name, value.type) };
    });
    return [...scope.statements, ...stores];
  };
  const count = elementCount(inner);
  // Rows of an image are points enough, and a chunk of unknown length would hide where a row's edges are.
  const flat =
    run === chunks && outer.grid.length > 1 && constantValue(count) === undefined
      ? wholeLoop(context, count, write)
      : run(context, count, write);
  return { grid: [...outer.grid, ...flat.grid], body: flat.body };
}

function flatLoopIsAffine(nest: Nest): boolean {
  const [loop] = nest.body;
  const chunk = nest.grid.at(-1);
  if (loop?.kind !== 'loop') return true;
  const usesChunk = chunk !== undefined && symbolsOf(loop.extent).includes(chunk.variable);
  return isAffine(loop.body, loop.variable) && (!usesChunk || isAffine(loop.body, chunk.variable));
}
