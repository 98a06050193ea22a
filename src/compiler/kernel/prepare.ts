/** The way from a kernel as lowering writes it to one that an emitter takes. */
import { hoist } from './hoist.ts';
import type { Kernel } from './ir.ts';
import { legalize } from './legalize/legalize.ts';
import { share } from './share.ts';
import { simplify } from './simplify.ts';
import { split } from './split.ts';
import { spread } from './spread.ts';
import type { Target } from './target.ts';
import { vectorize } from './vectorize.ts';

export interface PrepareStep {
  readonly name: string;
  readonly run: (kernel: Kernel, target: Target) => Kernel;
}

/** In order; the kernel is well formed after each. */
export const prepareSteps: readonly PrepareStep[] = [
  // Positions written out and loops unrolled, so that the vectorizer sees what is consecutive.
  { name: 'simplify', run: simplify },
  { name: 'spread', run: spread },
  { name: 'split', run: split },
  { name: 'vectorize', run: (kernel, target) => vectorize(kernel, target.lanes) },
  // After the lanes, because what guards a load has become a branch.
  { name: 'legalize', run: legalize },
  { name: 'fold', run: simplify },
  { name: 'hoist', run: hoist },
  { name: 'share', run: share },
  // Lets that were moved or shared may stand for others now.
  { name: 'clean', run: simplify },
];

export function prepareKernel(kernel: Kernel, target: Target): Kernel {
  return prepareSteps.reduce((current, step) => step.run(current, target), kernel);
}
