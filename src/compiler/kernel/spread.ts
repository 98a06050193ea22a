/**
 * Makes grid axes of `vector` loops, for targets that run the points of a grid at once: iterations that may run as lanes
 * may as well run as points of their own. It must not know what kernels compute, nor any target beyond whether it has
 * workgroups.
 */
import { symbol, symbolsOf, type Dim } from '../dims/dim.ts';
import { compare, position } from './build.ts';
import type { Kernel } from './ir.ts';
import { uniqueNames } from './names.ts';
import type { Target } from './target.ts';

/** `kernel` with `vector` loops that are all a grid point does as further axes of the grid; a workgroup is left alone. */
export function spread(kernel: Kernel, target: Target): Kernel {
  return target.workgroups && !kernel.workgroup ? spreadLoops(uniqueNames(kernel)) : kernel;
}

/**
 * An extent that depends on the point, such as that of the last chunk, becomes its upper bound, and a test whether there
 * is such an iteration.
 */
function spreadLoops(kernel: Kernel): Kernel {
  const [loop] = kernel.body;
  if (kernel.body.length !== 1 || loop?.kind !== 'loop' || loop.mode !== 'vector') return kernel;
  const { variable } = loop;
  const extent = boundWithout(loop.extent, new Set(kernel.grid.map((axis) => axis.variable)));
  if (!extent) return kernel;
  const grid = [...kernel.grid, { variable, extent }];
  if (extent === loop.extent) return spreadLoops({ ...kernel, grid, body: loop.body });
  const condition = compare('lt', position(symbol(variable)), position(loop.extent));
  return { ...kernel, grid, body: [{ kind: 'if', condition, then: loop.body, else: [] }] };
}

/** `dim`, or an upper bound of it, that mentions none of `names`; undefined where none can be read off. */
function boundWithout(dim: Dim, names: ReadonlySet<string>): Dim | undefined {
  if (!symbolsOf(dim).some((name) => names.has(name))) return dim;
  const [term] = dim.terms;
  const [atom] = term?.factors ?? [];
  const isOneAtom = dim.terms.length === 1 && term!.coefficient === 1 && term!.factors.length === 1;
  if (!isOneAtom || atom?.kind !== 'min') return undefined;
  return boundWithout(atom.left, names) ?? boundWithout(atom.right, names);
}
