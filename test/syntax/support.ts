/** Helpers of the syntax tests: parsing from a string, and trees in a form that a test can spell out. */
import { DiagnosticSink } from '../../src/compiler/base/diagnostic.ts';
import type { Diagnostic } from '../../src/compiler/base/diagnostic.ts';
import type { Span } from '../../src/compiler/base/source.ts';
import type { Argument, Expr, File, Statement, Subscript } from '../../src/compiler/syntax/ast.ts';
import { parseFile, parseValue } from '../../src/compiler/syntax/parse.ts';

export interface Parsed {
  readonly file: File;
  readonly diagnostics: readonly Diagnostic[];
}

export function parse(text: string): Parsed {
  const sink = new DiagnosticSink();
  const file = parseFile({ path: 'test.model', text }, sink);
  return { file, diagnostics: sink.items };
}

/** The file, where nothing may be wrong with it. */
export function parseCorrect(text: string): File {
  const { file, diagnostics } = parse(text);
  if (diagnostics.length > 0) throw new Error(diagnostics.map(summary).join('\n'));
  return file;
}

/** The statements of a model with the given body. */
export function statementsOf(body: string): readonly Statement[] {
  const [model] = parseCorrect(`model M() {\n${body}\n}`).declarations;
  return model?.kind === 'model' ? model.body.statements : [];
}

/** What is reported about a model with the given body. */
export function mistakesIn(body: string): string[] {
  return parse(`model M() {\n${body}\n}`).diagnostics.map(summary);
}

/** The value of `x = …`, as an s-expression. */
export function expr(text: string): string {
  const [statement] = statementsOf(`x = ${text}`);
  return statement?.kind === 'assign' ? show(statement.value) : '';
}

export function value(text: string): { readonly value: string; readonly mistakes: readonly string[] } {
  const sink = new DiagnosticSink();
  const result = parseValue({ path: '--set', text }, sink);
  return { value: show(result), mistakes: sink.items.map(summary) };
}

export function summary({ code, message, primary }: Diagnostic): string {
  const line = primary ? textOf({ ...primary.span, start: 0, end: primary.span.start }).split('\n').length : 0;
  return `${code} line ${line}: ${message}`;
}

export function textOf(span: Span): string {
  return span.source.text.slice(span.start, span.end);
}

/** An expression as an s-expression, which shows its structure and nothing else. */
export function show(e: Expr): string {
  switch (e.kind) {
    case 'integer':
    case 'bool':
      return String(e.value);
    case 'float':
      return Number.isInteger(e.value) ? e.value.toFixed(1) : String(e.value);
    case 'string':
      return JSON.stringify(e.text);
    case 'none':
    case 'training':
      return e.kind;
    case 'name':
      return e.text;
    case 'tuple':
      return `(tuple${list(e.elements)})`;
    case 'list':
      return `[${e.elements.map(show).join(' ')}]`;
    case 'comprehension':
      return `(for ${e.variable.text} in ${show(e.over)}${path(e.path)} => ${show(e.element)})`;
    case 'range':
      return `(.. ${show(e.from)} ${show(e.to)})`;
    case 'unary':
      return `(${e.operator} ${show(e.operand)})`;
    case 'binary':
      return `(${e.operator} ${show(e.left)} ${show(e.right)})`;
    case 'if':
      return `(if ${show(e.condition)} ${show(e.then)} ${show(e.else)})`;
    case 'call':
      return `(call ${show(e.callee)}${e.arguments.map(argument).join('')})`;
    case 'index':
      return `(at ${show(e.base)} ${e.subscripts.map(subscript).join(' ')})`;
    case 'member':
      return `(. ${show(e.base)} ${e.member.text})`;
    case 'pipe':
      return `(|> ${show(e.value)} ${show(e.stage)}${path(e.path)})`;
    case 'frozen':
      return `(frozen ${show(e.value)})`;
    case 'mixture':
      return `(mixture${e.arguments.map(argument).join('')}${path(e.path)} ${e.variable.text} => ${show(e.body)})`;
    case 'error':
      return '<error>';
    default:
      return e satisfies never;
  }
}

function list(elements: readonly Expr[]): string {
  return elements.map((element) => ` ${show(element)}`).join('');
}

function path(names: readonly { readonly text: string }[] | undefined): string {
  return names ? ` as ${names.map((name) => name.text).join('.')}` : '';
}

function argument({ name, value: given }: Argument): string {
  return ` ${name ? `${name.text}: ` : ''}${show(given)}`;
}

function subscript(s: Subscript): string {
  switch (s.kind) {
    case 'index':
      return show(s.value);
    case 'slice': {
      const part = (e: Expr | undefined): string => (e ? show(e) : '');
      return `${part(s.start)}:${part(s.stop)}:${part(s.step)}`;
    }
    case 'ellipsis':
      return '...';
    case 'newAxis':
      return 'none';
    default:
      return s satisfies never;
  }
}
