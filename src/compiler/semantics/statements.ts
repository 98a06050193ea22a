/** Runs the statements of a body: names are bound, parameters and inputs declared, loops unrolled. */
import type { Span } from '../base/source.ts';
import { constant, constantValue, DimensionOverflow, symbol } from '../dims/dim.ts';
import type { Initializer, TensorType, Value } from '../ir/graph.ts';
import { printType } from '../ir/types.ts';
import type {
  AssignStatement,
  Body,
  DimsStatement,
  ErrorStatement,
  ForStatement,
  InputStatement,
  Name,
  OutputStatement,
  ParamStatement,
  RequireStatement,
  Statement,
} from '../syntax/ast.ts';
import { claimPath } from './apply.ts';
import { evaluateCondition, evaluateExpression, evaluateSequence } from './expressions.ts';
import { innerFrame, joinPath, report, takeStep, type Frame } from './frame.ts';
import { evaluateInitializer } from './initializers.ts';
import { interpolate } from './interpolate.ts';
import { evaluateType, matchType } from './unify.ts';
import { describeKind, ERROR, integer, tensor, type StaticValue } from './values.ts';

/** How a body ended before its last statement. */
export type Ended =
  | Returned
  /** A mistake that makes everything after it meaningless has been reported. */
  | { readonly kind: 'abandoned' };

/** What `return` gave, with the places of its values. */
export interface Returned {
  readonly kind: 'returned';
  readonly values: readonly { readonly value: StaticValue; readonly span: Span }[];
  readonly span: Span;
}

const ABANDONED: Ended = { kind: 'abandoned' };

/** Runs a body to its end, to a `return` or to a mistake it cannot go on from; undefined at its end. */
export function runBody(frame: Frame, body: Body): Ended | undefined {
  for (const statement of body.statements) {
    const ended = guarded(frame, statement);
    if (ended) return ended;
  }
  return undefined;
}

/** Sizes are exact or nothing: one that is too large ends the body. */
function guarded(frame: Frame, statement: Statement): Ended | undefined {
  try {
    return runStatement(frame, statement);
  } catch (error) {
    if (!(error instanceof DimensionOverflow)) throw error;
    report(frame, 'HED2101', statement.span, 'a size in this statement is beyond 2^53');
    return ABANDONED;
  }
}

function runStatement(frame: Frame, statement: Statement): Ended | undefined {
  switch (statement.kind) {
    case 'assign':
      assign(frame, statement);
      return undefined;
    case 'const':
      frame.scope.define({
        name: statement.name.text,
        value: evaluateConstant(frame, statement.value),
        span: statement.name.span,
        role: 'constant',
      });
      return undefined;
    case 'param':
      return declareParameter(frame, statement) ? undefined : ABANDONED;
    case 'input':
      declareInput(frame, statement);
      return undefined;
    case 'output':
      declareOutput(frame, statement);
      return undefined;
    case 'dims':
      declareDims(frame, statement);
      return undefined;
    case 'require':
      return checkRequirement(frame, statement) ? undefined : ABANDONED;
    case 'if': {
      const condition = evaluateCondition(frame, statement.condition);
      if (condition === undefined) return undefined;
      const taken = condition ? statement.then : statement.else;
      return taken && runBody(innerFrame(frame), taken);
    }
    case 'for':
      return runLoop(frame, statement);
    case 'return': {
      if (frame.role === 'model') {
        report(frame, 'HED2501', statement.span, 'a model has outputs instead of `return`', {
          hint: '`output name = …`',
        });
        return undefined;
      }
      return {
        kind: 'returned',
        values: statement.values.map((value) => ({ value: evaluateExpression(frame, value), span: value.span })),
        span: statement.span,
      };
    }
    case 'error':
      assumeNames(frame, statement);
      return undefined;
  }
}

function evaluateConstant(frame: Frame, expr: Parameters<typeof evaluateExpression>[1]): StaticValue {
  const value = evaluateExpression(frame, expr);
  if (value.kind !== 'tensor') return value;
  return report(
    frame,
    'HED2502',
    expr.span,
    `a \`const\` is known at compile time, found ${printType(value.value.type)}`,
    { hint: 'leave out `const` to name a tensor' },
  );
}

