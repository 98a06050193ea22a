/** Applying blocks and functions: arguments are matched to the signature, the body is elaborated in place. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import type { BlockDeclaration, FunctionDeclaration, TensorParameter, TensorTypeExpr } from '../syntax/ast.ts';
import { bindHyperparameters, type EvaluatedArgument } from './calls.ts';
import { fileScope } from './file-scope.ts';
import { joinPath, MAX_DEPTH, report, silently, takeStep, type Frame } from './frame.ts';
import { applyModel, newApplication } from './models.ts';
import type { Module } from './modules.ts';
import { Scope } from './scope.ts';
import { runBody, type Returned } from './statements.ts';
import { suggestApplication } from './suggestions.ts';
import { describeApplication, tensorsIn } from './structure.ts';
import { evaluateType, matchType } from './unify.ts';
import { describeKind, ERROR, NONE, printValue, type Instance, type StaticValue } from './values.ts';

/** `as path` of a pipe. */
export interface NamedPath {
  readonly path: string;
  readonly span: Span;
}

/** Applies an instance to tensors; its parameters are made at the first application and shared by later ones. */
export function applyInstance(
  frame: Frame,
  instance: Instance,
  list: readonly EvaluatedArgument[],
  span: Span,
  as: NamedPath | undefined,
): StaticValue {
  if (!placeInstance(frame, instance, as, span)) return ERROR;
  const inner = instanceFrame(frame, instance, span);
  if (!withinLimits(frame, inner, span, instance.declaration.name.text)) return ERROR;
  const result = applyDeclaration(frame, inner, instance.declaration, list, span);
  if (instance.beside && !joinPaths(frame, instance.beside, inner.taken)) return ERROR;
  recordInstance(frame, instance.path!, result);
  return result;
}

/** A frame for the body of a placed instance, with its hyperparameters in scope. */
export function instanceFrame(frame: Frame, { declaration, module, ...instance }: Instance, span: Span): Frame {
  const scope = new Scope(fileScope(frame.elaboration, module));
  for (const [name, value] of instance.hyperparameters)
    scope.define({ name, value, span: instance.span, role: 'hyperparameter' });
  return {
    elaboration: frame.elaboration,
    module,
    scope,
    path: instance.path!,
    taken: new Map(),
    counts: new Map(),
    role: 'block',
    training: frame.training && !instance.frozen,
    frozen: frame.frozen || instance.frozen,
    caller: { frame, span, name: declaration.name.text },
    depth: frame.depth + 1,
  };
}

function applyDeclaration(
  frame: Frame,
  inner: Frame,
  declaration: Instance['declaration'],
  list: readonly EvaluatedArgument[],
  span: Span,
): StaticValue {
  if (declaration.kind === 'model') {
    const application = newApplication(frame, declaration, list, span, inner.scope);
    return application ? applyModel({ ...inner, role: 'applied', application }, application, declaration) : ERROR;
  }
  const bound = bindTensors(frame, inner, declaration.name.text, declaration.tensors, list, span);
  if (bound === 'error') return ERROR;
  const result = finishBody(inner, declaration);
  return result.kind === 'error' ? declaredResult(inner, declaration.results) : result;
}

/** Inlines a function. */
export function applyFunction(
  frame: Frame,
  declaration: FunctionDeclaration,
  module: Module,
  list: readonly EvaluatedArgument[],
  span: Span,
): StaticValue {
  const name = declaration.name.text;
  const home = fileScope(frame.elaboration, module);
  const { application: _, ...around } = frame;
  const inner: Frame = {
    ...around,
    module,
    scope: new Scope(home),
    role: 'function',
    caller: { frame, span, name },
    depth: frame.depth + 1,
  };
  if (!withinLimits(frame, inner, span, name)) return ERROR;
  const known = declaration.parameters.map((parameter) => parameter.name.text);
  const unknown = list.find((argument) => argument.name && !known.includes(argument.name.text));
  if (unknown?.name) {
    const similar = closest(unknown.name.text, known);
    return report(frame, 'HED2307', unknown.name.span, `\`${name}\` has no argument \`${unknown.name.text}\``, {
      hint: similar ? `did you mean \`${similar}\`?` : `it has ${known.join(', ')}`,
    });
  }
  const tensors = declaration.parameters.filter((parameter) => parameter.kind === 'tensor');
  const values = declaration.parameters.filter((parameter) => parameter.kind === 'hyperparameter');
  const isValue = (argument: EvaluatedArgument, at: number): boolean => {
    if (argument.name) return values.some((one) => one.name.text === argument.name?.text);
    // `none` may stand for a tensor too: its place tells.
    if (argument.value.kind === 'none') return declaration.parameters[at]?.kind !== 'tensor';
    return argument.value.kind !== 'tensor' && argument.value.kind !== 'error';
  };
  const hyperparameters = bindHyperparameters(frame, name, values, list.filter(isValue), span, {
    ...inner,
    scope: home,
  });
  if (!hyperparameters) return ERROR;
  for (const [parameter, value] of hyperparameters)
    inner.scope.define({ name: parameter, value, span, role: 'hyperparameter' });
  const bound = bindTensors(
    frame,
    inner,
    name,
    tensors,
    list.filter((argument, at) => !isValue(argument, at)),
    span,
  );
  if (bound === 'error') return ERROR;
  return finishBody(inner, declaration);
}

