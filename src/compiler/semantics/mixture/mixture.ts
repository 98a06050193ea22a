/**
 * `mixture(x, gate, index, count) as path { t => body }`: every token is seen by the experts that `index` names, and their
 * results are weighted by `gate` (Shazeer et al. 2017, https://arxiv.org/abs/1701.06538). The body is elaborated once, for
 * any expert. In the graph it works on rows, one for each expert that a token names, in the order of the experts; so
 * products are as many as there are rows, and what an expert nobody named would compute is not computed.
 */
import type { Span } from '../../base/source.ts';
import { print } from '../../dims/dim.ts';
import { sameShape } from '../../dims/shape.ts';
import type { Node, Value } from '../../ir/graph.ts';
import { printType } from '../../ir/types.ts';
import type { MixtureExpr } from '../../syntax/ast.ts';
import { demand, joinPath, report, takeStep, type Frame } from '../frame.ts';
import type { PartDescription } from '../structure.ts';
import { describeKind, ERROR, tensor, type StaticValue } from '../values.ts';
import { bindRouting, type Routing } from './arguments.ts';
import { combine, dispatchOf, type Apply, type Dispatch } from './dispatch.ts';
import { handOver } from './hand-over.ts';
import { OF_TOKENS, Replay, type Fault, type Form } from './replay.ts';
import { stepOf, tokenAxes } from './row-axes.ts';
import { elaborateTemplate, type Template } from './template.ts';

export function evaluateMixture(frame: Frame, expr: MixtureExpr): StaticValue {
  if (frame.elaboration.expert) {
    return report(frame, 'HED2324', expr.span, 'an expert cannot have a mixture of its own', {
      hint: 'let the gates of one mixture choose among all experts',
    });
  }
  const routing = bindRouting(frame, expr);
  if (!routing) return ERROR;
  const { tokens, gate, index, count, capacity } = routing;
  for (let expert = 0; expert < count; expert++) if (!takeStep(frame, expr.span)) return ERROR;
  const name = expr.path?.map((part) => part.text).join('.') ?? freePath(frame);
  const path = joinPath(frame.path, name);
  const { structure, mixtures } = frame.elaboration;
  const made = structure.record(
    describeMixture(path, expr, routing),
    () => runExperts(frame, expr, routing, name),
    (sum) => (sum ? [sum.result] : []),
  );
  if (!made) return ERROR;
  const { order, place, group, offsets } = made.dispatch;
  const limit = capacity ? { capacity } : {};
  mixtures.push({ path, tokens, gate, index, count, ...limit, order, place, group, offsets, result: made.result });
  return tensor(made.result);
}

/** Groups the tokens by their experts, runs these, and weighs what they give; undefined after a report. */
function runExperts(
  frame: Frame,
  expr: MixtureExpr,
  routing: Routing,
  name: string,
): { readonly dispatch: Dispatch; readonly result: Value } | undefined {
  const { builder } = frame.elaboration;
  const origin = { path: joinPath(frame.path, name), span: expr.span };
  const apply: Apply = (op, inputs, attributes = {}) => {
    builder.origin = origin;
    return builder.one(op, inputs, attributes);
  };
  builder.origin = origin;
  const dispatch = dispatchOf(apply, (op, inputs, attributes) => builder.apply(op, inputs, attributes), routing);
  const template = elaborateTemplate(frame, expr, routing.tokens, name, routing.count);
  const value = checkResult(template, routing.tokens, expr.body.span);
  const rows = value && replayTemplate(template, value, routing, dispatch, expr.body.span);
  return rows && { dispatch, result: combine(apply, routing, dispatch, rows) };
}

