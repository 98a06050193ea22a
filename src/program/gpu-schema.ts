/** Checks what a program says of dispatching its kernels on a GPU. */
import { index, list, oneOf, ProgramError, record, type Check, type Fields } from './fields.ts';
import type { GpuKernel } from './program.ts';
import type { SizeExpr } from './size.ts';

/** How sizes and numbers of buffers are checked. */
interface Checks {
  readonly size: Check<SizeExpr>;
  readonly buffer: Check<number>;
}

function positive(value: unknown, at: string): void {
  if (index(value, at) === 0) throw new ProgramError(at, 'at least 1');
}

/** The kernels of a program that is dispatched, as many as `count`. */
export function checkGpu(value: unknown, at: string, count: number): readonly GpuKernel[] {
  const gpu = record(value, at);
  positive(gpu['workgroupSize'], `${at}.workgroupSize`);
  positive(gpu['partBytes'], `${at}.partBytes`);
  const kernels = list(gpu['kernels'], `${at}.kernels`, (item, path) => {
    const kernel = record(item, path);
    const access = list(kernel['access'], `${path}.access`, (mode, place) => {
      oneOf(mode, place, ['read', 'write', 'readwrite']);
    });
    index(kernel['own'], `${path}.own`, access.length + 1);
    if (kernel['parts'] !== undefined) {
      const parts = list(kernel['parts'], `${path}.parts`, positive);
      if (parts.length !== access.length) throw new ProgramError(`${path}.parts`, `a list of ${access.length}`);
    }
    index(kernel['sizes'], `${path}.sizes`);
    if (kernel['workgroup'] !== undefined) positive(kernel['workgroup'], `${path}.workgroup`);
    return kernel as unknown as GpuKernel;
  });
  if (kernels.length !== count) throw new ProgramError(`${at}.kernels`, `a list of ${count}`);
  return kernels;
}

/** A step whose kernels, each with a grid, take as many buffers and sizes as the step has. */
export function checkDispatch(step: Fields, path: string, kernels: readonly GpuKernel[], checks: Checks): void {
  const check = (kernel: number, grid: unknown, place: string): void => {
    list(grid, `${place}.grid`, checks.size);
    const { access, sizes } = kernels[kernel]!;
    for (const [role, count] of [['buffers', access.length] as const, ['sizes', sizes] as const]) {
      if ((step[role] as readonly unknown[]).length !== count)
        throw new ProgramError(`${path}.${role}`, `a list of ${count}`);
    }
  };
  check(step['kernel'] as number, step['grid'], path);
  ((step['alternatives'] ?? []) as readonly Fields[]).forEach(({ kernel, grid }, at) =>
    check(kernel as number, grid, `${path}.alternatives[${at}]`),
  );
  if (step['indirect'] !== undefined) checks.buffer(step['indirect'], `${path}.indirect`);
}

export function checkExecuted(value: unknown, at: string, { size, buffer }: Checks): void {
  list(value, at, (item, path) => {
    const work = record(item, path);
    buffer(work['buffer'], `${path}.buffer`);
    index(work['at'], `${path}.at`);
    size(work['times'], `${path}.times`);
  });
}
