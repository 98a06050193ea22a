/**
 * Finds names that nothing defines, without elaborating: also in blocks nobody instantiates and branches no setting
 * takes. It only knows what could be in scope, so it stays silent where elaboration may still object.
 */
import { closest } from '../base/suggest.ts';
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { OpTable } from '../ir/op.ts';
import type { Axis, Body, Declaration, Expr, Statement, TensorTypeExpr } from '../syntax/ast.ts';
import { staticFunctionNames } from './arithmetic.ts';
import type { Module } from './modules.ts';
import { dtypeNamed } from './unify.ts';

export function resolveNames(module: Module, ops: OpTable, sink: DiagnosticSink): void {
  const callable = [...ops.values()].filter((op) => !op.internal).map((op) => op.name);
  const file = new Set([
    ...module.declarations.keys(),
    ...module.imported.keys(),
    ...module.missing,
    ...callable,
    ...staticFunctionNames,
  ]);
  for (const declaration of module.file.declarations) new Resolver(new Names(file), sink).declaration(declaration);
}

/** Names in scope, innermost last. */
class Names {
  readonly #own: Set<string>;
  readonly #outer: Names | undefined;

  constructor(own: Set<string>, outer?: Names) {
    this.#own = own;
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#own.has(name) || (this.#outer?.has(name) ?? false);
  }

  add(name: string): void {
    this.#own.add(name);
  }

  inner(): Names {
    return new Names(new Set(), this);
  }

  all(): string[] {
    return [...this.#own, ...(this.#outer?.all() ?? [])];
  }
}

class Resolver {
  readonly #names: Names;
  readonly #sink: DiagnosticSink;

  constructor(names: Names, sink: DiagnosticSink) {
    this.#names = names;
    this.#sink = sink;
  }

  #inner(): Resolver {
    return new Resolver(this.#names.inner(), this.#sink);
  }

  declaration(declaration: Declaration): void {
    const inner = this.#inner();
    switch (declaration.kind) {
      case 'const':
        inner.#expr(declaration.value);
        return;
      case 'block':
        inner.#signature([...declaration.hyperparameters, ...declaration.tensors]);
        declaration.results.forEach((result) => inner.#type(result, false));
        inner.#body(declaration.body);
        return;
      case 'function':
        inner.#signature(declaration.parameters);
        declaration.results.forEach((result) => inner.#type(result, false));
        inner.#body(declaration.body);
        return;
      case 'model':
        inner.#signature(declaration.hyperparameters);
        inner.#body(declaration.body);
        return;
    }
  }

  #signature(parameters: (Declaration & { kind: 'function' })['parameters']): void {
    for (const parameter of parameters) {
      if (parameter.kind === 'hyperparameter' && parameter.default) this.#expr(parameter.default);
      this.#names.add(parameter.name.text);
    }
    // Bare names bind in any order before arithmetic on them is looked at.
    const types = parameters.flatMap((parameter) => (parameter.kind === 'tensor' ? [parameter.type] : []));
    for (const type of types) type.axes.forEach((axis) => this.#bindAxis(axis));
    for (const type of types) this.#type(type, true);
  }

  #bindAxis(axis: Axis): void {
    if (axis.kind === 'rest') this.#names.add(axis.name.text);
    else if (axis.value.kind === 'name') this.#names.add(axis.value.text);
  }

  #type(type: TensorTypeExpr, binds: boolean): void {
    for (const axis of type.axes) {
      if (axis.kind === 'size') this.#expr(axis.value);
      else if (!binds) this.#name(axis.name.text, axis.span);
    }
  }

  #name(name: string, span: Span): void {
    if (this.#names.has(name) || dtypeNamed(name)) return;
    const similar = closest(name, this.#names.all());
    this.#sink.report(
      diagnostic('HED2005', span, `\`${name}\` is not defined here`, {
        hint: similar && `did you mean \`${similar}\`?`,
      }),
    );
  }

  #body(body: Body): void {
    body.statements.forEach((statement) => this.#statement(statement));
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case 'assign':
        this.#expr(statement.value);
        if (statement.type) this.#type(statement.type, false);
        statement.targets.forEach((target) => this.#names.add(target.text));
        return;
      case 'const':
        this.#expr(statement.value);
        this.#names.add(statement.name.text);
        return;
      case 'param':
        this.#type(statement.type, false);
        // The name of an initialiser is no name of the scope; its arguments are expressions.
        if (statement.initializer?.kind === 'call')
          statement.initializer.arguments.forEach((argument) => this.#expr(argument.value));
        this.#names.add(statement.name.text);
        return;
      case 'input':
        this.#type(statement.type, false);
        this.#names.add(statement.name.text);
        return;
      case 'output':
        this.#expr(statement.value);
        if (statement.type) this.#type(statement.type, false);
        this.#names.add(statement.name.text);
        return;
      case 'dims':
        for (const { name, max } of statement.dims) {
          if (max) this.#expr(max);
          this.#names.add(name.text);
        }
        return;
      case 'require':
        this.#expr(statement.condition);
        return;
      case 'return':
        statement.values.forEach((value) => this.#expr(value));
        return;
      case 'if':
        this.#expr(statement.condition);
        this.#inner().#body(statement.then);
        if (statement.else) this.#inner().#body(statement.else);
        return;
      case 'for': {
        this.#expr(statement.over);
        const inner = this.#inner();
        inner.#names.add(statement.variable.text);
        inner.#body(statement.body);
        return;
      }
      case 'error':
        statement.names.forEach((name) => this.#names.add(name.text));
        return;
    }
  }

  #expr(expr: Expr): void {
    switch (expr.kind) {
      case 'name':
        this.#name(expr.text, expr.span);
        return;
      case 'tuple':
      case 'list':
        expr.elements.forEach((element) => this.#expr(element));
        return;
      case 'comprehension': {
        this.#expr(expr.over);
        const inner = this.#inner();
        inner.#names.add(expr.variable.text);
        inner.#expr(expr.element);
        return;
      }
      case 'range':
        this.#all(expr.from, expr.to);
        return;
      case 'unary':
        this.#expr(expr.operand);
        return;
      case 'binary': {
        // Long chains lean to the left.
        let left: Expr = expr;
        for (; left.kind === 'binary'; left = left.left) this.#expr(left.right);
        this.#expr(left);
        return;
      }
      case 'if':
        this.#all(expr.condition, expr.then, expr.else);
        return;
      case 'call':
        this.#all(expr.callee, ...expr.arguments.map((argument) => argument.value));
        return;
      case 'index':
        this.#expr(expr.base);
        for (const subscript of expr.subscripts) {
          if (subscript.kind === 'index') this.#expr(subscript.value);
          else if (subscript.kind === 'slice')
            for (const part of [subscript.start, subscript.stop, subscript.step]) if (part) this.#expr(part);
        }
        return;
      case 'member':
        this.#expr(expr.base);
        return;
      case 'pipe': {
        let value: Expr = expr;
        for (; value.kind === 'pipe'; value = value.value) this.#expr(value.stage);
        this.#expr(value);
        return;
      }
      case 'integer':
      case 'float':
      case 'string':
      case 'bool':
      case 'none':
      case 'training':
      case 'error':
        return;
    }
  }

  #all(...exprs: readonly Expr[]): void {
    exprs.forEach((expr) => this.#expr(expr));
  }
}
