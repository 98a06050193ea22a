/**
 * What an emitter of text knows while it writes one function: its lines, which name of the text stands for what, and for
 * how long. It must not know the language that is written, nor how expressions or loops are.
 */
import type { Expr } from '../kernel/ir.ts';
import type { Sharing } from './sharing.ts';

/** A scope of the text; `Held` is what a kernel's name stands for. */
export interface TextBlock<Held> {
  readonly lines: string[];
  readonly names: Map<string, Held>;
  /** Values of positions, by key. */
  readonly positions: Map<string, string>;
  readonly shared: Map<Expr, string>;
}

/** What tells one language from another. */
interface Language {
  readonly name: string;
  /** What begins the declaration of a name that keeps its value. */
  readonly constant: string;
  /** `base` as an identifier that is neither reserved nor taken. */
  identifier(base: string, taken: ReadonlySet<string>): string;
}

export class TextFrame<Helper extends string, Held, Block extends TextBlock<Held>> {
  readonly #language: Language;
  readonly #kernel: string;
  readonly #helpers: Set<Helper>;
  readonly #taken = new Set<string>();
  readonly #blocks: Block[] = [];
  #sharing: Sharing | undefined;

  /** `helpers` collects the names of the helper functions that the text calls. */
  constructor(language: Language, kernel: string, helpers: Set<Helper>) {
    this.#language = language;
    this.#kernel = kernel;
    this.#helpers = helpers;
  }

  fail(problem: string): never {
    throw new Error(`internal error: ${this.#language.name} emitter, kernel ${this.#kernel}: ${problem}`);
  }

  /** The lines that `emit` writes, with `block` for its scope. */
  protected within(block: Block, emit: () => void): string[] {
    this.#blocks.push(block);
    emit();
    this.#blocks.pop();
    return block.lines;
  }

  line(text: string): void {
    this.innermost().lines.push(text);
  }

  /** The lines of a nested block, indented. */
  nested(lines: readonly string[]): void {
    for (const text of lines) this.line(`  ${text}`);
  }

  helper(name: Helper): string {
    this.#helpers.add(name);
    return name;
  }

  protected innermost(): Block {
    return this.#blocks.at(-1)!;
  }

  protected lookup<T>(find: (block: Block) => T | undefined): T | undefined {
    for (let at = this.#blocks.length - 1; at >= 0; at--) {
      const found = find(this.#blocks[at]!);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** A name not used in this function so far. */
  fresh(base: string): string {
    const name = this.#language.identifier(base, this.#taken);
    this.#taken.add(name);
    return name;
  }

  /** The text's name of a new kernel name, which stands for what `hold` makes of it. */
  protected bind(name: string, hold: (text: string) => Held): string {
    if (this.lookup((block) => block.names.get(name)) !== undefined) this.fail(`${name} is defined twice`);
    const text = this.fresh(name);
    this.innermost().names.set(name, hold(text));
    return text;
  }

  variable(name: string): Held {
    return this.lookup((block) => block.names.get(name)) ?? this.fail(`${name} has no value here`);
  }

  position(key: string): string | undefined {
    return this.lookup((block) => block.positions.get(key));
  }

  /** Writes a constant that holds the value of a position until the end of the block. */
  keepPosition(key: string, base: string, text: string): string {
    const name = this.fresh(base);
    this.line(`${this.#language.constant} ${name} = ${text};`);
    this.innermost().positions.set(key, name);
    return name;
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
    return this.lookup((block) => block.shared.get(expr));
  }

  keepShared(expr: Expr, name: string): void {
    this.innermost().shared.set(expr, name);
  }
}
