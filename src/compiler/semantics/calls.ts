/** Calls and pipes: blocks are instantiated and applied, functions inlined, ops added to the graph. */
import { closest } from '../base/suggest.ts';
import type { Span } from '../base/source.ts';
import type { Argument, CallExpr, Expr, Hyperparameter, PipeExpr } from '../syntax/ast.ts';
import { applyFunction, applyInstance } from './apply.ts';
import { bindOpArguments } from './op-arguments.ts';
import { callStatic, evaluateExpression } from './expressions.ts';
import { report, type Frame } from './frame.ts';
import { fileScope } from './file-scope.ts';
import { coerce } from './hyperparameters.ts';
import { isNumber } from './arithmetic.ts';
import { staticFunctionNames } from './static-functions.ts';
import { combineList, isListFunction } from './lists.ts';
import { applyOp } from './tensors.ts';
import { constantOf } from './constant-folding.ts';
import { asWritten, nextDraw } from './random.ts';
import { describeKind, ERROR, printValue, tensor, type Instance, type StaticValue } from './values.ts';

/** An argument after evaluation. */
export interface EvaluatedArgument {
  readonly name?: { readonly text: string; readonly span: Span };
  readonly value: StaticValue;
  readonly expr?: Expr;
  readonly span: Span;
}

export function evaluateArguments(frame: Frame, list: readonly Argument[]): EvaluatedArgument[] {
  return list.map((argument) => ({
    ...(argument.name && { name: argument.name }),
    value: evaluateExpression(frame, argument.value),
    expr: argument.value,
    span: argument.value.span,
  }));
}

export function evaluateCall(frame: Frame, call: CallExpr): StaticValue {
  const callee = evaluateExpression(frame, call.callee);
  const list = evaluateArguments(frame, call.arguments);
  return callValue(frame, callee, list, call.callee.span, call.span);
}

/** `x |> stage as path`; a pipeline leans to the left and may be long, so it is walked in a loop. */
export function evaluatePipe(frame: Frame, pipe: PipeExpr): StaticValue {
  const stages = [pipe];
  for (let { value } = pipe; value.kind === 'pipe'; value = value.value) stages.push(value);
  const first = evaluateExpression(frame, stages.at(-1)!.value);
  return stages.reduceRight((input, stage) => applyStage(frame, stage, input), first);
}

function applyStage(frame: Frame, pipe: PipeExpr, input: StaticValue): StaticValue {
  const piped: EvaluatedArgument = { value: input, expr: pipe.value, span: pipe.value.span };
  const path = pipe.path?.map((name) => name.text).join('.');
  const pathSpan = pipe.path?.[0]?.span;
  const { stage } = pipe;
  const callee = evaluateExpression(frame, stage.kind === 'call' ? stage.callee : stage);
  const list = stage.kind === 'call' ? evaluateArguments(frame, stage.arguments) : [];
  const calleeSpan = stage.kind === 'call' ? stage.callee.span : stage.span;

  const as = path === undefined ? undefined : { path, span: pathSpan! };
  if (callee.kind === 'block' || callee.kind === 'model') {
    const instance = instantiate(frame, callee, list, stage.span);
    return instance ? applyInstance(frame, instance, [piped], stage.span, as) : ERROR;
  }
  if (callee.kind === 'error') return ERROR;
  if (path !== undefined && callee.kind !== 'instance' && callee.kind !== 'train') {
    return report(
      frame,
      'HED2301',
      pathSpan!,
      `\`as ${path}\` names a block's parameters, and \`${printValue(callee)}\` has none`,
      { hint: `leave out \`as ${path}\`` },
    );
  }
  if (callee.kind === 'instance') return applyInstance(frame, callee.instance, [piped, ...list], stage.span, as);
  return callValue(frame, callee, [piped, ...list], calleeSpan, stage.span);
}