function withinLimits(frame: Frame, inner: Frame, span: Span, name: string): boolean {
  if (inner.depth > MAX_DEPTH) {
    report(frame, 'HED2311', span, `\`${name}\` is applied ${MAX_DEPTH} levels deep; does it apply itself?`);
    return false;
  }
  return takeStep(frame, span);
}

/**
 * Fixes the path of an instance's parameters: `as`, or the path of the round, or the block's name in snake case,
 * numbered from the second. False after a report.
 */
export function placeInstance(frame: Frame, instance: Instance, as: NamedPath | undefined, span: Span): boolean {
  if (instance.path !== undefined) {
    if (!as) return true;
    report(frame, 'HED2312', as.span, `this instance already keeps its parameters under \`${instance.path}\``, {
      hint: 'leave out `as`: an instance that is applied again shares its parameters',
    });
    return false;
  }
  if (as) return claimPath(frame, instance, as.path, as.span);
  const { round } = frame;
  if (round && round.path === frame.path && !round.taken) {
    round.taken = true;
    instance.path = round.path;
    instance.beside = frame.taken;
    return true;
  }
  const base = snakeCase(instance.declaration.name.text);
  const key = joinPath(frame.path, base);
  const count = (frame.counts.get(key) ?? 0) + 1;
  frame.counts.set(key, count);
  return claimPath(frame, instance, count === 1 ? base : `${base}_${count}`, span);
}

/** Gives an instance its path below the frame, unless that is taken. */
export function claimPath(frame: Frame, instance: Instance, name: string, span: Span): boolean {
  const path = joinPath(frame.path, name);
  const first = frame.taken.get(path);
  if (first) {
    report(frame, 'HED2313', span, `the path \`${path}\` is already taken`, {
      secondary: first === span ? [] : [{ span: first, text: 'taken here' }],
      hint:
        first === span
          ? 'in a loop, `for … as name` gives each round a path of its own'
          : 'name this instance differently, or apply the first one again to share its parameters',
    });
    return false;
  }
  frame.taken.set(path, span);
  instance.path = path;
  return true;
}

/** Takes the paths of an instance that stands at the path of its round; false after a report where one is taken. */
function joinPaths(frame: Frame, taken: Map<string, Span>, own: ReadonlyMap<string, Span>): boolean {
  for (const [path, span] of own) {
    const first = taken.get(path) ?? span;
    taken.set(path, first);
    if (first === span) continue;
    report(frame, 'HED2313', first, `the path \`${path}\` is already taken`, {
      secondary: [{ span, text: 'taken here' }],
      hint: 'the first unnamed instance of a round stands at the path of the round: name it with `as`',
    });
    return false;
  }
  return true;
}

/** `FeedForward` → `feed_forward`, `TextCNN` → `text_cnn`. */
function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** Binds tensor arguments to the signature's names and its pattern names to their axes. */
function bindTensors(
  frame: Frame,
  inner: Frame,
  callee: string,
  wanted: readonly TensorParameter[],
  list: readonly EvaluatedArgument[],
  span: Span,
): 'bound' | 'error' {
  const given = new Map<string, EvaluatedArgument>();
  let sound = true;
  let position = 0;
  for (const argument of list) {
    const parameter = argument.name ? wanted.find((one) => one.name.text === argument.name?.text) : wanted[position++];
    if (parameter && !given.has(parameter.name.text)) {
      given.set(parameter.name.text, argument);
      continue;
    }
    sound = false;
    const names = wanted.map((one) => one.name.text);
    const similar = argument.name && closest(argument.name.text, names);
    const count = names.length === 0 ? 'no tensors' : names.length === 1 ? 'one tensor' : `${names.length} tensors`;
    const listed = names.length === 0 ? '' : `: ${names.join(', ')}`;
    report(frame, 'HED2314', argument.name?.span ?? argument.span, `\`${callee}\` takes ${count}${listed}`, {
      hint: similar && `did you mean \`${similar}\`?`,
    });
  }
  for (const parameter of wanted)
    sound = bindTensor(frame, inner, callee, parameter, given.get(parameter.name.text), span) && sound;
  return sound ? 'bound' : 'error';
}

