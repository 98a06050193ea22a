/** Parameters that matter to nothing an entry computes. */
import { diagnostic, type DiagnosticSink } from '../base/diagnostic.ts';
import type { Span } from '../base/source.ts';
import type { Value } from '../ir/graph.ts';
import type { Elaborated } from './elaborated.ts';
import type { Frame } from './frame.ts';

/** Paths of the parameters that no output, loss, update of a state or value handed up depends on. */
export function unreachedParameters({ graph, updates, auxiliaries }: Elaborated): string[] {
  const needed = new Set<Value>([...graph.outputs, ...updates, ...auxiliaries].map((one) => one.value));
  for (const node of graph.nodes.toReversed()) {
    if (!node.results.some((result) => needed.has(result))) continue;
    for (const input of node.inputs) needed.add(input);
  }
  return graph.parameters.filter(({ value }) => !needed.has(value)).map(({ name }) => name);
}

/** Where the entry's own file makes the parameters of a frame: their declaration, or the outermost application. */
export function siteOf(frame: Frame, declared: Span): Span {
  const { home } = frame.elaboration;
  let site = declared;
  for (let at: Frame | undefined = frame; at && at.module.source !== home; at = at.caller?.frame)
    site = at.caller?.span ?? site;
  return site;
}

/** One warning a place, however many parameters are made there. */
export function reportUnreached(
  paths: readonly string[],
  sites: ReadonlyMap<string, Span>,
  sink: DiagnosticSink,
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
    sink.report(
      diagnostic('HED2702', span, `\`${first}\`${more} ${others.length > 0 ? 'reach' : 'reaches'} no output`, {
        severity: 'warning',
        hint: 'use its value, or leave it out',
      }),
    );
  }
}
