/** `--explain memory`: the buffers of a run with their lives and places, and how near the arena is to what it must be. */
import type { Plan } from '../../plan/plan.ts';
import type { MemoryReport } from '../memory.ts';
import { BEYOND, formatBytes, formatSize } from '../quantities.ts';

export const MEMORY_HEAD = ['buffer', 'bytes', 'steps', 'offset', 'written by'] as const;

/** A line of cells for each buffer of the arena, under `MEMORY_HEAD`. */
export function memoryCells({ routine, buffers, layout }: MemoryReport, { program }: Plan): string[][] {
  const writer = (buffer: number): string => {
    const at = program.steps.findIndex((step) => step.buffers.includes(buffer));
    const step = program.steps[at];
    return step ? `${program.kernels[step.kernel]}${step.origin === '' ? '' : ` at ${step.origin}`}` : '';
  };
  return buffers.map(({ number, name, bytes, first, last }, at) => [
    `${number}${name === undefined ? '' : ` ${name}`}`,
    formatSize(bytes, formatBytes),
    `${first < routine.first ? 'before' : first} … ${last >= routine.last ? 'after' : last}`,
    String(layout.offsets[at]!),
    first < routine.first ? 'the caller' : writer(number),
  ]);
}

/** What the arena takes, and what it could not do without. */
export function memoryTotals({ layout, lowerBound, peaks, dims, persistent }: MemoryReport): string[][] {
  const example = [...dims].map(([name, value]) => `${name} = ${value}`).join(', ');
  const over = lowerBound === 0 ? 0 : (layout.bytes / lowerBound - 1) * 100;
  return [
    ['arena', `${formatBytes(layout.bytes)}${example === '' ? '' : ` for ${example}`}`],
    ['alive at once', `${formatBytes(lowerBound)}; the arena is ${over.toFixed(1)} % larger`],
    ...(peaks?.map(({ step, bytes }) => [`peak at step ${step}`, formatSize(bytes, formatBytes)]) ?? [
      ['peak', BEYOND],
    ]),
    ['kept from load', formatBytes(persistent)],
  ];
}
