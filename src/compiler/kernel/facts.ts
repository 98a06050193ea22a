/**
 * Keys by which a pass tells whether two expressions are the same at two places of a kernel. The key of an expression is
 * made of the keys of its parts, each part is looked at once, and no text grows with the expression. It must not know
 * what is done with equal expressions.
 */
import { effectsOf, failsItself, writtenBy } from './effects.ts';
import type { Expr, Statement } from './ir.ts';
import { childrenOf } from './rewrite.ts';

interface Fact {
  /** The same for expressions of the same structure. */
  readonly id: number;
  /** Variables and buffers below that some statement changes. */
  readonly changing: readonly string[];
  readonly mayFail: boolean;
}

const NOTHING: readonly string[] = [];

/** What is true of the expressions of a kernel wherever they stand, remembered by identity. */
export class ExprFacts {
  readonly #facts = new Map<Expr, Fact>();
  readonly #ids = new Map<string, number>();
  readonly #changes = new Map<Statement, readonly string[]>();
  readonly #changing: ReadonlySet<string>;
  /** The buffers that the kernel stores to. */
  readonly #written: ReadonlySet<string>;

  constructor(statements: readonly Statement[]) {
    this.#written = writtenBy(statements);
    this.#changing = new Set(this.#changesOf(statements));
  }

  /** Whether `expr` may fail where the program would not have evaluated it. */
  mayFail(expr: Expr): boolean {
    return this.of(expr).mayFail;
  }

  /** The variables and buffers that `statement` changes. Lets and loop variables are only seen while they are fixed. */
  changesOf(statement: Statement): readonly string[] {
    const changes = this.#changes.get(statement) ?? this.#changesOf([statement]);
    this.#changes.set(statement, changes);
    return changes;
  }

  of(expr: Expr): Fact {
    const known = this.#facts.get(expr);
    if (known) return known;
    let key = headOf(expr);
    let changing = this.#ownChanging(expr);
    let mayFail = failsItself(expr);
    // A loop, as closures would halve the depth that the stack allows.
    for (const child of childrenOf(expr)) {
      const part = this.of(child);
      key += ` ${part.id}`;
      changing = union(changing, part.changing);
      mayFail ||= part.mayFail;
    }
    const fact: Fact = { id: this.#idOf(key), changing, mayFail };
    this.#facts.set(expr, fact);
    return fact;
  }

  #changesOf(statements: readonly Statement[]): string[] {
    const { assigned, buffers } = effectsOf(statements, this.#written);
    return [...assigned, ...buffers];
  }

  #idOf(key: string): number {
    const id = this.#ids.get(key) ?? this.#ids.size;
    this.#ids.set(key, id);
    return id;
  }

  #ownChanging(expr: Expr): readonly string[] {
    const name = expr.kind === 'variable' ? expr.name : expr.kind === 'load' ? expr.buffer : undefined;
    return name !== undefined && this.#changing.has(name) ? [name] : NOTHING;
  }
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  if (b.length === 0 || a === b) return a;
  if (a.length === 0) return b;
  const both = new Set([...a, ...b]);
  return both.size === a.length ? a : [...both];
}

/** All of an expression but its parts. */
function headOf(expr: Expr): string {
  const kind = `${expr.kind} ${expr.type} ${expr.lanes}`;
  switch (expr.kind) {
    case 'literal':
      return `${kind} ${Object.is(expr.value, -0) ? '-0' : expr.type === 'f32' ? Math.fround(expr.value) : expr.value}`;
    case 'variable':
      return `${kind} ${expr.name}`;
    case 'position':
      return `${kind} ${expr.index.key}`;
    case 'load':
      return `${kind} ${expr.buffer} ${expr.index.key}`;
    case 'unary':
    case 'binary':
    case 'compare':
    case 'reduceLanes':
      return `${kind} ${expr.op}`;
    case 'lane':
      return `${kind} ${expr.lane}`;
    case 'threefry':
      return `${kind} ${expr.word}`;
    case 'multiplyAdd':
    case 'dot4':
    case 'select':
    case 'convert':
    case 'bitcast':
    case 'splat':
    case 'combine':
      return kind;
  }
}

/** Counts the changes of variables and buffers along one walk through the statements. */
export class Versions {
  readonly #facts: ExprFacts;
  readonly #outer: Versions | undefined;
  readonly #counts = new Map<string, number>();

  constructor(facts: ExprFacts, outer?: Versions) {
    this.#facts = facts;
    this.#outer = outer;
  }

  /** For a walk that starts here; nothing changes outside it until it ends. */
  inner(): Versions {
    return new Versions(this.#facts, this);
  }

  /** After `statement`, or at the start of each of its iterations, what it changes has other values. */
  change(statement: Statement): void {
    for (const name of this.#facts.changesOf(statement)) this.#counts.set(name, this.#count(name) + 1);
  }

  /** The same for expressions that have the same value. */
  keyOf(expr: Expr): string {
    const { id, changing } = this.#facts.of(expr);
    return changing.reduce((key, name) => `${key} ${name}:${this.#count(name)}`, String(id));
  }

  #count(name: string): number {
    return this.#counts.get(name) ?? (this.#outer ? this.#outer.#count(name) : 0);
  }
}
