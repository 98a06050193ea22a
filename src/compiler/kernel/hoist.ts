/**
 * Moves what a loop computes alike in every iteration in front of it, inner loops first, so that a value may travel
 * out through several. What may fail where the loop would not have run, a load above all, goes under a branch that
 * asks whether it runs, unless bounds prove that it does. Only what every iteration evaluates is moved.
 */
import { isAtLeast, ONE, type Bounds } from '../dims/dim.ts';
import { gridBounds, withLoopBound } from './bounds.ts';
import { compare, literal, position, variable } from './build.ts';
import { effectsOf, isTouchedItself, isUntouched, isWork, mayFail, writtenBy, type Effects } from './effects.ts';
import { guardsLoads, letsOf, type Lets } from './guards.ts';
import type { Expr, Kernel, Statement } from './ir.ts';
import { definedNames, FreshNames, uniqueNames } from './names.ts';
import { printExpr } from './print.ts';
import { mapChildren, mapStatement, refersTo, rememberingSome, withBody } from './rewrite.ts';

interface Scope {
  readonly bounds: Bounds;
  readonly names: FreshNames;
  readonly lets: Lets;
  /** The buffers that the kernel stores to. */
  readonly written: ReadonlySet<string>;
}

type Loop = Statement & { readonly kind: 'loop' };

export function hoist(kernel: Kernel): Kernel {
  const unique = uniqueNames(kernel);
  const { body } = unique;
  const scope: Scope = {
    bounds: gridBounds(unique),
    names: new FreshNames(definedNames(unique)),
    lets: letsOf(body),
    written: writtenBy(body),
  };
  return withBody(unique, hoistAll(body, scope));
}

function hoistAll(statements: readonly Statement[], scope: Scope): Statement[] {
  return statements.flatMap((statement) => {
    if (statement.kind === 'loop') return hoistLoop(statement, scope);
    return mapStatement(statement, { body: (body) => hoistAll(body, scope) });
  });
}

/** What moves in front of one loop. */
class Hoisted {
  readonly #scope: Scope;
  /** What changes in the loop; lets that move out leave it. */
  readonly #effects: Effects;
  readonly safe: Statement[] = [];
  readonly unsafe: Statement[] = [];
  readonly #unsafeNames = new Set<string>();
  readonly #byText = new Map<string, Expr>();

  constructor(body: Loop, scope: Scope) {
    this.#scope = scope;
    this.#effects = effectsOf([body], scope.written);
  }

  /** Moves a whole let if it can move. */
  take(statement: Statement & { kind: 'let' }): boolean {
    if (!isUntouched(statement.value, this.#effects)) return false;
    this.#effects.names.delete(statement.name);
    this.#add(statement.name, statement.value);
    return true;
  }

  /** `expr` with its largest parts that can move, and are worth it, replaced by names. */
  extract(expr: Expr): Expr {
    // What changes in the loop is the same for all parts of one expression, but not for the next: lets move between.
    return this.#extract(
      expr,
      rememberingSome((part) => isTouchedItself(part, this.#effects)),
    );
  }

  #extract(expr: Expr, isTouched: (part: Expr) => boolean): Expr {
    if (isWork(expr) && !isTouched(expr)) return this.#nameFor(expr);
    if (expr.kind === 'select' && expr.lanes === 1 && guardsLoads(expr, this.#scope.lets)) {
      const condition = this.#extract(expr.condition, isTouched);
      return condition === expr.condition ? expr : { ...expr, condition };
    }
    return mapChildren(expr, (child) => this.#extract(child, isTouched));
  }

  #nameFor(expr: Expr): Expr {
    const text = printExpr(expr);
    const known = this.#byText.get(text);
    if (known) return known;
    const name = this.#scope.names.fresh('fixed');
    const value = variable(name, expr.type, expr.lanes);
    this.#byText.set(text, value);
    this.#add(name, expr);
    return value;
  }

  #add(name: string, value: Expr): void {
    const unsafe = mayFail(value) || refersTo(value, this.#unsafeNames);
    if (unsafe) this.#unsafeNames.add(name);
    (unsafe ? this.unsafe : this.safe).push({ kind: 'let', name, value });
  }
}

function hoistLoop(loop: Loop, scope: Scope): Statement[] {
  const bounds = withLoopBound(scope.bounds, loop.variable, loop.extent);
  const inner = hoistAll(loop.body, { ...scope, bounds });
  const hoisted = new Hoisted({ ...loop, body: inner }, scope);
  const body: Statement[] = [];
  for (const statement of inner) {
    if (statement.kind === 'let' && hoisted.take(statement)) continue;
    body.push(mapStatement(statement, { expr: (expr) => hoisted.extract(expr) }));
  }
  const rest: Loop = { ...loop, body };
  if (hoisted.unsafe.length === 0) return [...hoisted.safe, rest];
  const guarded = [...hoisted.unsafe, rest];
  if (isAtLeast(loop.extent, ONE, scope.bounds)) return [...hoisted.safe, ...guarded];
  const condition = compare('gt', position(loop.extent), literal(0, 'i32'));
  return [...hoisted.safe, { kind: 'if', condition, then: guarded, else: [] }];
}
