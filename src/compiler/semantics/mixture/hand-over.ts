/** What a mixture's body has left behind while it was elaborated, brought over to the values of the replay. */
import { ONE } from '../../dims/dim.ts';
import type { Value } from '../../ir/graph.ts';
import type { Span } from '../../base/source.ts';
import type { Auxiliary } from '../elaborated.ts';
import type { Elaboration } from '../frame.ts';
import type { Apply } from './dispatch.ts';
import { memberOf } from './per-expert.ts';
import type { Form, Replay } from './replay.ts';
import { EXPERT, numbered, type ExpertScope } from './expert-scope.ts';
import type { Template } from './template.ts';

/** Something that only all experts together could hand up. */
export interface Misfit {
  readonly span: Span | undefined;
  readonly message: string;
}

/**
 * `places` are those in the graph where the replay of each node of the template begins, and where that of the last ends.
 * Instances inside of the body, for taps, have the values of the replay; the values handed up are those of every expert.
 */
export function handOver(template: Template, replay: Replay, places: readonly number[]): Misfit | undefined {
  const { scope, frame, nodes, updated } = template;
  const { elaboration } = frame;
  const made = new Set(nodes.flatMap((node) => node.results)).add(template.tokens);
  const formOf = (value: Value): Form | undefined => (made.has(value) ? replay.form(value) : undefined);
  elaboration.structure.relocate(places, (value) => formOf(value)?.value ?? value);
  for (const values of elaboration.instances.values())
    values.forEach((value, at) => (values[at] = formOf(value)?.value ?? value));
  const { builder } = elaboration;
  builder.origin = { path: scope.path };
  const apply: Apply = (name, inputs, attributes) => builder.one(name, inputs, attributes);
  return handUp(elaboration, scope, formOf, apply) ?? writeStates(elaboration, scope, updated, formOf, apply);
}

/** Of a value that each expert has, that of every one. */
function handUp(
  { auxiliaries }: Elaboration,
  scope: ExpertScope,
  formOf: (value: Value) => Form | undefined,
  apply: Apply,
): Misfit | undefined {
  const all: Auxiliary[] = [];
  for (const auxiliary of auxiliaries) {
    const form = formOf(auxiliary.value);
    const isInside = auxiliary.path.startsWith(scope.path);
    if (form?.kind === 'rows')
      return { span: undefined, message: `\`${auxiliary.name}\`, which is handed up, has a row for each token` };
    if (!form && !isInside) {
      all.push(auxiliary);
      continue;
    }
    for (let expert = 0; expert < scope.count; expert++) {
      const own = form?.kind === 'each' ? memberOf(apply, form.value, expert) : (form?.value ?? auxiliary.value);
      all.push({ ...auxiliary, path: isInside ? numbered(scope, auxiliary.path, expert) : auxiliary.path, value: own });
    }
  }
  auxiliaries.splice(0, auxiliaries.length, ...all);
  return undefined;
}

/** New values of states: those of the experts' own are stacks, as the states are. */
function writeStates(
  { updates, parameters }: Elaboration,
  scope: ExpertScope,
  earlier: ReadonlySet<string>,
  formOf: (value: Value) => Form | undefined,
  apply: Apply,
): Misfit | undefined {
  for (const [state, update] of updates) {
    const form = formOf(update.value);
    const isOwn = scope.own.has(state);
    if (earlier.has(state) || (!form && !isOwn)) continue;
    const kind = form?.kind ?? 'fixed';
    const value = form?.value ?? update.value;
    if (kind === 'rows' || (kind === 'each' && !isOwn))
      return {
        span: update.span,
        message: `every expert gives the state \`${state.replace(`${EXPERT}.`, '')}\` another value`,
      };
    if (!isOwn || kind === 'each') {
      updates.set(state, { ...update, value });
      continue;
    }
    const { shape } = parameters.get(state)!.value.type;
    const row = apply('reshape', [value], { shape: [ONE, ...value.type.shape] });
    updates.set(state, { ...update, value: apply('expand', [row], { shape }) });
  }
  return undefined;
}
