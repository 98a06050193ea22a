/** What the emitter of JavaScript knows beside what all texts ask for: where accesses start, and what a loop changes. */
import type { AccessGroup } from '../access.ts';
import { TextFrame, type TextBlock } from '../text-frame.ts';
import type { HelperName } from './helpers.ts';
import { identifier } from './names.ts';

/** Things a name holds: the value of a let, a position, the start of a group of accesses. */
export interface Variable {
  readonly text: string;
  /** Whether the value is known to be an f32 although it is kept in a double. */
  readonly single: boolean;
}

interface Block extends TextBlock<Variable> {
  /** Starts of accesses, by buffer and position. */
  readonly starts: Map<string, string>;
  readonly groups: Map<string, AccessGroup>;
  /** Names that change inside the loop whose body this is. */
  readonly varying: ReadonlySet<string>;
}

const NO_NAMES: ReadonlySet<string> = new Set();

export class Frame extends TextFrame<HelperName, Variable, Block> {
  constructor(kernel: string, helpers: Set<HelperName>) {
    super({ name: 'js', constant: 'const', identifier }, kernel, helpers);
  }

  /** The lines that `emit` writes, in a scope of their own. */
  block(emit: () => void, varying: ReadonlySet<string> = NO_NAMES): string[] {
    const block: Block = {
      lines: [],
      names: new Map(),
      positions: new Map(),
      shared: new Map(),
      starts: new Map(),
      groups: new Map(),
      varying,
    };
    return this.within(block, emit);
  }

  /** The JavaScript name of a new kernel name. */
  define(name: string, single = false): string {
    return this.bind(name, (text) => ({ text, single }));
  }

  start(key: string): string | undefined {
    return this.lookup((block) => block.starts.get(key));
  }

  keepStart(key: string, name: string): void {
    this.innermost().starts.set(key, name);
  }

  group(key: string): AccessGroup | undefined {
    return this.lookup((block) => block.groups.get(key));
  }

  setGroups(groups: ReadonlyMap<string, AccessGroup>): void {
    for (const [key, group] of groups) this.innermost().groups.set(key, group);
  }

  /** What changes inside the innermost loop. */
  varying(): ReadonlySet<string> {
    return this.lookup((block) => (block.varying.size > 0 ? block.varying : undefined)) ?? NO_NAMES;
  }
}
