/**
 * Kernels as WGSL modules with the entry point `main`. A point of the grid is an invocation, or the workgroup that a
 * kernel asks for: they are numbered with the last axis counting fastest, and workgroups may be laid out in two dimensions
 * where one has not enough.
 *
 * Bindings, all in group 0: the kernel's buffers in order; then, where it has more than every device binds, one of 32-bit
 * words that holds all of the rest; then, where there are any, its sizes and where in the shared binding each of the rest
 * begins, as i32 in a uniform buffer. A text for devices that bind as many has no rest. Each buffer has a binding of its own, and so a length: an access outside cannot
 * reach a neighbour, reading and writing are told apart, and no more than a tensor has to fit into a binding.
 */
import type { Shader, ShaderFeature, ShaderVariant } from '../../../program/shaders.ts';
import { constantValue } from '../../dims/dim.ts';
import { bindingsOf, ownBindings } from '../../kernel/bindings.ts';
import type { Kernel, KernelBuffer, Lanes } from '../../kernel/ir.ts';
import type { Workgroups } from '../../kernel/target.ts';
import { forEachStatement } from '../../kernel/rewrite.ts';
import { limitFaults } from '../../kernel/workgroup.ts';
import { unrollLoops } from '../unroll.ts';
import { heldType } from './expression.ts';
import { Frame, type BufferAccess, type Called, type WorkgroupTexts } from './frame.ts';
import { HELPERS, withNeeded, type HelperName } from './helpers.ts';
import { positionText } from './position.ts';
import { partName, readFunction, writeFunction, type PartedBuffer } from './parts.ts';
import { MEMORY_ARGUMENTS, reductionParts, SUBGROUP_ARGUMENTS, SUBGROUP_LINES } from './reduction.ts';
import { statementLines } from './statement.ts';
import { wholeVectors } from './vectors.ts';

/** The texts of each kernel, a module each: a device takes time for all of a module whenever it is asked for one entry point. */
export function emitWgsl(kernels: readonly Kernel[], workgroups: Workgroups): Shader[] {
  return kernels.map((kernel) => {
    const [fault] = limitFaults(kernel, workgroups);
    if (fault !== undefined) throw new Error(`internal error: wgsl emitter, kernel ${kernel.name}: ${fault}`);
    const written = unrollLoops(kernel);
    const useful = usefulFeatures(written);
    // One that needs more comes first.
    const sets: (readonly ShaderFeature[])[] = [
      ...(useful.length > 1 ? [useful] : []),
      ...useful.map((one) => [one]),
      [],
    ];
    const bindings = bindingsOf(kernel.buffers);
    const base = workgroups.storageBuffers;
    const counts = bindings > base ? [bindings, base] : [base];
    const texts = sets.flatMap((needs) =>
      counts.map((storageBuffers): ShaderVariant => {
        const code = new Module(written, { ...workgroups, storageBuffers }, needs).text();
        return { needs, ...(storageBuffers > base && { storageBuffers }), code };
      }),
    );
    const variants = texts.slice(0, -1);
    return { code: texts.at(-1)!.code, ...(variants.length > 0 && { variants }) };
  });
}

/** What a kernel has another text for. Storage comes first, as it has to be the same for all kernels on a device. */
function usefulFeatures(kernel: Kernel): readonly ShaderFeature[] {
  return [
    ...(kernel.buffers.some(({ half }) => half) ? ['shader-f16' as const] : []),
    ...(reduces(kernel) ? ['subgroups' as const] : []),
  ];
}

function reduces({ body }: Kernel): boolean {
  let found = false;
  forEachStatement(body, ({ kind }) => (found ||= kind === 'reduce'));
  return found;
}

/** One text of a kernel. */
class Module {
  readonly #kernel: Kernel;
  readonly #size: number;
  readonly #subgroups: boolean;
  readonly #hasHalves: boolean;
  readonly #partBytes: number;
  /** Buffers with a binding of their own, and those that share one. */
  readonly #own: readonly KernelBuffer[];
  readonly #shared: readonly KernelBuffer[];
  /** How the kernel reaches its buffers and workgroup memory, by name. */
  readonly #access: ReadonlyMap<string, BufferAccess>;