function assign(frame: Frame, statement: AssignStatement): void {
  const { targets, type } = statement;
  const value = evaluateExpression(frame, statement.value);
  const [first] = targets;
  if (targets.length > 1) {
    for (const [at, part] of spread(frame, value, targets.length, statement.value.span).entries())
      bindVariable(frame, targets[at]!.text, part, targets[at]!.span);
    return;
  }
  if (!first) return;
  if (
    value.kind === 'instance' &&
    value.instance.path === undefined &&
    !claimPath(frame, value.instance, first.text, first.span)
  ) {
    bindVariable(frame, first.text, ERROR, first.span);
    return;
  }
  if (type && value.kind === 'tensor')
    matchType(frame, type, value.value.type, { what: `\`${first.text}\``, span: statement.value.span, binds: false });
  else if (type && value.kind !== 'error')
    report(frame, 'HED2503', statement.value.span, `only tensors have a type to check, found ${describeKind(value)}`);
  bindVariable(frame, first.text, value, first.span);
}

function spread(frame: Frame, value: StaticValue, count: number, span: Span): readonly StaticValue[] {
  if ((value.kind === 'tuple' || value.kind === 'list') && value.elements.length === count) return value.elements;
  if (value.kind !== 'error') {
    const found =
      value.kind === 'tuple' || value.kind === 'list' ? `${value.elements.length} values` : describeKind(value);
    report(frame, 'HED2504', span, `${count} names are assigned, found ${found}`);
  }
  return Array.from({ length: count }, () => ERROR);
}

/** Rebinds a name of an enclosing body of the same application, else makes it local. */
function bindVariable(frame: Frame, name: string, value: StaticValue, span: Span): void {
  const known = frame.scope.lookup(name);
  switch (known?.role) {
    case 'variable':
      frame.scope.rebind({ name, value, span, role: 'variable' });
      return;
    case 'constant':
    case 'hyperparameter':
    case 'dimension':
    case 'parameter':
    case 'input':
      if (known.role === 'input' && known.value.kind === 'none') break;
      report(frame, 'HED2505', span, `\`${name}\` is a ${known.role} and cannot be assigned`, {
        secondary: [{ span: known.span, text: 'declared here' }],
        hint: 'choose another name',
      });
      return;
    case 'declaration':
    case undefined:
      break;
  }
  frame.scope.define({ name, value, span, role: 'variable' });
}

function runLoop(frame: Frame, loop: ForStatement): Ended | undefined {
  const items = evaluateSequence(frame, loop.over);
  const path = loop.path?.map((name) => name.text).join('.');
  for (const [at, item] of (items ?? []).entries()) {
    if (!takeStep(frame, loop.over.span)) return ABANDONED;
    const inner = innerFrame(frame, path === undefined ? '' : joinPath(path, String(at)));
    inner.scope.define({ name: loop.variable.text, value: item, span: loop.variable.span, role: 'constant' });
    const ended = runBody(inner, loop.body);
    if (ended) return ended;
  }
  return undefined;
}

/** False when the requirement is not met or cannot be decided: what follows relies on it. */
function checkRequirement(frame: Frame, statement: RequireStatement): boolean {
  const holds = evaluateCondition(frame, statement.condition);
  if (holds !== false) return holds === true;
  const { message } = statement;
  report(
    frame,
    'HED2506',
    statement.condition.span,
    message ? interpolate(frame, message.text) : 'this requirement is not met',
  );
  return false;
}

function declareDims(frame: Frame, statement: DimsStatement): void {
  if (!allowInModel(frame, 'dims', statement.span)) {
    statement.dims.forEach(({ name }) => assumeName(frame, name));
    return;
  }
  for (const { name, max } of statement.dims) {
    const first = frame.scope.definedHere(name.text);
    if (first) {
      report(frame, 'HED2507', name.span, `\`${name.text}\` is already defined`, {
        secondary: [{ span: first.span, text: 'here' }],
      });
      continue;
    }
    const limit = max && evaluateExpression(frame, max);
    const value = limit?.kind === 'integer' ? constantValue(limit.value) : undefined;
    if (max && limit?.kind !== 'error' && (value === undefined || value < 0)) {
      report(
        frame,
        'HED2508',
        max.span,
        `the limit of \`${name.text}\` must be an int of at least 0 known at compile time`,
      );
    }
    frame.scope.define({ name: name.text, value: integer(symbol(name.text)), span: name.span, role: 'dimension' });
    frame.elaboration.dims.push({ name: name.text, ...(value !== undefined && { max: value }) });
    if (value !== undefined) frame.elaboration.bounds.set(name.text, constant(value));
  }
}

function declareInput(frame: Frame, statement: InputStatement): void {
  const { name } = statement;
  if (!allowInModel(frame, 'input', statement.span)) {
    assumeName(frame, name);
    return;
  }
  if (statement.optional) {
    report(frame, 'HED2509', name.span, 'inputs of a model cannot be optional yet');
    return;
  }
  const { elaboration } = frame;
  const type = evaluateType(frame, statement.type);
  if (!isFreeName(frame, name)) return;
  const value = type && elaboration.builder.value(type);
  if (value) elaboration.inputs.push({ name: name.text, value });
  frame.scope.define({ name: name.text, value: value ? tensor(value) : ERROR, span: name.span, role: 'variable' });
}