function callValue(
  frame: Frame,
  callee: StaticValue,
  list: readonly EvaluatedArgument[],
  calleeSpan: Span,
  span: Span,
): StaticValue {
  switch (callee.kind) {
    case 'error':
      return ERROR;
    case 'block':
    case 'model': {
      const instance = instantiate(frame, callee, list, span);
      return instance ? { kind: 'instance', instance } : ERROR;
    }
    case 'instance':
      return applyInstance(frame, callee.instance, list, span, undefined);
    case 'function':
      return applyFunction(frame, callee.declaration, callee.module, list, span);
    case 'op':
      return callOp(frame, callee.op.name, list, span);
    case 'staticFunction':
      return applyStaticFunction(frame, callee.name, list, span);
    case 'train':
      return report(
        frame,
        'HED2302',
        calleeSpan,
        `\`${callee.declaration.name.text}\` is a train entry; those cannot be applied`,
        { hint: 'what it trains is a model or a block: apply that' },
      );
    default:
      return report(frame, 'HED2303', calleeSpan, `${describeKind(callee)} cannot be called`, {
        label: printValue(callee),
        hint: callee.kind === 'tensor' ? '`x[…]` takes elements of a tensor' : undefined,
      });
  }
}

function applyStaticFunction(frame: Frame, name: string, list: readonly EvaluatedArgument[], span: Span): StaticValue {
  if (list.some((argument) => argument.value.kind === 'error')) return ERROR;
  const named = list.find((argument) => argument.name)?.name;
  if (named) return report(frame, 'HED2307', named.span, `the arguments of \`${name}\` have no names`);
  const values = list.map((argument) => argument.value);
  return callStatic(frame, name, values, span);
}

function callOp(frame: Frame, name: string, list: readonly EvaluatedArgument[], span: Span): StaticValue {
  // `min(a, b)` of compile-time numbers is one; `sqrt(5)` is a number too.
  const values = list.map((argument) => argument.value);
  const allStatic =
    values.length > 0 &&
    list.every((argument) => !argument.name) &&
    values.every((value) => isNumber(value) || isNumberList(value));
  if (allStatic && staticFunctionNames.includes(name)) return callStatic(frame, name, values, span);
  const [only] = values;
  if (
    isListFunction(name) &&
    values.length === 1 &&
    !list[0]!.name &&
    (only?.kind === 'list' || only?.kind === 'tuple')
  )
    return combineList(frame, name, only.elements, span);
  // With a mistake among them, whether these are numbers or tensors is not known.
  if (staticFunctionNames.includes(name) && values.some((value) => value.kind === 'error')) return ERROR;
  const op = frame.elaboration.builder.op(name);
  if (allStatic && op.body.kind === 'pointwise') {
    const folded = constantOf(op, values);
    if (folded) return folded;
  }
  const bound = bindOpArguments(frame, asWritten(op), list, span);
  if (!bound) return ERROR;
  const drawn = op.random && nextDraw(frame.elaboration);
  const operands = drawn ? [...bound.operands, { value: tensor(drawn.key), span }] : bound.operands;
  return applyOp(
    frame,
    op,
    operands,
    { ...bound.attributes, ...drawn?.attributes },
    {
      name,
      span,
      operands: operands.map((operand) => operand.span),
      attributes: bound.attributeSpans,
    },
  );
}

function isNumberList(value: StaticValue): boolean {
  return (
    (value.kind === 'list' || value.kind === 'tuple') && value.elements.length > 0 && value.elements.every(isNumber)
  );
}

/** A fresh instance of a block or model: its hyperparameters checked, its path still open. */
export function instantiate(
  frame: Frame,
  block: StaticValue & { kind: 'block' | 'model' },
  list: readonly EvaluatedArgument[],
  span: Span,
): Instance | undefined {
  const { declaration, module } = block;
  const hyperparameters = bindHyperparameters(frame, declaration.name.text, declaration.hyperparameters, list, span, {
    ...frame,
    scope: fileScope(frame.elaboration, module),
    module,
  });
  return hyperparameters && { declaration, module, hyperparameters, span, frozen: false };
}

