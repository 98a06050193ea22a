/**
 * Where the invocations of a workgroup have to wait for each other: before anything touches what another invocation may
 * have written since they last did, or writes what another may still have to read.
 */
import { substitute, symbol, symbolsOf } from '../../dims/dim.ts';
import type { Kernel, Statement } from '../../kernel/ir.ts';
import { bodiesOf, forEachExpr, valueOf } from '../../kernel/rewrite.ts';
import { isShared, type Loop } from './shared-loops.ts';

interface Access {
  readonly buffer: string;
  readonly isStore: boolean;
  /** What tells apart accesses of different invocations; undefined where any may touch any element. */
  readonly place: string | undefined;
}

/** The buffers that statements read and write, of those that count. */
export interface Touched {
  readonly read: ReadonlySet<string>;
  readonly written: ReadonlySet<string>;
}

/** A symbol for the number of the iteration, whatever the loop calls it. */
const OWN = '$own';

/** What the kernel's invocations have touched since they last waited. */
export class Hazards {
  /** Buffers of whose elements each is touched by one invocation alone. */
  readonly #apart: ReadonlySet<string>;
  #read = new Set<string>();
  #written = new Set<string>();

  constructor(kernel: Kernel) {
    this.#apart = keptApart(kernel);
  }

  /** What `statements` touch that other invocations may touch, too. */
  touched(statements: readonly Statement[]): Touched {
    const [read, written] = [new Set<string>(), new Set<string>()];
    for (const { buffer, isStore } of accessesOf(statements, undefined, new Set())) {
      if (!this.#apart.has(buffer)) (isStore ? written : read).add(buffer);
    }
    return { read, written };
  }

  /** Records what is touched now; whether all have to wait before. */
  enter({ read, written }: Touched): boolean {
    const mustWait =
      [...read].some((buffer) => this.#written.has(buffer)) ||
      [...written].some((buffer) => this.#written.has(buffer) || this.#read.has(buffer));
    if (mustWait) this.wait();
    for (const buffer of read) this.#read.add(buffer);
    for (const buffer of written) this.#written.add(buffer);
    return mustWait;
  }

  wait(): void {
    this.#read = new Set();
    this.#written = new Set();
  }

  /** Runs `write` from what has been touched so far; afterwards that counts as well as what `write` touched. */
  branch<T>(write: () => T): T {
    const [read, written] = [this.#read, this.#written];
    this.#read = new Set(read);
    this.#written = new Set(written);
    const result = write();
    for (const buffer of read) this.#read.add(buffer);
    for (const buffer of written) this.#written.add(buffer);
    return result;
  }
}

/** The buffers whose elements are each touched in iterations of one number alone, of loops that are shared out alike. */
function keptApart({ body, grid, sizes }: Kernel): ReadonlySet<string> {
  const fixed = new Set([...grid.map(({ variable }) => variable), ...sizes, OWN]);
  const places = new Map<string, string | undefined>();
  for (const { buffer, place } of accessesOf(body, undefined, fixed)) {
    places.set(buffer, places.has(buffer) && places.get(buffer) !== place ? undefined : place);
  }
  return new Set([...places].flatMap(([buffer, place]) => (place === undefined ? [] : [buffer])));
}

/** All accesses in order. Their places are told by names that are `fixed` for the point of the grid. */
function accessesOf(statements: readonly Statement[], loop: Loop | undefined, fixed: ReadonlySet<string>): Access[] {
  const accesses: Access[] = [];
  const see = (buffer: string, index: Parameters<typeof substitute>[0], isStore: boolean): void => {
    const own = loop && substitute(index, (name) => (name === loop.variable ? symbol(OWN) : undefined));
    const isFixed = own !== undefined && symbolsOf(own).every((name) => fixed.has(name));
    accesses.push({ buffer, isStore, place: isFixed ? `${own.key} of ${loop!.extent.key}` : undefined });
  };
  for (const statement of statements) {
    const value = valueOf(statement);
    if (value)
      forEachExpr(value, (part) => {
        if (part.kind === 'load') see(part.buffer, part.index, false);
      });
    if (statement.kind === 'store') see(statement.buffer, statement.index, true);
    const inner = loop ?? (isShared(statement) ? statement : undefined);
    for (const body of bodiesOf(statement)) accesses.push(...accessesOf(body, inner, fixed));
  }
  return accesses;
}
