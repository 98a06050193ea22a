/** What the emitter of WGSL knows beside what all texts ask for: how the elements of buffers are reached. */
import type { Lanes, ScalarType } from '../../kernel/ir.ts';
import { TextFrame, type TextBlock } from '../text-frame.ts';
import type { HelperName } from './helpers.ts';
import { identifier } from './names.ts';
import { functionName, type Reduction } from './reduction.ts';
import { primary, type Text } from './text.ts';

/** How an element of a buffer is reached. */
export interface BufferAccess {
  readonly type: ScalarType;
  /** The variable of the binding. */
  readonly variable: string;
  /** Elements of the variable's array: vectors where all accesses are to whole ones. */
  readonly lanes: Lanes;
  /** Whether the elements are f16. */
  readonly half?: boolean;
  /** Bindings that it is reached through: then by functions, with the index of an element. */
  readonly parts?: number;
  /** Where the buffer begins in a binding that several share; its elements are then words of 32 bits. */
  readonly base?: string;
}

/** What the texts of a kernel call beside themselves. */
export interface Called {
  readonly helpers: Set<HelperName>;
  /** By the names of their functions. */
  readonly reductions: Map<string, Reduction>;
}

/** How a kernel's workgroup is written. */
export interface WorkgroupTexts {
  /** The calls that a barrier is: none where nothing is shared. */
  readonly barriers: readonly string[];
  /** What the functions of reductions take beside the value. */
  readonly reductionArguments: string;
}

export class Frame extends TextFrame<HelperName, string, TextBlock<string>> {
  readonly workgroup: WorkgroupTexts;
  readonly #buffers: ReadonlyMap<string, BufferAccess>;
  readonly #called: Called;

  constructor(kernel: string, buffers: ReadonlyMap<string, BufferAccess>, called: Called, workgroup: WorkgroupTexts) {
    super({ name: 'wgsl', constant: 'let', identifier }, kernel, called.helpers);
    this.#buffers = buffers;
    this.#called = called;
    this.workgroup = workgroup;
  }

  readonly ask = (name: HelperName): string => this.helper(name);

  /** The name of the function for a reduction. */
  reduction(reduction: Reduction): string {
    const name = functionName(reduction);
    this.#called.reductions.set(name, reduction);
    return name;
  }

  /** The lines that `emit` writes, in a scope of their own. */
  block(emit: () => void): string[] {
    return this.within({ lines: [], names: new Map(), positions: new Map(), shared: new Map() }, emit);
  }

  buffer(name: string): BufferAccess {
    return this.#buffers.get(name) ?? this.fail(`there is no buffer ${name}`);
  }

  /** The WGSL name of a new kernel name. */
  define(name: string): string {
    return this.bind(name, (text) => text);
  }

  /** `text` under a name: for one that is written several times, or that the compiler of the module must not compute with. */
  named(text: Text): Text {
    const name = this.fresh(text.constant ? 'literal' : 'value');
    this.line(`let ${name} = ${text.code};`);
    return primary(name);
  }
}
