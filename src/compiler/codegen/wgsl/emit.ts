/**
 * Kernels as WGSL modules with the entry point `main`. A point of the grid is an invocation: they are numbered with the
 * last axis counting fastest, and workgroups may be laid out in two dimensions where one has not enough.
 *
 * Bindings, all in group 0: the kernel's buffers in order; then, where it has more than the device binds, one of 32-bit
 * words that holds all of the rest; then, where there are any, its sizes and where in the shared binding each of the rest
 * begins, as i32 in a uniform buffer. Each buffer has a binding of its own, and so a length: an access outside cannot
 * reach a neighbour, reading and writing are told apart, and no more than a tensor has to fit into a binding.
 */
import { ownBindings } from '../../kernel/bindings.ts';
import type { Kernel, KernelBuffer, ScalarType } from '../../kernel/ir.ts';
import type { Workgroups } from '../../kernel/target.ts';
import { unrollLoops } from '../unroll.ts';
import { Frame, type BufferAccess } from './frame.ts';
import { HELPERS, withNeeded, type HelperName } from './helpers.ts';
import { positionText } from './position.ts';
import { statementLines } from './statement.ts';
import { constantValue } from '../../dims/dim.ts';

/** The type of a buffer's elements in memory. */
const ELEMENTS: Readonly<Record<ScalarType, string>> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'i32' };

/** A module for each kernel: a device takes time for all of a module whenever it is asked for one entry point. */
export function emitWgsl(kernels: readonly Kernel[], workgroups: Workgroups): string[] {
  return kernels.map((kernel) => {
    const helpers = new Set<HelperName>();
    const main = mainLines(kernel, workgroups, helpers).join('\n');
    const bindings = bindingLines(kernel, workgroups).join('\n');
    const parts = [bindings, ...withNeeded(helpers).map((name) => HELPERS[name].code), main];
    return parts.map((part) => `${part}\n`).join('\n');
  });
}

/** The name of the kernel and its bindings, as one part of the module. */
function bindingLines(kernel: Kernel, workgroups: Workgroups): string[] {
  const { own, shared } = splitBuffers(kernel, workgroups);
  const parameters = [...kernel.sizes.map((_, at) => `size_${at}`), ...shared.map((_, at) => `base_${at}`)];
  const variables = [
    ...own.map(
      ({ type, access }, at) =>
        `var<storage, ${access === 'read' ? 'read' : 'read_write'}> b${at}: array<${ELEMENTS[type]}>;`,
    ),
    ...(shared.length > 0 ? ['var<storage, read_write> rest: array<u32>;'] : []),
    ...(parameters.length > 0 ? ['var<uniform> sizes: Sizes;'] : []),
  ];
  const fields = parameters.map((parameter) => `${parameter}: i32`).join(', ');
  return [
    `// ${kernel.name.replaceAll(/[^\x20-\x7e]/g, ' ')}`,
    ...(parameters.length > 0 ? [`struct Sizes { ${fields} }`] : []),
    ...variables.map((variable, at) => `@group(0) @binding(${at}) ${variable}`),
  ];
}

function mainLines(kernel: Kernel, workgroups: Workgroups, helpers: Set<HelperName>): string[] {
  const { own, shared } = splitBuffers(kernel, workgroups);
  const access = new Map<string, BufferAccess>([
    ...own.map(({ name, type }, at) => [name, { type, variable: `b${at}` }] as const),
    ...shared.map(({ name, type }, at) => [name, { type, variable: 'rest', base: `sizes.base_${at}` }] as const),
  ]);
  return [
    `@compute @workgroup_size(${workgroups.size})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup: vec3u,',
    '  @builtin(num_workgroups) workgroups: vec3u,',
    '  @builtin(local_invocation_index) invocation: u32,',
    ') {',
    ...entryLines(new Frame(kernel.name, access, helpers), kernel, workgroups).map((line) => `  ${line}`),
    '}',
  ];
}

function splitBuffers(
  { buffers }: Kernel,
  { storageBuffers }: Workgroups,
): { own: readonly KernelBuffer[]; shared: readonly KernelBuffer[] } {
  const count = ownBindings(buffers.length, storageBuffers);
  return { own: buffers.slice(0, count), shared: buffers.slice(count) };
}

/** Sizes and the point of the grid as names, then the body. */
function entryLines(frame: Frame, kernel: Kernel, workgroups: Workgroups): string[] {
  return frame.block(() => {
    kernel.sizes.forEach((size, at) => frame.line(`let ${frame.define(size)} = sizes.size_${at};`));
    frame.line(`let point = i32((workgroup.y * workgroups.x + workgroup.x) * ${workgroups.size}u + invocation);`);
    writeGrid(frame, kernel);
    for (const line of statementLines(frame, unrollLoops(kernel).body)) frame.line(line);
  });
}

/** The variables of the axes from the number of the invocation, which does nothing beyond the last point. */
function writeGrid(frame: Frame, { grid }: Kernel): void {
  const extents = grid.map(({ extent }) => {
    const { code } = positionText(frame, extent);
    if (constantValue(extent) !== undefined) return code;
    const name = frame.fresh('extent');
    frame.line(`let ${name} = ${code};`);
    return name;
  });
  frame.line(`if (point >= ${extents.length > 0 ? extents.join(' * ') : '1i'}) { return; }`);
  grid.forEach(({ variable }, at) => {
    const inner = extents.slice(at + 1);
    const turns = inner.length > 1 ? `(${inner.join(' * ')})` : inner.join('');
    const quotient = turns === '' ? 'point' : `point / ${turns}`;
    frame.line(`let ${frame.define(variable)} = ${at === 0 ? quotient : `${quotient} % ${extents[at]}`};`);
  });
}
