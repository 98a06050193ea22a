/** Applying a model as a block: its inputs take the arguments, which tell its dims; its outputs are the result. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import { constant, isAtLeast, print, subtract } from '../dims/dim.ts';
import type { Body, DimsStatement, InputStatement, ModelDeclaration, OutputStatement } from '../syntax/ast.ts';
import type { EvaluatedArgument } from './calls.ts';
import { evaluateExpression, evaluateLimit } from './expressions.ts';
import { demand, report, type Frame } from './frame.ts';
import type { Scope } from './scope.ts';
import { runBody } from './statements.ts';
import { describeApplication, tensorsIn } from './structure.ts';
import { suggestApplication } from './suggestions.ts';
import { matchType } from './unify.ts';
import { describeKind, ERROR, NONE, printValue, type StaticValue } from './values.ts';

/** The state of one application. */
export interface ModelApplication {
  readonly name: string;
  /** Where the application stands, and in what. */
  readonly caller: Frame;
  readonly span: Span;
  /** That of the whole body. */
  readonly scope: Scope;
  /** Arguments that no input has taken yet: by position in their order, and by name. */
  readonly positional: EvaluatedArgument[];
  readonly named: Map<string, EvaluatedArgument>;
  /** The inputs that have been declared so far. */
  readonly inputs: string[];
  /** Declared dims that no argument has told yet. */
  readonly unbound: Map<string, { readonly max: number | undefined; readonly span: Span }>;
  readonly outputs: Map<string, StaticValue>;
}

/** Undefined after a report. */
export function newApplication(
  caller: Frame,
  declaration: ModelDeclaration,
  list: readonly EvaluatedArgument[],
  span: Span,
  scope: Scope,
): ModelApplication | undefined {
  const name = declaration.name.text;
  const known = inputNames(declaration.body);
  const named = new Map<string, EvaluatedArgument>();
  for (const argument of list) {
    if (!argument.name) continue;
    if (!known.includes(argument.name.text)) {
      reportSurplus(caller, name, known, argument);
      return undefined;
    }
    if (named.has(argument.name.text)) {
      report(caller, 'HED2305', argument.span, `\`${argument.name.text}\` of \`${name}\` is given twice`);
      return undefined;
    }
    named.set(argument.name.text, argument);
  }
  const positional = list.filter((argument) => !argument.name);
  return { name, caller, span, scope, positional, named, inputs: [], unbound: new Map(), outputs: new Map() };
}

/** One output is the result itself, several are a tuple that also knows their names. */
export function applyModel(inner: Frame, application: ModelApplication, declaration: ModelDeclaration): StaticValue {
  const description = describeApplication(inner, declaration);
  const run = (): StaticValue => elaborateModel(inner, application, declaration);
  return inner.elaboration.structure.record(description, run, tensorsIn);
}

function elaborateModel(inner: Frame, application: ModelApplication, declaration: ModelDeclaration): StaticValue {
  const ended = runBody(inner, declaration.body);
  if (ended || declaration.body.statements.some((statement) => statement.kind === 'error')) return ERROR;
  const { outputs, name, caller, positional, named, inputs } = application;
  const surplus = [...positional, ...named.values()];
  for (const argument of surplus) if (argument.value.kind !== 'error') reportSurplus(caller, name, inputs, argument);
  if (surplus.length > 0) return ERROR;
  const values = [...outputs.values()];
  if (values.length === 0) {
    return report(inner, 'HED2517', declaration.name.span, `model \`${name}\` has no output`, {
      hint: '`output name = …`',
    });
  }
  if (values.some((value) => value.kind === 'error')) return ERROR;
  return values.length === 1 ? values[0]! : { kind: 'tuple', elements: values, names: [...outputs.keys()] };
}

/** The inputs that a body may declare, in its branches too. */
function inputNames(body: Body): string[] {
  const names = body.statements.flatMap((statement) => {
    if (statement.kind === 'input') return [statement.name.text];
    if (statement.kind === 'if')
      return [...inputNames(statement.then), ...(statement.else ? inputNames(statement.else) : [])];
    return statement.kind === 'for' ? inputNames(statement.body) : [];
  });
  return [...new Set(names)];
}

