import { describe, expect, test } from 'vitest';
import { interpretKernel, type BufferData } from '../../src/compiler/kernel/interpret.ts';
import { prepareSteps } from '../../src/compiler/kernel/prepare.ts';
import { printKernel } from '../../src/compiler/kernel/print.ts';
import { verifyKernel } from '../../src/compiler/kernel/verify.ts';
import { randomCase } from './random.ts';
import { copies, GRID, SCALAR, WASM } from './support.ts';

/** The first place where two sets of buffers differ; zeros of either sign are equal. */
function difference(a: Record<string, BufferData>, b: Record<string, BufferData>): string | undefined {
  for (const [name, data] of Object.entries(a)) {
    const other = b[name]!;
    for (let at = 0; at < data.length; at++)
      if (data[at] !== other[at]) return `${name}[${at}]: ${data[at]} where ${other[at]} was expected`;
  }
  return undefined;
}

describe('preparation of random kernels', () => {
  const seeds = Array.from({ length: 20 }, (_, at) => at);

  test.each(seeds)('keeps results after each step, part %i', (part) => {
    for (let seed = part * 30 + 1; seed <= part * 30 + 30; seed++) {
      const { kernel, buffers, sizes } = randomCase(seed);
      verifyKernel(kernel);
      const expected = copies(buffers);
      interpretKernel(kernel, expected, sizes);
      for (const target of [WASM, SCALAR, GRID]) {
        let current = kernel;
        for (const step of prepareSteps) {
          const before = current;
          current = step.run(current, target);
          const actual = copies(buffers);
          try {
            verifyKernel(current);
            interpretKernel(current, actual, sizes);
            expect(difference(actual, expected)).toBeUndefined();
          } catch (error) {
            const texts = [kernel, before, current].map(printKernel).join('\n');
            throw new Error(`seed ${seed}, ${JSON.stringify(sizes)}, step ${step.name}\n${texts}`, { cause: error });
          }
        }
      }
    }
  });
});