function bindTensor(
  frame: Frame,
  inner: Frame,
  callee: string,
  parameter: TensorParameter,
  argument: EvaluatedArgument | undefined,
  span: Span,
): boolean {
  const name = parameter.name.text;
  const what = `argument \`${name}\` of \`${callee}\``;
  if (!argument || argument.value.kind === 'none') {
    inner.scope.define({ name, value: NONE, span: parameter.span, role: 'input' });
    if (parameter.optional) return true;
    report(frame, 'HED2315', argument?.span ?? span, `\`${callee}\` needs the tensor \`${name}\``, {
      secondary: [{ span: parameter.span, text: 'declared here' }],
    });
    return false;
  }
  const { value } = argument;
  inner.scope.define({ name, value, span: parameter.name.span, role: 'variable' });
  if (value.kind === 'error') return false;
  if (value.kind !== 'tensor') {
    report(frame, 'HED2316', argument.span, `${what} must be a tensor, found ${describeKind(value)}`, {
      label: printValue(value),
      hint: suggestApplication(value, argument.span),
    });
    return false;
  }
  const bind = (free: string, size: StaticValue): boolean => {
    if (inner.scope.lookup(free)) return false;
    inner.scope.define({ name: free, value: size, span: argument.span, role: 'dimension' });
    return true;
  };
  const matched = { ...inner, ...(frame.caller ? { caller: frame.caller } : {}) };
  return matchType(matched, parameter.type, value.value.type, { what, span: argument.span, bind });
}

/** Checks what a body returned against `-> results`; one result is the value itself, several are a tuple. */
function checkResults(inner: Frame, results: readonly TensorTypeExpr[], returned: Returned, name: string): StaticValue {
  const { values, span } = returned;
  if (values.some((value) => value.value.kind === 'error')) return ERROR;
  if (results.length > 0 && results.length !== values.length) {
    return report(
      inner,
      'HED2317',
      span,
      `\`${name}\` declares ${results.length === 1 ? 'one result' : `${results.length} results`} and returns ${values.length}`,
      {
        secondary: [{ span: results[0]!.span, text: 'declared here' }],
      },
    );
  }
  const signature = { ...inner, scope: inner.scope.child() };
  for (const [at, { value, span: place }] of values.entries()) {
    if (value.kind !== 'tensor')
      return report(inner, 'HED2316', place, `\`${name}\` must return tensors, found ${describeKind(value)}`, {
        hint: suggestApplication(value, place),
      });
    const wanted = results[at];
    const what = values.length === 1 ? `the result of \`${name}\`` : `result ${at} of \`${name}\``;
    const bind = (free: string, size: StaticValue): boolean => bindResult(signature, free, size, place);
    if (wanted && !matchType(signature, wanted, value.value.type, { what, span: place, bind })) return ERROR;
  }
  return values.length === 1 ? values[0]!.value : { kind: 'tuple', elements: values.map((one) => one.value) };
}

/** A name that stands in the results alone is bound by them; one that the body assigned is no size. */
function bindResult({ scope }: Frame, name: string, size: StaticValue, span: Span): boolean {
  const known = scope.lookup(name);
  if (known && known.role !== 'variable') return false;
  scope.define({ name, value: size, span, role: 'dimension' });
  return true;
}

/** Runs a body and checks what it gives. */
function finishBody(inner: Frame, declaration: BlockDeclaration | FunctionDeclaration): StaticValue {
  const description = describeApplication(inner, declaration);
  return inner.elaboration.structure.record(description, () => elaborateBody(inner, declaration), tensorsIn);
}

function elaborateBody(inner: Frame, { name, results, body }: BlockDeclaration | FunctionDeclaration): StaticValue {
  const ended = runBody(inner, body);
  if (ended?.kind === 'returned') return checkResults(inner, results, ended, name.text);
  if (ended || body.statements.some((statement) => statement.kind === 'error')) return ERROR;
  const last = body.statements.at(-1);
  const target = last?.kind === 'assign' ? last.targets.map((one) => one.text).join(', ') : '…';
  return report(inner, 'HED2318', name.span, `\`${name.text}\` ends without \`return\``, {
    hint: `end it with \`return ${target}\``,
  });
}

/**
 * After an error inside a block, what it promised: a value of the declared type that no node defines, so that
 * independent mistakes further on are still found. Nothing runs a graph with errors.
 */
function declaredResult(inner: Frame, results: readonly TensorTypeExpr[]): StaticValue {
  const silent = silently(inner);
  const types = results.map((result) => evaluateType(silent, result));
  if (types.length === 0 || types.includes(undefined)) return ERROR;
  const values = types.map((type): StaticValue => ({ kind: 'tensor', value: inner.elaboration.builder.value(type!) }));
  return values.length === 1 ? values[0]! : { kind: 'tuple', elements: values };
}

function recordInstance(frame: Frame, path: string, result: StaticValue): void {
  const { instances } = frame.elaboration;
  const values = instances.get(path);
  if (values) values.push(...tensorsIn(result));
  else instances.set(path, tensorsIn(result));
}
