/** What stands behind a dot: parameters of an instance, the values it handed up, the outputs of an applied model. */
import { closest } from '../base/suggest.ts';
import type { MemberExpr, Name } from '../syntax/ast.ts';
import { instanceFrame } from './apply.ts';
import { evaluateExpression } from './expressions.ts';
import { hintForWord } from './habits.ts';
import { joinPath, report, type Frame } from './frame.ts';
import { parameterAhead, seenParameter } from './parameters.ts';
import { describeKind, ERROR, tensor, type Instance, type StaticValue } from './values.ts';

/** `emb.weight`, `block.core.up.weight`, `moe.aux.balance`, `outputs.logits`. */
export function evaluateMember(frame: Frame, expr: MemberExpr): StaticValue {
  const names = [expr.member];
  let owner = expr.base;
  for (; owner.kind === 'member'; owner = owner.base) names.unshift(owner.member);
  const base = evaluateExpression(frame, owner);
  if (base.kind === 'error') return ERROR;
  if (base.kind === 'instance') return memberOfInstance(frame, base.instance, names);
  if (base.kind === 'tuple' && base.names) return outputOf(frame, base.elements, base.names, names);
  const [first] = names;
  const hint = base.kind === 'tensor' ? hintForTensor(frame, first!.text) : undefined;
  return report(frame, 'HED2107', first!.span, `${describeKind(base)} has no member \`${first!.text}\``, { hint });
}

function hintForTensor({ elaboration }: Frame, member: string): string {
  const op = elaboration.ops.get(member);
  if (op && !op.internal) return `a tensor has no methods: \`${member}(x, …)\``;
  return hintForWord(member) ?? 'a model with one output gives the tensor itself';
}

function outputOf(
  frame: Frame,
  elements: readonly StaticValue[],
  outputs: readonly string[],
  [first, second]: readonly Name[],
): StaticValue {
  const { text, span } = first!;
  if (second) return report(frame, 'HED2107', second.span, `a tensor has no member \`${second.text}\``);
  const value = elements[outputs.indexOf(text)];
  if (value) return value;
  const similar = closest(text, outputs);
  return report(frame, 'HED2110', span, `the model has no output \`${text}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : `it has ${outputs.join(', ')}`,
  });
}

function memberOfInstance(frame: Frame, instance: Instance, names: readonly Name[]): StaticValue {
  const { path, declaration } = instance;
  const member = names.map((name) => name.text).join('.');
  const { parameters } = frame.elaboration;
  const made = path === undefined ? undefined : parameters.get(joinPath(path, member));
  if (made) return tensor(seenParameter(frame, made));
  if (names.at(-2)?.text === 'aux') return auxiliariesOf(frame, instance, names);
  const { span } = names.at(-1)!;
  if (path !== undefined && names.length === 1) {
    const ahead = parameterAhead(instanceFrame(frame, instance, span), declaration.body, member);
    if (ahead) return tensor(ahead);
  }
  const prefix = `${path ?? ''}.`;
  const known = [...parameters.keys()].flatMap((name) =>
    path !== undefined && name.startsWith(prefix) ? name.slice(prefix.length) : [],
  );
  const similar = closest(member, [...known, ...auxiliaryMembers(frame, path)]);
  const listed =
    known.length > 0
      ? `it has ${known.slice(0, LISTED).join(', ')}${known.length > LISTED ? ' …' : ''}`
      : 'parameters whose shapes depend on tensors exist once the block has been applied';
  return report(
    frame,
    'HED2108',
    span,
    `this \`${declaration.name.text}\` has no parameter \`${member}\`${known.length > 0 ? '' : ' yet'}`,
    {
      hint: similar ? `did you mean \`${similar}\`?` : listed,
    },
  );
}

/** How many parameters a hint lists. */
const LISTED = 8;

/** All values of that name which the instance and those inside it handed up, in order of application. */
function auxiliariesOf(frame: Frame, { path, declaration }: Instance, names: readonly Name[]): StaticValue {
  const { auxiliaries, brokenAuxiliaries } = frame.elaboration;
  const inside = joinPath(path ?? '', ...names.slice(0, -2).map((name) => name.text));
  const name = names.at(-1)!;
  const below = path === undefined ? [] : auxiliaries.filter((one) => isWithin(one.path, inside));
  const elements = below.filter((one) => one.name === name.text).map((one) => tensor(one.value));
  if (elements.length > 0) return { kind: 'list', elements };
  if (brokenAuxiliaries.has(name.text)) return ERROR;
  const known = [...new Set(below.map((one) => one.name))];
  const near = closest(name.text, known);
  const member = names.map((one) => one.text).join('.');
  const similar = near ?? closest(member, auxiliaryMembers(frame, path));
  const listed = known.length > 0 ? `it handed up ${known.join(', ')}` : 'values are handed up when it is applied';
  return report(frame, 'HED2111', name.span, `this \`${declaration.name.text}\` handed up no \`${name.text}\``, {
    hint: similar ? `did you mean \`${similar}\`?` : listed,
  });
}

/** `router.aux.balance`, for everything that the instance and those inside it handed up. */
function auxiliaryMembers({ elaboration }: Frame, path: string | undefined): string[] {
  if (path === undefined) return [];
  const below = elaboration.auxiliaries.filter((one) => isWithin(one.path, path));
  return below.map((one) => joinPath(one.path.slice(path.length + 1), 'aux', one.name));
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}.`);
}