/** The rows that the experts give, in the order of the dispatch; undefined after a report. */
function replayTemplate(
  template: Template,
  result: Value,
  routing: Routing,
  dispatch: Dispatch,
  span: Span,
): Value | undefined {
  const { frame, scope, tokens } = template;
  const { elaboration } = frame;
  const { builder } = elaboration;
  const forms = new Map<Value, Form>();
  for (const [name, own] of scope.own) forms.set(own, { kind: 'each', value: elaboration.parameters.get(name)!.value });
  const made = new Set([tokens, ...scope.own.values(), ...template.nodes.flatMap((node) => node.results)]);
  /** Each use of what stands outside has axes of its own: one may read it token by token, and another as a whole. */
  const capture = (value: Value): Value => {
    if (made.has(value)) return value;
    const use = builder.value(value.type);
    forms.set(use, { kind: 'fixed', value });
    return use;
  };
  const nodes = template.nodes.map((node): Node => ({ ...node, inputs: node.inputs.map(capture) }));
  const last = capture(result);
  const steps = nodes.map((node) => stepOf(node, builder));
  const axes = tokenAxes(steps, tokens, last, builder.bounds);
  const first = builder.nodes.length;
  builder.origin = { path: scope.path, span };
  const gathered = builder.one('gather_rows', [routing.tokens, dispatch.token, dispatch.place]);
  forms.set(tokens, { kind: 'rows', value: gathered });
  const replay = new Replay(
    {
      builder,
      dispatch,
      tokenAxes: axes,
      demand: ({ atLeastZero, message }, node) => demand(frame, atLeastZero, message, node.origin.span ?? span),
    },
    forms,
  );
  const places: number[] = [];
  for (const step of steps) {
    places.push(places.length === 0 ? first : builder.nodes.length);
    const fault = replay.step(step);
    if (fault) return reportFault(template, step.node, fault, span);
  }
  places.push(builder.nodes.length);
  if (replay.form(last).kind === 'each') {
    const message = 'an expert has no parameter with a row for each token, as its tokens are not known';
    return void report(frame, 'HED2324', span, message, { hint: OF_TOKENS.hint });
  }
  const rows = replay.rowsOf(last);
  places[steps.length] = builder.nodes.length;
  const misfit = handOver(template, replay, places);
  if (misfit) {
    const hint = 'it has to be the same for all tokens';
    return void report(frame, 'HED2324', misfit.span ?? span, misfit.message, { hint });
  }
  return rows;
}

/** Points at the op, which may stand in a block far from the mixture. */
function reportFault({ frame }: Template, { op, origin }: Node, { message, hint }: Fault, body: Span): undefined {
  const at = origin.span ?? body;
  const isInside = at.source === body.source && body.start <= at.start && at.end <= body.end;
  report(frame, 'HED2324', at, `\`${op.operator ?? op.name}\` ${message}`, {
    hint,
    secondary: isInside ? [] : [{ span: body, text: 'in the body of this mixture' }],
  });
}

function describeMixture(
  path: string,
  { span }: MixtureExpr,
  { tokens, gate, index, count, capacity }: Routing,
): PartDescription {
  const settings = new Map([
    ['count', String(count)],
    ['k', print(gate.type.shape[1]!)],
    ...(capacity ? [['capacity', print(capacity)] as const] : []),
  ]);
  const inputs = [
    { name: 'x', value: tokens },
    { name: 'gate', value: gate },
    { name: 'index', value: index },
  ];
  return { kind: 'mixture', name: 'mixture', doc: '', path, hyperparameters: settings, span, inputs };
}

/** An unnamed mixture is numbered like an unnamed instance. */
function freePath(frame: Frame): string {
  const key = joinPath(frame.path, 'mixture');
  const count = (frame.counts.get(key) ?? 0) + 1;
  frame.counts.set(key, count);
  return count === 1 ? 'mixture' : `mixture_${count}`;
}

/** One row a token; undefined after a report. */
function checkResult({ frame, result }: Template, tokens: Value, span: Span): Value | undefined {
  if (result.kind === 'error') return undefined;
  const type = result.kind === 'tensor' ? result.value.type : undefined;
  const fits = type?.dtype === 'f32' && type.shape.length === 2 && sameShape([type.shape[0]!], [tokens.type.shape[0]!]);
  if (result.kind === 'tensor' && fits) return result.value;
  const found = type ? printType(type) : describeKind(result);
  const rows = printType({ dtype: 'f32', shape: [tokens.type.shape[0]!] }).slice(0, -1);
  report(frame, 'HED2323', span, `an expert gives one row for each token, ${rows}, …], found ${found}`);
  return undefined;
}
