/** What a body keeps and hands up: parameters, states with their updates, and auxiliary values. */
import type { Label } from '../base/diagnostic.ts';
import type { Distribution } from '../../program/training.ts';
import { constant, constantValue, equal } from '../dims/dim.ts';
import type { GraphParameter, TensorType, Value } from '../ir/graph.ts';
import { printType, sameType } from '../ir/types.ts';
import type { AuxStatement, Body, Name, NextStatement, ParamStatement, StateStatement } from '../syntax/ast.ts';
import { suggestApplication, suggestName } from './suggestions.ts';
import { isFreeName } from './entry-statements.ts';
import { evaluateCondition, evaluateExpression } from './expressions.ts';
import { innerFrame, joinPath, report, silently, type Frame } from './frame.ts';
import { memberNames } from './mixture/expert-scope.ts';
import { bindingsIn } from './origins.ts';
import { evaluateInitializer } from './initializers.ts';
import { siteOf } from './reachability.ts';
import { evaluateType } from './unify.ts';
import { describeKind, ERROR, tensor } from './values.ts';

type Stored = ParamStatement | StateStatement;

/** False when nothing of the body can be right any more. */
export function declareParameter(frame: Frame, statement: Stored): boolean {
  const { name, kind } = statement;
  if (frame.role === 'function') {
    const what = kind === 'state' ? 'states' : 'parameters';
    report(frame, 'HED2512', statement.span, `a function has no ${what} of its own`, { hint: 'make it a block' });
    return false;
  }
  if (!isFreeName(frame, name)) return true;
  const type = evaluateType(frame, statement.type);
  if (type && type.shape.some((dim) => constantValue(dim) === undefined)) {
    const message = `the shape of a ${kind === 'state' ? 'state' : 'parameter'} must be known at compile time`;
    report(frame, 'HED2513', statement.type.span, `${message}, found ${printType(type)}`, {
      secondary: sizesOf(frame, statement),
      hint: 'declare it for the greatest size and take a part of it, as `weight[:n]`',
    });
    return false;
  }
  const initial = type && statement.initializer && evaluateInitializer(frame, statement.initializer, type);
  const value = type ? placeParameter(frame, statement, type, initial) : undefined;
  const role = kind === 'state' ? 'state' : 'parameter';
  frame.scope.define({ name: name.text, value: value ? tensor(value) : ERROR, span: name.span, role });
  return true;
}

/** The parameter at its path: the one an earlier application made, or a new one; undefined after a report. */
function placeParameter(
  frame: Frame,
  statement: Stored,
  type: TensorType,
  initial: Distribution | undefined,
): Value | undefined {
  const { name } = statement;
  const path = joinPath(frame.path, name.text);
  const first = frame.taken.get(path);
  if (first) {
    report(frame, 'HED2313', name.span, `the path \`${path}\` is already taken`, {
      secondary: [{ span: first, text: 'taken here' }],
    });
    return undefined;
  }
  frame.taken.set(path, name.span);
  const shared = frame.elaboration.parameters.get(path);
  if (!shared) return isTakenByExperts(frame, path, name) ? undefined : makeParameter(frame, statement, type, initial);
  const stored = storedType(memberNames(frame.elaboration.expert, path), type);
  if (sameType(stored, shared.value.type)) return seenParameter(frame, shared, statement);
  const before = shared.value.type;
  const isOfAsMany = stored !== type && equal(stored.shape[0]!, before.shape[0]!);
  const [here, there] = isOfAsMany ? [type, memberType(before)] : [stored, before];
  const message = `\`${path}\` is shared and cannot be ${printType(here)} here: it is ${printType(there)}`;
  report(frame, 'HED2514', name.span, message, {
    secondary: sizesOf(frame, statement),
    hint: 'for tensors of another shape make another instance',
  });
  return undefined;
}

/** Whether a tensor of an expert and one from elsewhere would bear one name; reports it. */
function isTakenByExperts(frame: Frame, path: string, { span }: Name): boolean {
  const { expert, sites } = frame.elaboration;
  const clash = (memberNames(expert, path) ?? [path]).find((one) => sites.has(one));
  if (clash === undefined) return false;
  report(frame, 'HED2313', span, `the path \`${clash}\` is already taken`, {
    secondary: [{ span: sites.get(clash)!, text: 'taken here' }],
    hint: 'numbers behind the path of a mixture are those of its experts: name this instance differently',
  });
  return true;
}

/** The type of a parameter in the graph: those of experts are stacks along a first axis. */
function storedType(members: readonly string[] | undefined, type: TensorType): TensorType {
  return members ? { ...type, shape: [constant(members.length), ...type.shape] } : type;
}

/** What one expert has of a stack. */
function memberType(type: TensorType): TensorType {
  return { ...type, shape: type.shape.slice(1) };
}

/** What the names in a declared shape were bound to. */
function sizesOf(frame: Frame, { type }: Stored): Label[] {
  return type.axes.flatMap((axis) => (axis.kind === 'size' ? bindingsIn(axis.value, frame.scope) : []));
}

/** What a body sees of a parameter: inside of a mixture, of a stack of those of its experts that of one. */
export function seenParameter(frame: Frame, { name, value, state }: GraphParameter, statement?: Stored): Value {
  const { expert, builder, declared, states } = frame.elaboration;
  if (!expert || !memberNames(expert, name)) return value;
  const seen = expert.own.get(name);
  if (seen) return seen;
  // The instance has been applied before, in a mixture whose experts were others to the compiler.
  const own = builder.value(memberType(value.type));
  expert.own.set(name, own);
  if (statement) declared.set(own, { type: statement.type, scope: frame.scope });
  if (state) states.set(own, name);
  return own;
}

