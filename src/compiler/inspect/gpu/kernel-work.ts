/**
 * What a dispatch of a kernel executes, counted by going through its statements: where the number of rounds of a loop
 * depends on where the point stands, for each place that makes a difference. Conditions count as met unless they depend on
 * nothing but such places, so the counts include what guards keep from being done at the edges.
 */
import { constantValue, evaluate, symbolsOf, type Dim } from '../../dims/dim.ts';
import { compareValue } from '../../kernel/arithmetic.ts';
import type { Expr, Kernel, Statement } from '../../kernel/ir.ts';
import { childrenOf, containsLoad, forEachStatement, valueOf } from '../../kernel/rewrite.ts';

/** Of all points of the grid and all invocations. */
export interface KernelWork {
  /** Elements that are loaded from buffers and stored to them, as often as they are. */
  readonly loads: number;
  readonly stores: number;
  /** Of sums of products, those included that only fill a tile. */
  readonly multiplyAdds: number;
}

type Values = Map<string, number>;

const NONE: KernelWork = { loads: 0, stores: 0, multiplyAdds: 0 };
const UNITS = {
  load: { loads: 1, stores: 0, multiplyAdds: 0 },
  store: { loads: 0, stores: 1, multiplyAdds: 0 },
  multiplyAdd: { loads: 0, stores: 0, multiplyAdds: 1 },
} as const;

/** So many places may make a difference. */
const MOST_PLACES = 2 ** 16;

/** `sizes` are the kernel's own. Undefined where what the buffers hold decides how often a loop runs, or too many places. */
export function workOf(kernel: Kernel, sizes: ReadonlyMap<string, number>): KernelWork | undefined {
  const counter = new Counter(kernel);
  return counter.count(sizes);
}

