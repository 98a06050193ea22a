/** What the emitter of WGSL knows beside what all texts ask for: how the elements of buffers are reached. */
import type { ScalarType } from '../../kernel/ir.ts';
import { TextFrame, type TextBlock } from '../text-frame.ts';
import type { HelperName } from './helpers.ts';
import { identifier } from './names.ts';
import { primary, type Text } from './text.ts';

/** How an element of a buffer is reached. */
export interface BufferAccess {
  readonly type: ScalarType;
  /** The variable of the binding. */
  readonly variable: string;
  /** Where the buffer begins in a binding that several share; its elements are then words of 32 bits. */
  readonly base?: string;
}

export class Frame extends TextFrame<HelperName, string, TextBlock<string>> {
  readonly #buffers: ReadonlyMap<string, BufferAccess>;

  constructor(kernel: string, buffers: ReadonlyMap<string, BufferAccess>, helpers: Set<HelperName>) {
    super({ name: 'wgsl', constant: 'let', identifier }, kernel, helpers);
    this.#buffers = buffers;
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

  /** `text` in a variable, so that the compiler of the module does not compute with it. */
  atRunTime(text: Text): Text {
    const name = this.fresh('literal');
    this.line(`let ${name} = ${text.code};`);
    return primary(name);
  }
}