function declareOutput(frame: Frame, statement: OutputStatement): void {
  const { name, type } = statement;
  if (!allowInModel(frame, 'output', statement.span)) {
    assumeName(frame, name);
    return;
  }
  const { elaboration } = frame;
  elaboration.outputStatements++;
  const value = evaluateExpression(frame, statement.value);
  if (value.kind === 'tensor') {
    if (
      type &&
      !matchType(frame, type, value.value.type, {
        what: `output \`${name.text}\``,
        span: statement.value.span,
        binds: false,
      })
    )
      return;
    if (elaboration.outputs.some((output) => output.name === name.text))
      report(frame, 'HED2507', name.span, `the output \`${name.text}\` is declared twice`);
    else elaboration.outputs.push({ name: name.text, value: value.value });
  } else if (value.kind !== 'error') {
    report(frame, 'HED2510', statement.value.span, `an output must be a tensor, found ${describeKind(value)}`);
  }
  frame.scope.define({ name: name.text, value, span: name.span, role: 'variable' });
}

/** Whether a declaration may take the name: in a body it is given once. A hyperparameter may be taken over. */
function isFreeName(frame: Frame, { text, span }: Name): boolean {
  const first = frame.scope.definedHere(text);
  if (!first || first.role === 'hyperparameter' || first.value.kind === 'error') return true;
  report(frame, 'HED2507', span, `\`${text}\` is already defined`, {
    secondary: [{ span: first.span, text: 'here' }],
    hint: 'choose another name',
  });
  return false;
}

function allowInModel(frame: Frame, what: string, span: Span): boolean {
  if (frame.role === 'model') return true;
  report(frame, 'HED2511', span, `\`${what}\` stands only in a model`, {
    hint:
      what === 'input'
        ? 'a block takes its tensors in its signature'
        : what === 'output'
          ? 'a block gives its result with `return`'
          : undefined,
  });
  return false;
}

/** False when nothing of the body can be right any more. */
function declareParameter(frame: Frame, statement: ParamStatement): boolean {
  const { name } = statement;
  const path = joinPath(frame.path, name.text);
  if (frame.role === 'function') {
    report(frame, 'HED2512', statement.span, 'a function has no parameters of its own', { hint: 'make it a block' });
    return false;
  }
  if (!isFreeName(frame, name)) return true;
  const type = evaluateType(frame, statement.type);
  if (type && type.shape.some((dim) => constantValue(dim) === undefined)) {
    const found = printType(type);
    report(
      frame,
      'HED2513',
      statement.type.span,
      `the shape of a parameter must be known at compile time, found ${found}`,
    );
    return false;
  }
  const initializer = statement.initializer && evaluateInitializer(frame, statement.initializer);
  const value = type ? placeParameter(frame, statement, path, type, initializer) : undefined;
  frame.scope.define({ name: name.text, value: value ? tensor(value) : ERROR, span: name.span, role: 'parameter' });
  return true;
}

/** The parameter at `path`: the one an earlier application made, or a new one; undefined after a report. */
function placeParameter(
  frame: Frame,
  { name, span }: ParamStatement,
  path: string,
  type: TensorType,
  initializer: Initializer | undefined,
): Value | undefined {
  const { parameters, builder } = frame.elaboration;
  const first = frame.taken.get(path);
  if (first) {
    report(frame, 'HED2313', name.span, `the path \`${path}\` is already taken`, {
      secondary: [{ span: first, text: 'taken here' }],
    });
    return undefined;
  }
  frame.taken.set(path, name.span);
  const shared = parameters.get(path);
  if (!shared) {
    const value = builder.value(type);
    parameters.set(path, {
      name: path,
      value,
      origin: { path: frame.path, span },
      ...(initializer && { initializer }),
    });
    return value;
  }
  const before = printType(shared.value.type);
  if (before === printType(type)) return shared.value;
  report(frame, 'HED2514', name.span, `\`${path}\` is shared and cannot be ${printType(type)} here: it is ${before}`);
  return undefined;
}

function assumeName(frame: Frame, { text: name, span }: Name): void {
  if (!frame.scope.definedHere(name)) frame.scope.define({ name, value: ERROR, span, role: 'variable' });
}

/** What an unreadable statement would have bound: using it later is no further mistake. */
function assumeNames(frame: Frame, { names }: ErrorStatement): void {
  names.forEach((name) => assumeName(frame, name));
}