  constructor(kernel: Kernel, workgroups: Workgroups, features: readonly ShaderFeature[]) {
    const count = ownBindings(kernel.buffers, workgroups.storageBuffers);
    this.#kernel = kernel;
    this.#size = kernel.workgroup?.size ?? workgroups.size;
    this.#subgroups = features.includes('subgroups');
    this.#hasHalves = features.includes('shader-f16');
    this.#partBytes = workgroups.bindingBytes;
    this.#own = kernel.buffers.slice(0, count);
    this.#shared = kernel.buffers.slice(count);
    const whole = wholeVectors(kernel);
    const lanesOf = (name: string): Lanes => (whole.has(name) ? 4 : 1);
    this.#access = new Map<string, BufferAccess>([
      ...this.#own.map(
        ({ name, type, half = false, parts = 1 }, at) =>
          [name, { type, variable: `b${at}`, lanes: lanesOf(name), half: half && this.#hasHalves, parts }] as const,
      ),
      ...this.#shared.map(
        ({ name, type }, at) => [name, { type, variable: 'rest', lanes: 1, base: `sizes.base_${at}` }] as const,
      ),
      ...this.#memory.map(({ name, type }, at) => [name, { type, variable: `m${at}`, lanes: lanesOf(name) }] as const),
    ]);
  }

  get #memory(): NonNullable<Kernel['workgroup']>['memory'] {
    return this.#kernel.workgroup?.memory ?? [];
  }

  text(): string {
    const called: Called = { helpers: new Set(), reductions: new Map() };
    const main = this.#mainLines(called).join('\n');
    const ask = (name: HelperName): string => {
      called.helpers.add(name);
      return name;
    };
    const reductions = reductionParts([...called.reductions.values()], this.#size, ask, this.#subgroups);
    const helpers = withNeeded(called.helpers).map((name) => HELPERS[name].code);
    const parts = [this.#declarations().join('\n'), ...this.#partFunctions(), ...helpers, ...reductions, main];
    return parts.map((part) => `${part}\n`).join('\n');
  }

  /** The name of the kernel, its bindings and its memory, as one part of the module. */
  #declarations(): string[] {
    const { name, sizes } = this.#kernel;
    const parameters = [...sizes.map((_, at) => `size_${at}`), ...this.#shared.map((_, at) => `base_${at}`)];
    const restMode = this.#shared.every(({ access }) => access === 'read') ? 'read' : 'read_write';
    const bindings = [
      ...this.#own.flatMap(({ name: buffer, access, parts = 1 }, at) =>
        Array.from({ length: parts }, (_, part) => {
          const mode = access === 'read' ? 'read' : 'read_write';
          return `var<storage, ${mode}> ${partName(`b${at}`, part)}: array<${this.#elements(buffer)}>;`;
        }),
      ),
      ...(this.#shared.length > 0 ? [`var<storage, ${restMode}> rest: array<u32>;`] : []),
      ...(parameters.length > 0 ? ['var<uniform> sizes: Sizes;'] : []),
    ];
    const fields = parameters.map((parameter) => `${parameter}: i32`).join(', ');
    const memory = this.#memory.map((own, at) => {
      const { lanes } = this.#access.get(own.name)!;
      return `var<workgroup> m${at}: array<${this.#elements(own.name)}, ${own.length / lanes}>;`;
    });
    return [
      `// ${name.replaceAll(/[^\x20-\x7e]/g, ' ')}`,
      ...(this.#hasHalves ? ['enable f16;'] : []),
      ...(this.#subgroups ? ['enable subgroups;'] : []),
      ...(parameters.length > 0 ? [`struct Sizes { ${fields} }`] : []),
      ...bindings.map((binding, at) => `@group(0) @binding(${at}) ${binding}`),
      ...memory,
    ];
  }

  /** The functions that reach what is bound in parts. */
  #partFunctions(): string[] {
    return this.#own.flatMap(({ name, access, parts = 1 }, at) => {
      const { lanes } = this.#access.get(name)!;
      const part: PartedBuffer = {
        variable: `b${at}`,
        elements: this.#elements(name),
        parts,
        length: this.#partBytes / 4 / lanes,
      };
      if (parts === 1) return [];
      return [...(access === 'write' ? [] : [readFunction(part)]), ...(access === 'read' ? [] : [writeFunction(part)])];
    });
  }

  /** The type of the elements of a buffer's variable. */
  #elements(name: string): string {
    const access = this.#access.get(name)!;
    return heldType(access, access.lanes);
  }

  #mainLines(called: Called): string[] {
    const frame = new Frame(this.#kernel.name, this.#access, called, this.#workgroupTexts());
    return [
      `@compute @workgroup_size(${this.#size})`,
      'fn main(',
      '  @builtin(workgroup_id) workgroup: vec3u,',
      '  @builtin(num_workgroups) workgroups: vec3u,',
      '  @builtin(local_invocation_index) invocation: u32,',
      ') {',
      ...this.#entryLines(frame).map((line) => `  ${line}`),
      '}',
    ];
  }

  #workgroupTexts(): WorkgroupTexts {
    const isShared = this.#kernel.buffers.some(({ access }) => access === 'readwrite');
    return {
      barriers: [
        ...(this.#memory.length > 0 ? ['workgroupBarrier();'] : []),
        ...(isShared ? ['storageBarrier();'] : []),
      ],
      reductionArguments: this.#subgroups ? SUBGROUP_ARGUMENTS : MEMORY_ARGUMENTS,
    };
  }

  /** Sizes, the point of the grid and the number of the invocation as names, then the body. */
  #entryLines(frame: Frame): string[] {
    const { sizes, grid, workgroup, body } = this.#kernel;
    // WGSL has no division by a constant 0, not even where nobody gets to.
    if (grid.some(({ extent }) => constantValue(extent) === 0)) return [];
    return frame.block(() => {
      sizes.forEach((size, at) => frame.line(`let ${frame.define(size)} = sizes.size_${at};`));
      const number = 'workgroup.y * workgroups.x + workgroup.x';
      frame.line(`let point = i32(${workgroup ? number : `(${number}) * ${this.#size}u + invocation`});`);
      writeGrid(frame, this.#kernel);
      if (workgroup) frame.line(`let ${frame.define(workgroup.invocation)} = i32(invocation);`);
      if (this.#subgroups) SUBGROUP_LINES.forEach((line) => frame.line(line));
      for (const line of statementLines(frame, body)) frame.line(line);
    });
  }
}

/** The variables of the axes from the number of the point; beyond the last one nothing is done. */
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