/** A new parameter, as the body sees it. Those of experts are stacks along a first axis. */
function makeParameter(
  frame: Frame,
  { name, kind, span, type: written }: Stored,
  type: TensorType,
  initial: Distribution | undefined,
): Value {
  const { parameters, declared, sites, states, builder, expert } = frame.elaboration;
  const path = joinPath(frame.path, name.text);
  const members = memberNames(expert, path);
  const own = builder.value(type);
  if (members) expert!.own.set(path, own);
  const parameter: GraphParameter = {
    name: path,
    value: members ? builder.value(storedType(members, type)) : own,
    ...(members && { members }),
    origin: { path: frame.path, span },
    ...(initial && { initial }),
    ...(kind === 'state' && { state: true }),
    ...(frame.frozen && { frozen: true }),
  };
  parameters.set(path, parameter);
  declared.set(own, { type: written, scope: frame.scope });
  const site = siteOf(frame, name.span);
  for (const one of [path, ...(members ?? [])]) sites.set(one, site);
  if (kind === 'state') states.set(own, path);
  return own;
}

/** `next s = e`: recorded, as the graph itself only computes; a step writes the value when it has been computed. */
export function declareUpdate(frame: Frame, { name, value: expr, span }: NextStatement): void {
  const { updates, states } = frame.elaboration;
  const value = evaluateExpression(frame, expr);
  const binding = frame.scope.lookup(name.text);
  if (!binding) {
    report(frame, 'HED2005', name.span, `\`${name.text}\` is not defined here`, {
      hint: suggestName(frame, name.text) ?? `declare it: \`state ${name.text}: f32[…] = zeros()\``,
    });
    return;
  }
  if (binding.value.kind === 'error' || value.kind === 'error') return;
  const state = binding.value.kind === 'tensor' ? states.get(binding.value.value) : undefined;
  if (binding.role !== 'state' || binding.value.kind !== 'tensor' || state === undefined) {
    report(frame, 'HED2524', name.span, `\`next\` updates a state, and \`${name.text}\` is a ${binding.role}`, {
      secondary: [{ span: binding.span, text: 'declared here' }],
    });
    return;
  }
  const { type } = binding.value.value;
  if (value.kind !== 'tensor' || !sameType(value.value.type, type)) {
    const found = value.kind === 'tensor' ? printType(value.value.type) : describeKind(value);
    report(frame, 'HED2525', expr.span, `the state \`${name.text}\` is ${printType(type)}, found ${found}`, {
      secondary: [{ span: binding.span, text: 'declared here' }],
    });
    return;
  }
  if (!frame.training) {
    if (frame.elaboration.isEvaluation) return;
    report(frame, 'HED2526', span, `\`${state}\` would be updated where nothing is trained`, {
      hint: 'states are updated in train entries only: `if training { next … }`',
    });
    return;
  }
  const first = updates.get(state);
  if (first) {
    report(frame, 'HED2527', span, `\`${state}\` is updated twice in one step`, {
      secondary: first.span === span ? [] : [{ span: first.span, text: 'first updated here' }],
      hint: 'an instance that is applied twice shares its states: make two instances',
    });
    return;
  }
  updates.set(state, { state, value: value.value, span });
}

/** `aux name = e` */
export function handUp(frame: Frame, { name, value: expr, span }: AuxStatement): void {
  if (frame.role === 'function') {
    report(frame, 'HED2519', span, 'a function hands up no `aux`: it has no instances', { hint: 'make it a block' });
    return;
  }
  const value = evaluateExpression(frame, expr);
  if (value.kind === 'error') {
    frame.elaboration.brokenAuxiliaries.add(name.text);
    return;
  }
  if (value.kind === 'tensor') {
    frame.elaboration.auxiliaries.push({ path: frame.path, name: name.text, value: value.value });
    return;
  }
  frame.elaboration.brokenAuxiliaries.add(name.text);
  report(frame, 'HED2510', expr.span, `an \`aux\` must be a tensor, found ${describeKind(value)}`, {
    hint: suggestApplication(value, expr.span),
  });
}

/**
 * The parameter `name` of an instance that has not been applied yet: known where its shape follows from the
 * hyperparameters alone, as that of an embedding does. `frame` is one for the instance's body.
 */
export function parameterAhead(frame: Frame, body: Body, name: string): Value | undefined {
  const silent = silently(frame);
  for (const statement of body.statements) {
    if (statement.kind === 'const') {
      const value = evaluateExpression(silent, statement.value);
      frame.scope.define({ name: statement.name.text, value, span: statement.span, role: 'constant' });
    } else if (statement.kind === 'if') {
      const condition = evaluateCondition(silent, statement.condition);
      const taken = condition === undefined ? undefined : condition ? statement.then : statement.else;
      const found = taken && parameterAhead(innerFrame(frame), taken, name);
      if (found) return found;
    } else if ((statement.kind === 'param' || statement.kind === 'state') && statement.name.text === name) {
      const type = evaluateType(silent, statement.type);
      if (!type || type.shape.some((dim) => constantValue(dim) === undefined)) return undefined;
      const initial = statement.initializer && evaluateInitializer(silent, statement.initializer, type);
      if (statement.initializer && !initial) return undefined;
      return makeParameter(frame, statement, type, initial);
    }
  }
  return undefined;
}
