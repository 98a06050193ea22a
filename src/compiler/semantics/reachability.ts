/** Parameters that matter to nothing an entry computes, or to nothing that it learns by. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { Value } from '../ir/graph.ts';
import type { Elaborated } from './elaborated.ts';
import type { Frame } from './frame.ts';

/**
 * Paths of the parameters that no output, loss, update of a state or value handed up depends on. Those of a frozen instance
 * may have mattered where it was trained.
 */
export function unreachedParameters({ graph, updates, auxiliaries }: Elaborated): string[] {
  const needed = new Set<Value>([...graph.outputs, ...updates, ...auxiliaries].map((one) => one.value));
  for (const node of graph.nodes.toReversed()) {
    if (!node.results.some((result) => needed.has(result))) continue;
    for (const input of node.inputs) needed.add(input);
  }
  return graph.parameters.filter(({ value, frozen }) => !frozen && !needed.has(value)).map(({ name }) => name);
}

/** Where the entry's own file makes the parameters of a frame: their declaration, or the outermost application. */
export function siteOf(frame: Frame, declared: Span): Span {
  const { home } = frame.elaboration;
  let site = declared;
  for (let at: Frame | undefined = frame; at && at.module.source !== home; at = at.caller?.frame)
    site = at.caller?.span ?? site;
  return site;
}

/**
 * Paths of the trainable parameters of a train entry that the loss does not depend on, or only by ways that no gradient
 * takes: integers, and what is marked as a constant.
 */
export function unaffectingParameters({ graph, train }: Elaborated): string[] {
  if (!train) return [];
  const reached = new Set<Value>([train.loss]);
  for (const node of graph.nodes.toReversed()) {
    if (node.op.cutsGradients) continue;
    if (!node.results.some((result) => reached.has(result) && result.type.dtype === 'f32')) continue;
    for (const input of node.inputs) reached.add(input);
  }
  const trainable = graph.parameters.filter(({ state, frozen }) => !state && !frozen);
  return trainable.filter(({ value }) => !reached.has(value) || value.type.dtype !== 'f32').map(({ name }) => name);
}

export function reportUnreached(paths: readonly string[], sites: Sites, sink: DiagnosticSink): void {
  reportPlaces(paths, sites, (span, what, several) =>
    sink.report(
      diagnostic('HED2702', span, `${what} ${several ? 'reach' : 'reaches'} no output`, {
        severity: 'warning',
        hint: 'use its value, or leave it out',
      }),
    ),
  );
}

export function reportUnaffecting(paths: readonly string[], sites: Sites, sink: DiagnosticSink): void {
  reportPlaces(paths, sites, (span, what, several) =>
    sink.report(
      diagnostic(
        'HED2705',
        span,
        `no gradient of the loss reaches ${what}, so ${several ? 'they learn' : 'it learns'} nothing`,
        {
          severity: 'warning',
          hint: 'an instance that is to stay as it is is made by `frozen`',
        },
      ),
    ),
  );
}

type Sites = ReadonlyMap<string, Span>;

/** One report a place, however many parameters are made there. */
function reportPlaces(
  paths: readonly string[],
  sites: Sites,
  report: (span: Span, what: string, several: boolean) => void,
): void {
  const places = new Map<string, { readonly span: Span; readonly paths: string[] }>();
  for (const path of paths) {
    const span = sites.get(path)!;
    const key = `${span.source.path} ${span.start} ${span.end}`;
    const place = places.get(key) ?? { span, paths: [] };
    place.paths.push(path);
    places.set(key, place);
  }
  for (const { span, paths: made } of places.values()) {
    const [first, ...others] = made;
    const more = others.length > 0 ? ` and ${others.length} more` : '';
    report(span, `\`${first}\`${more}`, others.length > 0);
  }
}
