/**
 * Which axes of the values in a mixture's body are those of its tokens. Sizes do not tell, as two axes may be of one size
 * by chance: axes that run together are put into one class, and the class of the tokens' first axis is what is looked for.
 */
import type { Bounds } from '../../dims/dim.ts';
import { alignedAxes } from '../../ir/alignment.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Node, Value } from '../../ir/graph.ts';

/** A node, with its definition where it is a composite. */
export interface Step {
  readonly node: Node;
  readonly definition?: { readonly steps: readonly Step[]; readonly results: readonly Value[] };
}

export function stepOf(node: Node, builder: Builder): Step {
  const { body } = node.op;
  if (body.kind !== 'composite') return { node };
  const first = builder.nodes.length;
  builder.origin = node.origin;
  const results = body.expand(builder, node.inputs, node.attributes);
  const steps = builder.nodes.splice(first).map((inner) => stepOf(inner, builder));
  return { node, definition: { steps, results } };
}

/** A member of a class; the members that `parent` leads to are one class. */
interface Member {
  parent?: Member;
}

function representative(member: Member): Member {
  let at = member;
  while (at.parent) at = at.parent;
  if (at !== member) member.parent = at;
  return at;
}

function unite(a: Member, b: Member): void {
  const [first, second] = [representative(a), representative(b)];
  if (first !== second) second.parent = first;
}

/** The axes of a value that are those of the tokens, for every value of the steps. */
export function tokenAxes(
  steps: readonly Step[],
  tokens: Value,
  result: Value,
  bounds: Bounds,
): (value: Value) => readonly number[] {
  const members = new Map<Value, readonly Member[]>();
  const membersOf = (value: Value): readonly Member[] => {
    const known = members.get(value) ?? value.type.shape.map(() => ({}));
    members.set(value, known);
    return known;
  };
  const visit = ({ node, definition }: Step): void => {
    if (definition) {
      definition.steps.forEach(visit);
      node.results.forEach((value, at) => members.set(value, membersOf(definition.results[at]!)));
      return;
    }
    for (const { operand, operandAxis, result: at, axis } of alignedAxes(node, bounds))
      unite(membersOf(node.inputs[operand]!)[operandAxis]!, membersOf(node.results[at]!)[axis]!);
  };
  steps.forEach(visit);
  const [rows] = membersOf(tokens);
  unite(rows!, membersOf(result)[0]!);
  return (value) =>
    membersOf(value).flatMap((member, axis) => (representative(member) === representative(rows!) ? [axis] : []));
}
