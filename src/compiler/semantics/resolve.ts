/**
 * Finds names that nothing defines, names that nothing uses and names that hide others, without elaborating: also in
 * blocks nobody instantiates and branches no setting takes. It only knows what could be in scope, so it stays silent
 * where elaboration may still object.
 */
import { closest } from '../base/suggest.ts';
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { OpTable } from '../ir/op.ts';
import type { Axis, Body, Declaration, Expr, Name, Statement, TensorTypeExpr, ValueType } from '../syntax/ast.ts';
import { hintForWord } from './habits.ts';
import { staticFunctionNames } from './static-functions.ts';
import type { Module } from './modules.ts';
import { divisionBehind, misleads, warnOfNames, type NameNotes } from './name-warnings.ts';
import { Names, type KnownName, type NameKind } from './names.ts';
import { MAX_SUGGESTIONS } from './suggestions.ts';
import { dtypeNamed } from './unify.ts';

/** Warnings only make sense where the file has no mistakes, so they are gathered by themselves. */
export function resolveNames(module: Module, ops: OpTable, sink: DiagnosticSink, warnings: DiagnosticSink): void {
  const file = new Names();
  for (const op of ops.values()) if (!op.internal) file.add('built-in', op.name);
  for (const name of staticFunctionNames) file.add('built-in', name);
  for (const name of module.missing) file.add('declaration', name);
  for (const [
    name,
    {
      name: { span },
    },
  ] of module.declarations)
    file.add('declaration', name, span);
  const imports = [...module.imported].map(([name, { span }]) => file.add('import', name, span));
  const expected = imports.filter(({ name }) => !name.startsWith('_'));
  const notes: Notes = { sink, expected, hiding: [], divisions: [], shapes: new Map() };
  for (const declaration of module.file.declarations) new Resolver(file.inner(), notes).declaration(declaration);
  // A setting may name any block or function of the file.
  if (module.file.declarations.some(takesNames)) imports.forEach((known) => (known.used = true));
  warnOfNames(notes, warnings);
}

/** What the resolvers of a file gather. */
interface Notes extends NameNotes {
  readonly sink: DiagnosticSink;
}

/** Whether one of the hyperparameters is a block or a function. */
function takesNames(declaration: Declaration): boolean {
  if (declaration.kind === 'const') return false;
  const list = declaration.kind === 'function' ? declaration.parameters : declaration.hyperparameters;
  return list.some((one) => one.kind === 'hyperparameter' && namesDeclarations(one.type));
}

function namesDeclarations(type: ValueType): boolean {
  switch (type.kind) {
    case 'primitive':
      return type.name === 'block' || type.name === 'fn';
    case 'literals':
      return false;
    case 'tuple':
      return type.elements.some(namesDeclarations);
    case 'list':
      return namesDeclarations(type.element);
    case 'optional':
      return namesDeclarations(type.inner);
  }
}

/** The name that an axis of a pattern binds, if it stands alone. */
function bareName(axis: Axis): [] | [string] {
  if (axis.kind === 'rest') return [axis.name.text];
  return axis.value.kind === 'name' ? [axis.value.text] : [];
}

/** Names that may stand for ints known at compile time. */
const STATIC_KINDS: readonly NameKind[] = ['hyperparameter', 'constant', 'pattern', 'dimension', 'loop variable'];

class Resolver {
  readonly #names: Names;
  readonly #notes: Notes;
  /** Of the declaration: each unknown name is told once. */
  readonly #unknown: Set<string>;

  constructor(names: Names, notes: Notes, unknown = new Set<string>()) {
    this.#names = names;
    this.#notes = notes;
    this.#unknown = unknown;
  }

  #inner(): Resolver {
    return new Resolver(this.#names.inner(), this.#notes, this.#unknown);
  }

  declaration(declaration: Declaration): void {
    switch (declaration.kind) {
      case 'const':
        this.#expr(declaration.value);
        return;
      case 'block':
        this.#signature([...declaration.hyperparameters, ...declaration.tensors]);
        this.#results(declaration.results);
        this.#body(declaration.body);
        return;
      case 'function':
        this.#signature(declaration.parameters);
        this.#results(declaration.results);
        this.#body(declaration.body);
        return;
      case 'model':
      case 'train':
        this.#signature(declaration.hyperparameters);
        this.#body(declaration.body);
        return;
    }
  }

