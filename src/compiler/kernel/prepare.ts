/** The way from a kernel as lowering writes it to one that an emitter takes. */
import type { Kernel } from './ir.ts';
import { legalize } from './legalize/legalize.ts';
import type { Target } from './target.ts';
import { vectorize } from './vectorize.ts';

/** Lanes first, so that expansions are made once for vectors and once for the rest; then what the target lacks. */
export function prepareKernel(kernel: Kernel, target: Target): Kernel {
  return legalize(vectorize(kernel, target.lanes), target);
}
