/**
 * The body of a mixture as it is elaborated once, for an expert whose number is open: nodes of its own, which no graph
 * holds. Its parameters are stacks of those of all experts, of which the nodes see that of one.
 */
import type { Node, Value } from '../../ir/graph.ts';
import type { MixtureExpr } from '../../syntax/ast.ts';
import { evaluateExpression } from '../expressions.ts';
import { innerFrame, joinPath, type Frame } from '../frame.ts';
import { describeRound, tensorsIn } from '../structure.ts';
import { tensor, type StaticValue } from '../values.ts';
import { EXPERT, type ExpertScope } from './expert-scope.ts';

export interface Template {
  readonly scope: ExpertScope;
  readonly nodes: readonly Node[];
  /** The tokens, as the body sees them. */
  readonly tokens: Value;
  readonly result: StaticValue;
  /** States whose new values were known before. */
  readonly updated: ReadonlySet<string>;
  /** The frame of the body, for what is reported of it. */
  readonly frame: Frame;
}

/** The last part that the structure has recorded then is that of the body, with places in `nodes`. */
export function elaborateTemplate(
  frame: Frame,
  expr: MixtureExpr,
  tokens: Value,
  name: string,
  count: number,
): Template {
  const { elaboration } = frame;
  const { builder, structure } = elaboration;
  const inner = innerFrame(frame, joinPath(name, EXPERT));
  const own = builder.value(tokens.type);
  const { text, span } = expr.variable;
  inner.scope.define({ name: text, value: tensor(own), span, role: 'constant' });
  const scope: ExpertScope = { path: inner.path, count, own: new Map() };
  const first = builder.nodes.length;
  const updated = new Set(elaboration.updates.keys());
  elaboration.expert = scope;
  try {
    const description = { ...describeRound(inner, expr), copies: count };
    const result = structure.record(description, () => evaluateExpression(inner, expr.body), tensorsIn);
    return { scope, nodes: builder.nodes.slice(first), tokens: own, result, updated, frame: inner };
  } finally {
    elaboration.expert = undefined;
    builder.nodes.length = first;
  }
}
