/**
 * What the emitter knows while it writes one function: its lines, which JavaScript name stands for what, and for how
 * long. It must not know how expressions or loops are written.
 */
import type { Expr } from '../../kernel/ir.ts';
import type { AccessGroup } from '../access.ts';
import type { Sharing } from '../sharing.ts';
import type { HelperName } from './helpers.ts';
import { identifier } from './names.ts';

/** Things a name holds: the value of a let, a position, the start of a group of accesses. */
export interface Variable {
  readonly text: string;
  /** Whether the value is known to be an f32 although it is kept in a double. */
  readonly single: boolean;
}

interface Block {
  readonly lines: string[];
  readonly names: Map<string, Variable>;
  /** Values of positions, by key. */
  readonly positions: Map<string, string>;
  /** Starts of accesses, by buffer and position. */
  readonly starts: Map<string, string>;
  readonly shared: Map<Expr, string>;
  readonly groups: Map<string, AccessGroup>;
  /** Names that change inside the loop whose body this is. */
  readonly varying: ReadonlySet<string>;
}

const NO_NAMES: ReadonlySet<string> = new Set();

export class Frame {
  readonly #kernel: string;
  readonly #helpers: Set<HelperName>;
  readonly #taken = new Set<string>();
  readonly #blocks: Block[] = [];
  #sharing: Sharing | undefined;

  /** `helpers` collects the names of the helper functions that the text calls. */
  constructor(kernel: string, helpers: Set<HelperName>) {
    this.#kernel = kernel;
    this.#helpers = helpers;
  }

  fail(problem: string): never {
    throw new Error(`internal error: js emitter, kernel ${this.#kernel}: ${problem}`);
  }

  /** The lines that `emit` writes, in a scope of their own. */
  block(emit: () => void, varying: ReadonlySet<string> = NO_NAMES): string[] {
    const block: Block = {
      lines: [],
      names: new Map(),
      positions: new Map(),
      starts: new Map(),
      shared: new Map(),
      groups: new Map(),
      varying,
    };
    this.#blocks.push(block);
    emit();
    this.#blocks.pop();
    return block.lines;
  }

  line(text: string): void {
    this.#innermost().lines.push(text);
  }

  /** The lines of a nested block, indented. */
  nested(lines: readonly string[]): void {
    for (const text of lines) this.line(`  ${text}`);
  }

  helper(name: HelperName): string {
    this.#helpers.add(name);
    return name;
  }

  #innermost(): Block {
    return this.#blocks.at(-1)!;
  }

  #lookup<T>(find: (block: Block) => T | undefined): T | undefined {
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const found = find(this.#blocks[at]!);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A JavaScript name not used in this function so far. */
  fresh(base: string): string {
    const name = identifier(base, this.#taken);
    this.#taken.add(name);
    return name;
  }

  /** The JavaScript name of a new kernel name. */
  define(name: string, single = false): string {
    if (this.#lookup((block) => block.names.get(name)) !== undefined) this.fail(`${name} is defined twice`);
    const text = this.fresh(name);
    this.#innermost().names.set(name, { text, single });
    return text;
  }

  variable(name: string): Variable {
    return this.#lookup((block) => block.names.get(name)) ?? this.fail(`${name} has no value here`);
  }

  position(key: string): string | undefined {
    return this.#lookup((block) => block.positions.get(key));
  }

  /** Writes a constant that holds the value of a position until the end of the block. */
  keepPosition(key: string, base: string, text: string): string {
    const name = this.fresh(base);
    this.line(`const ${name} = ${text};`);
    this.#innermost().positions.set(key, name);
    return name;
  }

  start(key: string): string | undefined {
    return this.#lookup((block) => block.starts.get(key));
  }

  keepStart(key: string, name: string): void {
    this.#innermost().starts.set(key, name);
  }

  group(key: string): AccessGroup | undefined {
    return this.#lookup((block) => block.groups.get(key));
  }

  setGroups(groups: ReadonlyMap<string, AccessGroup>): void {
    for (const [key, group] of groups) this.#innermost().groups.set(key, group);
  }

  /** What changes inside the innermost loop. */
  varying(): ReadonlySet<string> {
    return this.#lookup((block) => (block.varying.size > 0 ? block.varying : undefined)) ?? NO_NAMES;
  }

  /** Starts a statement whose expression has `sharing`. */
  set sharing(sharing: Sharing) {
    this.#sharing = sharing;
    // Variables may have changed since the last statement.
    for (const block of this.#blocks) block.shared.clear();
  }

  get sharing(): Sharing {
    return this.#sharing ?? this.fail('an expression outside a statement');
  }

  shared(expr: Expr): string | undefined {
    return this.#lookup((block) => block.shared.get(expr));
  }

  keepShared(expr: Expr, name: string): void {
    this.#innermost().shared.set(expr, name);
  }
}