/** Matches arguments to hyperparameters by position and name; undefined after a report. Defaults see earlier ones. */
export function bindHyperparameters(
  frame: Frame,
  callee: string,
  wanted: readonly Hyperparameter[],
  list: readonly EvaluatedArgument[],
  span: Span,
  home: Frame,
): ReadonlyMap<string, StaticValue> | undefined {
  const given = new Map<string, EvaluatedArgument>();
  let sound = true;
  let position = 0;
  for (const argument of list) {
    const parameter = argument.name ? wanted.find((one) => one.name.text === argument.name?.text) : wanted[position++];
    if (!parameter) {
      sound = false;
      reportSurplusArgument(frame, callee, wanted, argument);
    } else if (given.has(parameter.name.text)) {
      sound = false;
      report(frame, 'HED2305', argument.span, `\`${parameter.name.text}\` of \`${callee}\` is given twice`, {
        secondary: [{ span: given.get(parameter.name.text)!.span, text: 'first given here' }],
      });
    } else given.set(parameter.name.text, argument);
  }
  const values = new Map<string, StaticValue>();
  const defaults: Frame = { ...home, scope: home.scope.child() };
  for (const parameter of wanted) {
    const name = parameter.name.text;
    const argument = given.get(name);
    const value = argument
      ? coerce(
          frame,
          argument.value,
          parameter.type,
          argument.span,
          `\`${name}\` of \`${callee}\``,
          parameter.span,
          argument.value.kind === 'tensor' ? tensorsFollow(callee) : undefined,
        )
      : defaultValue(frame, defaults, callee, parameter, sound ? span : undefined);
    if (value.kind === 'error') sound = false;
    // Where a tensor stands, the list was meant for tensors: what follows is no further mistake.
    if (value.kind === 'error' && argument?.value.kind === 'tensor') return undefined;
    values.set(name, value);
    defaults.scope.define({ name, value, span: argument?.span ?? parameter.span, role: 'hyperparameter' });
  }
  return sound ? values : undefined;
}

/** Without `span` a missing value is not reported: a misspelt argument that was may be the one. */
function defaultValue(
  frame: Frame,
  home: Frame,
  callee: string,
  parameter: Hyperparameter,
  span: Span | undefined,
): StaticValue {
  if (!parameter.default) {
    if (!span) return ERROR;
    return report(frame, 'HED2306', span, `\`${callee}\` needs a value for \`${parameter.name.text}\``, {
      secondary: [{ span: parameter.span, text: 'declared without a default here' }],
    });
  }
  const value = evaluateExpression(home, parameter.default);
  return coerce(home, value, parameter.type, parameter.default.span, `\`${parameter.name.text}\``, parameter.span);
}

/** For a tensor among the hyperparameters. */
function tensorsFollow(callee: string): string {
  return `tensors follow in a second pair of parentheses, \`${callee}(…)(x)\`, or by a pipe, \`x |> ${callee}(…)\``;
}

function reportSurplusArgument(
  frame: Frame,
  callee: string,
  wanted: readonly Hyperparameter[],
  argument: EvaluatedArgument,
): void {
  const names = wanted.map((one) => one.name.text);
  if (argument.name) {
    const similar = closest(argument.name.text, names);
    report(frame, 'HED2304', argument.name.span, `\`${callee}\` has no hyperparameter \`${argument.name.text}\``, {
      hint: similar ? `did you mean \`${similar}\`?` : names.length > 0 ? `it has ${names.join(', ')}` : 'it has none',
    });
    return;
  }
  const listed = names.length > 0 ? `it has ${names.join(', ')}` : undefined;
  const hint = argument.value.kind === 'tensor' ? tensorsFollow(callee) : listed;
  report(
    frame,
    'HED2304',
    argument.span,
    `\`${callee}\` takes ${names.length === 0 ? 'no hyperparameters' : names.length === 1 ? 'one hyperparameter' : `${names.length} hyperparameters`}`,
    { hint },
  );
}