class Counter {
  readonly #kernel: Kernel;
  readonly #buffers: ReadonlySet<string>;
  /** Names whose values decide how often something runs. */
  readonly #deciding: ReadonlySet<string>;
  readonly #known = new Map<Expr, KernelWork>();
  #places = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#buffers = new Set(kernel.buffers.map(({ name }) => name));
    this.#deciding = decidingNames(kernel);
  }

  count(sizes: ReadonlyMap<string, number>): KernelWork | undefined {
    return this.#axes(0, new Map(sizes));
  }

  #axes(depth: number, values: Values): KernelWork | undefined {
    const { grid, workgroup, body } = this.#kernel;
    const axis = grid[depth];
    if (axis) return this.#repeat(axis.variable, axis.extent, values, () => this.#axes(depth + 1, values));
    if (!workgroup) return this.#all(body, values);
    return this.#rounds(workgroup.invocation, workgroup.size, values, () => this.#all(body, values));
  }

  #repeat(variable: string, extent: Dim, values: Values, each: () => KernelWork | undefined): KernelWork | undefined {
    const rounds = valueIn(extent, values);
    return rounds === undefined ? undefined : this.#rounds(variable, rounds, values, each);
  }

  #rounds(variable: string, count: number, values: Values, each: () => KernelWork | undefined): KernelWork | undefined {
    if (count <= 0) return NONE;
    if (!this.#deciding.has(variable)) return times(each(), count);
    this.#places += count;
    if (this.#places > MOST_PLACES) return undefined;
    const rounds = Array.from({ length: count }, (_, at) => {
      values.set(variable, at);
      return each();
    });
    values.delete(variable);
    return sum(rounds);
  }

  #all(statements: readonly Statement[], values: Values): KernelWork | undefined {
    return sum(statements.map((statement) => this.#one(statement, values)));
  }

  #one(statement: Statement, values: Values): KernelWork | undefined {
    const value = valueOf(statement);
    const own = value ? this.#expr(value) : NONE;
    switch (statement.kind) {
      case 'let':
        if (statement.value.kind === 'position') {
          const at = valueIn(statement.value.index, values);
          if (at !== undefined) values.set(statement.name, at);
        }
        return own;
      case 'assign':
        return sum([own, times(UNITS.multiplyAdd, accumulated(statement.name, statement.value))]);
      case 'loop':
        return this.#repeat(statement.variable, statement.extent, values, () => this.#all(statement.body, values));
      case 'if': {
        const isMet = conditionIn(statement.condition, values);
        const [then, otherwise] = [statement.then, statement.else].map((body) => this.#all(body, values));
        return sum([own, isMet === undefined ? larger(then, otherwise) : isMet ? then : otherwise]);
      }
      case 'store':
        return sum([own, this.#buffers.has(statement.buffer) ? times(UNITS.store, statement.value.lanes) : NONE]);
      case 'declare':
      case 'reduce':
      case 'barrier':
      case 'prefetch':
      case 'count':
        return own;
    }
  }

  /** The loads of an expression; of a choice, those of the arm with more. */
  #expr(expr: Expr): KernelWork {
    const known = this.#known.get(expr) ?? this.#count(expr);
    this.#known.set(expr, known);
    return known;
  }

  #count(expr: Expr): KernelWork {
    if (expr.kind === 'load') return this.#buffers.has(expr.buffer) ? times(UNITS.load, expr.lanes)! : NONE;
    const parts = childrenOf(expr).map((child) => this.#expr(child));
    if (expr.kind !== 'select') return sum(parts)!;
    const [condition, then, otherwise] = parts;
    return sum([condition, larger(then, otherwise)])!;
  }
}

/** How many products an assignment adds to a variable. */
function accumulated(name: string, value: Expr): number {
  if (value.kind === 'multiplyAdd' || value.kind === 'dot4') {
    const { addend, lanes } = value;
    const own = lanes * (value.kind === 'dot4' ? 4 : 1);
    if (isVariable(addend, name)) return own;
    const before = accumulated(name, addend);
    return before === 0 ? 0 : before + own;
  }
  if (value.kind !== 'binary' || value.op !== 'add') return 0;
  const [sums, product] = isVariable(value.left, name) ? [value.left, value.right] : [value.right, value.left];
  return isVariable(sums, name) && product.kind === 'binary' && product.op === 'mul' ? value.lanes : 0;
}

function isVariable(expr: Expr, name: string): boolean {
  return expr.kind === 'variable' && expr.name === name;
}

/** The names that extents of loops depend on, and conditions on the invocation alone, with what these are made of. */
function decidingNames({ body, sizes, workgroup }: Kernel): ReadonlySet<string> {
  const made = new Map<string, readonly string[]>();
  const deciding = new Set<string>();
  const add = (name: string): void => {
    if (deciding.has(name)) return;
    deciding.add(name);
    made.get(name)?.forEach(add);
  };
  const known = new Set([...sizes, ...(workgroup ? [workgroup.invocation] : [])]);
  forEachStatement(body, (statement) => {
    if (statement.kind === 'let' && statement.value.kind === 'position') {
      const names = symbolsOf(statement.value.index);
      made.set(statement.name, names);
      if (names.every((name) => known.has(name))) known.add(statement.name);
    }
    if (statement.kind === 'loop') symbolsOf(statement.extent).forEach(add);
    if (statement.kind !== 'if') return;
    const names = positionsIn(statement.condition);
    if (names?.every((name) => known.has(name))) names.forEach(add);
  });
  return deciding;
}

/** The names in a condition on positions; undefined where it is one on values. */
function positionsIn(expr: Expr): readonly string[] | undefined {
  if (expr.kind === 'position') return symbolsOf(expr.index);
  if (expr.kind === 'literal') return [];
  if (expr.kind === 'variable' || expr.kind === 'load') return undefined;
  const parts = childrenOf(expr).map(positionsIn);
  return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part!);
}

function conditionIn(condition: Expr, values: Values): boolean | undefined {
  if (condition.kind !== 'compare' || containsLoad(condition)) return undefined;
  const [left, right] = [condition.left, condition.right].map((side) => {
    if (side.kind === 'position') return valueIn(side.index, values);
    return side.kind === 'literal' ? side.value : undefined;
  });
  return left === undefined || right === undefined ? undefined : compareValue(condition.op, left, right) === 1;
}

function valueIn(dim: Dim, values: Values): number | undefined {
  return constantValue(dim) ?? (symbolsOf(dim).every((name) => values.has(name)) ? evaluate(dim, values) : undefined);
}

function times(work: KernelWork | undefined, count: number): KernelWork | undefined {
  if (!work) return undefined;
  const { loads, stores, multiplyAdds } = work;
  return { loads: count * loads, stores: count * stores, multiplyAdds: count * multiplyAdds };
}

function sum(all: readonly (KernelWork | undefined)[]): KernelWork | undefined {
  let [loads, stores, multiplyAdds] = [0, 0, 0];
  for (const work of all) {
    if (!work) return undefined;
    loads += work.loads;
    stores += work.stores;
    multiplyAdds += work.multiplyAdds;
  }
  return { loads, stores, multiplyAdds };
}

/** The arm that does more. */
function larger(a: KernelWork | undefined, b: KernelWork | undefined): KernelWork | undefined {
  if (!a || !b) return undefined;
  const total = ({ loads, stores, multiplyAdds }: KernelWork): number => loads + stores + multiplyAdds;
  return total(b) > total(a) ? b : a;
}
