/**
 * Names in kernels: which are taken, new ones, and making all of them different. Transformations that copy or merge
 * statement lists rely on the latter: a kernel may reuse a name in two scopes that do not overlap.
 */
import { substitute, symbol, type Dim } from '../dims/dim.ts';
import type { Expr, Kernel, Statement } from './ir.ts';
import {
  definedName,
  forEachStatement,
  mapChildren,
  mapStatement,
  replaceInDim,
  replaceInExpr,
  withBody,
  type Replacement,
} from './rewrite.ts';

/** Hands out names that occur nowhere in a kernel. */
export class FreshNames {
  readonly #taken: Set<string>;
  /** The last number tried for a base, so that many names of one base cost no search. */
  readonly #counts = new Map<string, number>();

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  /** `base` itself if it is free, otherwise `base` with the first free number. */
  fresh(base: string): string {
    let name = base;
    let count = this.#counts.get(base) ?? 0;
    while (this.#taken.has(name)) name = `${base}_${++count}`;
    this.#counts.set(base, count);
    this.#taken.add(name);
    return name;
  }
}

/** Every name that a kernel defines: buffers, sizes, grid variables, those of its workgroup, and what statements define. */
export function definedNames(kernel: Kernel): string[] {
  const names = [
    ...kernel.buffers.map((buffer) => buffer.name),
    ...kernel.sizes,
    ...kernel.grid.map((axis) => axis.variable),
    ...(kernel.workgroup ? [kernel.workgroup.invocation, ...kernel.workgroup.memory.map(({ name }) => name)] : []),
  ];
  forEachStatement(kernel.body, (statement) => {
    const name = definedName(statement);
    if (name !== undefined) names.push(name);
  });
  return names;
}

/** The kernel with every definition under a name of its own. */
export function uniqueNames(kernel: Kernel): Kernel {
  const all = definedNames(kernel);
  if (new Set(all).size === all.length) return kernel;
  const names = new FreshNames(all);
  const used = new Set<string>();
  return withBody(
    kernel,
    renameDefinitions(kernel.body, (name) => {
      const chosen = used.has(name) ? names.fresh(name) : name;
      used.add(chosen);
      return chosen;
    }),
  );
}

/** The statements with each definition, and what refers to it, renamed by `choose`, which is asked once a definition. */
export function renameDefinitions(
  statements: readonly Statement[],
  choose: (name: string) => string,
  outer: ReadonlyMap<string, string> = new Map(),
): readonly Statement[] {
  const scope = new Map(outer);
  return statements.map((statement) => {
    const renamed = renameUses(statement, scope, choose);
    if (statement.kind !== 'let' && statement.kind !== 'declare' && statement.kind !== 'reduce') return renamed;
    const name = choose(statement.name);
    scope.set(statement.name, name);
    return { ...renamed, name } as Statement;
  });
}

/** Renames what `statement` refers to, and the definitions inside it. */
function renameUses(
  statement: Statement,
  scope: ReadonlyMap<string, string>,
  choose: (name: string) => string,
): Statement {
  const inner = new Map(scope);
  if (statement.kind === 'loop') inner.set(statement.variable, choose(statement.variable));
  const replacement: Replacement = {
    integer: (name) => newSymbol(name, scope),
    value: (variable) => {
      const to = scope.get(variable.name);
      return to === undefined || to === variable.name ? undefined : { ...variable, name: to };
    },
  };
  const renamed = mapStatement(statement, {
    dim: (dim) => replaceInDim(dim, replacement),
    expr: (expr) => replaceInExpr(expr, replacement),
    body: (body) => renameDefinitions(body, choose, inner),
  });
  if (renamed.kind === 'loop') return { ...renamed, variable: inner.get(renamed.variable)! };
  return renamed.kind === 'assign' ? { ...renamed, name: scope.get(renamed.name) ?? renamed.name } : renamed;
}

function newSymbol(name: string, names: ReadonlyMap<string, string>): Dim | undefined {
  const to = names.get(name);
  return to === undefined || to === name ? undefined : symbol(to);
}

export function renameInDim(dim: Dim, names: ReadonlyMap<string, string>): Dim {
  return substitute(dim, (name) => newSymbol(name, names));
}

/** The statements with loads and stores going to buffers of other names. */
export function renameBuffers(
  statements: readonly Statement[],
  names: ReadonlyMap<string, string>,
): readonly Statement[] {
  const inExpr = (expr: Expr): Expr =>
    expr.kind === 'load' ? { ...expr, buffer: names.get(expr.buffer) ?? expr.buffer } : mapChildren(expr, inExpr);
  return statements.map((statement) => {
    const renamed = mapStatement(statement, { expr: inExpr, body: (body) => renameBuffers(body, names) });
    return renamed.kind === 'store' || renamed.kind === 'prefetch'
      ? { ...renamed, buffer: names.get(renamed.buffer) ?? renamed.buffer }
      : renamed;
  });
}