function reportSurplus(caller: Frame, name: string, inputs: readonly string[], argument: EvaluatedArgument): void {
  const similar = argument.name && closest(argument.name.text, inputs);
  const some = inputs.length === 1 ? 'one tensor' : `${inputs.length} tensors`;
  const what = inputs.length === 0 ? 'no tensors' : `${some}: ${inputs.join(', ')}`;
  report(caller, 'HED2314', argument.name?.span ?? argument.span, `\`${name}\` takes ${what}`, {
    hint: similar && `did you mean \`${similar}\`?`,
  });
}

/** `dims` in an applied model: the arguments will tell them. */
export function expectDims(frame: Frame, application: ModelApplication, statement: DimsStatement): void {
  for (const { name, max } of statement.dims)
    application.unbound.set(name.text, { max: evaluateLimit(frame, name.text, max), span: name.span });
}

/** `input` in an applied model; false when the argument is missing or does not fit. */
export function takeInput(frame: Frame, application: ModelApplication, statement: InputStatement): boolean {
  const { positional, named, caller, span, inputs } = application;
  const name = statement.name.text;
  inputs.push(name);
  const argument = named.get(name) ?? positional.shift();
  named.delete(name);
  if (!argument || argument.value.kind === 'none') {
    frame.scope.define({ name, value: NONE, span: statement.span, role: 'input' });
    if (statement.optional) return true;
    report(caller, 'HED2315', argument?.span ?? span, `\`${application.name}\` needs the tensor \`${name}\``, {
      secondary: [{ span: statement.span, text: 'declared here' }],
    });
    return false;
  }
  const { value } = argument;
  const what = `input \`${name}\` of \`${application.name}\``;
  frame.scope.define({ name, value, span: statement.name.span, role: 'variable' });
  if (value.kind === 'error') return false;
  if (value.kind !== 'tensor') {
    report(caller, 'HED2316', argument.span, `${what} must be a tensor, found ${describeKind(value)}`, {
      label: printValue(value),
      hint: suggestApplication(value, argument.span),
    });
    return false;
  }
  const bind = (dim: string, size: StaticValue): boolean => bindDim(frame, application, dim, size, argument.span);
  // The mistake is the caller's, so the trail begins there.
  const { caller: _, ...own } = frame;
  const matched = { ...own, ...(caller.caller && { caller: caller.caller }) };
  return matchType(matched, statement.type, value.value.type, { what, span: argument.span, bind });
}

/** Gives a declared dim its size; false when the name is no dim that still needs one. */
function bindDim(frame: Frame, application: ModelApplication, name: string, size: StaticValue, at: Span): boolean {
  const limit = application.unbound.get(name);
  if (!limit || size.kind !== 'integer') return false;
  application.unbound.delete(name);
  // A dim is known in all of the model, also where an `if` holds the input that tells it.
  application.scope.define({ name, value: size, span: at, role: 'dimension' });
  if (limit.max === undefined) return true;
  const { bounds } = frame.elaboration;
  const message = `\`${name}\` of \`${application.name}\` is ${print(size.value)}; it is at most ${limit.max}`;
  if (isAtLeast(size.value, constant(limit.max + 1), bounds)) {
    report(application.caller, 'HED2320', at, message, { secondary: [{ span: limit.span, text: 'declared here' }] });
  } else demand(frame, subtract(constant(limit.max), size.value), message, at);
  return true;
}

/** `output` in an applied model. */
export function giveOutput(frame: Frame, application: ModelApplication, statement: OutputStatement): void {
  const { name, type } = statement;
  const value = evaluateExpression(frame, statement.value);
  const { span } = statement.value;
  const matching = { what: `output \`${name.text}\``, span };
  let result = value;
  if (value.kind === 'tensor') {
    if (type && !matchType(frame, type, value.value.type, matching)) result = ERROR;
  } else if (value.kind !== 'error')
    result = report(frame, 'HED2510', span, `an output must be a tensor, found ${describeKind(value)}`, {
      hint: suggestApplication(value, span),
    });
  if (application.outputs.has(name.text))
    result = report(frame, 'HED2507', name.span, `the output \`${name.text}\` is declared twice`);
  application.outputs.set(name.text, result);
  frame.scope.define({ name: name.text, value: result, span: name.span, role: 'variable' });
}