  /** A name that nothing has to use. */
  #bind(kind: NameKind, { text, span }: Name): KnownName {
    const hidden = this.#names.find(text);
    const known = this.#names.add(kind, text, span);
    if (hidden && misleads(hidden, kind)) this.#notes.hiding.push({ hidden, by: known });
    return known;
  }

  /** A name that something should use. */
  #expect(kind: NameKind, name: Name): void {
    const known = this.#bind(kind, name);
    if (!name.text.startsWith('_')) this.#notes.expected.push(known);
  }

  /** Assigning to a variable of an enclosing body rebinds it. */
  #assign(target: Name): void {
    const known = this.#names.find(target.text);
    if (!known || known.kind === 'built-in' || known.kind === 'declaration' || known.kind === 'import')
      this.#expect('variable', target);
    else if (known.kind === 'pattern') this.#bind('variable', target);
  }

  #signature(parameters: (Declaration & { kind: 'function' })['parameters']): void {
    for (const parameter of parameters) {
      if (parameter.kind === 'hyperparameter' && parameter.default) this.#expr(parameter.default);
      this.#expect(parameter.kind, parameter.name);
    }
    // Bare names bind in any order before arithmetic on them is looked at.
    const types = parameters.flatMap((parameter) => (parameter.kind === 'tensor' ? [parameter.type] : []));
    for (const type of types) type.axes.forEach((axis) => this.#bindAxis(axis));
    for (const type of types) this.#type(type, true);
    this.#noteShapes(parameters);
  }

  /** A tensor is used, too, where only a size is that no other tensor tells: `like: f32[b, c, height, width]`. */
  #noteShapes(parameters: (Declaration & { kind: 'function' })['parameters']): void {
    const tensors = parameters.flatMap((parameter) =>
      parameter.kind === 'tensor' ? [{ name: parameter.name.text, sizes: parameter.type.axes.flatMap(bareName) }] : [],
    );
    for (const { name, sizes } of tensors) {
      const others = tensors.filter((other) => other.name !== name).flatMap((other) => other.sizes);
      const own = sizes.filter((size) => !others.includes(size)).flatMap((size) => this.#names.find(size) ?? []);
      this.#notes.shapes.set(
        this.#names.find(name)!,
        own.filter(({ kind }) => kind === 'pattern'),
      );
    }
  }

  /** Names that stand here alone are bound by what the body gives, so the body does not know them. */
  #results(results: readonly TensorTypeExpr[]): void {
    const inner = this.#inner();
    for (const { axes } of results) axes.forEach((axis) => inner.#bindAxis(axis));
    for (const result of results) inner.#type(result, true);
  }

  #bindAxis(axis: Axis): void {
    const [name] = bareName(axis);
    const known = name && this.#names.find(name);
    if (known && known.kind !== 'built-in') known.used = true;
    else if (name) this.#names.add('pattern', name, axis.span);
  }

  #type(type: TensorTypeExpr, binds: boolean): void {
    const dtype = this.#names.find(type.dtype.text);
    if (dtype) dtype.used = true;
    for (const axis of type.axes) {
      // To bind a name is not to use it.
      if (binds && bareName(axis).length > 0) continue;
      if (axis.kind === 'size') this.#expr(axis.value);
      else this.#name(axis.name.text, axis.span);
    }
  }

  #name(name: string, span: Span): void {
    const known = this.#names.find(name);
    if (known) known.used = true;
    if (known || dtypeNamed(name) || this.#unknown.has(name)) return;
    this.#unknown.add(name);
    const isOneOfMany = this.#notes.sink.items.length > MAX_SUGGESTIONS;
    const similar = isOneOfMany ? undefined : closest(name, this.#names.all());
    this.#notes.sink.report(
      diagnostic('HED2005', span, `\`${name}\` is not defined here`, {
        hint: hintForWord(name) ?? (similar && `did you mean \`${similar}\`?`),
      }),
    );
  }

  #body(body: Body): void {
    body.statements.forEach((statement) => this.#statement(statement));
  }

  #statement(statement: Statement): void {
    switch (statement.kind) {
      case 'assign':
        this.#value(statement.value);
        if (statement.type) this.#type(statement.type, false);
        statement.targets.forEach((target) => this.#assign(target));
        return;
      case 'const':
        this.#value(statement.value);
        this.#expect('constant', statement.name);
        return;
      case 'param':
      case 'state':
        this.#type(statement.type, false);
        if (statement.initializer) this.#initializer(statement.initializer);
        // Whether a parameter matters is seen in the graph.
        this.#names.add('parameter', statement.name.text, statement.name.span);
        return;
      case 'input':
        this.#type(statement.type, false);
        this.#expect('input', statement.name);
        return;
      case 'output':
        this.#value(statement.value);
        if (statement.type) this.#type(statement.type, false);
        this.#names.add('output', statement.name.text, statement.name.span);
        return;
      case 'next':
        this.#name(statement.name.text, statement.name.span);
        this.#expr(statement.value);
        return;
      case 'aux':
      case 'loss':
      case 'metric':
        this.#expr(statement.value);
        return;
      case 'optimizer':
        for (const list of [statement.arguments, ...statement.groups.map((group) => group.settings)])
          list.forEach((argument) => this.#setting(argument.value));
        return;
      case 'generate':
        for (const { text } of [statement.input, statement.along, statement.from]) {
          const known = this.#names.find(text);
          if (known) known.used = true;
        }
        return;
      case 'dims':
        for (const { name, max } of statement.dims) {
          if (max) this.#expr(max);
          this.#expect('dimension', name);
        }
        return;
      case 'require':
        this.#expr(statement.condition);
        if (statement.message) this.#message(statement.message.span);
        return;
      case 'return':
        statement.values.forEach((value) => this.#value(value));
        return;
      case 'if':
        this.#expr(statement.condition);
        this.#inner().#body(statement.then);
        if (statement.else) this.#inner().#body(statement.else);
        return;
      case 'for': {
        this.#expr(statement.over);
        const inner = this.#inner();
        inner.#bind('loop variable', statement.variable);
        inner.#body(statement.body);
        return;
      }
      case 'error':
        statement.names.forEach((name) => this.#names.add('output', name.text, name.span));
        return;
    }
  }

  /** A value at the end of a statement, behind which a comment may stand. */
  #value(value: Expr): void {
    this.#expr(value);
    const division = divisionBehind(value.span);
    if (!division) return;
    const kind = this.#names.find(division.divisor)?.kind;
    const isStatic = kind !== undefined && STATIC_KINDS.includes(kind);
    if (isStatic || /^\d/.test(division.divisor)) this.#notes.divisions.push(division);
  }

  /** `{name}` in a message reads the name. */
  #message({ source, start, end }: Span): void {
    for (const { 0: braces, index } of source.text.slice(start, end).matchAll(/\{[^{}]*\}/g)) {
      for (const [name] of braces.matchAll(/[A-Za-z_]\w*/g)) {
        const known = this.#names.find(name);
        if (known) known.used = true;
        // Braces may be meant as such; a lone name that nearly is a known one is not.
        const similar = known || braces !== `{${name}}` ? undefined : closest(name, this.#names.all());
        if (similar === undefined) continue;
        const place = { source, start: start + index + 1, end: start + index + 1 + name.length };
        this.#notes.sink.report(
          diagnostic('HED2005', place, `\`${name}\` is not defined here, so the message shows \`${braces}\``, {
            severity: 'warning',
            hint: `did you mean \`${similar}\`?`,
          }),
        );
      }
    }
  }

  /** The name of a schedule is no name of the scope; its arguments are expressions. */
  #setting(expr: Expr): void {
    if (expr.kind === 'call' && expr.callee.kind === 'name')
      expr.arguments.forEach((argument) => this.#expr(argument.value));
    else this.#expr(expr);
  }

  /** The name of an initialiser is no name of the scope; its arguments are expressions. */
  #initializer(expr: Expr): void {
    if (expr.kind === 'call') expr.arguments.forEach((argument) => this.#expr(argument.value));
    if (expr.kind !== 'if') return;
    this.#expr(expr.condition);
    this.#initializer(expr.then);
    this.#initializer(expr.else);
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
        inner.#bind('loop variable', expr.variable);
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
      case 'frozen':
        this.#expr(expr.value);
        return;
      case 'mixture': {
        this.#all(...expr.arguments.map((argument) => argument.value));
        const inner = this.#inner();
        // Like the parameter of a function it may bear any name.
        inner.#names.add('loop variable', expr.variable.text, expr.variable.span);
        inner.#expr(expr.body);
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
