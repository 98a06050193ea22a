/** Merges equal kernels, so that each is emitted once whatever the number of layers. */
import type { Kernel } from '../kernel/ir.ts';
import { kernelKey } from '../kernel/print.ts';

/** `numbers[i]` is the index in `kernels` of what stands for the i-th given kernel. The first name is kept. */
export function mergeKernels(given: readonly Kernel[]): { kernels: readonly Kernel[]; numbers: readonly number[] } {
  const kernels: Kernel[] = [];
  const byKey = new Map<string, number>();
  const byIdentity = new Map<Kernel, number>();
  const numbers = given.map((kernel) => {
    const known = byIdentity.get(kernel);
    if (known !== undefined) return known;
    const key = kernelKey(kernel);
    const number = byKey.get(key) ?? kernels.push(kernel) - 1;
    byKey.set(key, number);
    byIdentity.set(kernel, number);
    return number;
  });
  return { kernels, numbers };
}
