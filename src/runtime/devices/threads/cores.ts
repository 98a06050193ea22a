/** How many threads a processor has room for. */
import { MOST_THREADS } from './options.ts';

interface NodeProcess {
  getBuiltinModule?(name: 'node:os'): { availableParallelism(): number };
}

/** More than these gain little: they share the memory. */
const ENOUGH = 8;

/** Half of what runs at once, as two logical cores often share what multiplies; 1 where the engine does not tell. */
export function usualThreads(): number {
  const { navigator, process } = globalThis as {
    readonly navigator?: { readonly hardwareConcurrency?: number };
    readonly process?: NodeProcess;
  };
  const cores = process?.getBuiltinModule?.('node:os').availableParallelism() ?? navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(ENOUGH, MOST_THREADS, cores >> 1));
}
