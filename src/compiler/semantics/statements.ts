/** Runs the statements of a body: names are bound, parameters and inputs declared, loops unrolled. */
import type { Span } from '../base/source.ts';
import { DimensionOverflow } from '../dims/dim.ts';
import { printType } from '../ir/types.ts';
import type { AssignStatement, Body, ErrorStatement, ForStatement, Name, Statement } from '../syntax/ast.ts';
import { claimPath } from './apply.ts';
import { declareDims, declareInput, declareOutput, noteGeneration } from './entry-statements.ts';
import { evaluateCondition, evaluateExpression, evaluateSequence } from './expressions.ts';
import { innerFrame, joinPath, report, takeStep, type Frame } from './frame.ts';
import { declareParameter, declareUpdate, handUp } from './parameters.ts';
import { checkRequirement } from './requirements.ts';
import { describeRound } from './structure.ts';
import { noteLoss, noteMetric, noteOptimizer } from './train-statements.ts';
import { matchType } from './unify.ts';
import { describeKind, ERROR, type StaticValue } from './values.ts';

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
    // Where the stack is used up, only what is built in can be asked for: whoever has room looks at it.
    if (error instanceof RangeError || !(error instanceof DimensionOverflow)) throw error;
    report(frame, 'HED2101', statement.span, OVERFLOWS[error.what]);
    return ABANDONED;
  }
}

const OVERFLOWS: Readonly<Record<DimensionOverflow['what'], string>> = {
  number: 'a size in this statement is beyond 2^53',
  parts: 'a size in this statement has more parts than can be computed with',
  elements: 'a tensor in this statement has more than 2^45 elements',
};

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
    case 'state':
      return declareParameter(frame, statement) ? undefined : ABANDONED;
    case 'next':
      declareUpdate(frame, statement);
      return undefined;
    case 'aux':
      handUp(frame, statement);
      return undefined;
    case 'input':
      return declareInput(frame, statement) ? undefined : ABANDONED;
    case 'output':
      declareOutput(frame, statement);
      return undefined;
    case 'dims':
      declareDims(frame, statement);
      return undefined;
    case 'generate':
      noteGeneration(frame, statement);
      return undefined;
    case 'loss':
      noteLoss(frame, statement);
      return undefined;
    case 'metric':
      noteMetric(frame, statement);
      return undefined;
    case 'optimizer':
      noteOptimizer(frame, statement);
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
      if (frame.role === 'model' || frame.role === 'train' || frame.role === 'applied') {
        report(frame, 'HED2501', statement.span, 'an entry has outputs instead of `return`', {
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
    matchType(frame, type, value.value.type, { what: `\`${first.text}\``, span: statement.value.span });
  else if (type && value.kind !== 'error')
    report(frame, 'HED2503', statement.value.span, `only tensors have a type to check, found ${describeKind(value)}`, {
      hint: `leave out the type: \`${first.text} = …\``,
    });
  bindVariable(frame, first.text, value, first.span);
}

function spread(frame: Frame, value: StaticValue, count: number, span: Span): readonly StaticValue[] {
  if ((value.kind === 'tuple' || value.kind === 'list') && value.elements.length === count) return value.elements;
  if (value.kind !== 'error') {
    const found =
      value.kind === 'tuple' || value.kind === 'list' ? `${value.elements.length} values` : describeKind(value);
    report(frame, 'HED2504', span, `${count} names are assigned, found ${found}`, {
      label: value.kind === 'tensor' ? printType(value.value.type) : '',
      hint: value.kind === 'tensor' ? '`unstack(x, axis: …)` takes a tensor apart along an axis' : undefined,
    });
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
    case 'state':
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
  if (!items) loop.body.statements.forEach((statement) => assumeTargets(frame, statement));
  const path = loop.path?.map((name) => name.text).join('.');
  for (const [at, item] of (items ?? []).entries()) {
    if (!takeStep(frame, loop.over.span)) return ABANDONED;
    const inner = innerFrame(frame, path === undefined ? '' : joinPath(path, String(at)));
    inner.scope.define({ name: loop.variable.text, value: item, span: loop.variable.span, role: 'constant' });
    const { structure } = frame.elaboration;
    const ended = structure.record(
      describeRound(inner, loop),
      () => runBody(inner, loop.body),
      () => [],
    );
    if (ended) return ended;
  }
  return undefined;
}

/** What a loop that cannot run would have assigned: using it later is no further mistake. */
function assumeTargets(frame: Frame, statement: Statement): void {
  if (statement.kind !== 'assign') return;
  for (const { text: name, span } of statement.targets)
    if (frame.scope.lookup(name)?.role === 'variable') bindVariable(frame, name, ERROR, span);
}

/** Stands for what a name with a mistake would have been. */
export function assumeName(frame: Frame, { text: name, span }: Name): void {
  if (!frame.scope.definedHere(name)) frame.scope.define({ name, value: ERROR, span, role: 'variable' });
}

/** What an unreadable statement would have bound: using it later is no further mistake. */
function assumeNames(frame: Frame, { names }: ErrorStatement): void {
  names.forEach((name) => assumeName(frame, name));
}
